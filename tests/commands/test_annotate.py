"""`kazu-platform annotate`."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

Done = subprocess.CompletedProcess[str]
Run = Callable[..., Done]
TEXT = "Imatinib inhibits BCR-ABL in chronic myeloid leukaemia."
FOUND = [
    (0, 8, "Imatinib", "chemical", "CHEBI:45783"),
    (18, 21, "BCR", "gene", "HGNC:1014"),
    (22, 25, "ABL", "gene", "HGNC:76"),
    (29, 54, "chronic myeloid leukaemia", "disease", "MONDO:0011996"),
    (37, 54, "myeloid leukaemia", "disease", "MONDO:0004643"),
    (45, 54, "leukaemia", "disease", "MONDO:0005059"),
]


@pytest.fixture(scope="module")
def annotated(kazu: Run, sample_home: Path) -> Run:
    """Annotate with the indices of the materialised sample."""

    def run(*arguments: str, stdin: str | bytes = "", **settings: str) -> Done:
        return kazu("annotate", *arguments, home=sample_home, stdin=stdin, **settings)

    return run


def is_one_line(error: str) -> bool:
    return error.startswith("error: ") and error.count("\n") == 1 and error.endswith("\n")


def found_in(line: str) -> list[tuple[int, int, str, str, str | None]]:
    """Mentions of a JSON line with their best concept, each checked against its text."""
    body = json.loads(line)
    texts = [section["text"] for section in body["sections"]]
    for m in body["mentions"]:
        assert texts[m["section"]][m["start"] : m["end"]] == m["text"]
    return [
        (
            m["start"],
            m["end"],
            m["text"],
            m["entity_class"],
            m["links"][0]["concept_id"] if m["links"] else None,
        )
        for m in body["mentions"]
    ]


def test_a_table_shows_each_mention_with_its_concept(
    annotated: Run, cells: Callable[[str], list[list[str]]]
):
    done = annotated(TEXT)

    assert (done.returncode, done.stderr) == (0, "")
    header, *rows = cells(done.stdout)
    assert header == [
        "mention",
        "class",
        "concept",
        "label",
        "ontology",
        "method",
        "where",
        "others",
    ]
    assert rows[0] == [
        "Imatinib",
        "chemical",
        "CHEBI:45783",
        "imatinib",
        "CHEBI",
        "exact",
        "0-8",
        "",
    ]
    assert [(row[0], row[1], row[2]) for row in rows] == [(m[2], m[3], m[4]) for m in FOUND]


def test_jsonl_is_one_line_with_offsets_that_slice_the_text(annotated: Run):
    done = annotated(TEXT, "--format", "jsonl")

    assert done.stdout.count("\n") == 1
    assert found_in(done.stdout) == FOUND
    assert json.loads(done.stdout)["doc_id"] == "text"


def test_pubtator_comes_out_to_the_letter(annotated: Run):
    done = annotated("Imatinib inhibits BCR-ABL.", "--format", "pubtator")

    assert done.stdout == (
        "text|t|Imatinib inhibits BCR-ABL.\n"
        "text|a|\n"
        "text\t0\t8\tImatinib\tChemical\tCHEBI:45783\n"
        "text\t18\t21\tBCR\tGene\tHGNC:1014\n"
        "text\t22\t25\tABL\tGene\tHGNC:76\n"
        "\n"
    )


def test_html_escapes_what_the_text_holds(annotated: Run):
    done = annotated('<script>alert("EGFR")</script>', "--format", "html")

    assert "<script" not in done.stdout
    assert (
        '&lt;script&gt;alert(&quot;<mark class="gene" title="gene: HGNC:3236 EGFR">EGFR</mark>'
        "&quot;)&lt;/script&gt;"
    ) in done.stdout


def test_a_file_is_named_and_keeps_its_line_ends(annotated: Run, tmp_path: Path):
    path = tmp_path / "note.txt"
    path.write_bytes("Naïve to\r\nimatinib.\r\n".encode())

    done = annotated("--file", str(path), "--format", "jsonl")

    assert json.loads(done.stdout)["doc_id"] == "note.txt"
    assert found_in(done.stdout) == [(10, 18, "imatinib", "chemical", "CHEBI:45783")]


@pytest.mark.parametrize("arguments", [(), ("-",)], ids=["piped", "dash"])
def test_standard_input_is_read(annotated: Run, arguments: tuple[str, ...]):
    done = annotated(*arguments, "--format", "jsonl", stdin=TEXT)

    assert json.loads(done.stdout)["doc_id"] == "stdin"
    assert found_in(done.stdout) == FOUND


ARTICLE = f"""<article><front><article-meta><article-id pub-id-type="pmc">PMC7</article-id>
<title-group><article-title>Of leukaemia</article-title></title-group></article-meta></front>
<body><sec><title>Results</title><p>{TEXT}<sup><xref ref-type="bibr">1</xref></sup></p></sec></body>
<back><ref-list><ref><mixed-citation>Of imatinib.</mixed-citation></ref></ref-list></back></article>
"""


def mentions_of(line: str) -> list[tuple[str, str]]:
    """Section and text of each mention of a JSON line."""
    body = json.loads(line)
    found_in(line)
    return [(body["sections"][m["section"]]["name"], m["text"]) for m in body["mentions"]]


@pytest.mark.parametrize("name", ["a.nxml", "a.nxml.gz"])
def test_a_full_text_is_read_by_its_sections(annotated: Run, tmp_path: Path, name: str):
    path = tmp_path / name
    content = ARTICLE.encode()
    path.write_bytes(gzip.compress(content) if name.endswith("gz") else content)

    done = annotated("--file", str(path), "--format", "jsonl")

    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["doc_id"] == "PMC:PMC7"
    assert mentions_of(done.stdout) == [
        ("title", "leukaemia"),
        *(("Results", text) for _, _, text, _, _ in FOUND),
    ]


@pytest.mark.parametrize("form", ["bioc_xml", "bioc_json", "jsonl"])
def test_what_was_written_is_read_again(annotated: Run, form: str):
    """Mentions that the input has are passed over and found anew."""
    first = annotated("-", "--input", "jats", "--format", form, stdin=ARTICLE)

    again = annotated("-", "--input", form, "--format", form, stdin=first.stdout)

    assert (first.returncode, again.returncode, again.stderr) == (0, 0, "")
    assert first.stdout.count("MONDO:0011996") == again.stdout.count("MONDO:0011996") > 0
    assert again.stdout == first.stdout


def test_every_document_of_a_file_is_annotated(annotated: Run):
    given = "".join(
        f"{n}|t|EGFR\n{n}|a|In glioma.\n{n}\t0\t4\tEGFR\tGene\t-\n\n" for n in range(1, 40)
    )

    done = annotated("-", "--input", "pubtator", "--format", "pubtator", stdin=given)

    assert done.stdout.count("|t|EGFR\n") == 39
    assert done.stdout.count("\tEGFR\tGene\tHGNC:3236\n") == 39


def test_a_table_says_the_section_where_there_are_several(
    annotated: Run, cells: Callable[[str], list[list[str]]]
):
    done = annotated("-", "--input", "jats", stdin=ARTICLE)

    _, first, second, *_ = cells(done.stdout)
    assert (first[6], second[6]) == ("title 3-12", "Results 0-8")


def test_a_broken_input_is_one_line(annotated: Run):
    done = annotated("-", "--input", "bioc_json", stdin='[{"id": 7}]')

    assert (done.returncode, done.stdout) == (1, "")
    assert is_one_line(done.stderr)
    assert "stdin: document 1 (7) is no BioC" in done.stderr


@pytest.mark.parametrize("text", ["", " \n\t "])
def test_an_empty_text_has_no_mentions(annotated: Run, text: str):
    done = annotated(text, "--format", "jsonl")

    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == {
        "doc_id": "text",
        "sections": [{"name": "text", "text": text}],
        "mentions": [],
    }


def test_offsets_count_code_points_whatever_case_folding_does(annotated: Run):
    """U+0130 is one character that lower-cases to two; a combining mark is a character too."""
    text = "İİ 𝒳 nai\u0308ve: imatinib, EGFR"

    done = annotated(text, "--format", "jsonl")

    assert found_in(done.stdout) == [
        (13, 21, "imatinib", "chemical", "CHEBI:45783"),
        (23, 27, "EGFR", "gene", "HGNC:3236"),
    ]


def test_a_text_and_a_file_are_too_much(annotated: Run, tmp_path: Path):
    done = annotated("EGFR", "--file", str(tmp_path / "any"))

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "error: Give a text or --file, not both.\n"


def test_a_file_that_is_missing_is_named(annotated: Run, tmp_path: Path):
    for path, why in (
        (tmp_path / "no.txt", "No such file or directory"),
        (tmp_path, "Is a directory"),
    ):
        done = annotated("--file", str(path))

        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == f"error: {path} cannot be read: {why}.\n"


BINARY = b"\x1f\x8bPDF\xff\x00"


def test_a_binary_file_is_no_text(annotated: Run, tmp_path: Path):
    path = tmp_path / "paper.pdf"
    path.write_bytes(BINARY)

    done = annotated("--file", str(path))

    assert (done.returncode, done.stdout) == (1, "")
    assert is_one_line(done.stderr)
    assert "paper.pdf is not UTF-8 text: byte 1 is 0x8b" in done.stderr


def test_binary_standard_input_is_no_text(annotated: Run):
    done = annotated("-", stdin=BINARY)

    assert (done.returncode, done.stdout) == (1, "")
    assert is_one_line(done.stderr)
    assert "stdin is not UTF-8 text" in done.stderr


def test_an_argument_that_is_not_utf_8_is_no_text(annotated: Run):
    done = annotated(os.fsdecode(b"EGFR \xff"))

    assert (done.returncode, done.stdout) == (1, "")
    assert is_one_line(done.stderr)
    assert "byte 5 is 0xff" in done.stderr


def test_nothing_given_at_a_terminal_is_explained(
    program: Path, environment: Callable[..., dict[str, str]], sample_home: Path
):
    ours, theirs = os.openpty()
    try:
        done = subprocess.run(
            [program, "annotate"],
            stdin=theirs,
            capture_output=True,
            text=True,
            env=environment(sample_home),
            timeout=60,
            check=False,
        )
    finally:
        os.close(ours)
        os.close(theirs)

    assert (done.returncode, done.stdout) == (1, "")
    assert is_one_line(done.stderr)
    assert "Give a text, --file, or - for standard input" in done.stderr


def test_a_fresh_home_compiles_the_sample_once(kazu: Run, tmp_path: Path):
    home = tmp_path / "home"
    first = kazu("annotate", TEXT, "--format", "jsonl", home=home)
    made = {path: path.stat().st_mtime_ns for path in home.rglob("*") if path.is_file()}

    second = kazu("annotate", TEXT, "--format", "jsonl", home=home)

    assert first.stderr == "Compiling the embedded sample's vocabularies, once ...\n"
    assert found_in(first.stdout) == FOUND
    assert (second.returncode, second.stderr) == (0, "")
    assert second.stdout == first.stdout
    assert made
    assert made == {path: path.stat().st_mtime_ns for path in home.rglob("*") if path.is_file()}


def test_an_own_catalogue_that_was_not_materialised_says_what_to_run(kazu: Run, tmp_path: Path):
    catalogue = tmp_path / "own.yaml"
    catalogue.write_text("name: own\n", "utf-8")

    done = kazu("annotate", TEXT, home=tmp_path / "home", KAZU_SOURCES=str(catalogue))

    assert (done.returncode, done.stdout) == (1, "")
    assert is_one_line(done.stderr)
    assert "dictionary" in done.stderr
    assert "materialise" in done.stderr


def test_a_reader_that_goes_away_leaves_no_traceback(
    program: Path, environment: Callable[..., dict[str, str]], sample_home: Path
):
    text = f"{TEXT} " * 4_000
    command = f"'{program}' annotate - --format jsonl | head -c 1"

    done = subprocess.run(
        ["sh", "-c", command],
        input=text,
        capture_output=True,
        text=True,
        env=environment(sample_home),
        timeout=60,
        check=False,
    )

    assert (done.stdout, done.stderr) == ("{", "")
