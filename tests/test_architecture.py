"""The import contract: floors and rooms point down; heavy libraries stay out of light commands."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent
FRONT_DOORS = ("kazu_platform/definitions.py", "kazu_platform/cli.py", "kazu_platform/commands/")

# Each floor and room, with all that it may import of ours.
FLOORS = {
    "kazu_platform": {"kazu_platform"},
    "resources": {"kazu_platform", "resources"},
    "assets": {"kazu_platform", "resources", "assets"},
}
NOUNS = {"arrow", "errors", "documents", "tables", "settings", "yaml_text", "limits"}
ROOMS = {
    "errors": set[str](),
    "documents": {"errors"},
    "arrow": set[str](),
    "yaml_text": set[str](),
    "tables": {"errors", "documents"},
    "limits": set[str](),
    "settings": {"errors", "documents", "yaml_text", "limits"},
    "storage": NOUNS,
    "text": NOUNS,
    "sample": set[str](),
    "catalogues": set[str](),
    "models": set[str](),
    "execution": NOUNS,
    "ontologies": NOUNS | {"text"},
    "citations": NOUNS | {"text"},
    "ner": NOUNS | {"text", "storage", "execution"},
    "linking": NOUNS | {"text", "storage", "ner", "citations"},
    "graph": NOUNS | {"text", "storage", "ner", "linking"},
    "formats": NOUNS | {"text"},
    "evaluation": NOUNS | {"text", "ner", "formats", "linking"},
    "training": NOUNS
    | {"text", "storage", "formats", "citations", "ontologies", "ner", "linking", "evaluation"},
    "reports": NOUNS | {"text", "storage", "ner", "linking", "ontologies", "citations"},
}
KNOWS_NEITHER = {"dagster", "ray"}


def modules() -> list[Path]:
    return sorted(p for floor in FLOORS for p in (ROOT / floor).rglob("*.py"))


def imports_of(path: Path) -> Iterator[str]:
    """Every imported module, also inside functions; names of packages count as modules."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_every_room_is_in_the_architecture():
    rows = [
        line.split("|")[1]
        for line in (ROOT / "docs" / "architecture.md").read_text("utf-8").splitlines()
        if line.startswith("| `")
    ]
    described = {name.removesuffix("/") for row in rows for name in re.findall(r"`([^`]+)`", row)}

    assert set(ROOMS) <= described


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_point_down(path: Path):
    name = path.relative_to(ROOT).as_posix()
    if name.startswith(FRONT_DOORS):
        return
    floor = name.split("/")[0]

    for module in imports_of(path):
        parts = module.split(".")
        if parts[0] in FLOORS:
            assert parts[0] in FLOORS[floor], f"{name} may not import {module}"
        if floor == "kazu_platform":
            assert parts[0] not in KNOWS_NEITHER, f"{name} may not import {module}"
            if parts[0] == floor and len(parts) > 1:
                room = name.split("/")[1].removesuffix(".py")
                allowed = ROOMS.get(room, set[str]()) | {room}
                assert parts[1] in allowed, f"{name}: {room} may not import {module}"


def test_every_room_is_in_the_contract():
    rooms = {p.name.removesuffix(".py") for p in (ROOT / "kazu_platform").iterdir()}
    doors = {"definitions", "cli", "commands", "__init__", "__pycache__"}

    assert rooms - doors == set(ROOMS)


@pytest.mark.parametrize("command", ["annotate", "query", "evaluate"])
def test_light_commands_load_no_heavy_library(command: str, tmp_path: Path):
    """Importing Dagster alone costs most of a second."""
    gold = tmp_path / "gold.tsv"
    gold.write_text("TNF\tB-gene\n", "utf-8")
    arguments = {
        "annotate": ["annotate", "TNF"],
        "query": ["query", "SELECT 1"],
        "evaluate": ["evaluate", "ner", "--gold", str(gold), "--entity-class", "gene", "--json"],
    }[command]
    code = (
        "import sys\n"
        "from kazu_platform.cli import app\n"
        f"try: app({arguments!r})\n"
        "except SystemExit: pass\n"
        "heavy = {'dagster', 'ray', 'torch', 'transformers'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"KAZU_HOME": str(tmp_path), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
