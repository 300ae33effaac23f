"""NCBI's taxdump: which taxa count, their names and parents, and hostile tars."""

from __future__ import annotations

import gzip
import io
import tarfile
from typing import TYPE_CHECKING

import pytest

from kazu_platform.errors import MalformedFileError

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pyarrow as pa
    from conftest import ParseText

NAMES = [
    ("1", "root", "", "scientific name"),
    ("1", "all", "", "synonym"),
    ("131567", "cellular organisms", "", "scientific name"),
    ("2", "Bacteria", "Bacteria <bacteria>", "scientific name"),
    ("1386", "Bacillus", "Bacillus <firmicutes>", "scientific name"),
    ("1409", "Bacillus sp. (in: firmicutes)", "", "scientific name"),
    ("1423", "Bacillus subtilis", "", "scientific name"),
    ("1423", "Bacillus subtilis (Ehrenberg 1835) Cohn 1872", "", "authority"),
    ("1423", "ATCC 6051", "", "type material"),
    ("1423", "Vibrio subtilis", "", "synonym"),
    ("1148", "Synechocystis sp. PCC 6803", "", "scientific name"),
    ("56615", "Puccinia graminis f. sp. tritici", "", "scientific name"),
    ("77133", "uncultured bacterium", "", "scientific name"),
    ("48479", "environmental samples", "", "scientific name"),
    ("81077", "artificial sequences", "", "scientific name"),
    ("9606", "Homo sapiens", "", "scientific name"),
    ("9606", "human", "", "genbank common name"),
    ("694009", "SARS-like virus", "", "scientific name"),
    ("694009", "SARS", "", "acronym"),
    ("28901", "Salmonella enterica", "", "scientific name"),
    ("59201", "Salmonella enterica subsp. I", "", "scientific name"),
]
NODES = [
    ("1", "1", "no rank", "", "8"),
    ("131567", "1", "no rank", "", "8"),
    ("2", "131567", "domain", "", "0"),
    ("1386", "2", "genus", "", "0"),
    ("1409", "1386", "species", "", "0"),
    ("1423", "1409", "species", "BS", "0"),
    ("1148", "2", "species", "", "0"),
    ("56615", "131567", "no rank", "", "4"),
    ("77133", "48479", "species", "", "11"),
    ("48479", "2", "no rank", "", "11"),
    ("81077", "1", "no rank", "", "7"),
    ("9606", "131567", "species", "HS", "5"),
    ("694009", "1", "species", "", "9"),
    ("28901", "2", "species", "", "0"),
    ("59201", "28901", "subspecies", "", "0"),
]
MERGED = [("63221999", "9606"), ("12", "77133")]


def dump(rows: Iterable[tuple[str, ...]]) -> bytes:
    return "".join("\t|\t".join(row) + "\t|\n" for row in rows).encode()


def tar(files: dict[str, bytes], form: int = tarfile.USTAR_FORMAT) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=form) as archive:
        for name, body in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(body)
            archive.addfile(info, io.BytesIO(body))
    return packed.getvalue()


def taxonomy(**others: bytes) -> dict[str, bytes]:
    files = {"readme.txt": b"x" * 700, "names.dmp": dump(NAMES), "nodes.dmp": dump(NODES)}
    return files | {"merged.dmp": dump(MERGED)} | others


def rows(table: pa.Table, *columns: str) -> list[tuple[object, ...]]:
    return [tuple(row[column] for column in columns) for row in table.to_pylist()]


def test_taxa_that_a_text_can_name_are_concepts(parse_text: ParseText):
    """Not the root, whose names are `root` and `all`, nor what names a sequence."""
    found = parse_text(gzip.compress(tar(taxonomy())), "taxdump", entity_class="species")

    in_use = [row for row in found.concepts.to_pylist() if not row["obsolete"]]
    assert {(row["concept_id"], row["label"]) for row in in_use} == {
        ("NCBITaxon:2", "Bacteria"),
        ("NCBITaxon:1386", "Bacillus"),
        ("NCBITaxon:1423", "Bacillus subtilis"),
        ("NCBITaxon:1148", "Synechocystis sp. PCC 6803"),
        ("NCBITaxon:56615", "Puccinia graminis f. sp. tritici"),
        ("NCBITaxon:9606", "Homo sapiens"),
        ("NCBITaxon:694009", "SARS-like virus"),
        ("NCBITaxon:28901", "Salmonella enterica"),
        ("NCBITaxon:59201", "Salmonella enterica subsp. I"),
    }
    assert found.set_aside.num_rows == 0


def test_names_have_the_scope_of_their_class(parse_text: ParseText):
    found = parse_text(tar(taxonomy()), "taxdump", entity_class="species")

    names = rows(found.synonyms, "concept_id", "name", "scope")
    assert {name for name in names if name[2] != "label"} == {
        ("NCBITaxon:1423", "Vibrio subtilis", "related"),
        ("NCBITaxon:9606", "human", "exact"),
        ("NCBITaxon:694009", "SARS", "abbreviation"),
    }


def test_a_taxon_hangs_on_the_next_one_above_that_is_kept(parse_text: ParseText):
    found = parse_text(tar(taxonomy()), "taxdump", entity_class="species")

    assert set(rows(found.relations, "subject_id", "predicate", "object_id")) == {
        ("NCBITaxon:1386", "is_a", "NCBITaxon:2"),
        ("NCBITaxon:1423", "is_a", "NCBITaxon:1386"),
        ("NCBITaxon:1148", "is_a", "NCBITaxon:2"),
        ("NCBITaxon:28901", "is_a", "NCBITaxon:2"),
        ("NCBITaxon:59201", "is_a", "NCBITaxon:28901"),
    }


def test_a_merged_number_resolves(parse_text: ParseText):
    found = parse_text(tar(taxonomy()), "taxdump", entity_class="species")

    old = [row for row in rows(found.concepts, "concept_id", "replaced_by", "obsolete") if row[2]]
    assert old == [("NCBITaxon:63221999", "NCBITaxon:9606", True)]


def test_where_the_file_is_cut_into_blocks_makes_no_difference(
    parse_text: ParseText, monkeypatch: pytest.MonkeyPatch
):
    whole = parse_text(tar(taxonomy()), "taxdump", entity_class="species")
    for size in (1, 7, 64, 1000):
        monkeypatch.setattr("kazu_platform.ontologies.taxdump._BLOCK", size)

        found = parse_text(tar(taxonomy()), "taxdump", entity_class="species")

        assert found.synonyms.select(["concept_id", "name"]) == whole.synonyms.select(
            ["concept_id", "name"]
        )
        assert found.relations == whole.relations


def test_a_bad_row_is_set_aside_with_its_line(parse_text: ParseText):
    nodes = dump(NODES) + b"x\t|\t1\t|\n9605\t|\t131567\t|\tgenus\t|\t\t|\t5\t|"
    names = b"\xff\xfe\t|\tbad\t|\n" + dump([*NAMES, ("9605", "Homo", "", "scientific name")])

    found = parse_text(tar(taxonomy(**{"nodes.dmp": nodes, "names.dmp": names})), "taxdump")

    assert "NCBITaxon:9605" in found.concepts["concept_id"].to_pylist()
    assert rows(found.set_aside, "position", "detail") == [
        (1, "names.dmp: no row of the taxonomy: \ufffd\ufffd\t|\tbad\t|"),
        (len(NODES) + 1, "nodes.dmp: no row of the taxonomy: x\t|\t1\t|"),
    ]


@pytest.mark.timeout(20)
def test_parents_in_a_circle_and_rows_that_stand_twice_come_to_an_end(parse_text: ParseText):
    circle = [("77", "78", "no rank", "", "0"), ("78", "77", "no rank", "", "0")] * 40
    child = ("9999", "77", "species", "", "0")
    files = taxonomy(
        **{
            "nodes.dmp": dump([*NODES, *circle, child]),
            "names.dmp": dump([*NAMES, ("9999", "Felis lost", "", "scientific name")]),
        }
    )

    found = parse_text(tar(files), "taxdump")

    assert "NCBITaxon:9999" in found.concepts["concept_id"].to_pylist()
    assert "NCBITaxon:9999" not in found.relations["subject_id"].to_pylist()


def test_extended_headers_and_folders_are_passed_over(parse_text: ParseText):
    long = {"a" * 200 + ".txt": b"x", **taxonomy()}

    found = parse_text(tar(long, tarfile.PAX_FORMAT), "taxdump")

    assert found.concepts.num_rows == 10


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"<html>Not found</html>", "is no tar, plain or gzipped"),
        (b"x" * 5000, "is no tar, plain or gzipped"),
        (tar(taxonomy())[:2100], "ends within a file of the tar"),
        (tar({"names.dmp": dump(NAMES)}), "has no nodes.dmp, merged.dmp; is it NCBI's taxdump"),
    ],
    ids=["html", "text", "cut", "other tar"],
)
def test_what_is_no_taxdump_is_refused(parse_text: ParseText, body: bytes, problem: str):
    with pytest.raises(MalformedFileError, match=problem):
        parse_text(body, "taxdump")


def test_a_size_that_no_file_has_costs_no_memory(parse_text: ParseText):
    """The header promises eight gigabytes; what comes is read in blocks until it ends."""
    header = tarfile.TarInfo("names.dmp")
    header.size = (8 << 30) - 1
    with pytest.raises(MalformedFileError, match="ends within a file of the tar"):
        parse_text(header.tobuf(tarfile.USTAR_FORMAT) + b"1\t|\troot" * 1000, "taxdump")
