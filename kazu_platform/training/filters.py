"""Keeping test sets out of what a model learns from: by document, and by the text of a sentence.

Test sets overlap with corpora: the same abstract is in several, under the same PMID or under none.
A sentence counts as the same if it is so in lower case, with Greek letters spelled out and only
letters and digits kept. Corpora cut sentences differently, so one that is part of another, either
way, counts too; short ones do not, as everybody writes them.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from hashlib import file_digest
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl
import pyarrow as pa

from kazu_platform.arrow import compute
from kazu_platform.documents import digest
from kazu_platform.errors import ConfigurationError, MalformedFileError
from kazu_platform.evaluation.pubtator import parse_pubtator
from kazu_platform.text.sentences import sentence_spans
from kazu_platform.text.spellings import GREEK
from kazu_platform.training.corpora import read_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

FILTERS_VERSION: Final = "1"
TRAIN: Final = "train"
SHORTEST: Final = 40
"""Characters of a normalised sentence; what is shorter is never left out for its text."""
TEST_DOCUMENT: Final = "test_document"
HELD_OUT_SENTENCE: Final = "held_out_sentence"

_HELD_OUT_FILE = re.compile(r"(test|devel)\.(tsv|PubTator|txt)(\.gz)?")
_PMID: Final = r"^(?:PMID[:-])?(\d+)$"
_BASE: Final = 0x9E3779B97F4A7C15  # odd, so that it has an inverse among the 64-bit numbers
_INVERSE: Final = pow(_BASE, -1, 1 << 64)
_AT_ONCE: Final = 4_000_000


@dataclass(frozen=True)
class HeldOut:
    """What no model may learn from; `sentences` are normalised and no shorter than SHORTEST."""

    pmids: frozenset[str] = frozenset()
    sentences: tuple[str, ...] = ()


@dataclass(frozen=True)
class Filtered:
    """Rows that are left, and how many were not, by corpus and reason."""

    rows: pa.Table
    dropped: dict[tuple[str, str], int] = field(default_factory=dict[tuple[str, str], int])


def held_out_version(pmids: Sequence[Path], places: Sequence[Path]) -> str:
    """Changes with what `read_held_out` reads, or with how; reads the bytes of the files alone."""
    files = [*pmids, *(file for place in places for file in held_out_files(place))]
    return digest(FILTERS_VERSION, str(len(pmids)), *(_hash(file) for file in files))


def read_held_out(pmids: Sequence[Path], places: Sequence[Path]) -> HeldOut:
    """What test and devel sets hold.

    Args:
        pmids: Files of PMIDs, one a line; lines that begin with # are comments.
        places: Folders, searched with all below them, with `test` and `devel` as .tsv (tokens
            first in a line, a blank line after each sentence), .PubTator or .txt (plain text);
            or such files, whatever they are called.

    Raises:
        ConfigurationError: there is nothing to read in a folder.
        SourceError: a file cannot be opened.
        MalformedFileError: a line is no PMID, or PubTator is none.
    """
    numbers = frozenset(number for path in pmids for number in _pmids(path))
    texts = [text for place in places for file in held_out_files(place) for text in _read(file)]
    return HeldOut(numbers, _distinct(normalised(texts).to_list()))


def held_out_files(place: Path) -> list[Path]:
    """The files that are read of a place.

    Raises:
        ConfigurationError: it does not exist, or has none.
    """
    if place.is_file():
        return [place]
    files = sorted(path for path in place.rglob("*") if _HELD_OUT_FILE.fullmatch(path.name))
    if not files:
        raise ConfigurationError(
            f"held_out: {place} has no test or devel set (.tsv, .PubTator or .txt); give a folder "
            "that holds some, or a file."
        )
    return files


def training_data(
    splits: Mapping[str, pa.Table], held_out: HeldOut, *, pmids: bool = True
) -> Filtered:
    """What may be used of a corpus: train without all that is held out, its own devel among it.

    Devel is held out itself, so of it only test documents are left out.

    Args:
        splits: LABELLED_SENTENCES of each split, train and maybe devel.
        held_out: What to leave out.
        pmids: Whether documents go by their PMIDs.
    """
    kept: list[Filtered] = []
    own = [text for split, rows in splits.items() if split != TRAIN for text in _texts(rows)]
    for split, rows in splits.items():
        sentences = (*held_out.sentences, *_distinct(own)) if split == TRAIN else ()
        kept.append(without_held_out(rows, HeldOut(held_out.pmids, sentences), pmids=pmids))
    dropped = sum((Counter(each.dropped) for each in kept), Counter[tuple[str, str]]())
    return Filtered(pa.concat_tables([each.rows for each in kept]), dict(dropped))


def without_held_out(rows: pa.Table, held_out: HeldOut, *, pmids: bool = True) -> Filtered:
    """Leave out the sentences of test documents and those that are held out.

    Args:
        rows: LABELLED_SENTENCES.
        held_out: What to leave out.
        pmids: Whether documents go by their PMIDs; else only sentences are compared.
    """
    of_test = of_test_documents(rows["doc_id"], held_out.pmids if pmids else frozenset())
    is_known = overlap(_texts(rows), held_out.sentences) & ~of_test
    corpora = rows["corpus"].to_pylist()
    dropped: dict[tuple[str, str], int] = defaultdict(int)
    for reason, found in ((TEST_DOCUMENT, of_test), (HELD_OUT_SENTENCE, is_known)):
        for row in np.flatnonzero(found).tolist():
            dropped[corpora[row], reason] += 1
    return Filtered(rows.filter(~(of_test | is_known)), dict(dropped))


def held_among(rows: pa.Table, held_out: HeldOut, *, pmids: bool = True) -> list[str]:
    """Sentences of train that are held out as they stand, or of a test document; none should be.

    Args:
        rows: At least the columns split, doc_id, words.
        held_out: What should be left out.
        pmids: Whether documents go by their PMIDs.
    """
    train = rows.filter(compute.equal(rows["split"], TRAIN))
    texts = _texts(train)
    of_test = of_test_documents(train["doc_id"], held_out.pmids if pmids else frozenset())
    known = set(held_out.sentences)
    found = np.array([text in known for text in texts], np.bool_) | of_test
    return [" ".join(words) for words in train.filter(found)["words"].to_pylist()]


def normalised(texts: Sequence[str]) -> pl.Series:
    """Texts in lower case, Greek letters spelled out, only letters and digits kept.

    >>> normalised(["TNF-α (10 µg)", "IL - 2 rose."]).to_list()
    ['tnfalpha10mug', 'il2rose']
    """
    return (
        pl.Series(texts, dtype=pl.String)
        .str.normalize("NFKD")
        .str.to_lowercase()
        .str.replace_many(dict(GREEK))
        .str.replace_all(r"[^\p{L}\p{Nd}]+", "")
    )


def overlap(texts: Sequence[str], others: Sequence[str]) -> NDArray[np.bool_]:
    """Whether each text is part of one of the others, or one of them a part of it.

    Texts shorter than SHORTEST are in nothing and hold nothing.

    >>> overlap(["x" * 41, "y" * 50, "x"], ["a" + "x" * 45, "x" * 40]).tolist()
    [True, False, False]
    """
    found = np.zeros(len(texts), np.bool_)
    for text, _ in _contained(texts, others):
        found[text] = True
    for _, text in _contained(others, texts):
        found[text] = True
    return found


def _contained(needles: Sequence[str], texts: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Rows of needles and of the texts that hold them.

    The first SHORTEST characters of each needle are looked up, by their hash, among all stretches
    of that length in the texts; what is found is compared as it stands.
    """
    hashes, rows, _ = _stretches(needles, first=True)
    wanted: dict[int, list[int]] = defaultdict(list)
    for key, row in zip(hashes.tolist(), rows.tolist(), strict=True):
        wanted[key].append(row)
    known = np.unique(hashes)
    for begin, end in _slices(texts) if wanted else ():
        hashes, rows, places = _stretches(texts[begin:end])
        at = np.minimum(np.searchsorted(known, hashes), len(known) - 1)
        for hit in np.flatnonzero(known[at] == hashes).tolist():
            text = begin + int(rows[hit])
            for row in wanted[int(hashes[hit])]:
                if texts[text].startswith(needles[row], int(places[hit])):
                    yield row, text


def _slices(texts: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Begin and end of runs of texts that are hashed at once: memory is for so many characters."""
    ends = np.cumsum(np.fromiter(map(len, texts), np.int64, len(texts)))
    borders = np.flatnonzero(np.diff(ends // _AT_ONCE, prepend=0)) + 1
    edges = [0, *borders.tolist(), len(texts)]
    yield from ((begin, end) for begin, end in pairwise(edges) if begin < end)


def _stretches(
    texts: Sequence[str], *, first: bool = False
) -> tuple[NDArray[np.uint64], NDArray[np.int64], NDArray[np.int64]]:
    """Hash, row and place of all stretches of SHORTEST characters, or of the first of each text.

    A hash is a polynomial of the characters modulo 2**64: that of a stretch is a difference of
    two sums, shifted to where every stretch begins alike.
    """
    sizes = np.fromiter(map(len, texts), np.int64, len(texts))
    counts = np.maximum(sizes - SHORTEST + 1, 0)
    if first:
        counts = np.minimum(counts, 1)
    n = int(sizes.sum())
    codes = np.frombuffer("".join(texts).encode("utf-32-le"), np.uint32).astype(np.uint64)
    sums = np.concatenate((np.zeros(1, np.uint64), np.cumsum(codes * _powers(_BASE, n))))
    row = np.repeat(np.arange(len(texts)), counts)
    place = np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts)
    begin = (np.cumsum(sizes) - sizes)[row] + place
    return (sums[begin + SHORTEST] - sums[begin]) * _powers(_INVERSE, n)[begin], row, place


def _powers(base: int, n: int) -> NDArray[np.uint64]:
    """base**0, base**1, ... modulo 2**64. Shape: (n,)."""
    factors = np.full(n, base, np.uint64)
    factors[:1] = 1
    return np.cumprod(factors)


def _distinct(texts: Sequence[str]) -> tuple[str, ...]:
    return tuple(sorted({text for text in texts if len(text) >= SHORTEST}))


def _texts(rows: pa.Table) -> list[str]:
    """The normalised text of each sentence."""
    words = pl.DataFrame(rows.select(["words"]))["words"]
    return normalised(words.list.join(" ").to_list()).to_list()


def of_test_documents(doc_ids: pa.ChunkedArray, pmids: frozenset[str]) -> NDArray[np.bool_]:
    """Whether each document (PMID:123, PMID-123, 123) is one of some PMIDs."""
    found = pl.Series(doc_ids, dtype=pl.String).str.extract(_PMID)
    return found.is_in(list(pmids)).fill_null(value=False).to_numpy()


def _hash(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            return file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise ConfigurationError(
            f"training: {file} cannot be opened ({error.strerror}); correct `test_pmids` or "
            "`held_out` of the catalogue."
        ) from None


def _pmids(path: Path) -> Iterator[str]:
    for number, line in enumerate(read_text(path).splitlines(), 1):
        text = line.strip()
        if text and not text.startswith("#"):
            match = re.fullmatch(_PMID, text)
            if match is None:
                raise MalformedFileError.at(path, f"{text[:60]!r} is no PMID.", line=number)
            yield match[1]


def _read(file: Path) -> list[str]:
    """The sentences of a test or devel set."""
    content = read_text(file)
    name = file.name.removesuffix(".gz")
    if name.endswith(".PubTator"):
        passages = parse_pubtator(file, content, corpus="", split="").passages
        return [
            row["text"][span["start"] : span["end"]]
            for row in passages.select(["text", "sentences"]).to_pylist()
            for span in row["sentences"]
        ]
    if name.endswith(".txt"):
        return [content[start:end] for start, end in sentence_spans(content)]
    tokens = re.sub(r"\t[^\n]*|\r", "", content)  # whatever stands behind a token
    return re.split(r"\n\s*\n", tokens)
