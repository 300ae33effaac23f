"""The scripts of the images, run."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from pathlib import Path

DEPLOY = Path(__file__).parent.parent.parent / "deploy"
ENTRYPOINT = DEPLOY / "docker" / "entrypoint.sh"
TOKEN_PATH = "/run/secrets/ray_token"  # noqa: S105 - where it is
PLAIN = {"PATH": os.environ["PATH"]}


def run(*command: object, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(each) for each in command],
        env=PLAIN | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_secrets_of_files_are_the_environment_of_what_runs(tmp_path: Path):
    password, webhook = tmp_path / "password", tmp_path / "webhook"
    password.write_text("two words & $more\n", "utf-8")
    webhook.write_text("", "utf-8")

    done = run(
        ENTRYPOINT,
        "env",
        DAGSTER_POSTGRES_PASSWORD_FILE=str(password),
        KAZU_ALERT_WEBHOOK_FILE=str(webhook),
        KAZU_RAY_TOKEN_PATH=TOKEN_PATH,
    )

    given = dict(line.split("=", 1) for line in done.stdout.splitlines())
    names = ("DAGSTER_POSTGRES_PASSWORD", "KAZU_ALERT_WEBHOOK", "RAY_AUTH_TOKEN_PATH")
    assert [given[name] for name in names] == ["two words & $more", "", TOKEN_PATH]
    assert [name for name in given if name.endswith("_FILE")] == []


def test_a_secret_that_is_not_there_is_named(tmp_path: Path):
    done = run(ENTRYPOINT, "env", AWS_ACCESS_KEY_ID_FILE=str(tmp_path / "none"))

    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith(f"AWS_ACCESS_KEY_ID_FILE: {tmp_path}/none cannot be read by user")


def test_joining_ray_needs_its_address():
    done = run(ENTRYPOINT, "env", JOIN_RAY="1")

    assert done.returncode == 1
    assert "JOIN_RAY=1 needs the address of the head node" in done.stderr


def test_what_is_unknown_is_not_healthy():
    assert run(DEPLOY / "docker" / "healthy.sh", "moon").returncode == 2


def test_secrets_are_made_once_and_for_one_group(tmp_path: Path):
    script = shutil.copy(DEPLOY / "compose" / "make-secrets.sh", tmp_path)

    first = run(script)
    made = {path.name: path.read_text("utf-8") for path in (tmp_path / "secrets").iterdir()}
    (tmp_path / "secrets" / "ray_token").unlink()
    run(script)

    again = {path.name: path.read_text("utf-8") for path in (tmp_path / "secrets").iterdir()}
    assert first.stdout == f"SECRETS_GID={os.getgid()} belongs into .env\n"
    assert made.pop("alert_webhook") == ""
    assert [len(secret) for secret in made.values()] == [64] * 4
    assert len(set(made.values())) == 4
    assert {name for name in made if made[name] != again[name]} == {"ray_token"}
    for path in (tmp_path / "secrets").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o440
