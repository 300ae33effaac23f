from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kazu_platform.citations.md5 import published_md5, verify
from kazu_platform.errors import ChecksumError

if TYPE_CHECKING:
    from pathlib import Path

OF_ZINC = "145dee00f81fab1ddc7aae6d51850165"
OTHER = "0" * 32


@pytest.fixture
def zinc(tmp_path: Path) -> Path:
    path = tmp_path / "zinc.xml.gz"
    path.write_bytes(b"zinc")
    return path


@pytest.mark.parametrize(
    "text",
    [
        f"MD5(zinc.xml.gz)= {OF_ZINC}\n",
        f"MD5 (zinc.xml.gz) = {OF_ZINC.upper()}",
        f"{OF_ZINC}  zinc.xml.gz\n",
        f"{OF_ZINC} *zinc.xml.gz\r\n",
        f"{OF_ZINC}\n",
        f"\ufeff{OF_ZINC}\n\n",
        f"MD5(renamed.xml.gz)= {OF_ZINC}\n",
        f"{OTHER}  iron.xml.gz\n{OF_ZINC}  zinc.xml.gz\n",
    ],
)
def test_both_forms_of_side_files_are_read(zinc: Path, text: str):
    side = zinc.with_name("zinc.xml.gz.md5")
    side.write_text(text, encoding="utf-8")

    verify(zinc, side)


def test_a_wrong_file_is_named_with_both_digests(zinc: Path):
    side = zinc.with_name("zinc.xml.gz.md5")
    side.write_text(f"MD5(zinc.xml.gz)= {OTHER}\n")

    with pytest.raises(ChecksumError) as caught:
        verify(zinc, side)

    assert str(caught.value) == (
        f"{zinc}: its MD5 is {OF_ZINC}, but zinc.xml.gz.md5 says {OTHER}; fetch it again."
    )


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "it is empty"),
        (b"<html>Not found</html>", "'<html>Not found</html>' is neither 'MD5(name)= digest'"),
        (b"MD5(zinc.xml.gz)= 123", "is neither"),
        (b"\xff\xfe", "cannot be read"),
        (f"{OTHER}  a\n{OTHER}  b\n".encode(), "none of its 2 lines is about zinc.xml.gz"),
    ],
)
def test_a_useless_side_file_is_named(zinc: Path, content: bytes, problem: str):
    side = zinc.with_name("zinc.xml.gz.md5")
    side.write_bytes(content)

    with pytest.raises(ChecksumError) as caught:
        verify(zinc, side)

    assert str(caught.value).startswith(f"{side}: ")
    assert problem in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path):
    with pytest.raises(ChecksumError, match=r"gone\.md5: cannot be read"):
        published_md5(tmp_path / "gone.md5", "gone")

    side = tmp_path / "zinc.md5"
    side.write_text(OF_ZINC)
    with pytest.raises(ChecksumError, match="gone: cannot be read"):
        verify(tmp_path / "gone", side)


def test_every_file_of_the_mirror_is_the_published_one(test_data: Path):
    files = sorted((test_data / "pubmed").glob("*/*.xml.gz"))

    for path in files:
        verify(path, path.with_name(f"{path.name}.md5"))

    assert len(files) == 11
