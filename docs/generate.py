"""Write docs/tables.md from kazu_platform/tables.py; `--check` says if it is up to date."""

from __future__ import annotations

import sys
from pathlib import Path

from kazu_platform.tables import TABLES, Table

TARGET = Path(__file__).with_name("tables.md")
HEAD = """\
# Tables

Generated from `kazu_platform/tables.py` by `make docs`; change it there. Every table is also a view
of the warehouse, with these meanings as comments: `DESCRIBE citations` shows the columns.
"""


def render() -> str:
    """The whole page."""
    return HEAD + "".join(_section(table) for table in TABLES.values())


def _section(table: Table) -> str:
    rows = "\n".join(
        f"| `{field.name}` | `{str(field.type).replace('|', '/')}` | "
        f"{(field.metadata or {}).get(b'description', b'').decode()}"
        f"{' May be null.' if field.nullable else ''} |"
        for field in table.schema
    )
    return (
        f"\n## {table.name}\n\nOne row is {table.row}. Key: {', '.join(table.key)}. "
        f"Partitioned by {table.partitioned_by}.\n\n"
        f"| column | type | meaning |\n|---|---|---|\n{rows}\n"
    )


def main(arguments: list[str]) -> int:
    """Write or check the page; 1 if it is out of date."""
    page = render()
    if arguments == ["--check"]:
        return 0 if TARGET.read_text("utf-8") == page else 1
    TARGET.write_text(page, "utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
