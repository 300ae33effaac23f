"""Linking by the model that comes with the platform, over a small vocabulary."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from kazu_platform.citations.documents import passages_of
from kazu_platform.documents import Document, Section
from kazu_platform.linking.compile import build_linking_index
from kazu_platform.linking.context import with_context
from kazu_platform.linking.corpus import link_changed
from kazu_platform.linking.difference import Touched, touched
from kazu_platform.linking.evidence import FEATURES, Asked
from kazu_platform.linking.exact import ExactLinker
from kazu_platform.linking.index import open_linking_index
from kazu_platform.linking.learnt import LEARNT, Learnt, Memory, string_key
from kazu_platform.linking.open import PACKAGED, LazyEmbedder, open_hybrid
from kazu_platform.linking.similar_compile import build_similar_names
from kazu_platform.linking.surfaces import surfaces_from_strings, surfaces_of
from kazu_platform.linking.taxa import taxa_of
from kazu_platform.ner.defined import definitions
from kazu_platform.ner.mentions import Spans, mention_rows
from kazu_platform.reports.preview import FirstConcepts
from kazu_platform.tables import CONCEPTS, LINKS, SYNONYMS
from kazu_platform.text.normalise import NORMALISER_VERSION, normalise

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from kazu_platform.linking.hybrid import HybridLinker

HUMAN, MOUSE = "NCBITaxon:9606", "NCBITaxon:10090"
# concept, ontology, class, species, names: the label first.
NAMES: list[tuple[str, str, str, str | None, list[str]]] = [
    ("HGNC:20001", "HGNC", "gene", HUMAN,
     ["PCSK9", "proprotein convertase subtilisin/kexin type 9", "NARC-1", "HCHOLA3"]),
    ("NCBIGene:100102", "MGI", "gene", MOUSE,
     ["Pcsk9", "proprotein convertase subtilisin/kexin type 9", "Narc1"]),
    ("HGNC:9605", "HGNC", "gene", HUMAN,
     ["PTGS2", "prostaglandin-endoperoxide synthase 2", "COX2", "COX-2"]),
    ("HGNC:9604", "HGNC", "gene", HUMAN,
     ["PTGS1", "prostaglandin-endoperoxide synthase 1", "COX1", "cyclooxygenase 1"]),
    ("HGNC:11892", "HGNC", "gene", HUMAN, ["TNF", "tumor necrosis factor", "TNF-alpha"]),
    ("HGNC:12731", "HGNC", "gene", HUMAN, ["WAS", "WASP actin nucleation promoting factor"]),
    ("MONDO:0005148", "MONDO", "disease", None,
     ["type 2 diabetes mellitus", "non-insulin-dependent diabetes mellitus", "T2DM"]),
    ("MONDO:0005147", "MONDO", "disease", None,
     ["type 1 diabetes mellitus", "insulin-dependent diabetes mellitus", "T1DM"]),
    ("MONDO:0005301", "MONDO", "disease", None, ["multiple sclerosis", "MS"]),
    ("MONDO:0006502", "MONDO", "disease", None, ["mitral valve stenosis", "MS"]),
    ("MONDO:0007254", "MONDO", "disease", None, ["breast cancer", "malignant breast neoplasm"]),
    ("MONDO:0005709", "MONDO", "disease", None, ["common cold", "cold"]),
    ("CHEBI:30411", "ChEBI", "chemical", None, ["cobalamin", "vitamin B12", "cyanocobalamin"]),
    ("CHEBI:15365", "ChEBI", "chemical", None, ["acetylsalicylic acid", "aspirin"]),
]  # fmt: skip


def build(
    folder: Path, *, but: tuple[str, str] | None = None, without: str | None = None
) -> ExactLinker:
    concepts: list[dict[str, Any]] = []
    synonyms: list[dict[str, Any]] = []
    for concept_id, ontology, entity_class, taxon, names in NAMES:
        if concept_id == without:
            continue
        key = {"concept_id": concept_id, "ontology": ontology, "entity_class": entity_class}
        concepts.append({
            **key, "label": names[0], "obsolete": False, "ontology_version": "1", "taxon_id": taxon,
        })  # fmt: skip
        synonyms += [
            {
                **key,
                "name": name,
                "scope": "exact" if place else "label",
                "normalised": normalise(name, entity_class),
                "normaliser_version": NORMALISER_VERSION,
                "case_sensitive": False,
                "in_context": False,
                "source": "ontology",
                "active": True,
                "linkable": (concept_id, name) != but,
            }
            for place, name in enumerate(names)
        ]
    build_linking_index(CONCEPTS.from_rows(concepts), SYNONYMS.from_rows(synonyms), folder)
    return ExactLinker(open_linking_index(folder))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hybrid")
    index = build(folder / "linking").index
    embedder = LazyEmbedder(PACKAGED, threads=1)
    build_similar_names(index, folder / "similar", embedder=embedder, embedded={"disease"})
    return folder


@pytest.fixture(scope="module")
def linker(folder: Path) -> HybridLinker:
    exact = ExactLinker(open_linking_index(folder / "linking"))
    return open_hybrid(exact, folder / "similar", PACKAGED)


def linked(
    linker: HybridLinker, text: str, entity_class: str, context: str = ""
) -> list[dict[str, Any]]:
    row = {"text": [text], "entity_class": [entity_class], "context": [context]}
    links = linker.link(surfaces_from_strings(pl.DataFrame(row)))
    return LINKS.check(links).to_pylist()


def first(linker: HybridLinker, text: str, entity_class: str, context: str = "") -> str | None:
    links = linked(linker, text, entity_class, context)
    return links[0]["concept_id"] if links and links[0]["rank"] == 1 else None


@pytest.mark.parametrize(
    ("text", "entity_class", "concept"),
    [
        ("PCSK9", "gene", "HGNC:20001"),
        ("COX-1", "gene", "HGNC:9604"),
        ("COX 1", "gene", "HGNC:9604"),
        ("COX-2", "gene", "HGNC:9605"),
        ("TNF-α", "gene", "HGNC:11892"),
        ("TNF alpha", "gene", "HGNC:11892"),
        ("vitamin B12", "chemical", "CHEBI:30411"),
        ("Vitamin B-12", "chemical", "CHEBI:30411"),
        ("cold", "disease", "MONDO:0005709"),
        ("Type II diabetes mellitus", "disease", "MONDO:0005148"),
        ("malignant breast neoplasms", "disease", "MONDO:0007254"),
        ("diabetes mellitus, type 1", "disease", "MONDO:0005147"),
        ("acetylsalicylic acids", "chemical", "CHEBI:15365"),
    ],
)
def test_spellings_link_to_what_they_mean(
    linker: HybridLinker, text: str, entity_class: str, concept: str
):
    assert first(linker, text, entity_class) == concept


@pytest.mark.parametrize(
    ("text", "entity_class"),
    [("ED", "disease"), ("IGM", "gene"), ("chromosome X", "gene"), ("xyzzy", "disease")],
)
def test_what_the_vocabulary_does_not_know_is_no_link(
    linker: HybridLinker, text: str, entity_class: str
):
    assert first(linker, text, entity_class) is None


def test_an_abbreviation_means_its_long_form(linker: HybridLinker):
    assert first(linker, "MS", "disease", "long:multiple sclerosis") == "MONDO:0005301"
    assert first(linker, "MS", "disease", "long:mitral valve stenosis") == "MONDO:0006502"
    assert {link["concept_id"] for link in linked(linker, "MS", "disease")} >= {
        "MONDO:0005301",
        "MONDO:0006502",
    }


def mentions_in(text: str, *, word: str, linker: HybridLinker) -> str | None:
    passages = passages_of([Document(doc_id="d", sections=(Section(name="a", text=text),))])
    start = text.index(word)
    spans = Spans(*(np.array([each]) for each in (0, start, start + len(word), 0)))
    marked = mention_rows(passages, spans, [word], ["gene"], detector="people", version="1")
    found = with_context(marked, definitions(passages), linker, taxa_of(passages))
    links = linker.link(surfaces_of(found)).to_pylist()
    return links[0]["concept_id"] if links else None


def test_a_gene_is_of_the_species_of_its_document(linker: HybridLinker):
    of_mice = "Loss of PCSK9 lowered cholesterol in mice. The mice were fed."
    of_people = "Loss of PCSK9 lowered cholesterol in patients. The patients were women."

    assert mentions_in(of_mice, word="PCSK9", linker=linker) == "NCBIGene:100102"
    assert mentions_in(of_people, word="PCSK9", linker=linker) == "HGNC:20001"


def test_scores_are_probabilities_that_never_rise(linker: HybridLinker):
    for text, entity_class in (("MS", "disease"), ("COX", "gene"), ("diabetes", "disease")):
        scores = [link["score"] for link in linked(linker, text, entity_class)]
        assert scores
        assert scores == sorted(scores, reverse=True)
        assert all(0 <= score <= 1 for score in scores)


def test_the_same_strings_link_alike_in_any_company(linker: HybridLinker):
    rows = pl.DataFrame(
        [(text, name, "") for _, _, name, _, names in NAMES for text in names],
        {"text": pl.String, "entity_class": pl.String, "context": pl.String},
        orient="row",
    ).unique()
    together = pl.DataFrame(linker.link(surfaces_from_strings(rows)))

    for row in rows.head(6).iter_rows(named=True):
        alone = linker.link(surfaces_from_strings(pl.DataFrame(row)))
        surface_id = alone["surface_id"][0].as_py()
        same = together.filter(pl.col("surface_id") == surface_id)
        assert same["concept_id"].to_list() == alone["concept_id"].to_pylist()
        assert same["score"].to_list() == pytest.approx(alone["score"].to_pylist(), abs=1e-5)


def test_a_name_that_was_silenced_links_no_longer(folder: Path, tmp_path: Path):
    silenced = build(tmp_path / "linking", but=("CHEBI:15365", "aspirin"))

    linker = open_hybrid(silenced, folder / "similar", PACKAGED)

    assert first(linker, "aspirin", "chemical") != "CHEBI:15365"
    assert first(linker, "acetylsalicylic acid", "chemical") == "CHEBI:15365"


def test_a_preferred_concept_stays_first(linker: HybridLinker):
    asked = surfaces_from_strings(
        pl.DataFrame({"text": ["MS"], "entity_class": ["disease"], "context": [""]})
    )
    named = linker.by_name.named(asked)
    ids = linker.by_name.index.concepts["concept_id"].to_pylist()
    wanted = named.concept == ids.index("MONDO:0006502")
    tier = named.tier.copy()
    tier[wanted] = 0

    class Preferring(ExactLinker):
        def named(self, surfaces: object) -> Any:  # noqa: ANN401, ARG002
            return replace(named, tier=tier)

    witness = replace(linker.witness, exact=Preferring(linker.by_name.index))
    links = replace(linker, witness=witness).link(asked).to_pylist()

    assert links[0]["concept_id"] == "MONDO:0006502"
    assert links[0]["score"] == 1.0


def test_it_travels_to_a_worker_as_paths(linker: HybridLinker, folder: Path):
    import pickle

    from kazu_platform.linking.open import LinkerParts

    parts = LinkerParts(folder / "linking", folder / "similar", PACKAGED)
    again: Callable[[], HybridLinker] = pickle.loads(pickle.dumps(parts)).open  # noqa: S301

    assert again().version == linker.version


def test_vectors_of_another_encoder_are_not_compared(folder: Path, tmp_path: Path):
    exact = ExactLinker(open_linking_index(folder / "linking"))

    class Other:
        dimensions, version = 128, "another"

        def embed(self, strings: Sequence[str]) -> NDArray[np.float32]:
            return np.ones((len(strings), self.dimensions), np.float32)

    build_similar_names(exact.index, tmp_path / "s", embedder=Other(), embedded={"disease"})

    linker = open_hybrid(exact, tmp_path / "s", PACKAGED)

    assert linker.witness.embedder is None
    assert first(linker, "malignant breast neoplasms", "disease") == "MONDO:0007254"


def remembered(string: str, entity_class: str, concept_id: str) -> pa.Table:
    """LEARNT: people linked a string to a concept."""
    row = {"string": string_key(string, entity_class), "concept_id": concept_id, "marked_id": ""}
    counts = {"part": 0, "is_name": False, "times": 9, "mentions": 9}
    return pa.Table.from_pylist([row | counts], LEARNT)


PTGS2 = "HGNC:9605"


@pytest.fixture
def without_and_with_ptgs2(
    linker: HybridLinker, tmp_path: Path
) -> tuple[HybridLinker, HybridLinker]:
    """Linkers that know that people meant PTGS2 by two strings; the first has no such concept."""
    strings = ("tumor necrosis factor", "maker of prostaglandins")
    learnt = pa.concat_tables([remembered(string, "gene", PTGS2) for string in strings])

    def over(exact: ExactLinker) -> HybridLinker:
        memory = Learnt.of_index(Memory(learnt), exact.index)
        return replace(linker, witness=replace(linker.witness, exact=exact, learnt=memory))

    return over(build(tmp_path / "before", without=PTGS2)), over(build(tmp_path / "now"))


def surfaces_that_people_meant_it_by() -> pa.Table:
    """SURFACES: three that go by those strings, and one that does not."""
    rows = {
        "text": ["TNF", "Tumor Necrosis Factor", "maker of prostaglandins", "PTGS1"],
        "context": ["long:tumor necrosis factor", "", "", ""],
    }
    return surfaces_from_strings(pl.DataFrame(rows).with_columns(entity_class=pl.lit("gene")))


def test_what_people_meant_by_a_string_is_looked_at_when_its_concept_comes(
    without_and_with_ptgs2: tuple[HybridLinker, HybridLinker],
):
    """Whatever the string's own names: no link of before says that it may mean the new concept."""
    before, now = without_and_with_ptgs2
    surfaces = surfaces_that_people_meant_it_by()
    known = before.link(surfaces)

    done = link_changed(now, surfaces, known, touched(before.by_name.index, now.by_name.index))

    assert PTGS2 not in known["concept_id"].to_pylist()
    assert done.n_linked == 3
    anew, version = now.link(surfaces), ["vocabulary_version"]
    assert PTGS2 in anew["concept_id"].to_pylist()
    assert done.links.drop_columns(version).equals(LINKS.sort(anew).drop_columns(version))


def test_a_preview_looks_at_it_too(without_and_with_ptgs2: tuple[HybridLinker, HybridLinker]):
    before, now = without_and_with_ptgs2
    surfaces = surfaces_that_people_meant_it_by()
    where = {"doc_id": "PMID:1", "section": "abstract", "start": 0, "end": 9, "content_hash": ""}
    mentions = pl.DataFrame(surfaces).with_columns(
        mention_id=pl.col("surface_id"), **{name: pl.lit(value) for name, value in where.items()}
    )
    changed = touched(before.by_name.index, now.by_name.index)

    foreseen = FirstConcepts(now, changed, before.link(surfaces)).of(mentions.to_arrow())

    links = pl.DataFrame(now.link(surfaces)).filter(pl.col("rank") == 1)
    anew = links.select("surface_id", concept="concept_id").sort("surface_id")
    assert PTGS2 in anew["concept"].to_list()
    found = foreseen.select("surface_id", "concept").drop_nulls().sort("surface_id")
    assert found.equals(anew)


def test_the_name_near_a_string_speaks_for_what_goes_by_it(linker: HybridLinker):
    rows = {
        "text": ["malignant breast tumours", "malignant breast tumours"],
        "entity_class": ["disease"] * 2,
        "context": ["", "near:breast cancer"],
    }
    surfaces = surfaces_from_strings(pl.DataFrame(rows))
    asked = Asked.of(surfaces)
    named = linker.by_name.named(surfaces)

    found = linker.witness.evidence(asked, named, np.ones(2, np.bool_))

    ids = linker.by_name.index.concepts["concept_id"].to_pylist()
    said = {
        (asked.near[row], ids[concept]): found.features[place, FEATURES.index("of_near")]
        for place, (row, concept) in enumerate(
            zip(found.surface.tolist(), found.concept.tolist(), strict=True)
        )
    }
    assert said["breast cancer", "MONDO:0007254"] == 1
    assert said["", "MONDO:0007254"] == 0
    assert {value for (_, concept), value in said.items() if concept != "MONDO:0007254"} <= {0}


def test_what_people_meant_by_the_name_near_a_string_is_looked_at_too(linker: HybridLinker):
    learnt = remembered("breast cancer", "disease", "MONDO:0005709")
    memory = Learnt.of_index(Memory(learnt), linker.by_name.index)
    other = replace(linker, witness=replace(linker.witness, learnt=memory))
    rows = {"text": ["breast tumours", "tumours"], "context": ["near:breast cancer", ""]}
    surfaces = surfaces_from_strings(
        pl.DataFrame(rows).with_columns(entity_class=pl.lit("disease"))
    )

    found = other.reminded_of(surfaces, ["MONDO:0005709"])

    near = pl.DataFrame(surfaces).filter(pl.col("context") != "")
    assert found.to_list() == near["surface_id"].to_list()


def test_what_has_no_equal_name_is_linked_again_where_similar_names_changed(linker: HybridLinker):
    rows = pl.DataFrame(
        {
            "text": ["breast cancer", "cancer of the breast", "Pcsk 9 protein", "TNF"],
            "entity_class": ["disease", "disease", "gene", "gene"],
            "context": [""] * 4,
        }
    )
    surfaces = surfaces_from_strings(rows)
    known = linker.link(surfaces)
    assert len(set(known["surface_id"].to_pylist())) == 4

    same = link_changed(linker, surfaces, known, Touched())
    other = link_changed(linker, surfaces, known, Touched(), respelled={"disease"})
    unknown = link_changed(linker, surfaces, known, None, respelled={"disease", "gene"})

    assert (same.n_linked, other.n_linked, unknown.n_linked) == (0, 1, 2)
    for each in (same, other, unknown):
        assert LINKS.sort(each.links).equals(LINKS.sort(known))
