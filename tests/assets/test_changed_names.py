"""A name that comes or goes touches the files that have it; the others keep what they have."""

from __future__ import annotations

import shutil
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from assets.reading import read_passages
from kazu_platform.ner.compile import build_dictionary_index
from kazu_platform.ner.dictionary import DictionaryDetector
from kazu_platform.ner.dictionary_index import open_dictionary_index
from kazu_platform.tables import DICTIONARY_MENTIONS, MENTIONS, QUARANTINE, SYNONYMS

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

    from tests.assets.conftest import Home, Report

FILES = [f"pubmed26n000{n}" for n in range(1, 7)]
CML = "id: MONDO:0011996\n"
RELAPSE = 'synonym: "relapse of malaria" EXACT []\n'


def with_name(obo: Path, name: str) -> None:
    """Add an exact synonym to a concept."""
    text = obo.read_text("utf-8")
    name_end = text.index("\n", text.index(CML) + len(CML)) + 1
    added = f'synonym: "{name}" EXACT []\n'
    obo.write_text(f"{text[:name_end]}{added}{text[name_end:]}", "utf-8")


def with_relapse(obo: Path) -> None:
    with_name(obo, "relapse of malaria")


def without_relapse(obo: Path) -> None:
    obo.write_text(obo.read_text("utf-8").replace(RELAPSE, ""), "utf-8")


def compiled(home: Home, mondo: Path) -> dict[str, Any]:
    """Publish the ontology and compile; what is said of the index."""
    home.use_ontology_file("MONDO", mondo)
    parsed, indices = home.vocabulary("MONDO"), home.indices()
    assert (parsed.failures, indices.failures) == ({}, {})
    return indices.metadata["dictionary_index"]


def read(home: Home) -> dict[str, dict[str, Any]]:
    """Read all files; what is said of the dictionary's mentions of each."""
    runs: dict[str, Report] = {name: home.file(name) for name in FILES}
    assert [run.failures for run in runs.values()] == [{}] * 6
    return {name: run.metadata["dictionary_mentions"] for name, run in runs.items()}


def changed(before: dict[str, str], now: dict[str, str]) -> set[str]:
    return {name for name in now if now[name] != before[name]}


def read_in_full(home: Home, file: str, folder: Path) -> pa.Table:
    """What a new dictionary of the live synonyms finds in a file."""
    build_dictionary_index(home.lake.read(SYNONYMS), folder)
    detector = DictionaryDetector(open_dictionary_index(folder))
    return detector.detect(read_passages(home.lake, file))


def test_only_the_file_with_the_name_is_written_again(home: Home, own_sample: Path, tmp_path: Path):
    mondo = own_sample / "ontologies" / "mondo.obo"
    before = home.generations(DICTIONARY_MENTIONS)
    with_relapse(mondo)

    index, said = compiled(home, mondo), read(home)

    after = home.generations(DICTIONARY_MENTIONS)
    assert (index["updated"], index["added"] > 0, index["removed"]) == (True, True, 0)
    assert changed(before, after) == {"pubmed26n0001"}
    assert [said[name]["rematched"] for name in FILES] == [True] * 6
    assert [(said[name]["lost"], said[name]["gained"]) for name in FILES] == [
        (0, 1),
        *[(0, 0)] * 5,
    ]
    kept = home.lake.read(DICTIONARY_MENTIONS, "pubmed26n0001").num_rows - 1
    assert said["pubmed26n0001"]["kept"] == kept
    assert [said[name]["unchanged"] for name in FILES] == [False, *[True] * 5]
    for name in FILES:
        wanted = read_in_full(home, name, tmp_path / "full").drop(["detector_version"])
        assert home.lake.read(DICTIONARY_MENTIONS, name).drop(["detector_version"]) == wanted
    assert home.artifacts.live("dictionary").content.joinpath("names.arrow").read_bytes() == (
        (tmp_path / "full" / "names.arrow").read_bytes()
    )

    without_relapse(mondo)
    index, said = compiled(home, mondo), read(home)

    assert (index["updated"], index["added"], index["removed"] > 0) == (True, 0, True)
    assert changed(after, home.generations(DICTIONARY_MENTIONS)) == {"pubmed26n0001"}
    assert (said["pubmed26n0001"]["lost"], said["pubmed26n0001"]["gained"]) == (1, 0)


def test_nothing_runs_twice_for_the_same_dictionary(home: Home, own_sample: Path):
    mondo = own_sample / "ontologies" / "mondo.obo"
    with_relapse(mondo)
    compiled(home, mondo)
    read(home)
    mentions, combined = home.generations(DICTIONARY_MENTIONS), home.generations(MENTIONS)

    said = read(home)

    assert [said[name]["unchanged"] for name in FILES] == [True] * 6
    assert {name for name in FILES if "rematched" in said[name]} == set()
    assert home.generations(DICTIONARY_MENTIONS) == mentions
    assert home.generations(MENTIONS) == combined


def test_a_file_that_missed_a_version_is_compared_with_the_one_it_was_read_with(
    home: Home, own_sample: Path
):
    mondo = own_sample / "ontologies" / "mondo.obo"
    before = home.generations(DICTIONARY_MENTIONS)
    with_relapse(mondo)
    compiled(home, mondo)
    without_relapse(mondo)
    compiled(home, mondo)

    said = read(home)

    assert [said[name]["unchanged"] for name in FILES] == [True] * 6
    assert home.generations(DICTIONARY_MENTIONS) == before


def test_without_the_former_dictionary_a_file_is_read_in_full(home: Home, own_sample: Path):
    mondo = own_sample / "ontologies" / "mondo.obo"
    former = home.artifacts.live("dictionary")
    with_relapse(mondo)
    compiled(home, mondo)
    shutil.rmtree(former.folder)

    said = read(home)

    assert [said[name]["rematched"] for name in FILES] == [False] * 6
    assert len(home.lake.read(DICTIONARY_MENTIONS)["detector_version"].unique()) == 1


def test_without_the_former_synonyms_the_dictionary_is_built_in_full(
    home: Home, own_sample: Path, tmp_path: Path
):
    mondo = own_sample / "ontologies" / "mondo.obo"
    with_relapse(mondo)
    home.use_ontology_file("MONDO", mondo)
    assert home.vocabulary("MONDO").failures == {}
    assert home.lake.collect_garbage(older_than=timedelta(0)).n_files > 0

    index = home.indices().metadata["dictionary_index"]

    assert index["updated"] is False
    build_dictionary_index(home.lake.read(SYNONYMS), tmp_path / "full")
    live = home.artifacts.live("dictionary").content
    for path in (tmp_path / "full").iterdir():
        assert (live / path.name).read_bytes() == path.read_bytes()


def test_a_file_with_a_document_set_aside_is_read_in_full(home: Home, own_sample: Path):
    mondo = own_sample / "ontologies" / "mondo.obo"
    with_relapse(mondo)
    compiled(home, mondo)
    aside = QUARANTINE.from_rows(
        [
            {
                "doc_id": "PMID:1",
                "stage": "dictionary",
                "reason": "error",
                "detail": "",
                "attempts": 2,
                "content_hash": "",
                "file": FILES[0],
                "position": None,
                "at": home.lake.pointer(DICTIONARY_MENTIONS, FILES[0]).written_at,
            }
        ]
    )
    home.lake.write(QUARANTINE, aside, partition=f"dictionary/{FILES[0]}")

    said = read(home)

    assert [said[name]["rematched"] for name in FILES] == [False, *[True] * 5]
    assert home.lake.read(QUARANTINE, f"dictionary/{FILES[0]}").num_rows == 0
