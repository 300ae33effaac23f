"""The documentation says what the code does."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_group

from kazu_platform.cli import app
from kazu_platform.settings import Settings
from kazu_platform.tables import TABLES

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
README = (ROOT / "README.md").read_text("utf-8")
LINK = re.compile(r"\]\(([^)#\s]+)")


def test_the_page_of_tables_is_what_the_tables_say():
    checked = subprocess.run([sys.executable, DOCS / "generate.py", "--check"], check=False)

    assert checked.returncode == 0, "docs/tables.md is out of date; run: make docs"


def test_the_check_of_that_page_notices_a_change(tmp_path: Path):
    script = tmp_path / "generate.py"
    script.write_text((DOCS / "generate.py").read_text("utf-8"), "utf-8")
    page = (DOCS / "tables.md").read_text("utf-8")
    (tmp_path / "tables.md").write_text(page.replace("CURIE", "Identifier"), "utf-8")

    assert subprocess.run([sys.executable, script, "--check"], check=False).returncode == 1
    assert subprocess.run([sys.executable, script], check=False).returncode == 0
    assert (tmp_path / "tables.md").read_text("utf-8") == page


@pytest.mark.parametrize("name", get_group(app).commands)
def test_the_readme_names_every_command(name: str):
    assert f"kazu-platform {name}" in README


@pytest.mark.parametrize("name", Settings.model_fields)
def test_the_readme_names_every_setting(name: str):
    assert f"`KAZU_{name.upper()}`" in README


def test_every_decision_is_listed_in_the_architecture():
    listed = LINK.findall((DOCS / "architecture.md").read_text("utf-8"))
    notes = sorted(f"decisions/{path.name}" for path in (DOCS / "decisions").glob("*.md"))

    assert [link for link in listed if link.startswith("decisions/")] == notes


def test_decisions_are_numbered_without_a_gap():
    numbers = sorted(int(path.name[:4]) for path in (DOCS / "decisions").glob("*.md"))

    assert numbers == list(range(1, len(numbers) + 1))


@pytest.mark.parametrize(
    "page", ["README.md", *(str(path.relative_to(ROOT)) for path in sorted(DOCS.rglob("*.md")))]
)
def test_links_between_pages_lead_somewhere(page: str):
    path = ROOT / page
    links = [link for link in LINK.findall(path.read_text("utf-8")) if "://" not in link]

    assert [link for link in links if not (path.parent / link).exists()] == []


def test_every_module_named_in_the_architecture_exists():
    text = (DOCS / "architecture.md").read_text("utf-8")
    named = set(re.findall(r"`((?:kazu_platform|assets|resources|tests|docs)/[\w./]*)`", text))

    assert named
    assert sorted(name for name in named if not (ROOT / name).exists()) == []


def test_every_view_of_the_readme_and_the_notes_is_a_table_or_a_view():
    """What stands after FROM in the README exists in the warehouse, macro or view."""
    sql = (ROOT / "kazu_platform/storage/macros.sql").read_text("utf-8")
    sql += (ROOT / "kazu_platform/storage/views.sql").read_text("utf-8")
    made = set(re.findall(r"CREATE (?:MACRO|VIEW|TABLE) (\w+)", sql)) | set(TABLES)
    asked = set(re.findall(r"\bFROM (\w+)", README))

    assert asked
    assert asked <= made
