"""The dictionary detector against a matcher that is slow and obvious."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kazu_platform.ner.compile import build_dictionary_index
from kazu_platform.ner.dictionary import DictionaryDetector
from kazu_platform.ner.dictionary_index import open_dictionary_index
from kazu_platform.ner.names import MAX_CAPITALS, MAX_TIGHT
from kazu_platform.ner.scan import _lookalikes
from kazu_platform.text.fold import fold, fold_keep_case, is_word
from kazu_platform.text.spellings import GREEK

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pyarrow as pa

Name = tuple[str, str, bool]

ODD = "aAbB12² -‑'’\u0301αΑσςİıßſµμé\t\n\x01\x02\u00a0()\U0001d6fc\U0010ffff"
# No surrogates: Arrow's strings are UTF-8.
DIGITS = "0123456789"
LOOKALIKES = {chr(point): chr(plain) for point, plain in _lookalikes()}
CHARACTERS = st.sampled_from(ODD) | st.characters(exclude_categories=["Cs"])
TEXTS = st.text(CHARACTERS, max_size=40)


@st.composite
def vocabularies(draw: st.DrawFn) -> tuple[list[str], list[Name]]:
    """Texts, and names of which many stand there in some form."""
    texts = draw(st.lists(TEXTS, min_size=1, max_size=4))
    names: list[Name] = []
    for _ in range(draw(st.integers(0, 12))):
        text = draw(st.sampled_from(texts))
        start = draw(st.integers(0, len(text)))
        end = draw(st.integers(start, min(len(text), start + 8)))
        name = draw(st.just(text[start:end]) | st.text(CHARACTERS, max_size=4))
        name = draw(st.sampled_from([name, name.upper(), name.lower(), name.replace(" ", "\n ")]))
        names.append((name, draw(st.sampled_from(["gene", "disease"])), draw(st.booleans())))
    return texts, names


def tokens(text: str) -> list[tuple[str, str]]:
    """Tokens with the gap before each, one character at a time."""
    found: list[tuple[str, str]] = []
    gap, last = "", ""
    for character in text:
        plain = LOOKALIKES.get(character, character)
        folded = fold(plain)
        if folded in " -":
            gap = "-" if "-" in (folded, gap) else " "
            last = ""
            continue
        kept = fold_keep_case(plain) if plain.isascii() else folded
        if folded in GREEK:
            found.append((GREEK[folded], gap))
            kind = ""
        elif folded in DIGITS:
            kind = "digit"
        elif folded.isascii() and not folded.isalpha():
            kind = ""
        else:
            kind = "letter" if is_word(folded) else ""
        if folded not in GREEK:
            if kind and kind == last:
                found[-1] = (found[-1][0] + kept, found[-1][1])
            else:
                found.append((kept, gap))
        gap, last = "", kind
    return found


def alike(text: str, name: str, *, case_sensitive: bool) -> bool:
    """Whether a stretch of text is a spelling of a name."""
    here, wanted = tokens(text), tokens(name)
    words = [
        [token if case_sensitive else fold(token) for token, _ in side] for side in (here, wanted)
    ]
    size = sum(len(token) for token, _ in wanted)
    loose = [
        there == "" and found == " "
        for (_, found), (_, there) in zip(here[1:], wanted[1:], strict=False)
    ]
    word = "".join(token for token, _ in wanted)
    short = len(wanted) == 1 and word.isascii() and word.isalpha() and len(word) <= MAX_CAPITALS
    short = short and not word.isupper()
    capitals = not any("a" <= character <= "z" for token, _ in here for character in token)
    return (
        words[0] == words[1]
        and not (size <= MAX_TIGHT and any(loose))
        and not (short and capitals and not case_sensitive)
    )


def obvious(text: str, names: Sequence[Name]) -> set[tuple[int, int, str]]:
    """Every name at every pair of borders."""
    borders = [
        i
        for i in range(len(text) + 1)
        if i in (0, len(text)) or not (is_word(text[i - 1]) and is_word(text[i]))
    ]
    return {
        (start, end, entity_class)
        for start in borders
        for end in borders
        if start < end and fold(text[start]) not in " -" and fold(text[end - 1]) not in " -"
        for name, entity_class, case_sensitive in names
        if any(is_word(character) for character in name)
        and alike(text[start:end], name, case_sensitive=case_sensitive)
    }


@settings(max_examples=250, deadline=None)
@given(given_case=vocabularies())
def test_it_finds_what_an_obvious_matcher_finds(given_case: tuple[list[str], list[Name]]):
    texts, names = given_case
    synonyms, passages = _tables(names, texts)

    with tempfile.TemporaryDirectory() as folder:
        build_dictionary_index(synonyms, Path(folder) / "index")
        index = open_dictionary_index(Path(folder) / "index")
        few = DictionaryDetector(index).detect(passages)
        assert index._everything is None
        index.matches = index.matches_by_everything
        all_at_once = DictionaryDetector(index).detect(passages)

    assert few.equals(all_at_once)
    rows = list(
        zip(
            *(few[name].to_pylist() for name in ("doc_id", "start", "end", "entity_class")),
            strict=True,
        )
    )
    assert rows == sorted(
        (f"{number}", *mention)
        for number, text in enumerate(texts)
        for mention in obvious(text, names)
    )
    for doc_id, start, end, text in zip(
        *(few[name].to_pylist() for name in ("doc_id", "start", "end", "text")), strict=True
    ):
        assert texts[int(doc_id)][start:end] == text


@settings(deadline=None)
@given(given_case=vocabularies(), window=st.integers(2, 25))
def test_a_long_text_in_windows_gives_what_it_gives_at_once(
    given_case: tuple[list[str], list[Name]], window: int
):
    texts, names = given_case
    synonyms, passages = _tables(names, [*texts, " ".join(texts)])

    with tempfile.TemporaryDirectory() as folder:
        build_dictionary_index(synonyms, Path(folder) / "index")
        index = open_dictionary_index(Path(folder) / "index")
        at_once = DictionaryDetector(index).detect(passages)
        in_windows = DictionaryDetector(index, window=window).detect(passages)

    assert in_windows.equals(at_once)


def _tables(names: Sequence[Name], texts: Sequence[str]) -> tuple[pa.Table, pa.Table]:
    import pyarrow as pa

    from kazu_platform.tables import PASSAGES

    synonyms = pa.table(
        {
            "ontology": pa.array(["TEST" for _ in names], pa.string()),
            "name": pa.array([name[0] for name in names], pa.string()),
            "entity_class": pa.array([name[1] for name in names], pa.string()),
            "case_sensitive": pa.array([name[2] for name in names], pa.bool_()),
            "in_context": pa.array([False for _ in names], pa.bool_()),
            "active": pa.array([True for _ in names], pa.bool_()),
        }
    )
    passages = PASSAGES.from_rows(
        [
            {
                "doc_id": f"{number}",
                "content_hash": "",
                "section": 0,
                "name": "",
                "text": text,
                "sentences": [],
            }
            for number, text in enumerate(texts)
        ]
    )
    return synonyms, passages


@pytest.mark.parametrize("path", ["matches_by_candidates", "matches_by_everything"])
def test_both_paths_find_a_name_by_its_rarest_token(
    path: str,
    detector: Callable[[Sequence[tuple[Any, ...]]], DictionaryDetector],
    passages: Callable[..., pa.Table],
):
    names = detector(
        [(f"{kind} receptor {number}", "gene") for kind in ("alpha", "α") for number in range(40)]
        + [("receptor", "gene"), ("receptor receptor", "gene")]
    )
    names.index.matches = getattr(names.index, path)

    mentions = names.detect(passages("α receptor 7 receptor receptor"))

    assert mentions["text"].to_pylist() == [
        "α receptor 7",
        "receptor",
        "receptor",
        "receptor receptor",
        "receptor",
    ]


def test_tokens_that_share_a_key_bring_their_names_once(
    detector: Callable[[Sequence[tuple[Any, ...]]], DictionaryDetector],
    passages: Callable[..., pa.Table],
):
    # CRC-32 of both words is 0x4DDB0C25.
    names = detector([("plumless", "gene"), ("buckeroo", "gene")])

    mentions = names.detect(passages("plumless and buckeroo"))

    assert mentions["text"].to_pylist() == ["plumless", "buckeroo"]
