"""The model that comes with the platform, as a newcomer meets it: offline, on the sample."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from kazu_platform.commands.annotate import annotate_documents
from kazu_platform.documents import Document, Section

if TYPE_CHECKING:
    from pathlib import Path

SHOWN = "Metformin reduced TNF-α in MCF-7 cells of BRCA1-mutated breast cancer patients."
Named = dict[str, set[str]]

# Written after the model was trained. What each must name at least; more, and nested, is welcome.
SENTENCES: dict[str, Named] = {
    SHOWN: {
        "chemical": {"Metformin"},
        "gene": {"TNF-α", "BRCA1"},
        "cell_line": {"MCF-7"},
        "disease": {"breast cancer"},
        "species": {"patients"},
    },
    "Cisplatin induced CASP3 in SK-OV-3 cells and in mice with ovarian cancer.": {
        "chemical": {"Cisplatin"},
        "gene": {"CASP3"},
        "cell_line": {"SK-OV-3"},
        "species": {"mice"},
        "disease": {"ovarian cancer"},
    },
    "Patients with psoriasis were given methotrexate, which lowered IL17A made by T lymphocytes.": {
        "species": {"Patients"},
        "disease": {"psoriasis"},
        "chemical": {"methotrexate"},
        "gene": {"IL17A"},
        "cell_type": {"T lymphocytes"},
    },
    "Loss of NF1 makes U-87 MG cells survive temozolomide, as in children with glioblastoma.": {
        "gene": {"NF1"},
        "cell_line": {"U-87 MG"},
        "chemical": {"temozolomide"},
        "species": {"children"},
        "disease": {"glioblastoma"},
    },
    "In rats with hypertension, losartan blocked AGTR1 on endothelial cells.": {
        "species": {"rats"},
        "disease": {"hypertension"},
        "chemical": {"losartan"},
        "gene": {"AGTR1"},
        "cell_type": {"endothelial cells"},
    },
    "Escherichia coli lipopolysaccharide raises interleukin-1 beta in THP-1, not in B cells.": {
        "species": {"Escherichia coli"},
        "chemical": {"lipopolysaccharide"},
        "gene": {"interleukin-1 beta"},
        "cell_line": {"THP-1"},
        "cell_type": {"B cells"},
    },
    "Sorafenib slows hepatocellular carcinoma of patients by inhibiting VEGFR2; HepG2 cells die.": {
        "chemical": {"Sorafenib"},
        "disease": {"hepatocellular carcinoma"},
        "species": {"patients"},
        "gene": {"VEGFR2"},
        "cell_line": {"HepG2"},
    },
    "Men with prostate cancer and LNCaP cells alike express AR, the target of bicalutamide.": {
        "species": {"Men"},
        "disease": {"prostate cancer"},
        "cell_line": {"LNCaP"},
        "gene": {"AR"},
        "chemical": {"bicalutamide"},
    },
    "Saccharomyces cerevisiae without HSP90 and fibroblasts of patients with Parkinson's disease "
    "accumulate alpha-synuclein when treated with rotenone.": {
        "species": {"Saccharomyces cerevisiae", "patients"},
        "gene": {"HSP90", "alpha-synuclein"},
        "cell_type": {"fibroblasts"},
        "disease": {"Parkinson's disease"},
        "chemical": {"rotenone"},
    },
    "Vitamin D suppresses CYP27B1 in keratinocytes of pigs, but worsens hypercalcemia.": {
        "chemical": {"Vitamin D"},
        "gene": {"CYP27B1"},
        "cell_type": {"keratinocytes"},
        "species": {"pigs"},
        "disease": {"hypercalcemia"},
    },
    "K562 cells with BCR-ABL come from a woman with chronic myeloid leukemia; nilotinib kills.": {
        "cell_line": {"K562"},
        "gene": {"BCR", "ABL"},
        "species": {"woman"},
        "disease": {"chronic myeloid leukemia"},
        "chemical": {"nilotinib"},
    },
}

# What is not found: words for people that the sample has no names for, and a gene that is unknown
# to it and of which the model is not sure.
MISSED = {("gene", "IL17A"), ("species", "Men"), ("species", "children"), ("species", "woman")}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Named]:
    """What `annotate` finds in each sentence, in a home where nothing was made."""
    document = Document("text", tuple(Section("text", text) for text in SENTENCES))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KAZU_HOME", str(tmp_path_factory.mktemp("new")))
        patch.setenv("KAZU_DETECTOR", "model+dictionary")
        patch.setenv("KAZU_LINKER", "hybrid")
        [(_, mentions)] = annotate_documents([document])
    named: dict[str, Named] = {text: {} for text in SENTENCES}
    for mention in mentions:
        text = document.sections[mention.section].text
        named[text].setdefault(mention.entity_class, set()).add(mention.text)
    return named


@pytest.mark.parametrize("text", SENTENCES, ids=range(len(SENTENCES)))
def test_a_sentence_written_after_training_is_read(found: dict[str, Named], text: str):
    wanted = {(each, name) for each, names in SENTENCES[text].items() for name in names}
    have = {(each, name) for each, names in found[text].items() for name in names}
    assert wanted - have == wanted & MISSED, found[text]


def test_a_fresh_clone_annotates_with_the_model_and_links(tmp_path: Path):
    """Without the network, and without what takes seconds to load."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("KAZU_")}
    code = (
        "import sys, kazu_platform.cli as cli\n"
        f"sys.argv = ['kazu-platform', 'annotate', '--format', 'jsonl', {SHOWN!r}]\n"
        "try: cli.app()\n"
        "finally: assert not {'torch', 'transformers', 'dagster', 'ray'} & set(sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=kept | {"KAZU_HOME": str(tmp_path), "http_proxy": "http://127.0.0.1:9"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    mentions = json.loads(done.stdout)["mentions"]
    linked = {each["text"]: each["links"][0]["concept_id"] for each in mentions if each["links"]}
    assert (
        linked
        | {
            "Metformin": "CHEBI:6801",
            "TNF-α": "HGNC:11892",
            "BRCA1": "HGNC:1100",
            "MCF-7": "Cellosaurus:CVCL_0031",
            "breast cancer": "MONDO:0007254",
            "patients": "NCBITaxon:9606",
        }
        == linked
    )
    assert any("model" in each["detector"] for each in mentions)
