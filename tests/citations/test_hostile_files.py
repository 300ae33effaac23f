from __future__ import annotations

import gzip
import tracemalloc
from typing import TYPE_CHECKING

import pytest

from kazu_platform.citations.pubmed import parse_pubmed
from kazu_platform.errors import MalformedFileError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Make = Callable[..., str]


def problem_of(path: Path, **options: int) -> str:
    with pytest.raises(MalformedFileError) as caught:
        list(parse_pubmed(path, file="made", **options))
    message = str(caught.value)
    assert message.startswith(str(path))
    return message.removeprefix(str(path))


def test_an_empty_file_is_named(tmp_path: Path):
    path = tmp_path / "empty.xml.gz"
    path.touch()
    assert problem_of(path) == ": the file is empty; fetch it again."

    path.write_bytes(gzip.compress(b""))
    assert problem_of(path) == ": it holds nothing; fetch it again."


def test_a_truncated_gzip_is_named_after_its_batches(
    tmp_path: Path, make_set: Make, make_article: Make
):
    """All or nothing: whoever publishes waits for the end."""
    path = tmp_path / "cut.xml.gz"
    whole = gzip.compress(make_set(*map(make_article, range(1, 5000))).encode())
    path.write_bytes(whole[: len(whole) * 3 // 4])

    batches = parse_pubmed(path, file="cut", batch_size=100)

    assert len(next(batches).citations) == 100
    with pytest.raises(MalformedFileError, match="the gzip data stops before its end"):
        list(batches)


def test_damaged_gzip_is_named(tmp_path: Path, make_set: Make, make_article: Make):
    path = tmp_path / "bent.xml.gz"
    whole = bytearray(gzip.compress(make_set(make_article()).encode()))
    whole[-6] ^= 0xFF
    path.write_bytes(whole)

    assert problem_of(path).startswith(": the gzip data is damaged (CRC check failed")


def test_a_name_that_promises_gzip_is_held_to_it(tmp_path: Path, make_set: Make):
    path = tmp_path / "plain.xml.gz"
    path.write_text(make_set())

    assert problem_of(path) == ": it is named .gz but is not gzip; fetch it again."


def test_gzip_needs_no_name(tmp_path: Path, make_set: Make, make_article: Make):
    path = tmp_path / "zipped.xml"
    halves = [part.encode() for part in make_set(make_article()).partition("<Article>")]
    path.write_bytes(b"".join(map(gzip.compress, halves)))  # of several members

    [batch] = parse_pubmed(path, file="zipped")

    assert batch.citations["pmid"].to_pylist() == [7]


def test_a_gzip_bomb_is_stopped_early(tmp_path: Path):
    path = tmp_path / "bomb.xml.gz"
    with gzip.open(path, "wb", compresslevel=9) as bomb:
        bomb.write(b"<PubmedArticleSet>")
        for _ in range(300):
            bomb.write(b" " * 2**20)
    assert path.stat().st_size < 2**20

    tracemalloc.start()
    problem = problem_of(path, max_bytes=20_000_000)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert "it holds more than 20,000,000 bytes when decompressed" in problem
    assert peak < 8 * 2**20


def test_an_element_without_an_end_is_stopped(tmp_path: Path, make_set: Make, make_article: Make):
    path = tmp_path / "endless.xml"
    path.write_text(make_set(make_article(inside=f"<Abstract>{'x' * 40_000_000}</Abstract>")))

    assert problem_of(path) == ": one element is longer than 33,554,432 bytes."


@pytest.mark.parametrize("text", ["hello", '{"a": 1}', "\n\n  %PDF-1.7"])
def test_what_is_not_xml_is_named_with_its_line(tmp_path: Path, text: str):
    path = tmp_path / "not.xml"
    path.write_text(text)

    assert "it is not well-formed XML" in problem_of(path)


def test_blanks_alone_are_not_xml(tmp_path: Path):
    path = tmp_path / "blank.xml"
    path.write_text("   \n")

    assert problem_of(path) == ": there is no XML element in it."


def test_another_root_element_is_refused(tmp_path: Path):
    path = tmp_path / "page.xml"
    path.write_text("<html><body>Service unavailable</body></html>")

    assert problem_of(path) == (
        ": its root element is <html>, not <PubmedArticleSet>; is it a PubMed file?"
    )


def test_a_syntax_error_is_named_with_its_line(tmp_path: Path, make_set: Make, make_article: Make):
    path = tmp_path / "bad.xml"
    path.write_text(make_set(*["\n" * 70_000], make_article(), "<PubmedArticle></Article>"))

    assert problem_of(path).startswith(
        ", line 70005: it is not well-formed XML: Opening and ending tag mismatch"
    )


def test_a_file_that_stops_in_the_middle_is_refused(
    tmp_path: Path, make_set: Make, make_article: Make
):
    path = tmp_path / "half.xml"
    path.write_text(make_set(make_article()).removesuffix("</PubmedArticleSet>\n"))

    assert "it is not well-formed XML" in problem_of(path)


@pytest.mark.parametrize("character", ["\x08", "&#8;", "&#xFFFF;", "\x00"])
def test_characters_that_xml_forbids_are_named_with_their_line(
    tmp_path: Path, make_set: Make, make_article: Make, character: str
):
    path = tmp_path / "control.xml"
    path.write_text(make_set(make_article(inside=f"<ArticleTitle>a{character}b</ArticleTitle>")))

    assert problem_of(path).startswith(", line 4: it is not well-formed XML")


def test_bytes_that_are_no_utf8_are_refused(tmp_path: Path, make_set: Make, make_article: Make):
    path = tmp_path / "latin.xml"
    text = make_set(make_article(inside="<ArticleTitle>naïve</ArticleTitle>"))
    path.write_bytes(text.encode("latin-1"))

    assert problem_of(path).startswith(", line 4: it is not well-formed XML")


ENTITIES = {
    "external": '<!ENTITY x SYSTEM "file:///etc/hostname">',
    "parameter": '<!ENTITY % x SYSTEM "http://example.invalid/x.dtd">',
    "internal": '<!ENTITY x "y">',
    "bomb": '<!ENTITY x "lol">'
    + "".join(f'<!ENTITY x{n} "{f"&x{n - 1};" * 10}">' for n in range(1, 10)).replace(
        "&x0;", "&x;"
    ),
}


@pytest.mark.parametrize("kind", ENTITIES)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_file_that_declares_entities_is_refused(
    tmp_path: Path, make_article: Make, kind: str, encoding: str
):
    path = tmp_path / "entities.xml"
    title = "<ArticleTitle>&x;</ArticleTitle>" if kind != "parameter" else ""
    path.write_text(
        f'<?xml version="1.0" encoding="{encoding}"?>\n'
        f"<!DOCTYPE PubmedArticleSet [{ENTITIES[kind]}]>\n"
        f"<PubmedArticleSet>{make_article(inside=title)}</PubmedArticleSet>",
        encoding=encoding,
    )

    assert problem_of(path) == ": it declares the entity 'x'; files of PubMed declare none."


def test_a_bomb_in_an_attribute_of_the_root_is_refused(tmp_path: Path):
    path = tmp_path / "attribute.xml"
    bomb = ENTITIES["bomb"]
    path.write_text(f'<!DOCTYPE PubmedArticleSet [{bomb}]><PubmedArticleSet a="&x9;"/>')

    assert "amplification" in problem_of(path)


def test_nesting_without_end_is_refused(tmp_path: Path, make_set: Make):
    path = tmp_path / "deep.xml"
    path.write_text(make_set("<PubmedArticle>" * 100_000))

    assert "Excessive depth" in problem_of(path)


def test_a_megabyte_before_the_first_element_is_refused(tmp_path: Path, make_set: Make):
    path = tmp_path / "comment.xml"
    path.write_text(f"<!--{'x' * 2_000_000}-->{make_set().partition('?>')[2]}")

    assert problem_of(path) == ": there is no element in the first 1,048,576 bytes."


def test_a_run_of_blanks_takes_no_time(tmp_path: Path, make_set: Make, make_article: Make):
    """A pattern that backs up would need hours for this."""
    path = tmp_path / "blanks.xml"
    text = f"a{' ' * 5_000_000}b\nc"
    path.write_text(make_set(make_article(inside=f"<ArticleTitle>{text}</ArticleTitle>")))

    [batch] = parse_pubmed(path, file="blanks")

    assert len(batch.citations["title"][0].as_py()) == 5_000_004
