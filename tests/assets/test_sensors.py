"""The night: what is new is listed, asked for once, read, and seen by the graph once."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import dagster as dg
import pytest

from assets.sensors import NIGHTLY, PARTITION_TAG, Ask, Progress, next_step
from kazu_platform.definitions import build_definitions, build_resources
from kazu_platform.tables import CURRENT_CITATIONS, MENTIONS
from resources.dagster_home import open_instance

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from tests.assets.conftest import Home

UPDATES = ["pubmed26n0005", "pubmed26n0006"]
NOTHING = Progress()
SEVEN = [f"u{n}" for n in range(1, 8)]


def tick(home: Home, cursor: str | None) -> Any:  # noqa: ANN401 - it has no public name
    """Ask the sensor once, as the daemon does."""
    repository = build_definitions(home.settings).get_repository_def()
    with dg.build_sensor_context(
        instance=home.instance,
        instance_ref=home.instance.get_ref() if home.instance.is_persistent else None,
        cursor=cursor,
        repository_def=repository,
        resources={"lake": build_resources(home.settings)["lake"]},
    ) as context:
        return repository.get_sensor_def("new_files").evaluate_tick(context)


def launch(home: Home, request: dg.RunRequest) -> dg.ExecuteInProcessResult:
    """What the daemon does with a request."""
    job = build_definitions(home.settings).resolve_job_def(str(request.job_name))
    return job.execute_in_process(
        instance=home.instance,
        partition_key=request.partition_key,
        tags={name: str(value) for name, value in request.tags.items()},
        raise_on_error=False,
    )


@pytest.fixture
def site(home: Home, own_sample: Path) -> Iterator[Path]:
    """The home reads a copy of the sample's site, in which no update is published yet.

    Runs and partitions are kept where Dagster's daemon would look for them.
    """
    site = own_sample / "pubmed"
    shutil.move(site / "updatefiles", site / "later")
    (site / "updatefiles").mkdir()
    home.use_pubmed(site)
    for name in UPDATES:
        for table in home.settings.lake.iterdir():
            shutil.rmtree(table / name, ignore_errors=True)
    assert home.graph().failures == {}
    with open_instance(home.path / "dagster") as instance:
        home.instance = instance
        yield site


def publish(site: Path, name: str) -> None:
    for path in (site / "later").glob(f"{name}.*"):
        shutil.copy(path, site / "updatefiles")


def test_a_night_from_the_listing_to_the_graph(home: Home, site: Path):
    """The jobs are executed for real; each file is asked for once and the graph once."""
    before = home.data_versions(CURRENT_CITATIONS)
    for name in UPDATES:
        publish(site, name)
    schedule = build_definitions(home.settings).get_repository_def().get_schedule_def("nightly")
    at_two = launch(home, dg.RunRequest(job_name=schedule.job_name, tags=NIGHTLY))
    assert at_two.success

    asked = tick(home, None)
    assert [(each.job_name, each.partition_key) for each in asked.run_requests] == [
        ("pubmed_file", name) for name in UPDATES
    ]
    for request in asked.run_requests:
        assert launch(home, request).success
    assert home.data_versions(CURRENT_CITATIONS) == before

    then = tick(home, asked.cursor)
    [graph] = then.run_requests
    assert (graph.job_name, graph.partition_key) == ("graph", None)
    assert launch(home, graph).success
    assert home.data_versions(CURRENT_CITATIONS) != before

    assert tick(home, then.cursor).run_requests == []
    assert tick(home, None).run_requests == []  # also if the cursor was lost


def test_a_file_that_fails_is_not_asked_for_again_and_does_not_hold_up_the_graph(
    home: Home, site: Path
):
    for name in UPDATES:
        publish(site, name)
    (site / "updatefiles" / f"{UPDATES[0]}.xml").write_text("<broken", "utf-8")
    home.register()

    asked = tick(home, None)
    runs = [launch(home, request).success for request in asked.run_requests]
    assert runs == [False, True]

    then = tick(home, asked.cursor)
    [graph] = then.run_requests
    assert graph.job_name == "graph"
    after = tick(home, then.cursor)
    assert after.run_requests == []
    assert f"{UPDATES[0]}: asked for and not read" in str(after.skip_message)

    publish(site, UPDATES[0])
    assert home.file(UPDATES[0]).failures == {}
    [again] = tick(home, after.cursor).run_requests
    assert again.job_name == "graph"
    assert again.run_key != graph.run_key


def test_a_file_that_somebody_reads_already_is_left_to_them(home: Home, site: Path):
    for name in UPDATES:
        publish(site, name)
    home.register()
    job = build_definitions(home.settings).resolve_job_def("pubmed_file")
    home.instance.create_run_for_job(
        job, status=dg.DagsterRunStatus.STARTED, tags={PARTITION_TAG: UPDATES[0]}
    )

    asked = tick(home, None)

    assert [each.partition_key for each in asked.run_requests] == UPDATES[1:]
    assert Progress.of(asked.cursor).asked == (UPDATES[1],)


def test_partitions_that_dagster_lost_are_made_again(home: Home, site: Path):
    publish(site, UPDATES[0])
    home.register()
    home.instance.delete_dynamic_partition("pubmed_files", UPDATES[0])

    asked = tick(home, None)

    [added] = asked.dynamic_partitions_requests
    assert added.partition_keys == UPDATES[:1]


def test_before_anything_is_listed_it_says_what_lists(new_home: Home):
    nothing = tick(new_home, None)

    assert nothing.run_requests == []
    assert "register_files" in str(nothing.skip_message)


def test_it_is_off_unless_a_setting_says_otherwise(home: Home):
    repository = build_definitions(home.settings).get_repository_def()
    night = {"nightly": True, "nightly_time_zone": "America/New_York", "sensor_seconds": 300}
    on = home.settings.model_copy(update=night)
    switched = build_definitions(on).get_repository_def()

    assert repository.get_sensor_def("new_files").default_status.name == "STOPPED"
    assert repository.get_schedule_def("nightly").default_status.name == "STOPPED"
    sensor = switched.get_sensor_def("new_files")
    assert (sensor.default_status.name, sensor.minimum_interval_seconds) == ("RUNNING", 300)
    schedule = switched.get_schedule_def("nightly")
    assert schedule.default_status.name == "RUNNING"
    assert (schedule.cron_schedule, schedule.execution_timezone) == (
        "0 2 * * *",
        "America/New_York",
    )
    with dg.build_schedule_context(instance=home.instance) as context:
        requests = schedule.evaluate_tick(context).run_requests or ()
    assert [each.tags["kazu/launched_by"] for each in requests] == ["nightly"]


def ask(
    progress: Progress = NOTHING,
    *,
    read: Collection[str] = (),
    under_way: Collection[str] = (),
    graph_under_way: bool = False,
) -> Ask:
    return next_step(
        progress,
        SEVEN,
        is_read=lambda file: file in read,
        is_busy=lambda file: file in under_way,
        under_way=under_way,
        graph_under_way=graph_under_way,
        at_most=3,
    )


def test_so_many_files_are_under_way_at_most():
    assert ask().files == ("u1", "u2", "u3")
    assert ask(under_way={"x", "y"}).files == ("u1",)
    assert ask(under_way={"x", "y", "z"}).files == ()


def test_all_files_are_asked_for_in_order_and_the_graph_once():
    progress, read, asked, graphs = Progress(), set[str](), list[str](), list[tuple[str, ...]]()
    for _ in range(6):
        now = ask(progress, read=read)
        asked += now.files
        graphs += [now.graph] if now.graph else []
        read |= set(now.files)
        progress = now.then

    assert asked == SEVEN
    assert graphs == [tuple(SEVEN)]
    assert progress == Progress(tuple(SEVEN), ())


def test_files_that_were_read_otherwise_are_not_asked_for():
    assert ask(read=SEVEN[:5]).files == ("u6", "u7")


def test_the_graph_waits_for_a_graph_that_is_being_made():
    progress = Progress(tuple(SEVEN), ("u7",))

    assert ask(progress, read=SEVEN, graph_under_way=True).graph == ()
    assert ask(progress, read=SEVEN).graph == ("u7",)


def test_the_cursor_forgets_what_is_no_longer_published():
    assert Progress.of(ask(Progress(("gone", "u1"))).then.cursor()).asked == (
        "u1",
        "u2",
        "u3",
        "u4",
    )


def test_mentions_are_what_says_that_a_file_was_read(home: Home, site: Path):
    publish(site, UPDATES[0])
    home.register()
    assert home.file(UPDATES[0]).failures == {}
    assert home.lake.live(MENTIONS, UPDATES[0]) is not None

    assert tick(home, None).run_requests == []
