"""What is already made is not made again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kazu_platform.tables import TABLES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.assets.conftest import Home

PER_FILE = (
    *("citations", "deletions", "sentences"),
    *("dictionary_mentions", "model_mentions", "mentions"),
)
PER_ONTOLOGY = ("synonyms", "concept_relations", "concept_xrefs", "concepts")


def lake_of(home: Home) -> dict[str, dict[str, str]]:
    return {name: home.generations(table) for name, table in TABLES.items() if table.stored}


def test_a_file_that_did_not_change_is_not_read_again(home: Home):
    before = lake_of(home)

    again = home.file("pubmed26n0001")

    assert again.failures == {}
    assert {name: again.metadata[name]["unchanged"] for name in PER_FILE} == dict.fromkeys(
        PER_FILE, True
    )
    assert again.metadata["pubmed_archives"]["unchanged"] is True
    assert lake_of(home) == before
    assert again.checks == {
        ("citations", "few_set_aside"): True,
        ("deletions", "keys_are_unique"): True,
        ("sentences", "keys_are_unique"): True,
        ("dictionary_mentions", "few_set_aside"): True,
        ("dictionary_mentions", "nothing_set_aside"): True,
        ("model_mentions", "few_set_aside"): True,
        ("model_mentions", "nothing_set_aside"): True,
        ("mentions", "keys_are_unique"): True,
        ("mentions", "offsets_slice_to_the_mention"): True,
    }


def test_a_vocabulary_that_did_not_change_is_not_parsed_again(home: Home):
    before, indices = lake_of(home), home.artifacts.live_version("dictionary")

    again, compiled = home.vocabulary("MONDO"), home.indices()

    assert {name: again.metadata[name]["unchanged"] for name in PER_ONTOLOGY} == dict.fromkeys(
        PER_ONTOLOGY, True
    )
    assert lake_of(home) == before
    assert compiled.failures == {}
    assert home.artifacts.live_version("dictionary") == indices
    assert home.artifacts.versions("dictionary") == [indices]


def test_a_graph_that_did_not_change_is_not_counted_again(home: Home):
    before = lake_of(home)

    again = home.graph()

    assert again.failures == {}
    assert {name: again.metadata[name]["remade"] for name in ("surfaces", "links")} == {
        "surfaces": 0,
        "links": 0,
    }
    assert again.metadata["links"]["linked"] == again.metadata["links"]["kept"] == 0
    assert again.metadata["pair_counts"]["remade"] == 0
    assert again.metadata["nodes"]["unchanged"] is again.metadata["edges"]["unchanged"] is True
    assert lake_of(home) == before


def test_a_file_with_other_bytes_and_the_same_rows_changes_nothing_behind_it(
    home: Home, own_sample: Path, publish: Callable[[Path, bytes], None]
):
    """A file published again with the same citations stops the chain at its first table."""
    before = lake_of(home)
    archive = own_sample / "pubmed" / "baseline" / "pubmed26n0001.xml"
    publish(archive, archive.read_bytes() + b"<!-- published again -->\n")
    home.use_pubmed(own_sample / "pubmed")

    again = home.file("pubmed26n0001")

    assert again.failures == {}
    assert again.metadata["pubmed_archives"]["unchanged"] is False
    assert {name: again.metadata[name]["unchanged"] for name in PER_FILE} == {
        "citations": False,
        "deletions": False,
        "sentences": True,
        "dictionary_mentions": True,
        "model_mentions": True,
        "mentions": True,
    }
    after = lake_of(home)
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {"partition_metrics", "published_files"}  # it is listed in another folder
