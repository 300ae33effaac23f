"""A new version of an ontology: foreseen as it will be, held up if it changes much, taken back."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from kazu_platform.commands.release import go_back, preview_release
from kazu_platform.errors import LakeError, UnknownNameError
from kazu_platform.reports.release import counts
from kazu_platform.reports.released import files_to_keep
from kazu_platform.tables import LINKS, MENTIONS, RELEASES, SYNONYMS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.assets.conftest import Home, Report

    Use = Callable[..., None]

GATE = ("synonyms", "few_mentions_change")
FEVER = "id: HP:0001945\nname: Fever\n"
STRICT = {"few": 0, "max_lost": 0.01, "max_relinked": 0.01, "max_gained": 0.01}


@pytest.fixture
def newer(own_sample: Path) -> Path:
    """Phenotypes that call fever otherwise and have a name more."""
    path = own_sample / "ontologies" / "hp.obo"
    text = path.read_text("utf-8")
    assert text.count(FEVER) == 1
    changed = 'id: HP:0001945\nname: Raised temperature\nsynonym: "heart failure" EXACT []\n'
    path.write_text(text.replace(FEVER, changed), "utf-8")
    return path


@pytest.fixture
def use(home: Home, monkeypatch: pytest.MonkeyPatch) -> Use:
    """Use a catalogue with these rules for releases, in commands too."""

    def used(path: Path | None = None, **policy: object) -> None:
        home.use_catalogue(home.catalogue() | {"releases": policy})
        if path:
            home.use_ontology_file("HP", path)
        monkeypatch.setenv("KAZU_HOME", str(home.path))
        monkeypatch.setenv("KAZU_SOURCES", home.sources)

    return used


def first_concepts(home: Home) -> dict[tuple[str, str, str], tuple[str, str | None]]:
    best = {
        row["surface_id"]: row["concept_id"]
        for row in home.lake.read(LINKS).to_pylist()
        if row["rank"] == 1
    }
    return {
        (row["mention_id"], row["content_hash"], row["text"]): (
            row["entity_class"],
            best.get(row["surface_id"]),
        )
        for row in home.lake.read(MENTIONS).to_pylist()
    }


def decisions(home: Home) -> list[str]:
    return [row["decision"] for row in home.lake.read(RELEASES, "HP").to_pylist()]


def said(report: Report) -> str:
    [check] = [
        each
        for each in report.run.get_asset_check_evaluations()
        if (each.asset_key.to_user_string(), each.check_name) == GATE
    ]
    return str(check.description)


def test_a_release_does_what_its_report_says(home: Home, newer: Path, use: Use):
    use()
    before, generations = first_concepts(home), home.generations(SYNONYMS)

    report, verdict = preview_release("HP", newer, file_format=None, documents=None)

    assert home.generations(SYNONYMS) == generations
    assert verdict.passed  # of so few mentions a share says nothing
    use(newer)
    assert home.everything().failed == []
    after = first_concepts(home)
    rows = report.mentions.to_dicts()
    assert {row["change"] for row in rows} >= {"lost", "gained"}
    key = ("mention_id", "content_hash", "text")
    foreseen = {
        (row["change"], *(row[k] for k in key), row["before"], row["after"]) for row in rows
    }
    none = (None, None)
    assert foreseen == {
        (
            "gained" if each not in before else "lost" if each not in after else "relinked",
            *each,
            before.get(each, none)[1],
            after.get(each, none)[1],
        )
        for each in before.keys() | after.keys()
        if before.get(each) != after.get(each)
    }
    n_phenotypes = sum(class_ == "phenotype" for class_, _ in before.values())
    assert report.n_mentions == n_phenotypes
    [first, now] = home.lake.read(RELEASES, "HP").to_pylist()
    assert (first["decision"], now["decision"]) == ("first", "passed")
    assert (now["n_lost"], now["n_gained"]) == (counts(report)["lost"], counts(report)["gained"])


def test_a_version_that_changes_much_waits_until_somebody_accepts_it(
    home: Home, newer: Path, use: Use
):
    use(newer, **STRICT)
    generations = home.generations(SYNONYMS)

    held_up = home.vocabulary("HP")

    assert held_up.checks[GATE] is False
    [why] = held_up.failures.values()
    assert "lost" in why
    assert "Nothing was published" in why
    assert home.generations(SYNONYMS) == generations
    report, verdict = preview_release("HP", newer, file_format=None, documents=None)
    assert not verdict.passed
    assert f'file: "{report.candidate.file[:12]}"' in why

    accepted = {
        "ontology": "HP",
        "file": report.candidate.file[:12],
        "by": "curation team",
        "reason": "fever is spelt out",
    }
    use(newer, **STRICT, accepted=[accepted])
    let_through = home.vocabulary("HP")

    assert let_through.failures == {}
    assert said(let_through).startswith("accepted by curation team (fever is spelt out)")
    row = home.lake.read(RELEASES, "HP").to_pylist()[-1]
    assert (row["decision"], row["by"]) == ("accepted", "curation team")
    assert home.generations(SYNONYMS) != generations


def test_what_was_taken_back_stays_back_until_it_is_accepted(home: Home, newer: Path, use: Use):
    use()
    names = home.lake.read(SYNONYMS, "HP")
    use(newer)
    assert home.vocabulary("HP").failures == {}
    assert home.lake.read(SYNONYMS, "HP") != names
    # The warehouse names nothing of this release yet; what nothing names would be collected.
    home.lake.collect_garbage(older_than=timedelta(0), keep=files_to_keep(home.lake))

    printed = go_back("HP", by="curation team", reason="fever is lost")

    assert "is live again" in printed
    assert home.lake.read(SYNONYMS, "HP") == names
    again = home.vocabulary("HP")
    assert again.failures == {}
    assert home.lake.read(SYNONYMS, "HP") == names
    assert decisions(home) == ["first", "passed", "taken_back"]
    with pytest.raises(LakeError, match="HP was taken back already .* nothing to go back to"):
        go_back("HP", by=None, reason="again")

    taken_back = home.lake.read(RELEASES, "HP").to_pylist()[-1]["former_file"]
    accepted = {"ontology": "HP", "file": taken_back, "by": "me", "reason": "it was right"}
    use(newer, accepted=[accepted])
    assert home.vocabulary("HP").failures == {}
    assert home.lake.read(SYNONYMS, "HP") != names


def test_there_may_be_nothing_to_go_back_to(use: Use):
    use()

    with pytest.raises(LakeError, match="is the first version of HP in this lake"):
        go_back("HP", by=None, reason="because")
    with pytest.raises(UnknownNameError, match="did you mean 'HP'"):
        go_back("HPO", by=None, reason="because")


def test_where_no_document_was_read_there_is_nothing_to_compare_with(
    vocabularies_only: Path, newer: Path, home_at: Callable[[Path], Home], tmp_path: Path
):
    home = home_at(vocabularies_only).copied_to(tmp_path / "home")
    home.use_catalogue(home.catalogue() | {"releases": STRICT})
    home.use_ontology_file("HP", newer)

    report = home.vocabulary("HP")

    assert report.failures == {}
    assert said(report).startswith("no document was annotated yet")
    assert decisions(home) == ["first", "unmeasured"]
