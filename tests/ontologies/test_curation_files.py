"""What people write, and what somebody might send: rows, places, and one error for all problems."""

from __future__ import annotations

import time
from datetime import date
from typing import TYPE_CHECKING

import pytest

from kazu_platform.errors import InvalidCurationsError
from kazu_platform.ontologies.curation_files import MAX_BYTES, MAX_CELL
from kazu_platform.ontologies.curations import read_curations
from kazu_platform.settings import OntologySource

if TYPE_CHECKING:
    from pathlib import Path

TODAY = date(2026, 6, 1)
HEADER = "action,name,concept_id,author,reason,decided_on,state"
ROW = "drop,WAS,HGNC:12731,team,word,2026-01-01,approved"
BLOCK = """\
- action: drop
  name: WAS
  concept_id: HGNC:12731
  author: team
  reason: word
  decided_on: 2026-01-01
  state: approved
"""
LAUGHS = """\
a: &a [ha, ha, ha, ha, ha, ha, ha, ha, ha, ha]
b: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a, *a]
c: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b, *b]
"""
HGNC = OntologySource(
    name="HGNC",
    entity_class="gene",
    url="hgnc.tsv",
    format="obo",
    licence="CC0-1.0",
    homepage="https://www.genenames.org",
    id_prefixes=("HGNC",),
)  # pyright: ignore[reportCallIssue]


def read(folder: Path, name: str, content: str | bytes) -> list[dict[str, object]]:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    rows = read_curations(path, today=TODAY).to_pylist()
    return sorted(rows, key=lambda row: row["place"])


def error_of(folder: Path, name: str, content: str | bytes) -> list[str]:
    """The lines of what reading this file says, without its folder."""
    with pytest.raises(InvalidCurationsError) as caught:
        read(folder, name, content)
    return str(caught.value).replace(f"{folder}/", "").splitlines()


def errors_of_row(folder: Path, **values: str) -> list[str]:
    """What is wrong with one block, which is right but for these values; empty takes a key out."""
    right = {
        "action": "drop",
        "name": "WAS",
        "author": "team",
        "reason": "word",
        "decided_on": "2026-01-01",
        "state": "approved",
    }
    lines = [f"{key}: {value}" for key, value in (right | values).items() if value]
    return [
        line.removeprefix("c.yaml, item 1 (line 1): ")
        for line in error_of(folder, "c.yaml", "- " + "\n  ".join(lines) + "\n")
    ]


def test_yaml_and_csv_say_the_same(tmp_path: Path):
    [block] = read(tmp_path, "c.yaml", BLOCK)
    [row] = read(tmp_path, "c.csv", f"{HEADER}\n{ROW}\n")

    assert block | {"place": ""} == row | {"place": ""}
    assert (block["place"], row["place"]) == ("item 1 (line 1)", "line 2")
    assert row == {
        "curation_id": row["curation_id"],
        "action": "drop",
        "concept_id": "HGNC:12731",
        "name": "WAS",
        "entity_class": None,
        "ontology": None,
        "case_sensitive": None,
        "scope": None,
        "author": "team",
        "reason": "word",
        "decided_on": date(2026, 1, 1),
        "expires_on": None,
        "state": "approved",
        "effect": "in_force",
        "detail": None,
        "n_changed": None,
        "place": "line 2",
    }


@pytest.mark.parametrize("name", ["NO", "yes", "1e3", "0x1F", "2026-01-01", "12:30", "'null'"])
def test_yaml_makes_no_other_value_of_a_name(tmp_path: Path, name: str):
    [row] = read(tmp_path, "c.yaml", BLOCK.replace("name: WAS", f"name: {name}"))

    assert row["name"] == name.strip("'")


def test_the_id_depends_on_what_was_decided_and_on_nothing_else(tmp_path: Path):
    [first] = read(tmp_path, "c.yaml", BLOCK)
    [reworded] = read(tmp_path, "c.yaml", BLOCK.replace("reason: word", "reason: an English word"))
    [another] = read(tmp_path, "c.yaml", BLOCK.replace("name: WAS", "name: IMD2"))

    assert first["curation_id"] == reworded["curation_id"] != another["curation_id"]


@pytest.mark.parametrize("name", ["c.yaml", "c.csv"])
def test_marks_and_line_ends_of_windows_are_read(tmp_path: Path, name: str):
    text = BLOCK if name == "c.yaml" else f"{HEADER}\n{ROW}\n"

    [row] = read(tmp_path, name, b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())

    assert (row["name"], row["state"]) == ("WAS", "approved")


def test_a_quoted_cell_may_span_lines_and_rows_keep_their_first_line(tmp_path: Path):
    long = ROW.replace("word", '"a\nword"')
    text = f"{HEADER}\n{long}\n\n{ROW.replace('WAS', 'IMD2')}\n"

    rows = read(tmp_path, "c.csv", text)

    assert [(row["place"], row["name"], row["reason"]) for row in rows] == [
        ("line 2", "WAS", "a word"),
        ("line 5", "IMD2", "word"),
    ]


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "[]\n", "---\n"])
def test_a_list_without_a_decision_is_none(tmp_path: Path, text: str):
    assert read(tmp_path, "c.yaml", text) == []


def test_all_problems_are_said_at_once_in_the_order_of_the_file(tmp_path: Path):
    text = (
        "- {action: dorp, name: x, author: a, reason: r, decided_on: 2026-13-01, state: aproved}\n"
        "- just a text\n"
        "- {action: prefer, name: x, enttiy_class: gene, author: a, reason: r, "
        "decided_on: 2026-01-01, state: approved}\n"
    )

    assert error_of(tmp_path, "c.yaml", text) == [
        "c.yaml, item 1 (line 1): action: there is no 'dorp'; did you mean 'drop'?",
        "c.yaml, item 1 (line 1): state: there is no 'aproved'; did you mean 'approved'?",
        "c.yaml, item 1 (line 1): decided_on: '2026-13-01' is no date; write it as 2026-01-31.",
        "c.yaml, item 2 (line 2): is no block of keys; write every decision out, `- action: ...`.",
        "c.yaml, item 3 (line 3): there is no key 'enttiy_class'; did you mean 'entity_class'?",
        "c.yaml, item 3 (line 3): entity_class is missing; prefer needs it.",
        "c.yaml, item 3 (line 3): concept_id is missing; prefer needs it.",
    ]


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ({"author": ""}, "author is missing; every decision needs it."),
        ({"name": ""}, "name is missing; every decision needs it."),
        ({"action": "add"}, "concept_id is missing; add needs it."),
        ({"action": "case"}, "case_sensitive is missing; case needs it."),
        ({"action": "ignore"}, "entity_class is missing; ignore needs it."),
        (
            {"action": "ignore", "entity_class": "gene", "concept_id": "HGNC:5"},
            "ignore has no concept_id: ignore is about every concept of a class; use drop for one.",
        ),
        ({"scope": "exact"}, "drop has no scope: only add has one."),
        ({"case_sensitive": "true"}, "drop has no case_sensitive: set it with action case."),
        ({"entity_class": "genes"}, "entity_class: there is no 'genes'; did you mean 'gene'?"),
        (
            {"action": "add", "concept_id": "HGNC:5", "scope": "exakt"},
            "scope: there is no 'exakt'; did you mean 'exact'?",
        ),
        (
            {"action": "case", "case_sensitive": "maybe"},
            "case_sensitive: there is no 'maybe'; there is true, false.",
        ),
        (
            {"concept_id": "12731"},
            "concept_id: '12731' is no CURIE; write it as MONDO:0005148.",
        ),
        (
            {"expires_on": "2026-02-30"},
            "expires_on: '2026-02-30' is no date; write it as 2026-01-31.",
        ),
        ({"expires_on": "2025-12-31"}, "expires_on 2025-12-31 lies before decided_on 2026-01-01."),
    ],
)
def test_an_error_says_what_to_do(tmp_path: Path, values: dict[str, str], error: str):
    assert errors_of_row(tmp_path, **values) == [error]


def test_ontologies_are_those_of_the_catalogue(tmp_path: Path):
    path = tmp_path / "c.csv"
    path.write_text(
        f"{HEADER},ontology,entity_class\n{ROW},HGCN,\n{ROW.replace('WAS', 'IMD2')},HGNC,disease\n",
        "utf-8",
    )

    with pytest.raises(InvalidCurationsError) as caught:
        read_curations(path, today=TODAY, ontologies=[HGNC], called="ours.csv")

    assert str(caught.value).splitlines() == [
        "ours.csv, line 2: ontology: the catalogue has no 'HGCN'; did you mean 'HGNC'?",
        "ours.csv, line 3: HGNC is an ontology of class gene, not disease; leave one of them out.",
    ]


def test_the_class_follows_from_the_concept(tmp_path: Path):
    path = tmp_path / "c.yaml"
    path.write_text(BLOCK, "utf-8")

    [row] = read_curations(path, today=TODAY, ontologies=[HGNC]).to_pylist()

    assert row["entity_class"] == "gene"


def test_the_same_decision_twice_is_an_error(tmp_path: Path):
    assert error_of(tmp_path, "c.yaml", BLOCK + BLOCK.replace("word", "again")) == [
        "c.yaml, item 2 (line 8): drop 'WAS' stands at item 1 (line 1) already; keep one of them."
    ]


def test_a_key_twice_is_an_error(tmp_path: Path):
    [error] = error_of(tmp_path, "c.yaml", BLOCK + "  name: IMD2\n")

    assert error == "c.yaml, item 1 (line 1): name stands there twice; keep one."


@pytest.mark.parametrize(
    ("name", "content", "error"),
    [
        ("c.txt", ROW, "c.txt: curations are YAML or CSV; name the file .yaml, .yml or .csv."),
        (
            "c.csv",
            f"{HEADER}\n{ROW}\n".encode().replace(b"word", b"w\xf6rd"),
            "c.csv, line 2: is not UTF-8 (byte 0xf6); save the file as UTF-8.",
        ),
        ("c.csv", f'{HEADER}\n{ROW},"open', "c.csv, line 2: is no CSV: unexpected end of data."),
        (
            "c.csv",
            f"{HEADER}\n{ROW},too,many\n",
            "c.csv, line 2: has 9 cells, the header 7; quote cells with commas.",
        ),
        (
            "c.csv",
            HEADER.replace(",", ";") + "\n",
            "c.csv, line 1: cells are separated by semicolons; export with commas.",
        ),
        (
            "c.csv",
            f"{HEADER}\n{ROW}\n".replace("word", "wo\0rd"),
            "c.csv, line 2: 'reason' holds a control character; remove it.",
        ),
        (
            "c.csv",
            f"{HEADER}\n{ROW}\n".replace("word", "x" * (MAX_CELL + 1)),
            "c.csv, line 2: reason has more than 2,000 characters.",
        ),
        ("c.yaml", "name: WAS\n", "c.yaml: is no list; begin each decision with `- action:`."),
        ("c.yaml", LAUGHS, "c.yaml: is no list; begin each decision with `- action:`."),
        (
            "c.yaml",
            BLOCK + "---\n" + BLOCK,
            "c.yaml, line 8: a second document; keep one list.",
        ),
        (
            "c.yaml",
            "- action: [\n",
            "c.yaml: is no YAML: line 2: did not find expected node content.",
        ),
    ],
    ids=[
        "ending",
        "latin-1",
        "open quote",
        "cells",
        "semicolons",
        "nul",
        "long cell",
        "mapping",
        "laughs",
        "documents",
        "broken",
    ],
)
def test_a_file_that_is_none_says_so(tmp_path: Path, name: str, content: str | bytes, error: str):
    assert error in error_of(tmp_path, name, content)


def test_a_nul_in_yaml_is_refused(tmp_path: Path):
    [error] = error_of(tmp_path, "c.yaml", BLOCK.replace("word", "wo\0rd"))

    assert error.startswith("c.yaml: is no YAML: ")


def test_aliases_are_refused_where_they_stand_and_do_not_grow(tmp_path: Path):
    grown = "\n".join(
        f"  k{n}: &k{n} [{', '.join([f'*k{n - 1}'] * 10) if n else 'ha'}]" for n in range(30)
    )
    started = time.process_time()

    errors = error_of(tmp_path, "c.yaml", f"- action: drop\n{grown}\n- *k29\n")

    assert time.process_time() - started < 5
    assert errors[0] == (
        "c.yaml, item 1 (line 1): k0 is a list or block, should be one text; write it out."
    )
    assert errors[-1] == (
        "c.yaml, item 2 (line 32): is an alias; write every decision out, `- action: ...`."
    )


def test_deep_nesting_is_an_error_and_no_crash(tmp_path: Path):
    [error] = error_of(tmp_path, "c.yaml", "- " + "[" * 100_000 + "\n")

    assert error == "c.yaml: is no YAML: line 1: lists or blocks are nested deeper than 20."


def test_a_huge_file_is_refused_unread(tmp_path: Path):
    path = tmp_path / "c.csv"
    with path.open("wb") as file:
        file.truncate(MAX_BYTES + 1)

    with pytest.raises(InvalidCurationsError, match="is larger than 16 MiB"):
        read_curations(path, today=TODAY)


def test_a_missing_file_is_named(tmp_path: Path):
    with pytest.raises(InvalidCurationsError, match=r"c\.yaml: cannot be opened: No such file"):
        read_curations(tmp_path / "c.yaml", today=TODAY)


def test_a_thousand_problems_do_not_fill_the_screen(tmp_path: Path):
    errors = error_of(tmp_path, "c.yaml", "- x\n" * 1000)

    assert len(errors) == 51
    assert errors[-1] == "and 950 more problems."
