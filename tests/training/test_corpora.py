"""Reading corpora in all their formats."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from kazu_platform.errors import MalformedFileError
from kazu_platform.settings import CorpusSource
from kazu_platform.training.corpora import read_corpus, read_marked

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pyarrow as pa

    Strings = Callable[[pa.Table], list[dict[str, Any]]]
    Written = Callable[[str, str], Path]

PUBTATOR = """7|t|TNF-α in colon cancer
7|a|Cancer & Zn rose. Aspirin did not.
7\t0\t5\tTNF-α\tGene\t7124
7\t9\t21\tcolon cancer\tDisease\tD003110
7\t31\t33\tZn\tChemical\tD015032
7\t40\t47\tAspirin\tChemical\tD001241
"""
BIOC_XML = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE collection SYSTEM "BioC.dtd">
<collection><source>PubMed</source><date/><key/>
<document><id>7</id><infon key="license">none</infon>
<passage><infon key="type">title</infon><offset>0</offset><text>TNF-α in colon cancer</text>
<annotation id="0"><infon key="type">Gene</infon><location offset="0" length="5"/>
<text>TNF-α</text></annotation>
<annotation id="1"><infon key="type">Disease</infon><location offset="9" length="12"/>
<text>colon cancer</text></annotation></passage>
<passage><infon key="type">abstract</infon><offset>22</offset>
<sentence><offset>22</offset><text>Cancer &amp; Zn rose.</text>
<annotation id="2"><infon key="type">Chemical</infon><location offset="31" length="2"/>
<text>Zn</text></annotation></sentence>
<sentence><offset>40</offset><text>Aspirin did not.</text>
<annotation id="3"><infon key="type">Chemical</infon><location offset="40" length="7"/>
<text>Aspirin</text></annotation></sentence></passage>
<relation id="R0"><infon key="type">CID</infon><node refid="3" role=""/></relation>
</document></collection>
"""
CLASSES = ("gene", "disease", "chemical")


def annotation(kind: str, text: str, *places: tuple[int, int]) -> dict[str, Any]:
    locations = [{"offset": offset, "length": length} for offset, length in places]
    return {"id": "0", "infons": {"type": kind}, "text": text, "locations": locations}


def bioc_json(*more: dict[str, Any], key: str = "documents") -> str:
    title = {
        "offset": 0,
        "infons": {"type": "title"},
        "text": "TNF-α in colon cancer",
        "annotations": [
            annotation("Gene", "TNF-α", (0, 5)),
            annotation("Disease", "colon cancer", (9, 12)),
        ],
    }
    abstract = {
        "offset": 22,
        "infons": {"type": "abstract"},
        "text": "Cancer & Zn rose. Aspirin did not.",
        "annotations": [
            annotation("Chemical", "Zn", (31, 2)),
            annotation("Chemical", "Aspirin", (40, 7)),
            *more,
        ],
    }
    return json.dumps({key: [{"id": "7", "infons": {}, "passages": [title, abstract]}]})


def source(form: str, **more: Any) -> CorpusSource:  # noqa: ANN401 - any key of a source
    fields = {"name": "c", "url": "x", "format": form, "classes": CLASSES, "licence": "CC0-1.0"}
    return CorpusSource.model_validate(fields | more)


def read(path: Path, form: str, **more: Any) -> pa.Table:  # noqa: ANN401 - the same
    return read_corpus([(source(form, **more), path)], "train")


@pytest.mark.parametrize(
    ("form", "content"),
    [
        ("pubtator", PUBTATOR),
        ("bioc_xml", BIOC_XML),
        ("bioc_json", bioc_json()),
        ("bioc_json", bioc_json(key="PubTator3")),
    ],
)
def test_every_format_gives_the_same_sentences(
    written: Written, strings: Strings, form: str, content: str
):
    rows = read(written("train", content), form)

    assert strings(rows) == [
        {
            "doc_id": "7",
            "text": "TNF - α in colon cancer",
            "mentions": [("TNF - α", "gene"), ("colon cancer", "disease")],
        },
        {"doc_id": "7", "text": "Cancer & Zn rose .", "mentions": [("Zn", "chemical")]},
        {"doc_id": "7", "text": "Aspirin did not .", "mentions": [("Aspirin", "chemical")]},
    ]
    assert rows.select(["corpus", "split", "origin"]).to_pylist() == 3 * [
        {"corpus": "c", "split": "train", "origin": "gold"}
    ]


def test_a_gzipped_file_is_read_as_it_is(tmp_path: Path):
    path = tmp_path / "train.tsv.gz"
    path.write_bytes(gzip.compress(b"TNF\tB-gene\n"))

    assert read(path, "iob2")["words"].to_pylist() == [["TNF"]]


def test_an_annotation_of_several_stretches_is_its_outer_span(written: Written, strings: Strings):
    both = annotation("Chemical", "Zn Aspirin", (31, 2), (40, 7))

    rows = read(written("train", bioc_json(both)), "bioc_json")

    assert strings(rows)[1] == {
        "doc_id": "7",
        "text": "Cancer & Zn rose . Aspirin did not .",
        "mentions": [
            ("Zn", "chemical"),
            ("Zn rose . Aspirin", "chemical"),
            ("Aspirin", "chemical"),
        ],
    }


@pytest.mark.parametrize(
    ("form", "content", "problem"),
    [
        (
            "bioc_json",
            bioc_json(annotation("Gene", "TNF", (30, 3))),
            "document 1 (7) is no BioC: 30 to 33 is ' Zn', not 'TNF'; offsets should count ",
        ),
        (
            "bioc_json",
            bioc_json(annotation("Gene", "TNF", (18, 8))),
            "document 1 (7) is no BioC: 18 to 26 is no stretch of one passage.",
        ),
        ("bioc_json", '{"documents": [{"passages": []}]}', "document 1 (?) is no BioC: 'id'."),
        ("bioc_json", '{"documents": []}', "holds no BioC document."),
        ("bioc_json", "[", "is no JSON"),
        ("bioc_xml", "<collection><document>", "is no well-formed XML"),
        ("bioc_xml", "<html/>", "holds no BioC document."),
        ("iob2", "TNF B-gene\n", "line 1: expected a token, a tab and O"),
        ("pubtator", "TNF\n", "line 1: a title (ID|t|...) should come first."),
    ],
)
def test_what_is_no_corpus_is_named(written: Written, form: str, content: str, problem: str):
    path = written("train", content)

    with pytest.raises(MalformedFileError) as caught:
        read(path, form)

    assert str(caught.value).startswith(str(path))
    assert problem in str(caught.value)


@pytest.mark.parametrize(
    "content",
    [
        "<a>" * 100_000,
        '<!DOCTYPE d [<!ENTITY a "lol">'
        + "".join(
            f'<!ENTITY {b} "{10 * f"&{a};"}">' for a, b in zip("abcdefgh", "bcdefghi", strict=True)
        )
        + "]><collection><document><id>&i;</id></document></collection>",
        (
            '<!DOCTYPE d [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
            "<collection><document><id>&a;</id><passage><offset>0</offset><text>&a;</text></passage>"
            "</document></collection>"
        ),
    ],
    ids=["deep", "bomb", "external"],
)
def test_a_hostile_file_is_an_error_or_harmless(written: Written, content: str):
    path = written("train.xml", content)

    try:
        gold = read_marked(path, "bioc_xml", "c", "train")
    except MalformedFileError:
        return
    assert "root:" not in gold.passages["text"].to_pylist()[0]


def test_parts_of_a_corpus_are_joined(written: Written, strings: Strings):
    genes = written("genes.tsv", "TNF\tB-Protein\nand\tO\nZn\tO\n")
    chemicals = written("chemicals.tsv", "TNF\tO\nand\tO\nZn\tB-Chemical\n")
    parts = [
        (source("iob2", name="g", part_of="c", classes=["gene"], types={"Protein": "gene"}), genes),
        (source("iob2", name="z", part_of="c", classes=["chemical"]), chemicals),
    ]

    rows = read_corpus(parts, "train")

    assert strings(rows)[0]["mentions"] == [("TNF", "gene"), ("Zn", "chemical")]
    assert rows.select(["corpus", "classes"]).to_pylist() == [
        {"corpus": "c", "classes": ["gene", "chemical"]}
    ]


def test_real_corpora_have_the_mentions_that_their_makers_counted(test_data: Path):
    folder, families = test_data / "ner", ("BC5CDR", "CRAFT", "cellfinder")
    described = yaml.safe_load((folder / "corpora.yaml").read_text("utf-8"))
    corpora: dict[str, list[tuple[CorpusSource, Path]]] = {}
    for name, about in described.items():
        if about["classes"]:
            corpus = name.split("-")[0] if name.startswith(families) else name
            part = source("iob2", name=name, part_of=corpus, classes=about["classes"])
            corpora.setdefault(corpus, []).append((part, folder / name / "devel.tsv"))
    rows = [row for parts in corpora.values() for row in read_corpus(parts, "devel").to_pylist()]

    found: dict[tuple[str, str], int] = {}
    for row in rows:
        for mention in row["mentions"]:
            key = row["corpus"], mention["entity_class"]
            found[key] = found.get(key, 0) + 1

    counted = {
        (name.split("-")[0] if name.startswith(families) else name, entity_class): number
        for name, about in described.items()
        for entity_class, number in about["splits"]["devel"]["mentions"].items()
        if entity_class in about["classes"]
    }
    assert found == counted
    assert {row["corpus"] for row in rows} == {corpus for corpus, _ in counted}
    bc5cdr = [row for row in rows if row["corpus"] == "BC5CDR"]
    assert len(bc5cdr) == described["BC5CDR-chem"]["splits"]["devel"]["sentences"]
    assert {tuple(row["classes"]) for row in bc5cdr} == {("disease", "chemical")}
