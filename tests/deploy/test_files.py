"""Every file of deploy/ is looked at by a tool that knows its format and notices mistakes."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import kubernetes_validate
import pytest
import yaml
from dagster._config import process_config, resolve_to_config_type
from dagster._core.instance.config import dagster_instance_config
from dagster._core.instance.ref import InstanceRef
from dagster._core.storage.compute_log_manager import ComputeLogManager
from dagster._core.workspace.load import location_origins_from_yaml_paths
from dagster_aws.s3 import S3ComputeLogManager
from dagster_k8s import K8sRunLauncher
from dagster_postgres import DagsterPostgresStorage

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parent.parent.parent
DEPLOY = ROOT / "deploy"
BIN = Path(sys.executable).parent
LINK = re.compile(r"\]\(([^)#\s]+)")
# Written on the machine where it is deployed; never committed.
LOCAL = {"compose/.env", "compose/secrets"}


def run(*command: object) -> None:
    """Run a tool; what it says is the failure."""
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def tool(*command: object) -> Callable[[Path], None]:
    """A tool beside our Python, given a file."""
    return lambda path: run(BIN / str(command[0]), *command[1:], path)


def is_kubernetes(path: Path) -> None:
    """The kinds of Kubernetes, strictly, and pods of custom kinds as pods."""
    for document in yaml.safe_load_all(path.read_text("utf-8")):
        if document["apiVersion"].startswith("ray.io/"):
            spec = document["spec"]
            for group in (spec["headGroupSpec"], *spec["workerGroupSpecs"]):
                is_pod(group["template"]["spec"])
        else:
            kubernetes_validate.validate(
                document, kubernetes_validate.latest_version(), strict=True
            )


def is_pod(spec: dict[str, Any]) -> None:
    is_kind("v1", "Pod", spec)


def is_kind(version: str, kind: str, spec: dict[str, Any]) -> None:
    thing = {"apiVersion": version, "kind": kind, "metadata": {"name": "thing"}, "spec": spec}
    kubernetes_validate.validate(thing, kubernetes_validate.latest_version(), strict=True)


def is_instance(path: Path) -> None:
    """Dagster's own reading of dagster.yaml, and of the classes it names."""
    config, _ = dagster_instance_config(str(path.parent), path.name)
    fits(DagsterPostgresStorage.config_type(), config["storage"]["postgres"])
    fits(S3ComputeLogManager.config_type(), config["compute_logs"]["config"])
    logs = InstanceRef.from_dir(str(path.parent)).compute_logs_data
    assert isinstance(logs.rehydrate(as_type=ComputeLogManager), S3ComputeLogManager)


def fits(config_type: Any, given: Any) -> None:  # noqa: ANN401 - so Dagster types them
    read = process_config(resolve_to_config_type(config_type), given)
    assert read.success, [error.message for error in read.errors or ()]


def is_workspace(path: Path) -> None:
    """Dagster's own reading of workspace.yaml."""
    origins = location_origins_from_yaml_paths([str(path)])
    assert [origin.location_name for origin in origins] == ["kazu_platform"]


def is_values(path: Path) -> None:
    """What pods and runs of the values are, as Kubernetes and as Dagster's launcher read them."""
    values = yaml.safe_load(path.read_text("utf-8"))
    parts = [values["dagsterWebserver"], values["dagsterDaemon"]]
    for part in (*parts, *values["dagster-user-deployments"]["deployments"]):
        container = {
            "name": "c",
            "image": "{repository}:{tag}".format(**part["image"]),
            "imagePullPolicy": part["image"]["pullPolicy"],
            "env": part["env"],
            "envFrom": [{"secretRef": each} for each in part["envSecrets"]],
            "securityContext": part["securityContext"],
            "resources": part["resources"],
            "volumeMounts": part.get("volumeMounts", []),
        }
        security, volumes = part["podSecurityContext"], part.get("volumes", [])
        is_pod({"containers": [container], "securityContext": security, "volumes": volumes})
    launcher = snake(values["runLauncher"]["config"]["k8sRunLauncher"])
    launcher["run_k8s_config"] = snake(launcher["run_k8s_config"])
    names = {"service_account_name": "a", "instance_config_map": "b", "dagster_home": "/c"}
    fits(K8sRunLauncher.config_type(), launcher | names)
    job = launcher["run_k8s_config"]
    template = {"spec": job["pod_spec_config"] | {"containers": [{"name": "c"}]}}
    is_kind("batch/v1", "Job", job["job_spec_config"] | {"template": template})


def snake(given: dict[str, Any]) -> dict[str, Any]:
    """With keys as Dagster has them, as the chart does."""
    return {re.sub(r"(?<=[a-z0-9])[A-Z]", r"_\g<0>", key).lower(): given[key] for key in given}


def names_variables(path: Path) -> None:
    """A line is a comment or NAME=value, and compose.yaml uses each name but those of compose."""
    lines = [line for line in path.read_text("utf-8").splitlines() if line]
    names = [line.partition("=")[0] for line in lines if not line.startswith("#")]
    used = set(re.findall(r"\$\{(\w+)", (DEPLOY / "compose/compose.yaml").read_text("utf-8")))
    assert all(re.fullmatch(r"#.*|[A-Z][A-Z0-9_]*=.*", line) for line in lines)
    assert set(names) == used | {"COMPOSE_PROFILES"}
    assert len(names) == len(set(names))


def leads_somewhere(path: Path) -> None:
    """Links of a page."""
    links = [link for link in LINK.findall(path.read_text("utf-8")) if "://" not in link]
    assert [link for link in links if not (path.parent / link).exists()] == []


def schema(name: str) -> Callable[[Path], None]:
    return tool("check-jsonschema", "--schemafile", DEPLOY / "schemas" / f"{name}.schema.yaml")


compose_spec = tool("check-jsonschema", "--builtin-schema", "vendor.compose-spec")
metaschema = tool("check-jsonschema", "--check-metaschema")

CHECKS: dict[str, tuple[Callable[[Path], None], ...]] = {
    "docker/Dockerfile": (tool("hadolint"),),
    "*/*.sh": (tool("shellcheck", "--enable=all", "--exclude=SC2250,SC2310,SC2312"),),
    "compose/compose.yaml": (compose_spec,),
    "compose/.env.example": (names_variables,),
    "dagster/dagster.yaml": (is_instance,),
    "dagster/workspace.yaml": (is_workspace,),
    "helm/values.yaml": (schema("dagster-values"), is_values),
    "kubernetes/*.yaml": (is_kubernetes,),
    "kubernetes/raycluster.yaml": (schema("raycluster"),),
    "schemas/*.yaml": (metaschema,),
    "README.md": (leads_somewhere,),
}
YAML = tool("yamllint", "--strict", "--config-file", ROOT / ".yamllint")


def files() -> list[str]:
    every = (path for path in DEPLOY.rglob("*") if path.is_file())
    names = sorted(path.relative_to(DEPLOY).as_posix() for path in every)
    return [name for name in names if not any(name.startswith(each) for each in LOCAL)]


def checks_of(name: str) -> list[Callable[[Path], None]]:
    return [check for glob, checks in CHECKS.items() if Path(name).match(glob) for check in checks]


def check(path: Path, name: str) -> None:
    if name.endswith(".yaml"):
        YAML(path)
    for each in checks_of(name):
        each(path)


@pytest.fixture(autouse=True)
def production(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What the production files of Dagster read from the environment."""
    for name, value in {
        "DAGSTER_POSTGRES_HOST": "postgres",
        "DAGSTER_POSTGRES_PORT": "5432",
        "DAGSTER_POSTGRES_DB": "dagster",
        "DAGSTER_POSTGRES_USER": "dagster",
        "DAGSTER_POSTGRES_PASSWORD": "none",
        "DAGSTER_CODE_SERVER_HOST": "code",
        "DAGSTER_CODE_SERVER_PORT": "4000",
        "DAGSTER_LOGS_BUCKET": "logs",
        "DAGSTER_LOGS_PREFIX": "dagster",
        "DAGSTER_LOGS_FOLDER": str(tmp_path),
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize("name", files())
def test_a_tool_knows_the_file(name: str):
    assert checks_of(name), f"no tool looks at deploy/{name}; name one in CHECKS"

    check(DEPLOY / name, name)


@pytest.mark.parametrize(
    ("name", "right", "wrong"),
    [
        ("docker/Dockerfile", "python:3.11.13-slim-bookworm", "python:latest"),
        ("docker/entrypoint.sh", 'exec "$@"', "exec $@"),
        ("compose/compose.yaml", "read_only:", "readonly:"),
        ("compose/compose.yaml", "  postgres:\n    <<", "  postgres:\n     <<"),
        ("compose/.env.example", "S3_REGION=", "REGION="),
        ("dagster/dagster.yaml", "max_retries", "max_tries"),
        ("dagster/dagster.yaml", "db_name:", "database:"),
        ("dagster/dagster.yaml", "upload_interval", "interval"),
        ("dagster/dagster.yaml", "DAGSTER_LOGS_BUCKET", "NO_SUCH_VARIABLE"),
        ("dagster/workspace.yaml", "grpc_server", "server"),
        ("helm/values.yaml", "numWorkers", "workers"),
        ("helm/values.yaml", "runAsUser", "runAs"),
        ("helm/values.yaml", "backoffLimit", "backoff"),
        ("kubernetes/network-policy.yaml", "podSelector", "selector"),
        ("kubernetes/raycluster.yaml", "workerGroupSpecs", "workerGroups"),
        ("kubernetes/raycluster.yaml", "volumeMounts: *mounts", "mounts: *mounts"),
        ("schemas/raycluster.schema.yaml", "type: object", "type: thing"),
    ],
)
def test_the_tool_notices_a_mistake(name: str, right: str, wrong: str, tmp_path: Path):
    copy = shutil.copytree(DEPLOY, tmp_path / "deploy") / name
    text = copy.read_text("utf-8")
    assert right in text
    copy.write_text(text.replace(right, wrong), "utf-8")

    with pytest.raises(Exception):  # noqa: B017, PT011 - each tool has its own
        check(copy, name)
