"""`kazu-platform ui`: Dagster's webserver and daemon on this machine."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import NoReturn

from kazu_platform.settings import read_settings
from resources.dagster_home import open_instance


def serve(port: int) -> NoReturn:
    """Become Dagster's development server, so that whoever stops this process stops all of it."""
    settings = read_settings()
    settings.make_home()
    open_instance(settings.dagster_home).dispose()
    environment = os.environ | {
        "KAZU_HOME": str(settings.home.absolute()),
        "DAGSTER_HOME": str(settings.dagster_home),
    }
    program = Path(sys.executable).with_name("dagster")
    options = ["--module-name", "kazu_platform.definitions", "--host", "127.0.0.1"]
    command = [str(program), "dev", *options, "--port", str(port)]
    os.execve(program, command, environment)  # noqa: S606 - our own program, no shell
