"""The graph as KGX: two tab-separated files that graph databases and Biolink tools load.

The format is that of https://biolink.github.io/kgx/kgx_format.html as its reader takes it: UTF-8,
lines end with a newline only, nothing is quoted or escaped, several values are joined by `|`.
Nodes need id and category, edges subject, predicate, object, knowledge_level and agent_type, with
the values of the Biolink model; columns of our own are allowed beside them.
"""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa
from pyarrow import csv

from kazu_platform.errors import ConfigurationError
from kazu_platform.graph.network import CO_OCCURRENCE
from kazu_platform.storage.atomic import make_folder, sync, temporary_beside, write_atomically

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

NODES_FILE = "nodes.tsv"
EDGES_FILE = "edges.tsv"
INFORES = "infores:kazu-platform"
FORMAT_VERSION = 1
"""Changes when the same nodes and edges are written otherwise."""
REQUIRED = {
    NODES_FILE: ("id", "category"),
    EDGES_FILE: ("id", "subject", "predicate", "object", "knowledge_level", "agent_type"),
}


@dataclass(frozen=True)
class KgxExport:
    """What was written, and how much."""

    nodes: Path
    edges: Path
    n_nodes: int
    n_edges: int


def export_kgx(
    nodes: pa.Table, edges: pa.Table, folder: Path, *, leave_out_licences: Collection[str] = ()
) -> KgxExport:
    """Write the graph as `nodes.tsv` and `edges.tsv`, both or neither.

    The folder is written under another name and then put in place, so that it never holds nodes
    of one export and edges of another.

    Args:
        nodes: NODES.
        edges: EDGES.
        folder: where the two files go; made if it is not there.
        leave_out_licences: nodes and edges of these licences stay out, and edges that touch
            such a node.

    Returns:
        Paths and numbers of rows.

    Raises:
        ConfigurationError: the folder holds other files, which replacing it would delete.
    """
    _refuse_other_files(folder)
    make_folder(folder.parent)
    temporary = temporary_beside(folder)
    temporary.mkdir()
    try:
        n_nodes, n_edges = _write_files(nodes, edges, temporary, leave_out_licences)
        _put_in_place(temporary, folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return KgxExport(folder / NODES_FILE, folder / EDGES_FILE, n_nodes, n_edges)


def kgx_problems(folder: Path, *, at_most: int = 20) -> list[str]:
    """Read an export back and say what is wrong with it.

    Checks what a loader trips over: missing files and columns, lines of another width, empty
    required cells, ids that are there twice, edges without their node.

    Returns:
        A sentence for each problem, at most `at_most`; empty if the export is sound.
    """
    tables: dict[str, pa.Table] = {}
    problems: list[str] = []
    for name, required in REQUIRED.items():
        try:
            table = _read_tsv(folder / name)
        except (OSError, pa.ArrowInvalid) as error:
            problems.append(f"{name} cannot be read: {error}")
            continue
        tables[name.removesuffix(".tsv")] = table
        missing = [column for column in required if column not in table.column_names]
        problems += [f"{name}: column {column} is missing." for column in missing]
    if problems:
        return problems
    with duckdb.connect() as database:
        database.execute("SET python_enable_replacements = false")
        for view, table in tables.items():
            database.register(view, table)
        checks = [_EMPTY.format(name=name, column=c) for name in REQUIRED for c in REQUIRED[name]]
        for statement in (*checks, _TWICE, _DANGLING):
            problems += [row[0] for row in database.execute(statement).fetchmany(at_most)]
    return problems[:at_most]


def note_export(folder: Path, version: str) -> None:
    """Write beside an export what it was made of, for `is_export_of`."""
    write_atomically(_note(folder), _stamp(folder, version))


def is_export_of(folder: Path, version: str) -> bool:
    """Whether an export was made of this version, and nobody has touched its files since."""
    try:
        return _note(folder).read_bytes() == _stamp(folder, version)
    except OSError:
        return False


def _note(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.json")


def _stamp(folder: Path, version: str) -> bytes:
    """The version, and size and time of each file.

    Raises:
        OSError: a file is not there.
    """
    files = {name: (folder / name).stat() for name in REQUIRED}
    seen = {name: [each.st_size, each.st_mtime_ns] for name, each in files.items()}
    return json.dumps({"format": FORMAT_VERSION, "version": version, "files": seen}).encode()


def _read_tsv(path: Path) -> pa.Table:
    """Every column as text, every line as wide as the header.

    Raises:
        OSError: it is not there.
        pa.ArrowInvalid: a line has too many or too few cells, or it is not UTF-8.
    """
    with path.open(encoding="utf-8", newline="\n") as file:
        names = file.readline().rstrip("\n").split("\t")
    return csv.read_csv(
        path,
        parse_options=csv.ParseOptions(delimiter="\t", quote_char=False),
        convert_options=csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string())),
    )


def _refuse_other_files(folder: Path) -> None:
    if not folder.exists():
        return
    if not folder.is_dir():
        raise ConfigurationError(f"{folder} is a file; name a folder for the export.")
    others = sorted(path.name for path in folder.iterdir() if path.name not in REQUIRED)
    if others:
        raise ConfigurationError(
            f"{folder} holds other files ({', '.join(others[:3])}), which the export would delete; "
            "name a new folder, or that of an earlier export."
        )


def _write_files(
    nodes: pa.Table, edges: pa.Table, folder: Path, leave_out_licences: Collection[str]
) -> tuple[int, int]:
    with duckdb.connect() as database:
        database.execute("SET python_enable_replacements = false")
        database.register("all_nodes", nodes)
        database.register("all_edges", edges)
        left_out = pa.table({"licence": pa.array(sorted(leave_out_licences), pa.string())})
        database.register("left_out", left_out)
        database.execute(_CLEAN)
        database.execute(_NODES)
        database.execute(_EDGES, {"co_occurrence": CO_OCCURRENCE, "infores": INFORES})
        counts: list[int] = []
        for name, statement in ((NODES_FILE, _COPY_NODES), (EDGES_FILE, _COPY_EDGES)):
            database.execute(statement, {"path": str(folder / name)})
            counts += [row[0] for row in database.fetchall()]
            sync(folder / name)
    sync(folder)
    n_nodes, n_edges = counts
    return n_nodes, n_edges


def _put_in_place(temporary: Path, folder: Path) -> None:
    """Swap folders; a folder that is not empty cannot be replaced by one rename."""
    if folder.exists():
        old = temporary_beside(folder)
        os.rename(folder, old)  # noqa: PTH104 - beside the call below
        os.rename(temporary, folder)  # noqa: PTH104 - the call whose guarantee we need
        shutil.rmtree(old)
    else:
        os.rename(temporary, folder)  # noqa: PTH104 - as above
    sync(folder.parent)


_AS_TSV = r"(FORMAT csv, DELIMITER '\t', QUOTE '', ESCAPE '', NULLSTR '', HEADER)"
_COPY_NODES = f"COPY (FROM nodes) TO $path {_AS_TSV}"
_COPY_EDGES = f"COPY (FROM edges) TO $path {_AS_TSV}"

# KGX has no escapes: whatever could end a cell, a line or a list item becomes a space.
_CLEAN = r"""
CREATE MACRO clean(value) AS
    trim(regexp_replace(value, '[\p{Cc}\x{2028}\x{2029}]+', ' ', 'g'))
"""

_NODES = """
CREATE VIEW nodes AS
SELECT
    clean(id) AS id, category, clean(name) AS name, clean(source) AS provided_by,
    entity_class, clean(array_to_string(equivalent_ids, '|')) AS equivalent_identifiers,
    n_documents, clean(licence) AS licence
FROM all_nodes ANTI JOIN left_out USING (licence)
ORDER BY all_nodes.id
"""

# A bond found by counting is no assertion; the registry of information resources calls the
# knowledge level of co-occurrence `not_provided`. An is_a was put there by an ontology's editors.
_EDGES = """
CREATE TABLE edges AS
SELECT
    'urn:uuid:' || md5(concat_ws(chr(31), subject, predicate, object, source))::UUID AS id,
    clean(subject) AS subject, predicate, clean(object) AS object,
    'biolink:Association' AS category,
    if(source = $co_occurrence, 'not_provided', 'knowledge_assertion') AS knowledge_level,
    if(source = $co_occurrence, 'text_mining_agent', 'manual_agent') AS agent_type,
    if(
        source = $co_occurrence, $infores,
        'infores:' || regexp_replace(lower(source), '[^a-z0-9]+', '-', 'g')
    ) AS primary_knowledge_source,
    if(source = $co_occurrence, 'infores:pubmed', NULL) AS supporting_data_source,
    n_documents, n_sentences, npmi, score, first_year, last_year,
    array_to_string(publications, '|') AS publications,
    clean(sentence) AS sentence, sentence_doc_id, clean(source) AS source,
    clean(licence) AS licence
FROM all_edges ANTI JOIN left_out USING (licence)
WHERE all_edges.subject IN (SELECT id FROM all_nodes ANTI JOIN left_out USING (licence))
    AND all_edges.object IN (SELECT id FROM all_nodes ANTI JOIN left_out USING (licence))
ORDER BY all_edges.subject, predicate, all_edges.object, all_edges.source
"""

_EMPTY = """
SELECT '{name}: ' || count(*) || ' rows have no {column}.'
FROM {name:.5}
WHERE {column} = ''
HAVING count(*) > 0
"""

_TWICE = """
SELECT 'nodes.tsv: ' || id || ' is there ' || count(*) || ' times.'
FROM nodes GROUP BY id HAVING count(*) > 1
UNION ALL
SELECT 'edges.tsv: ' || id || ' is there ' || count(*) || ' times.'
FROM edges GROUP BY id HAVING count(*) > 1
ORDER BY 1
"""

_DANGLING = """
SELECT 'edges.tsv: ' || id || ' names ' || missing || ', which is no node.'
FROM (
    SELECT id, subject AS missing FROM edges UNION ALL SELECT id, object AS missing FROM edges
)
WHERE missing NOT IN (SELECT id FROM nodes)
ORDER BY id, missing
"""
