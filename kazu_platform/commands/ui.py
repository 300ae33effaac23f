"""`kazu-platform ui`: Dagster's webserver and daemon on this machine."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from kazu_platform.settings import read_settings
from resources.dagster_home import open_instance


def serve(port: int) -> int:
    """Run Dagster's development server until it is stopped; return its exit code."""
    settings = read_settings()
    open_instance(settings.dagster_home).dispose()
    environment = os.environ | {
        "KAZU_HOME": str(settings.home.absolute()),
        "DAGSTER_HOME": str(settings.dagster_home),
    }
    program = Path(sys.executable).with_name("dagster")
    options = ["--module-name", "kazu_platform.definitions", "--host", "127.0.0.1"]
    command = [str(program), "dev", *options, "--port", str(port)]
    try:
        return subprocess.run(command, env=environment, check=False).returncode  # noqa: S603
    except KeyboardInterrupt:
        return 0
