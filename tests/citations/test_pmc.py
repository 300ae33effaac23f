"""Files of full texts, good ones and hostile ones."""

from __future__ import annotations

import gzip
import io
import random
import tarfile
import tracemalloc
from typing import TYPE_CHECKING, Any

import pytest
from lxml import etree  # pyright: ignore[reportAttributeAccessIssue] - ships no types

from kazu_platform.citations import bundles
from kazu_platform.citations.passages import passages, split_into_sentences
from kazu_platform.citations.pmc import full_texts, parse_pmc
from kazu_platform.errors import MalformedFileError
from kazu_platform.ner.compile import build_dictionary_index
from kazu_platform.ner.dictionary import DictionaryDetector
from kazu_platform.ner.dictionary_index import open_dictionary_index
from kazu_platform.tables import SYNONYMS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pyarrow as pa

NAMES = ("insulin", "mice", "cancer", "glucose", "tumour", "patients", "yeast", "RNA", "zebrafish")


def article(pmcid: int, text: str = "Zinc feeds yeast.") -> bytes:
    return (
        f'<article><front><article-meta><article-id pub-id-type="pmc">{pmcid}</article-id>'
        f"<title-group><article-title>Of zinc</article-title></title-group></article-meta></front>"
        f"<body><p>{text}</p></body></article>"
    ).encode()


def member(name: str, **facts: Any) -> tarfile.TarInfo:  # noqa: ANN401 - of a header
    info = tarfile.TarInfo(name)
    for key, value in facts.items():
        setattr(info, key, value)
    return info


def archive(path: Path, *members: tuple[str | tarfile.TarInfo, bytes]) -> Path:
    with tarfile.open(path, "w:gz" if path.name.endswith("gz") else "w") as tar:
        for header, content in members:
            info = member(header) if isinstance(header, str) else header
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return path


def rows_of(path: Path, **options: int) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    batches = list(parse_pmc(path, file="oa.PMC000", **options))
    assert all(batch.deletions.num_rows == 0 for batch in batches)
    return (
        [row for batch in batches for row in batch.citations.to_pylist()],
        [row for batch in batches for row in batch.set_aside.to_pylist()],
    )


def problem_of(path: Path, **options: int) -> str:
    with pytest.raises(MalformedFileError) as caught:
        list(parse_pmc(path, file="oa.PMC000", **options))
    assert str(caught.value).startswith(str(path))
    return str(caught.value).removeprefix(str(path))


@pytest.mark.parametrize("name", ["PMC7.nxml", "PMC7.nxml.gz", "oa.tar", "oa.tar.gz"])
def test_an_article_is_read_plain_gzipped_or_in_an_archive(tmp_path: Path, name: str):
    path = tmp_path / name
    if ".tar" in name:
        archive(path, ("a/PMC7.nxml", article(7)))
    else:
        path.write_bytes(gzip.compress(article(7)) if name.endswith("gz") else article(7))

    [row], set_aside = rows_of(path)

    assert set_aside == []
    assert (row["doc_id"], row["pmcid"], row["pmid"]) == ("PMC:PMC7", "PMC7", None)
    assert (row["file"], row["position"]) == ("oa.PMC000", 0)
    assert row["sections"] == [
        {"name": "title", "text": "Of zinc"},
        {"name": "body", "text": "Zinc feeds yeast."},
    ]


def test_one_bad_article_is_set_aside_with_its_name_and_reason(tmp_path: Path):
    path = archive(
        tmp_path / "oa.tar.gz",
        ("a/PMC1.xml", article(1)),
        ("a/PMC2.xml", article(2)[:60]),
        ("a/figure.jpg", b"\xff\xd8"),
        ("a/._PMC1.xml", b"Mac OS X"),
        (member("a/PMC9.xml", type=tarfile.SYMTYPE, linkname="/etc/passwd"), b""),
        ("a/PMC3.xml", article(3)),
    )

    citations, set_aside = rows_of(path, batch_size=1)

    assert [(row["doc_id"], row["position"]) for row in citations] == [
        ("PMC:PMC1", 0),
        ("PMC:PMC3", 2),
    ]
    [bad] = set_aside
    assert (bad["doc_id"], bad["position"], bad["reason"]) == ("PMC:PMC2", 1, "malformed")
    assert bad["detail"].startswith("oa.PMC000, element 1: a/PMC2.xml: it is not well-formed XML: ")


def test_a_path_is_only_a_name(tmp_path: Path):
    outside = tmp_path / "outside.xml"
    path = archive(
        tmp_path / "oa.tar.gz",
        ("../outside.xml", article(1)),
        (str(outside), article(2)),
        ("a/\udcff.xml", b"<broken"),
    )

    citations, [bad] = rows_of(path)

    assert [row["doc_id"] for row in citations] == ["PMC:PMC1", "PMC:PMC2"]
    assert bad["doc_id"] == "a/\\udcff.xml"
    assert [each.name for each in tmp_path.iterdir()] == ["oa.tar.gz"]


def test_a_huge_member_is_set_aside_unread(tmp_path: Path):
    path = archive(
        tmp_path / "oa.tar.gz",
        ("PMC1.xml", article(1, "x" * 5_000_000)),
        ("big.pdf", b"0" * 5_000_000),
        ("PMC2.xml", article(2)),
    )

    names = [
        (each.name, each.problem) for each in bundles.bundled(path, max_article_bytes=1_000_000)
    ]

    assert [name for name, _ in names] == ["PMC1.xml", "PMC2.xml"]
    assert names[0][1] == f"it has {5_000_000 + len(article(1, '')):,} bytes, more than 1,000,000"
    assert names[1][1] is None


def test_an_archive_that_unpacks_to_too_much_is_refused(tmp_path: Path):
    path = archive(tmp_path / "oa.tar.gz", ("PMC1.xml", article(1)), ("z.bin", b"0" * 10**7))

    tracemalloc.start()
    assert "it holds more than 1,000,000 bytes when decompressed" in problem_of(
        path, max_bytes=1_000_000
    )
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3_000_000


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.XGLTYPE])
def test_a_header_of_any_length_costs_no_memory(tmp_path: Path, kind: bytes):
    path = archive(
        tmp_path / "oa.tar.gz",
        ("PMC1.xml", article(1)),
        (member("PaxHeader", type=kind), b"0" * 20_000_000),
        ("PMC2.xml", article(2)),
    )

    tracemalloc.start()
    assert "a header of the archive is longer than 262,144 bytes" in problem_of(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 6_000_000


def test_an_archive_that_is_cut_or_damaged_is_named_after_its_batches(tmp_path: Path):
    noise = random.Random(7)  # noqa: S311 - that does not shrink
    members = [(f"PMC{n}.xml", article(n, noise.randbytes(9000).hex())) for n in range(1, 60)]
    whole = archive(tmp_path / "oa.tar", *members).read_bytes()

    cut = tmp_path / "cut.tar"
    cut.write_bytes(whole[: len(whole) // 2 + 700])
    assert ": the archive is damaged (unexpected end of data)" in problem_of(cut)

    zipped = tmp_path / "cut.tar.gz"
    zipped.write_bytes(gzip.compress(whole)[:-900])
    batches = parse_pmc(zipped, file="cut", batch_size=10)
    assert next(batches).citations.num_rows == 10
    with pytest.raises(MalformedFileError, match="the gzip data stops before its end"):
        list(batches)


def test_a_member_of_a_negative_size_is_refused(tmp_path: Path):
    header = bytearray(member("PMC1.xml").tobuf())
    header[124:136] = b"\xff" * 12  # -1 in base 256
    header[148:156] = b"        "
    header[148:156] = b"%06o\0 " % sum(header)
    path = tmp_path / "oa.tar"
    path.write_bytes(bytes(header) + bytes(10240))

    assert problem_of(path) == ": a member of the archive has less than no bytes."


def test_a_file_without_an_article_is_refused(tmp_path: Path):
    assert problem_of(archive(tmp_path / "a.tar.gz", ("x.pdf", b"1"))) == (
        ": the archive holds no article (.nxml, .xml)."
    )
    (tmp_path / "empty.nxml").touch()
    assert problem_of(tmp_path / "empty.nxml") == ": the file is empty; fetch it again."
    long = tmp_path / "long.nxml"
    long.write_bytes(b" " * (bundles.MAX_ARTICLE_BYTES + 1))
    assert problem_of(long) == ": it is longer than 33,554,432 bytes, which no article is."


def test_a_document_type_is_not_opened(tmp_path: Path):
    """libxml2 opens it although told not to, if it collects no ids."""
    dtd = tmp_path / "jats.dtd"
    dtd.write_text("what would be an error")
    path = tmp_path / "PMC7.nxml"
    path.write_bytes(f'<!DOCTYPE article SYSTEM "{dtd}">'.encode() + article(7))

    [row], set_aside = rows_of(path)

    assert (row["doc_id"], set_aside) == ("PMC:PMC7", [])


def test_documents_of_a_file_are_what_annotate_reads(tmp_path: Path):
    path = archive(tmp_path / "oa.tar.gz", ("PMC1.xml", article(1)), ("PMC2.xml", b"<x/>"))

    with path.open("rb") as raw:
        documents = full_texts(raw, path.name)
        assert next(documents).doc_id == "PMC:PMC1"
        with pytest.raises(MalformedFileError) as caught:
            next(documents)

    assert str(caught.value) == ("oa.tar.gz: PMC2.xml: its root element is <x>, not <article>.")


@pytest.fixture
def detector(tmp_path: Path) -> DictionaryDetector:
    """Finds a few words that such articles have."""
    rows = [
        {
            "concept_id": f"TEST:{number}",
            "ontology": "TEST",
            "entity_class": "chemical",
            "name": name,
            "scope": "label",
            "normalised": name,
            "normaliser_version": "none",
            "case_sensitive": False,
            "in_context": False,
            "source": "ontology",
            "active": True,
            "linkable": True,
        }
        for number, name in enumerate(NAMES)
    ]
    build_dictionary_index(SYNONYMS.from_rows(rows), tmp_path / "dictionary")
    return DictionaryDetector(open_dictionary_index(tmp_path / "dictionary"))


def real_articles(folder: Path) -> Iterator[tuple[Path, pa.Table, pa.Table]]:
    """Each file with its citations and what was set aside."""
    for path in sorted(folder.rglob("*.nxml.gz")):
        [batch] = parse_pmc(path, file="pmc")
        yield path, batch.citations, batch.set_aside


def test_real_articles_are_ingested_and_their_mentions_slice_to_the_text(
    test_data: Path, detector: DictionaryDetector
):
    """Two files of the folder are no articles: they have no metadata."""
    read, n_mentions, refused = 0, 0, list[str]()
    for path, citations, set_aside in real_articles(test_data / "pmc"):
        refused += [path.name] * set_aside.num_rows
        if not citations.num_rows:
            continue
        read += 1
        texts = passages(citations, split_into_sentences(citations))
        sections = citations["sections"].to_pylist()[0]
        for mention in detector.detect(texts).to_pylist():
            text = sections[mention["section"]]["text"]
            slices = [text[span["start"] : span["end"]] for span in mention["spans"]]
            assert " ... ".join(slices) == mention["text"]
            n_mentions += 1

    assert read >= 60
    assert refused == ["simple-jats-doctype-1.1.nxml.gz", "xmlio_input.nxml.gz"]
    assert n_mentions > 20 * read


def test_no_reference_of_a_real_article_is_read(test_data: Path):
    """A title of that length is in the text of no research article by chance."""
    looked_for = 0
    for path, citations, _ in real_articles(test_data / "pmc"):
        whole = "\n".join(
            section["text"] for row in citations["sections"].to_pylist() for section in row
        )
        tree = etree.fromstring(gzip.decompress(path.read_bytes()))
        titles = tree.iterfind("back//ref-list//article-title")
        for title in titles if tree.get("article-type") == "research-article" else ():
            text = " ".join("".join(title.itertext()).split())
            if len(text) > 60:
                looked_for += 1
                assert text not in whole, path
    assert looked_for > 1000
