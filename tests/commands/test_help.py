"""Help that a person can copy from."""

from __future__ import annotations

import pytest
from typer.main import get_group
from typer.testing import CliRunner

from kazu_platform.cli import app

GROUP = dict(get_group(app).commands)
COMMANDS = dict(GROUP)
for name, group in GROUP.items():
    for inner, command in getattr(group, "commands", {}).items():
        COMMANDS[f"{name} {inner}"] = command


def test_without_a_command_all_of_them_are_listed():
    printed = CliRunner().invoke(app, []).output

    assert sorted(COMMANDS) == [
        "annotate",
        "benchmark",
        "benchmark ner",
        "curate",
        "curate apply",
        "curate check",
        "curate export",
        "curate import",
        "curate preview",
        "demo",
        "doctor",
        "evaluate",
        "evaluate linking",
        "evaluate linking-table",
        "evaluate ner",
        "evaluate ner-table",
        "quarantine",
        "quarantine list",
        "quarantine replay",
        "query",
        "release",
        "release back",
        "release preview",
        "release promote",
        "train-ranker",
        "ui",
        "vocabulary",
        "vocabulary diff",
    ]
    for name in GROUP:
        assert f" {name} " in printed


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_a_command_has_an_example(name: str):
    result = CliRunner().invoke(app, [*name.split(), "--help"])

    assert result.exit_code == 0
    assert f"Example: kazu-platform {name}" in result.output


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_of_a_command_says_what_it_is(name: str):
    for parameter in COMMANDS[name].params:
        assert getattr(parameter, "help", None), f"{name}: {parameter.name} has no help"
