"""Texts without labels, as the passages that detectors and language models read."""

from __future__ import annotations

import json
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from kazu_platform.arrow import runs
from kazu_platform.citations.passages import passages, split_into_sentences
from kazu_platform.citations.rows import sections_array
from kazu_platform.documents import content_hash
from kazu_platform.errors import MalformedFileError
from kazu_platform.ontologies.files import open_source
from kazu_platform.tables import LABELLED_SENTENCES
from kazu_platform.training.filters import (
    HELD_OUT_SENTENCE,
    TEST_DOCUMENT,
    normalised,
    of_test_documents,
    overlap,
)
from kazu_platform.training.labelling import About, Marks, labelled_passages

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from kazu_platform.training.filters import HeldOut

    Text = tuple[str, list[tuple[str, str]]]

TITLE, BODY = "title", "text"
UNLABELLED: Final = "unlabelled"
"""The corpus of sentences that nobody marked, and their origin."""
TEXTS_VERSION: Final = "2"
"""Changes when the same files give other texts."""
_AT_ONCE: Final = 5_000
_TEXTS: Final = pa.schema([("source", pa.string()), ("doc_id", pa.string()), ("text", pa.string())])


def read_texts(path: Path, form: str) -> Iterator[pa.Table]:
    """The documents of a file, plain or gzipped, some thousands at a time (PASSAGES).

    A document goes by its PMID (`PMID:123`), else by its `id`, else by file and line.

    Args:
        path: The file.
        form: jsonl (objects with `text` and maybe `title`, `pmid`, `id`), or lines (a text a line).

    Raises:
        SourceError: it cannot be opened.
        MalformedFileError: names the line that is none.
    """
    with open_source(path) as stream:
        documents = _documents(stream, path, form)
        while batch := list(islice(documents, _AT_ONCE)):
            table = _sectioned([name for name, _ in batch], [each for _, each in batch])
            yield passages(table, split_into_sentences(table))


def texts_without_held_out(
    files: Sequence[tuple[str, Path, str]], held_out: HeldOut
) -> tuple[pa.Table, dict[str, int]]:
    """Texts to learn the language from: no test document, and none with a held-out sentence.

    A student learns what its teacher says of them, so that devel figures would be too good.

    Args:
        files: Name of the source, its file and its format (`read_texts`).
        held_out: What to leave out.

    Returns:
        The columns source, doc_id and text, a row for each title and body, and how many rows were
        left out for which reason.

    Raises:
        SourceError: a file cannot be opened.
        MalformedFileError: names the line that is no text.
    """
    kept = [_TEXTS.empty_table()]
    dropped: dict[str, int] = {TEST_DOCUMENT: 0, HELD_OUT_SENTENCE: 0}
    for source, path, form in files:
        for rows in read_texts(path, form):
            of_test = of_test_documents(rows["doc_id"], held_out.pmids)
            is_known = _of_held_out(rows, held_out) & ~of_test
            dropped[TEST_DOCUMENT] += int(of_test.sum())
            dropped[HELD_OUT_SENTENCE] += int(is_known.sum())
            left = rows.filter(~(of_test | is_known))
            names = pa.array(np.full(left.num_rows, source, object), pa.string())
            columns = [names, left["doc_id"].cast(pa.string()), left["text"].cast(pa.string())]
            kept.append(pa.Table.from_arrays(columns, schema=_TEXTS))
    return pa.concat_tables(kept), dropped


def unlabelled_sentences(texts: Sequence[str], n: int, *, seed: int) -> pa.Table:
    """Sentences of some of the texts, as rows of LABELLED_SENTENCES that say nothing.

    Args:
        texts: To draw from.
        n: How many sentences, or all that there are.
        seed: The same texts for the same seed.
    """
    order: list[int] = np.random.default_rng(seed).permutation(len(texts)).tolist()
    parts, n_found = [LABELLED_SENTENCES.empty()], 0
    for start in range(0, len(order), _AT_ONCE):
        if n_found >= n:
            break
        some = order[start : start + _AT_ONCE]
        sections = [[(BODY, texts[place])] for place in some]
        table = _sectioned([f"{UNLABELLED}:{place}" for place in some], sections)
        found = passages(table, split_into_sentences(table))
        about = About(UNLABELLED, "train", (), UNLABELLED)
        rows = labelled_passages(found, found["doc_id"].combine_chunks(), Marks.none(), about)
        parts.append(rows)
        n_found += rows.num_rows
    return pa.concat_tables(parts).slice(0, n)


def _sectioned(ids: Sequence[str], sections: Sequence[Sequence[tuple[str, str]]]) -> pa.Table:
    """Documents as `passages` reads them."""
    return pa.table(
        {
            "doc_id": list(ids),
            "content_hash": [content_hash(each) for each in sections],
            "sections": sections_array(sections),
        }
    )


def _of_held_out(rows: pa.Table, held_out: HeldOut) -> NDArray[np.bool_]:
    """Whether each text is of a document that has a sentence that is held out."""
    found = overlap(normalised(rows["text"].to_pylist()).to_list(), held_out.sentences)
    return np.isin(runs(rows, ["doc_id"]), runs(rows, ["doc_id"])[found])


def _documents(lines: Iterator[bytes], path: Path, form: str) -> Iterator[Text]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            text = line.decode("utf-8-sig").strip()
            body: dict[str, Any] = json.loads(text) if form == "jsonl" else {BODY: text}
            sections = [(name, str(body[name])) for name in (TITLE, BODY) if body.get(name)]
        except (ValueError, RecursionError, LookupError, AttributeError, TypeError) as error:
            problem = f"no text ({error}); each line should be one."
            raise MalformedFileError.at(path, problem, line=number) from None
        pmid, own = body.get("pmid"), body.get("id")
        name = f"PMID:{pmid}" if pmid else str(own) if own else f"{path.name}:{number}"
        if sections:
            yield name, sections
