"""Files that are not what they say."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING, Any

import pytest

from kazu_platform.errors import MalformedFileError, SourceError
from kazu_platform.ontologies.files import lines_of, open_source

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import ParseText

OBO = b"[Term]\nid: CL:0000084\nname: T cell\n"
FORMATS = ("obo", "obograph", "owl", "ofn", "table")
COLUMNS: dict[str, Any] = {"columns": {"id": 0, "label": 1, "header": False}}


def test_a_gzipped_file_is_known_by_its_first_bytes(parse_text: ParseText):
    assert parse_text(gzip.compress(OBO)).concepts["label"].to_pylist() == ["T cell"]


@pytest.mark.parametrize("form", FORMATS)
def test_a_truncated_gzip_is_named(parse_text: ParseText, form: str):
    packed = gzip.compress(OBO * 10_000)[:-20]
    with pytest.raises(MalformedFileError, match=rf"vocabulary\.{form}.*gzip stream is broken"):
        parse_text(packed, form, **COLUMNS)


@pytest.mark.parametrize("form", FORMATS)
def test_a_gzip_bomb_costs_no_more_than_the_limit(parse_text: ParseText, form: str):
    bomb = gzip.compress(b" " * (1 << 26))
    with pytest.raises(MalformedFileError):
        parse_text(bomb, form, max_bytes=1 << 20, **COLUMNS)


def test_the_limit_is_checked_while_reading(tmp_path: Path):
    path = tmp_path / "bomb.obo"
    path.write_bytes(gzip.compress(b"\n" * (1 << 26)))
    with open_source(path, max_bytes=1 << 20) as stream:
        lines = lines_of(stream, path)
        with pytest.raises(MalformedFileError, match="holds more than 1,048,576 bytes"):
            sum(1 for _ in lines)


@pytest.mark.parametrize("form", FORMATS)
def test_an_empty_file_is_named(parse_text: ParseText, form: str):
    with pytest.raises(MalformedFileError, match=rf"vocabulary\.{form}: the file is empty"):
        parse_text(b"", form, **COLUMNS)


@pytest.mark.parametrize("form", FORMATS[:-1])
@pytest.mark.parametrize("content", [b"<html>404</html>", b"\x89PNG\r\n\x1a\n\0\0", b"\n\n"])
def test_a_file_of_another_kind_is_refused(parse_text: ParseText, form: str, content: bytes):
    with pytest.raises(MalformedFileError, match=rf"vocabulary\.{form}"):
        parse_text(content, form)


def test_a_line_without_an_end_is_refused(parse_text: ParseText):
    with pytest.raises(MalformedFileError, match="line 1: is longer than 16 MiB"):
        parse_text(gzip.compress(b"x" * (17 << 20)))


def test_a_file_that_is_not_there_is_named(tmp_path: Path):
    with (
        pytest.raises(SourceError, match=r"cl\.obo: cannot be opened"),
        open_source(tmp_path / "cl.obo"),
    ):
        pass
