"""Alerts: really failing runs, a real server, and few messages."""

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import dagster as dg
import pytest
from tenacity import wait_none

from assets.alerts import QUIET_SECONDS, alert_sensors
from kazu_platform.errors import DeliveryError
from resources.webhook import Webhook
from tests.chat import SECRET, Chat, listening

UI = "https://dagster.example.org/"
BLOCKED = (
    "dagster._core.errors.DagsterAssetCheckFailedError: "
    "1 blocking asset check failed with ERROR severity"
)
RETRIES = {"enabled": True, "max_retries": 1, "retry_on_asset_or_op_failure": False}


@pytest.fixture
def chat() -> Iterator[Chat]:
    with listening() as chat:
        yield chat


files = dg.DynamicPartitionsDefinition(name="files")


@dg.asset(partitions_def=files)
def mentions(context: dg.AssetExecutionContext) -> None:
    if context.partition_key.startswith("bad"):
        raise OSError(f"{context.partition_key} <!channel>\ncannot be read")


@dg.asset
def graph() -> None:
    raise dg.Failure("the disk is full", allow_retries=False)


@dg.asset
def network() -> None: ...


@dg.asset_check(asset="network")
def is_fresh() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=False, description="pubmed26n1300 is not annotated")


@dg.asset_check(asset="network")
def is_large() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=False, severity=dg.AssetCheckSeverity.WARN)


@dg.asset_check(asset="network", blocking=True)
def is_whole() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=False)


@dataclass
class Night:
    """An instance with the sensor, which looks when it is told to."""

    instance: dg.DagsterInstance
    sensor: dg.SensorDefinition
    clock: list[float]
    cursor: str | None = None
    definitions: dg.Definitions = field(
        default_factory=lambda: dg.Definitions(
            [mentions, graph, network], asset_checks=[is_fresh, is_large, is_whole]
        )
    )

    def look(self) -> str:
        """A tick of the sensor; what it says."""
        context = dg.build_sensor_context(
            instance=self.instance, cursor=self.cursor, definitions=self.definitions
        )
        result = self.sensor(context)
        assert isinstance(result, dg.SensorResult)
        self.cursor = result.cursor
        assert result.skip_reason
        return result.skip_reason.skip_message or ""

    def run(self, asset: dg.AssetsDefinition, partition: str | None = None) -> str:
        """Materialise it; the id of the run."""
        if partition:
            self.instance.add_dynamic_partitions("files", [partition])
        done = dg.materialize(
            [asset], instance=self.instance, partition_key=partition, raise_on_error=False
        )
        return done.run_id


def night_of(chat: Chat, instance: dg.DagsterInstance) -> Night:
    clock = [time.time()]
    [sensor] = alert_sensors(Webhook(chat.address, wait_none()), UI, now=lambda: clock[0])
    night = Night(instance, sensor, clock)
    night.look()
    return night


@pytest.fixture
def night(chat: Chat) -> Iterator[Night]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield night_of(chat, instance)


def test_without_a_webhook_there_is_no_sensor():
    assert alert_sensors(None, UI) == []


def test_a_failed_run_is_one_line_with_what_which_why_and_where(night: Night, chat: Chat):
    night.run(mentions, "good")
    run_id = night.run(mentions, "bad26n0007")

    said = night.look()

    assert said == "1 failures were told"
    [text] = chat.texts
    assert text == (
        "mentions of bad26n0007 failed: OSError: bad26n0007 ‹!channel› cannot be read "
        f"https://dagster.example.org/runs/{run_id}"
    )


def test_a_failure_is_told_once(night: Night, chat: Chat):
    night.run(graph)

    said = [night.look(), night.look()]

    assert said == ["1 failures were told", "nothing failed"]
    assert len(chat.texts) == 1
    assert chat.texts[0].startswith("graph failed: the disk is full https://")


def test_what_failed_before_the_sensor_began_is_not_told(chat: Chat):
    with dg.DagsterInstance.ephemeral() as instance:
        dg.materialize([graph], instance=instance, raise_on_error=False)
        night = night_of(chat, instance)

        said = night.look()

    assert said == "nothing failed"
    assert chat.texts == []


def test_a_hundred_failing_partitions_are_one_message(night: Night, chat: Chat):
    runs = [night.run(mentions, f"bad26n{number:04}") for number in range(100)]
    night.run(graph)

    night.look()

    [text] = chat.texts
    assert text.splitlines() == [
        "101 failures",
        (
            "mentions failed 100 times (bad26n0000 to bad26n0099), last: "
            "OSError: bad26n0099 ‹!channel› cannot be read "
            f"https://dagster.example.org/runs/{runs[-1]}"
        ),
        text.splitlines()[2],
    ]
    assert text.splitlines()[2].startswith("graph failed: the disk is full")


def test_what_fails_soon_after_a_message_is_collected_for_the_next(night: Night, chat: Chat):
    night.run(graph)
    night.look()
    for number in range(3):
        night.run(mentions, f"bad{number}")
        night.clock[0] += 60
        assert night.look().startswith(f"{number + 1} failures are told in ")
    assert len(chat.texts) == 1

    night.clock[0] += QUIET_SECONDS
    night.look()

    assert len(chat.texts) == 2
    assert [line.split()[2] for line in chat.texts[1].splitlines()] == ["bad0", "bad1", "bad2"]


def test_what_cannot_be_delivered_is_told_later(night: Night, chat: Chat):
    night.run(graph)
    chat.answers = [500] * 4

    with pytest.raises(DeliveryError):
        night.look()
    assert chat.texts == []
    night.look()

    assert len(chat.texts) == 1


def test_a_run_that_is_tried_again_is_told_when_the_last_try_failed(chat: Chat):
    """The retries are those of a crashed worker: the failure of a step is final."""
    with dg.instance_for_test(overrides={"run_retries": RETRIES}) as instance:
        night = night_of(chat, instance)
        job = dg.define_asset_job("one", "network").resolve(
            asset_graph=night.definitions.resolve_asset_graph()
        )
        first = instance.create_run_for_job(job)
        instance.report_run_failed(first, "the worker was killed")
        said = [night.look()]
        again = instance.create_run_for_job(
            job,
            parent_run_id=first.run_id,
            root_run_id=first.run_id,
            tags={"dagster/parent_run_id": first.run_id, "dagster/root_run_id": first.run_id},
        )
        instance.add_run_tags(first.run_id, {"dagster/auto_retry_run_id": again.run_id})
        said.append(night.look())
        instance.report_run_failed(again, "the worker was killed again")
        said.append(night.look())

        never = instance.create_run_for_job(job)
        instance.report_run_failed(never, "the retry could not be launched")
        night.clock[0] += QUIET_SECONDS
        said.append(night.look())

    link = "https://dagster.example.org/runs/"
    assert said == [*["nothing failed"] * 2, *["1 failures were told"] * 2]
    assert chat.texts == [
        f"one failed: the worker was killed again {link}{again.run_id}",
        f"one failed: the retry could not be launched {link}{never.run_id}",
    ]


def test_failed_checks_are_told_unless_they_warn_or_fail_their_run(night: Night, chat: Chat):
    done = dg.materialize(
        [network, is_fresh, is_large, is_whole], instance=night.instance, raise_on_error=False
    )

    said = [night.look(), night.look()]

    [text] = chat.texts
    assert said == ["2 failures were told", "nothing failed"]
    assert text.replace(f" https://dagster.example.org/runs/{done.run_id}", "").splitlines() == [
        f"network_is_whole failed: {BLOCKED}: network: is_whole",
        "check is_fresh of network failed: pubmed26n1300 is not annotated",
    ]


def test_a_server_that_is_busy_is_asked_again(chat: Chat):
    chat.answers = [503, 429]

    Webhook(chat.address, wait_none()).post("hello")

    assert (chat.texts, chat.tries) == (["hello"], 3)


def test_a_server_that_refuses_is_asked_once(chat: Chat):
    chat.answers = [404]

    with pytest.raises(DeliveryError) as caught:
        Webhook(chat.address, wait_none()).post("hello")

    assert chat.tries == 1
    assert str(caught.value) == (
        "KAZU_ALERT_WEBHOOK: it answered 404 Not Found; see that the address is still valid."
    )


def test_nobody_is_shown_the_address(chat: Chat, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG)
    hooks = [
        Webhook(chat.address, wait_none()),
        Webhook(f"http://127.0.0.1:1/{SECRET}", wait_none()),
    ]
    chat.answers = [200, 500, 500, 500, 500]

    hooks[0].post("hello")
    for hook in hooks:
        with pytest.raises(DeliveryError) as caught:
            hook.post("hello")
        assert SECRET not in f"{caught.getrepr(chain=True)}{hook}"

    assert SECRET not in caplog.text
    assert logging.getLogger("httpx").level == logging.NOTSET
