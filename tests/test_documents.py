"""The nouns of a text."""

from __future__ import annotations

import pickle

import pytest

from kazu_platform.documents import (
    Document,
    Link,
    Mention,
    Section,
    Span,
    content_hash,
    digest,
    mention_id,
    surface_id,
)


@pytest.mark.parametrize(("start", "end"), [(-1, 3), (3, 3), (4, 3)])
def test_what_is_no_stretch_of_text_is_no_span(start: int, end: int):
    with pytest.raises(ValueError, match=f"needs 0 <= start < end, got {start} and {end}"):
        Span(start, end)


def test_spans_are_ordered_by_where_they_stand():
    assert sorted([Span(4, 9), Span(0, 9), Span(0, 3)]) == [Span(0, 3), Span(0, 9), Span(4, 9)]


def test_the_hash_of_a_document_depends_on_names_and_texts_alone():
    document = Document("PMID:7", (Section("title", "A"), Section("abstract", "B")))

    assert document.content_hash == Document("own", document.sections).content_hash
    assert document.content_hash == content_hash([("title", "A"), ("abstract", "B")])
    assert document.content_hash == "97a96817916d547b2cfb7391"


@pytest.mark.parametrize(
    "other",
    [
        [("title", "B"), ("abstract", "A")],
        [("abstract", "B"), ("title", "A")],
        [("titleA", ""), ("abstract", "B")],
        [("title", "A"), ("abstract", "B"), ("", "")],
    ],
)
def test_another_text_has_another_hash(other: list[tuple[str, str]]):
    assert content_hash(other) != content_hash([("title", "A"), ("abstract", "B")])


def test_names_of_mentions_and_surfaces_do_not_change_between_versions():
    """They are written into lakes and curations: a change here needs a migration."""
    spans = [Span(0, 6), Span(19, 25)]

    assert mention_id("PMID:7", 1, spans, "disease") == "1110dd2dc810ce5e8d9c1d2c"
    assert surface_id("TNF-α", "gene", "") == "3d63d7258ec7058ab7748bd4"
    assert surface_id("PSA", "gene", "long:prostate-specific antigen") != surface_id(
        "PSA", "gene", ""
    )


def test_a_mention_knows_its_borders_and_its_name():
    spans = (Span(0, 6), Span(19, 25))
    mention = Mention("PMID:7", 1, 0, spans, "Breast ... cancer", "disease", "dictionary")

    assert (mention.start, mention.end) == (0, 25)
    assert mention.mention_id == mention_id("PMID:7", 1, spans, "disease")
    assert (mention.confidence, mention.links) == (None, ())


def test_the_name_of_a_mention_leaves_out_who_found_it():
    one = Mention("PMID:7", 0, 0, (Span(0, 3),), "TNF", "gene", "dictionary")
    link = Link("HGNC:11892", "HGNC", "TNF", 1, 1.0, "exact")
    other = Mention("PMID:7", 0, 2, (Span(0, 3),), "TNF", "gene", "model", 0.9, (link,))

    assert one.mention_id == other.mention_id


def test_a_hash_takes_any_string():
    assert len(digest("\ud800", "")) == 24
    assert digest("a", "b") != digest("ab") != digest("", "ab")


def test_nouns_travel_and_do_not_change():
    document = Document("PMID:7", (Section("title", "TNF"),))

    assert pickle.loads(pickle.dumps(document)) == document  # noqa: S301 - our own bytes
    with pytest.raises(AttributeError):
        document.doc_id = "PMID:8"  # pyright: ignore[reportAttributeAccessIssue]
