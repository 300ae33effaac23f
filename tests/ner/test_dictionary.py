"""The dictionary detector, on text as people write it."""

from __future__ import annotations

import pickle
import threading
from typing import TYPE_CHECKING, Any

from kazu_platform.documents import Span, mention_id
from kazu_platform.tables import DICTIONARY_MENTIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pyarrow as pa

    from kazu_platform.ner.dictionary import DictionaryDetector

    Detectors = Callable[[Sequence[tuple[Any, ...]]], DictionaryDetector]
    Passages = Callable[..., pa.Table]


def found(mentions: pa.Table) -> list[tuple[int, int, str, str]]:
    columns = (mentions[name].to_pylist() for name in ("start", "end", "text", "entity_class"))
    return list(zip(*columns, strict=True))


def test_nested_mentions_are_kept(detector: Detectors, passages: Passages):
    names = detector([("breast cancer", "disease"), ("cancer", "disease"), ("breast", "anatomy")])

    mentions = names.detect(passages("Familial breast cancer."))

    assert found(mentions) == [
        (9, 15, "breast", "anatomy"),
        (9, 22, "breast cancer", "disease"),
        (16, 22, "cancer", "disease"),
    ]


def test_overlapping_mentions_are_kept(detector: Detectors, passages: Passages):
    names = detector([("non small cell", "disease"), ("small cell lung cancer", "disease")])

    assert found(names.detect(passages("non small cell lung cancer"))) == [
        (0, 14, "non small cell", "disease"),
        (4, 26, "small cell lung cancer", "disease"),
    ]


def test_a_name_of_several_classes_is_a_mention_of_each(detector: Detectors, passages: Passages):
    names = detector([("glucagon", "gene"), ("Glucagon", "chemical"), ("GLUCAGON", "chemical")])

    assert found(names.detect(passages("serum glucagon"))) == [
        (6, 14, "glucagon", "chemical"),
        (6, 14, "glucagon", "gene"),
    ]


def test_brackets_and_slashes_part_mentions(detector: Detectors, passages: Passages):
    names = detector([(name, "gene") for name in ("EGFR", "ERBB1", "COX-1", "COX-2", "COX")])

    assert found(names.detect(passages("EGFR(ErbB1), COX-1/COX-2"))) == [
        (0, 4, "EGFR", "gene"),
        (5, 10, "ErbB1", "gene"),
        (13, 16, "COX", "gene"),
        (13, 18, "COX-1", "gene"),
        (19, 22, "COX", "gene"),
        (19, 24, "COX-2", "gene"),
    ]


def test_a_match_stays_within_token_borders(detector: Detectors, passages: Passages):
    names = detector([("was", "gene"), ("p5", "gene"), ("IL", "gene"), ("cafe", "chemical")])

    # A change from letters to digits is no border, nor is a letter and its accent.
    assert found(names.detect(passages("washed p53, IL2, cafe\u0301 and coil"))) == []


def test_greek_and_typographic_characters_match(detector: Detectors, passages: Passages):
    names = detector([("TNF-α", "gene"), ("5'-nucleotidase", "gene"), ("ΙΙς", "gene")])

    assert found(names.detect(passages("TNF‑Α, 5′–nucleotidase; ΙΙΣ, TNF-β"))) == [
        (0, 5, "TNF‑Α", "gene"),
        (7, 22, "5′–nucleotidase", "gene"),
        (24, 27, "ΙΙΣ", "gene"),
    ]


def test_offsets_hold_behind_characters_whose_lower_case_is_longer(
    detector: Detectors, passages: Passages
):
    names = detector([("EGFR", "gene"), ("lung", "anatomy")])
    text = "İİİ EGFR 𝛼 lung ŉ EGFR"

    mentions = found(names.detect(passages(text)))

    assert mentions == [
        (4, 8, "EGFR", "gene"),
        (11, 15, "lung", "anatomy"),
        (18, 22, "EGFR", "gene"),
    ]
    assert [text[start:end] for start, end, _, _ in mentions] == ["EGFR", "lung", "EGFR"]


def test_other_letters_that_share_a_byte_do_not_match(detector: Detectors, passages: Passages):
    names = detector([("α-тест", "gene")])
    others = "".join(chr(point) for point in range(0x80, 0x3000))

    mentions = names.detect(passages(" ".join(f"{c}-тест" for c in others)))

    assert {text[0] for _, _, text, _ in found(mentions)} == {"α", "Α", "ɑ", "Ɑ"}


def test_a_gap_of_a_name_may_be_any_white_space_a_hyphen_or_none(
    detector: Detectors, passages: Passages
):
    names = detector([("type 2\tdiabetes", "disease")])

    assert found(names.detect(passages("in  type\n 2 \u00a0\r\ndiabetes .", "type2diabetes"))) == [
        (4, 23, "type\n 2 \u00a0\r\ndiabetes", "disease"),
        (0, 13, "type2diabetes", "disease"),
    ]


def test_a_case_sensitive_name_stands_in_its_case(detector: Detectors, passages: Passages):
    names = detector(
        [("WAS", "gene", True), ("Cat", "gene", True), ("CAT", "gene", True), ("cat", "species")]
    )

    assert found(names.detect(passages("WAS was Was, CAT cat"))) == [
        (0, 3, "WAS", "gene"),
        (13, 16, "CAT", "gene"),
        (17, 20, "cat", "species"),
    ]


def test_a_case_sensitive_name_may_be_folded_otherwise(detector: Detectors, passages: Passages):
    names = detector([("TGF-β  R", "gene", True)])

    assert found(names.detect(passages("TGF‑β\nR, tgf-β R, TGF-Β R"))) == [
        (0, 7, "TGF‑β\nR", "gene"),
        (18, 25, "TGF-Β R", "gene"),
    ]


def test_spellings_of_a_name_are_one_name(detector: Detectors, passages: Passages):
    names = detector([("COX-2", "gene", True), ("TNFα", "gene", True), ("HEK293", "cell_line")])

    texts = [
        text
        for _, _, text, _ in found(
            names.detect(
                passages(
                    "COX2, COX 2, COX - 2; cox2; TNF-alpha, TNF α, TNF-A; HEK-293, hek 293, HEK293T"
                )
            )
        )
    ]

    assert texts == [
        "COX2", "COX 2", "COX - 2", "TNF-alpha", "TNF α", "HEK-293", "hek 293",
    ]  # fmt: skip


def test_a_short_word_is_not_matched_in_capitals(detector: Detectors, passages: Passages):
    names = detector([("cat", "species"), ("Rat", "species"), ("mouse", "species")])

    texts = [text for _, _, text, _ in found(names.detect(passages("CAT Cat cat RAT rat MOUSE")))]

    assert texts == ["Cat", "cat", "rat", "MOUSE"]


def test_a_name_that_needs_a_context_has_it_once_in_its_document(
    detector: Detectors, passages: Passages
):
    names = detector([("S2", "cell_line", True, True), ("HeLa", "cell_line", True)])

    mentions = names.detect(
        passages("S2 was toxic to HeLa.", "S2 cells grew; then S-2 died. S2 it was.")
    )

    assert [text for _, _, text, _ in found(mentions)] == ["HeLa", "S2", "S-2", "S2"]
    assert mentions["doc_id"].to_pylist() == ["PMID:0", "PMID:1", "PMID:1", "PMID:1"]


def test_the_context_of_a_name_is_that_of_its_class(detector: Detectors, passages: Passages):
    names = detector([("S2", "cell_line", True, True), ("S2", "gene", True, True)])

    mentions = names.detect(passages("S2 cells grew."))

    assert mentions["entity_class"].to_pylist() == ["cell_line"]


def test_a_short_symbol_is_not_two_words(detector: Detectors, passages: Passages):
    names = detector([("A2", "gene", True), ("T 3", "chemical", True)])

    texts = [
        text
        for _, _, text, _ in found(names.detect(passages("group A 2, A2, A-2, A - 2, T3, T 3")))
    ]

    assert texts == ["A2", "A-2", "A - 2", "T3", "T 3"]


def test_no_match_crosses_passages(detector: Detectors, passages: Passages):
    names = detector([("breast cancer", "disease"), ("cancer", "disease")])

    mentions = names.detect(passages("", "the breast ", "cancer", "", " cancer breast", "cancer"))

    assert mentions["doc_id"].to_pylist() == ["PMID:2", "PMID:4", "PMID:5"]
    assert mentions["start"].to_pylist() == [0, 1, 0]


def test_a_mention_knows_the_sentence_it_starts_in(detector: Detectors, passages: Passages):
    names = detector([("EGFR", "gene"), ("cancer. EGFR", "gene")])
    text = "We studied cancer. EGFR was mutated. No KRAS.  Then EGFR."

    mentions = names.detect(passages("EGFR binds. EGFR is bound.", text))

    assert list(
        zip(mentions["doc_id"].to_pylist(), mentions["sentence"].to_pylist(), strict=True)
    ) == [("PMID:0", 0), ("PMID:0", 1), ("PMID:1", 0), ("PMID:1", 1), ("PMID:1", 3)]


def test_a_row_is_complete(detector: Detectors, passages: Passages):
    names = detector([("EGFR", "gene")])

    mentions = names.detect(passages("An EGFR."))

    assert mentions.schema == DICTIONARY_MENTIONS.schema
    assert mentions.to_pylist() == [
        {
            "mention_id": mention_id("PMID:0", 0, [Span(3, 7)], "gene"),
            "doc_id": "PMID:0",
            "content_hash": "hash0",
            "section": 0,
            "sentence": 0,
            "start": 3,
            "end": 7,
            "spans": [{"start": 3, "end": 7}],
            "text": "EGFR",
            "entity_class": "gene",
            "confidence": None,
            "detector": "dictionary",
            "detector_version": names.version,
        }
    ]


def test_nothing_to_read_gives_no_rows(detector: Detectors, passages: Passages):
    assert detector([("EGFR", "gene")]).detect(passages()).schema == DICTIONARY_MENTIONS.schema
    assert detector([("EGFR", "gene")]).detect(passages("", " ")).num_rows == 0
    assert detector([]).detect(passages("EGFR")).num_rows == 0


def test_many_passages_are_read_in_chunks(detector: Detectors, passages: Passages):
    names = detector([("EGFR", "gene"), ("breast cancer", "disease")])
    texts = [f"{'x ' * (997 * (n % 7))}EGFR in breast  cancer {n}" for n in range(200)]

    mentions = names.detect(passages(*texts))

    assert mentions["doc_id"].to_pylist() == [f"PMID:{n}" for n in range(200) for _ in range(2)]
    assert mentions["start"].to_pylist() == [
        997 * (n % 7) * 2 + offset for n in range(200) for offset in (0, 8)
    ]


def test_a_detector_travels_to_a_worker_and_serves_threads(detector: Detectors, passages: Passages):
    names = detector([("EGFR", "gene")])
    copy = pickle.loads(pickle.dumps(names))  # noqa: S301 - our own bytes
    text = passages("EGFR " * 60_000)
    counts: list[int] = []

    threads = [
        threading.Thread(target=lambda: counts.append(copy.detect(text).num_rows)) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert counts == [60_000] * 4
    assert copy.version == names.version


def test_a_name_far_behind_its_context_in_a_long_document_counts(
    detector: Detectors, passages: Passages
):
    """The head word stands in one window, the bare symbol in another."""
    names = detector([("P19", "cell_line", True, True)])
    far = "P19 cells were grown. " + "Nothing to see here. " * 50 + "Then P19 died."
    in_windows = type(names)(names.index, window=100)

    assert found(in_windows.detect(passages(far))) == [
        (0, 3, "P19", "cell_line"),
        (far.rindex("P19"), far.rindex("P19") + 3, "P19", "cell_line"),
    ]


def test_blanks_of_any_number_within_a_name_do_not_end_at_a_window(
    detector: Detectors, passages: Passages
):
    names = detector([("breast cancer", "disease")])
    text = "breast" + " " * 5_000 + "cancer"
    in_windows = type(names)(names.index, window=7)

    assert found(in_windows.detect(passages(text))) == [(0, len(text), text, "disease")]
