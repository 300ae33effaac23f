"""What the files of deploy/ promise together: pinned, closed, without secrets, and of one mind."""

from __future__ import annotations

import base64
import binascii
import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from kazu_platform.settings import Settings
from resources.dagster_home import POOLS

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent.parent
DEPLOY = ROOT / "deploy"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
VERSIONS: dict[str, str] = dict(
    line.split("==", 1) for line in (ROOT / "constraints.txt").read_text("utf-8").split() if line
)
SECRET = re.compile(r"PASSWORD|SECRET|TOKEN|ACCESS_KEY|WEBHOOK|CREDENTIAL")
ONE_SHOT = {"prepare"}


def read(name: str) -> Any:  # noqa: ANN401 - YAML is anything
    return yaml.safe_load((DEPLOY / name).read_text("utf-8"))


COMPOSE = read("compose/compose.yaml")
INSTANCE = read("dagster/dagster.yaml")
VALUES = read("helm/values.yaml")
EXAMPLE = dict(
    line.split("=", 1)
    for line in (DEPLOY / "compose/.env.example").read_text("utf-8").splitlines()
    if line and not line.startswith("#")
)


def documents() -> Iterator[tuple[str, Any]]:
    for path in sorted(DEPLOY.rglob("*.yaml")):
        if "schemas" not in path.parts and ".example" not in path.name:
            for document in yaml.safe_load_all(path.read_text("utf-8")):
                yield path.name, document


def variables(node: Any) -> Iterator[tuple[str, Any]]:  # noqa: ANN401 - YAML is anything
    """Environment variables anywhere below, with their literal values or None."""
    if isinstance(node, dict):
        if isinstance(node.get("environment"), dict):
            yield from node["environment"].items()
        for each in node.get("env", []) if isinstance(node.get("env"), list) else []:
            yield each["name"], each.get("value")
        for each in node.values():
            yield from variables(each)
    elif isinstance(node, list):
        for each in node:
            yield from variables(each)


def images(node: Any) -> Iterator[str]:  # noqa: ANN401 - YAML is anything
    """Names of images anywhere below."""
    if isinstance(node, dict):
        image = node.get("image")
        if isinstance(image, str):
            yield re.sub(r"\$\{(\w+)[^}]*\}", lambda m: EXAMPLE[m[1]], image)
        elif isinstance(image, dict):
            yield "{repository}:{tag}".format(**image)
        node = list(node.values())
    if isinstance(node, list):
        for each in node:
            yield from images(each)


def test_every_image_has_a_tag_that_says_its_version():
    dockerfile = (DEPLOY / "docker/Dockerfile").read_text("utf-8")
    outside = re.findall(r"^FROM (\S+:\S+)", dockerfile, re.MULTILINE)
    every = [*outside, *(image for _, document in documents() for image in images(document))]

    assert len(set(every)) >= 5
    assert [
        image for image in every if not re.search(r":[\w.-]*\d+\.\d+|:RELEASE\.\d{4}", image)
    ] == []


def test_our_images_are_of_this_version():
    ours = {i for _, d in documents() for i in images(d) if "kazu-platform" in i}

    assert {image.rpartition(":")[2].removesuffix("-gpu") for image in ours} == {PROJECT["version"]}


def test_no_secret_is_written_down():
    literal = [
        (name, variable)
        for name, document in documents()
        for variable, value in variables(document)
        if SECRET.search(variable) and value is not None
        if not (variable.endswith(("_FILE", "_PATH")) and value.startswith("/run/secrets/"))
    ]

    assert literal == []
    assert [name for name in EXAMPLE if SECRET.search(name)] == ["SECRETS_GID"]  # who reads them


def test_the_example_of_secrets_cannot_be_applied():
    text = (DEPLOY / "kubernetes/secrets.example.yaml").read_text("utf-8")
    values = [v for each in yaml.safe_load_all(text) for v in each["data"].values()]

    assert len(values) == 5
    for value in values:
        with pytest.raises(binascii.Error):
            base64.b64decode(value, validate=True)


def test_every_secret_that_pods_name_is_in_the_example():
    text = (DEPLOY / "kubernetes/secrets.example.yaml").read_text("utf-8")
    shown = {each["metadata"]["name"] for each in yaml.safe_load_all(text)}
    named = set(
        re.findall(
            r"(?:secretRef|secretKeyRef|envSecrets|[sS]ecretName):?[^\n]*?(kazu-\w+)",
            (DEPLOY / "helm/values.yaml").read_text("utf-8")
            + (DEPLOY / "kubernetes/raycluster.yaml").read_text("utf-8"),
        )
    )

    assert named == shown


def test_nothing_but_the_webserver_is_reached_from_outside_and_it_from_this_machine():
    ports = {name: each["ports"] for name, each in COMPOSE["services"].items() if "ports" in each}

    assert ports == {"webserver": ["127.0.0.1:${UI_PORT:-3000}:3000"]}


@pytest.mark.parametrize("name", COMPOSE["services"])
def test_a_service_is_closed_watched_and_started_again(name: str):
    service = COMPOSE["services"][name]

    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not {"privileged", "network_mode", "pid", "devices"} & set(service)
    assert not any("docker.sock" in each for each in service.get("volumes", []))
    if name in ONE_SHOT:
        assert service["restart"] == "on-failure"
    else:
        assert service["restart"] == "unless-stopped"
        assert service["healthcheck"]["test"]
    for other, condition in service.get("depends_on", {}).items():
        done = "service_completed_successfully" if other in ONE_SHOT else "service_healthy"
        assert condition["condition"] == done


def test_every_setting_that_is_given_is_one():
    known = {f"KAZU_{name.upper()}" for name in Settings.model_fields}
    given = {v.removesuffix("_FILE") for _, d in documents() for v, _ in variables(d)}

    assert {name for name in given if name.startswith("KAZU_")} <= known
    assert "KAZU_ALERT_WEBHOOK" in given


@pytest.mark.parametrize("service", ["code", "webserver", "daemon", "prepare"])
def test_what_dagster_reads_from_the_environment_is_given(service: str):
    text = "".join(
        (DEPLOY / f"dagster/{n}.yaml").read_text("utf-8") for n in ("dagster", "workspace")
    )
    read_there = set(re.findall(r"env: (\w+)", text))
    given = {name.removesuffix("_FILE") for name in COMPOSE["services"][service]["environment"]}

    assert len(read_there) == 10
    assert read_there <= given


def test_every_secret_in_a_file_is_one_that_the_entrypoint_reads():
    script = (DEPLOY / "docker/entrypoint.sh").read_text("utf-8")
    [names] = re.findall(r"for name in ([A-Z_ ]+);", script)
    ours = (each for name, each in COMPOSE["services"].items() if name not in {"postgres", "s3"})
    files = {name for each in ours for name in each["environment"] if name.endswith("_FILE")}

    assert {name.removesuffix("_FILE") for name in files} == set(names.split())


def test_a_service_is_given_the_files_of_the_secrets_that_it_reads():
    for name, service in COMPOSE["services"].items():
        paths = [v for v in service["environment"].values() if str(v).startswith("/run/secrets/")]

        assert {Path(path).name for path in paths} == set(service["secrets"]), name


def test_every_pool_has_its_limit():
    prepare = (DEPLOY / "docker/prepare.sh").read_text("utf-8")
    named = {n: int(v) for n, v in re.findall(r"concurrency set (\w+) (\d+)", prepare)}
    default = INSTANCE["concurrency"]["pools"]["default_limit"]

    assert {pool: named.get(pool, default) for pool in POOLS} == POOLS


def test_the_chart_makes_the_same_instance():
    """On Kubernetes the chart writes dagster.yaml."""
    daemon, concurrency, retention = (
        VALUES[key] for key in ("dagsterDaemon", "concurrency", "retention")
    )
    monitoring = daemon["runMonitoring"] | {}
    runs = INSTANCE["concurrency"]["runs"]

    assert VALUES["additionalInstanceConfig"]["run_retries"] == INSTANCE["run_retries"]
    assert VALUES["additionalInstanceConfig"]["nux"] == INSTANCE["nux"]
    assert VALUES["telemetry"] == INSTANCE["telemetry"]
    assert (
        VALUES["postgresql"]["postgresqlScheme"]
        == INSTANCE["storage"]["postgres"]["postgres_db"]["scheme"]
    )
    assert concurrency["runs"]["maxConcurrentRuns"] == runs["max_concurrent_runs"]
    assert concurrency["runs"]["tagConcurrencyLimits"] == runs["tag_concurrency_limits"]
    assert concurrency["pools"]["defaultLimit"] == INSTANCE["concurrency"]["pools"]["default_limit"]
    assert {
        "enabled": monitoring["enabled"],
        "start_timeout_seconds": monitoring["startTimeoutSeconds"],
        "cancel_timeout_seconds": monitoring["cancelTimeoutSeconds"],
        "poll_interval_seconds": monitoring["pollIntervalSeconds"],
        "free_slots_after_run_end_seconds": monitoring["freeSlotsAfterRunEndSeconds"],
    } == INSTANCE["run_monitoring"]
    assert {
        "schedule": {"purge_after_days": retention["schedule"]["purgeAfterDays"]},
        "sensor": {"purge_after_days": retention["sensor"]["purgeAfterDays"]},
        "auto_materialize": {"purge_after_days": retention["autoMaterialize"]["purgeAfterDays"]},
    } == INSTANCE["retention"]


def test_versions_are_those_of_the_constraints():
    values = (DEPLOY / "helm/values.yaml").read_text("utf-8")

    assert re.findall(r"--version (\S+)", values) == [VERSIONS["dagster"]]
    assert read("kubernetes/raycluster.yaml")["spec"]["rayVersion"] == VERSIONS["ray"]


def test_pods_run_as_nobody_in_particular():
    cluster = read("kubernetes/raycluster.yaml")["spec"]
    specs = [
        group["template"]["spec"]
        for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"])
    ]
    parts = [VALUES["dagsterWebserver"], VALUES["dagsterDaemon"]]
    parts += VALUES["dagster-user-deployments"]["deployments"]
    pods = [*(s["securityContext"] for s in specs), *(p["podSecurityContext"] for p in parts)]
    containers = [*(s["containers"][0] for s in specs), *parts]

    assert len(pods) == 6
    assert all(pod["runAsNonRoot"] and pod["runAsUser"] >= 10000 for pod in pods)
    for container in containers:
        context = container["securityContext"]
        assert context == {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
        assert {"requests", "limits"} <= set(container["resources"])


def test_the_image_runs_as_nobody_in_particular():
    lines = (DEPLOY / "docker/Dockerfile").read_text("utf-8").splitlines()
    last = [line for line in lines if line.startswith("USER")][-1]

    assert last == "USER 10001:10001"
