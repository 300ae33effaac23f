"""The jobs that a person launches do what their names say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dagster as dg

from assets.partitions import pubmed_files
from kazu_platform.definitions import build_definitions
from kazu_platform.tables import CITATIONS, CONCEPTS, MENTIONS

if TYPE_CHECKING:
    from pathlib import Path

    from tests.assets.conftest import Home


def job(home: Home, name: str) -> dg.JobDefinition:
    return build_definitions(home.settings).resolve_job_def(name)


def test_published_files_become_partitions(new_home: Home):
    assert new_home.instance.get_dynamic_partitions(pubmed_files.name or "") == []

    run = job(new_home, "register_files").execute_in_process(instance=new_home.instance)

    assert run.success
    assert sorted(new_home.instance.get_dynamic_partitions(pubmed_files.name or "")) == [
        f"pubmed26n000{n}" for n in range(1, 7)
    ]


def test_a_job_over_files_makes_the_partitions_it_is_launched_for(home: Home):
    """A backfill launches the job once for each partition."""
    for name in home.lake.partitions(CITATIONS):
        home.lake.drop(CITATIONS, name)
        home.lake.drop(MENTIONS, name)
    home.register()

    for name in ("pubmed26n0002", "pubmed26n0005"):
        run = job(home, "pubmed_file").execute_in_process(
            instance=home.instance, partition_key=name
        )
        assert run.success

    assert home.lake.partitions(CITATIONS) == ["pubmed26n0002", "pubmed26n0005"]
    assert home.lake.partitions(MENTIONS) == ["pubmed26n0002", "pubmed26n0005"]


def test_a_vocabulary_job_makes_one_ontology(new_home: Home):
    run = job(new_home, "vocabulary").execute_in_process(
        instance=new_home.instance, partition_key="CL"
    )

    assert run.success
    assert new_home.lake.partitions(CONCEPTS) == ["CL"]


def test_the_whole_graph_is_one_launch(home: Home):
    """The sample is made already, so each of its runs finds that it has nothing to do."""
    run = job(home, "whole_graph").execute_in_process(instance=home.instance)

    assert run.success
    launched = home.instance.get_runs(
        filters=dg.RunsFilter(tags={"kazu/launched_by": "whole_graph"})
    )
    assert len(launched) == 1 + 1 + 17 + 1 + 1 + 6 + 1 + 1 + 1
    assert {each.status for each in launched} == {dg.DagsterRunStatus.SUCCESS}


def test_a_whole_graph_with_a_failed_part_fails_and_names_it(home: Home, own_sample: Path):
    (own_sample / "ontologies" / "hp.obo").write_text("nothing\n", "utf-8")
    home.use_ontology_file("HP", own_sample / "ontologies" / "hp.obo")

    run = job(home, "whole_graph").execute_in_process(instance=home.instance, raise_on_error=False)

    assert not run.success
    [failure] = [event for event in run.all_events if event.is_step_failure]
    said = failure.step_failure_data.user_failure_data
    assert said is not None
    assert str(said.description).startswith("1 steps failed:\nHP: vocabularies: ")
    assert "hp.obo" in str(said.description)


def test_the_recogniser_is_trained_by_one_launch(new_home: Home):
    run = job(new_home, "train_ner").execute_in_process(instance=new_home.instance)

    assert run.success
    launched = new_home.instance.get_runs(
        filters=dg.RunsFilter(tags={"kazu/launched_by": "train_ner"})
    )
    assert [each.status for each in launched] == 3 * [dg.DagsterRunStatus.SUCCESS]
    assert new_home.artifacts.live_version("ner_model")
