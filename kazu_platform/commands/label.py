"""`kazu-platform curate export` and `curate import`: mentions to Label Studio, answers back."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from kazu_platform.errors import ConfigurationError
from kazu_platform.settings import read_settings

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from typing import TextIO

    from kazu_platform.ontologies.proposals import Proposals
    from kazu_platform.reports.to_review import Choice

TASKS, CONFIG = "tasks.json", "labelling.xml"
"""Files of an export: to be imported as data, and pasted as the labelling interface."""

_SHOWN: Final = ("action", "name", "concept_id", "entity_class", "reason")


def export_tasks(choice: Choice, folder: Path) -> dict[str, Any]:
    """Write tasks and the labelling configuration for the mentions chosen; says how many.

    Raises:
        ConfigurationError: there is no such document, or no mention is chosen.
        QueryError: there is no warehouse, or it took too long to answer.
    """
    from kazu_platform.formats.label_studio import Shown, labelling_config, to_task
    from kazu_platform.reports.to_review import to_review
    from kazu_platform.storage.atomic import write_atomically
    from kazu_platform.storage.places import warehouse_of

    with warehouse_of(read_settings()).opened() as warehouse:
        chosen = to_review(warehouse, choice)
    if not chosen:
        raise ConfigurationError("No mention is like that; ask for less. Nothing was written.")
    tasks = [
        to_task(
            each.document,
            [Shown(mention, context) for mention, context in each.mentions],
            complete=each.complete,
        )
        for each in chosen
    ]
    shown = [mention for task in tasks for mention in task["data"]["mentions"]]
    config = labelling_config(mention["entity_class"] for mention in shown)
    body = json.dumps(tasks, ensure_ascii=False, allow_nan=False, indent=1)
    write_atomically(folder / TASKS, body.encode())
    write_atomically(folder / CONFIG, config.encode())
    return {
        "tasks": len(tasks),
        "mentions": len(shown),
        "complete": sum(task["data"]["complete"] for task in tasks),
        "files": [str(folder / TASKS), str(folder / CONFIG)],
    }


def print_export(done: dict[str, Any], out: TextIO, *, as_json: bool) -> None:
    """Print what was written and what to do with it, or one JSON object."""
    if as_json:
        json.dump(done, out)
        out.write("\n")
        return
    tasks, config = done["files"]
    out.write(
        f"{done['tasks']} tasks with {done['mentions']} mentions, {done['complete']} of the "
        f"documents whole: {tasks}\nLabelling interface, to be pasted as code in the settings of "
        f"the project before the tasks are imported: {config}\n"
    )


def propose(export: Path, out: Path, author: str | None) -> dict[str, Any]:
    """Write the curations that follow from an export, after those there are; nothing is in effect.

    Args:
        export: what Label Studio exported.
        out: the file to write, which must not be there.
        author: who decided; default: the people of Label Studio who answered.

    Raises:
        ConfigurationError: there is such a file already, or it is not to be YAML.
        MalformedFileError: it is no such export; names task and field.
        InvalidCurationsError: the catalogue's own file of curations is wrong.
    """
    from kazu_platform.commands.curate import of_catalogue
    from kazu_platform.formats.label_studio_export import read_export
    from kazu_platform.formats.verdicts import verdicts
    from kazu_platform.ontologies.proposals import beside, proposal_file, proposals_of
    from kazu_platform.storage.atomic import write_atomically

    _must_be_new(out)
    if out.suffix not in {".yaml", ".yml"}:
        raise ConfigurationError(f"{out}: proposals are written as YAML; name the file .yaml.")
    settings = read_settings()
    catalogue = settings.catalogue()
    tasks = read_export(export)
    said = verdicts(tasks)
    today = datetime.now(UTC).date()
    path = of_catalogue(settings, catalogue)[0] if catalogue.curations else None
    found = beside(proposals_of(said), path, today=today, ontologies=catalogue.ontologies)
    people = author or ", ".join(sorted(set(said["annotator"].to_list()))) or "Label Studio"
    body = proposal_file(found, path, author=people, today=today)
    if found.proposals:
        write_atomically(out, body.encode())
    return _summary(found, tasks=len(tasks), answered=sum(bool(t.answers) for t in tasks)) | {
        "verdicts": dict(sorted(said["verdict"].value_counts().rows())),
        "file": str(out) if found.proposals else None,
    }


def print_proposals(done: dict[str, Any], out: TextIO, *, as_json: bool) -> None:
    """Print what is proposed and what people disagree about, or one JSON object."""
    if as_json:
        json.dump(done, out, ensure_ascii=False)
        out.write("\n")
        return
    _print_rows(_SHOWN, done["proposals"], out)
    _print_rows(("name", "entity_class", "why"), done["conflicts"], out)
    said = ", ".join(f"{n} {verdict}" for verdict, n in done["verdicts"].items())
    out.write(
        f"{done['answered']} of {done['tasks']} tasks answered; mentions: {said or 'none'}.\n"
        f"{len(done['proposals'])} curations proposed, {len(done['conflicts'])} strings for a "
        "person to settle. Nothing is in effect.\n"
    )
    if done["file"]:
        out.write(f"See what it would change: kazu-platform curate preview {done['file']}\n")


def write_gold(export: Path, folder: Path, split: str) -> dict[str, Any]:
    """Write what people marked as gold (PubTator); says how much.

    Raises:
        ConfigurationError: there is such a file already.
        MalformedFileError: it is no such export, or tasks are no gold; names them.
    """
    from kazu_platform.formats.label_studio_export import read_export
    from kazu_platform.formats.verdicts import gold_of
    from kazu_platform.storage.atomic import write_atomically

    file = folder / f"{split}.PubTator"
    _must_be_new(file)
    tasks = read_export(export)
    body = gold_of(tasks, export)
    answered = sum(bool(task.answers) for task in tasks)
    if not answered:
        raise ConfigurationError(f"{export}: no task was answered. Nothing was written.")
    write_atomically(file, body.encode())
    return {"documents": answered, "unanswered": len(tasks) - answered, "file": str(file)}


def print_gold(done: dict[str, Any], out: TextIO, *, as_json: bool) -> None:
    """Print what was written, or one JSON object."""
    if as_json:
        json.dump(done, out)
        out.write("\n")
        return
    left = f"; {done['unanswered']} tasks without an answer left out" if done["unanswered"] else ""
    out.write(
        f"{done['documents']} documents{left}: {done['file']}\nMeasure with it: kazu-platform "
        f"evaluate ner --gold {done['file']} --entity-class gene\n"
    )


def _must_be_new(path: Path) -> None:
    if path.exists():
        raise ConfigurationError(f"{path} is there already; give another name, or remove it.")


def _summary(found: Proposals, **counts: int) -> dict[str, Any]:
    from dataclasses import asdict

    return counts | {
        "proposals": [asdict(each) for each in found.proposals],
        "conflicts": [asdict(each) for each in found.conflicts],
    }


def _print_rows(columns: Sequence[str], rows: Sequence[dict[str, Any]], out: TextIO) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    if not rows:
        return
    table = Table(*columns)
    for row in rows:
        table.add_row(*(Text("" if row[name] is None else str(row[name])) for name in columns))
    Console(file=out, width=None if out.isatty() else 160).print(table)
