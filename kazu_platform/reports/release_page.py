"""A release report for a curator to read, and the verdict on it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from kazu_platform.reports.preview import GAINED, LOST, RELINKED
from kazu_platform.reports.release import FOLLOWED, counts, with_followers
from kazu_platform.text.fold_column import fold_names

if TYPE_CHECKING:
    from kazu_platform.reports.release import ReleaseReport
    from kazu_platform.settings import ReleasePolicy

TOP: Final = 15
_SAID: Final = {
    LOST: "Strings that lose most mentions",
    RELINKED: "Strings that mean something else",
    FOLLOWED: "Strings that follow their concept to the one that replaces it",
    GAINED: "Strings that gain most mentions",
}
_NO_CONCEPT: Final = "no concept"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a version may go live as it is, and why."""

    passed: bool
    description: str


def judge(report: ReleaseReport, policy: ReleasePolicy) -> Verdict:
    """Compare what a version changes with what may change.

    What could not be compared passes, and the reason is said.
    """
    if report.unmeasured:
        return Verdict(passed=True, description=report.unmeasured)
    n = counts(report)
    allowed = {LOST: policy.max_lost, RELINKED: policy.max_relinked, GAINED: policy.max_gained}
    class_ = report.candidate.source.entity_class
    figures = ", ".join(f"{n[name]:,} {name}" for name in (LOST, RELINKED, FOLLOWED, GAINED))
    said = (
        f"of {report.n_mentions:,} mentions of class {class_} in {report.n_documents:,} "
        f"documents: {figures}"
    )
    over = [
        f"{name} {_share(n[name], report.n_mentions)}, allowed {share:.1%}"
        for name, share in allowed.items()
        if n[name] > max(policy.few, share * report.n_mentions)
    ]
    return Verdict(not over, f"{'; '.join(over)}; {said}" if over else said)


def how_to_accept(report: ReleaseReport) -> str:
    """What to add to the catalogue, so that a version goes live although it changes much."""
    source = report.candidate.source
    return (
        "releases: {accepted: [{ontology: "
        f'{source.name}, file: "{report.candidate.file[:12]}", by: NAME, reason: WHY}}]}}'
    )


def by_string(report: ReleaseReport) -> pl.DataFrame:
    """Mentions by change, string, class and concepts, most first, with one example each.

    Strings that differ in case alone are one; the most frequent spelling is shown.
    """
    changes = with_followers(report)
    return (
        changes.with_columns(fold_names(changes["text"]))
        .group_by("change", "folded", "entity_class", "before", "after")
        .agg(
            string=pl.col("text").mode().sort().first(),
            n_mentions=pl.len(),
            n_documents=pl.col("doc_id").n_unique(),
            doc_id=pl.col("doc_id").sort().first(),
            passage=pl.col("passage").sort_by("doc_id").first(),
        )
        .sort(["n_mentions", "change", "folded"], descending=[True, False, False])
        .drop("folded")
    )


def by_concept(report: ReleaseReport) -> pl.DataFrame:
    """How many mentions each concept gains and loses: concept_id, label, gained, lost; most first.

    A mention that is linked to another concept is lost to one and gained by the other.
    """
    moved = report.mentions
    lost = moved.select(concept_id="before").drop_nulls().group_by("concept_id").len("lost")
    gained = moved.select(concept_id="after").drop_nulls().group_by("concept_id").len("gained")
    both = lost.join(gained, on="concept_id", how="full", coalesce=True).with_columns(
        pl.col("lost", "gained").fill_null(0)
    )
    labels = pl.DataFrame(
        {"concept_id": list(report.labels), "label": list(report.labels.values())},
        schema={"concept_id": pl.String, "label": pl.String},
    )
    return (
        both.join(labels, on="concept_id", how="left")
        .sort([pl.col("lost") + pl.col("gained"), "concept_id"], descending=[True, False])
        .select("concept_id", "label", "gained", "lost")
    )


def to_json(report: ReleaseReport, verdict: Verdict) -> dict[str, Any]:
    """The whole report for a program."""
    return {
        "ontology": report.candidate.source.name,
        "file": report.candidate.file,
        "from_version": report.former,
        "to_version": report.candidate.version.name,
        "passed": verdict.passed,
        "verdict": verdict.description,
        "n_documents": report.n_documents,
        "n_mentions": report.n_mentions,
        "counts": counts(report),
        "vocabulary": _kinds(report),
        "strings": by_string(report).to_dicts(),
        "concepts": by_concept(report).to_dicts(),
        "changes": report.vocabulary.select(["change", "concept_id", "name", "other"]).to_pylist(),
    }


def to_markdown(report: ReleaseReport, verdict: Verdict, *, top: int = TOP) -> str:
    """The report as a page."""
    source, version = report.candidate.source, report.candidate.version
    lines = [
        f"# {source.name}: {report.former or 'nothing'} → {version.name}",
        "",
        f"**{'May go live' if verdict.passed else 'Held up'}**: {verdict.description}.",
        "",
    ]
    if not verdict.passed:
        lines += [f"To let it go live, add to the catalogue: `{how_to_accept(report)}`", ""]
    if report.vocabulary.num_rows:
        lines += ["## What changes in the vocabulary", ""]
        lines += _rows(["change", "how many"], [[k, f"{n:,}"] for k, n in _kinds(report).items()])
        lines += ["", "Concepts that another one replaces, or that are gone:", "", *_gone(report)]
    if not report.unmeasured:
        lines += _of_mentions(report, top)
    return "\n".join(lines).rstrip() + "\n"


def _of_mentions(report: ReleaseReport, top: int) -> list[str]:
    n, lines = counts(report), list[str]()
    lines += ["", "## What changes in the corpus", ""]
    shares = [[k, f"{each:,}", _share(each, report.n_mentions)] for k, each in n.items()]
    lines += _rows(["mentions", "how many", "of those of the class"], shares)
    concepts = by_concept(report)
    for title, column in (
        ("Concepts that lose most mentions", "lost"),
        ("Concepts that gain most mentions", "gained"),
    ):
        first = concepts.filter(pl.col(column) > 0).sort(
            [column, "concept_id"], descending=[True, False]
        )
        cells = [[_plain(each) for each in row] for row in first.head(top).iter_rows()]
        lines += ["", f"### {title}", ""]
        lines += _rows(["concept", "label", "gained", "lost"], cells) if cells else ["None."]
    strings = by_string(report)
    for change, title in _SAID.items():
        rows = strings.filter(pl.col("change") == change).head(top).to_dicts()
        lines += ["", f"### {title}", ""]
        lines += (
            _rows(
                ["string", "class", "before", "after", "mentions", "example", "in"],
                [_string_cells(report, row) for row in rows],
            )
            if rows
            else ["None."]
        )
    return lines


def _string_cells(report: ReleaseReport, row: dict[str, Any]) -> list[str]:
    return [
        row["string"],
        row["entity_class"],
        "" if row["change"] == GAINED else _concept(report, row["before"]),
        "" if row["change"] == LOST else _concept(report, row["after"]),
        str(row["n_mentions"]),
        f"… {' '.join((row['passage'] or '').split())} …",
        row["doc_id"],
    ]


def _concept(report: ReleaseReport, concept_id: str | None) -> str:
    if concept_id is None:
        return _NO_CONCEPT
    return f"{report.labels.get(concept_id, '')} ({concept_id})".strip()


def _kinds(report: ReleaseReport) -> dict[str, int]:
    return dict(sorted(Counter(report.vocabulary["change"].to_pylist()).items()))


def _gone(report: ReleaseReport) -> list[str]:
    wanted = ["concept_replaced", "concept_obsoleted", "concept_removed"]
    affected = by_concept(report).select("concept_id", mentions="lost")
    none = pl.col("mentions").fill_null(0)
    rows = (
        pl.DataFrame(report.vocabulary)
        .filter(pl.col("change").is_in(wanted))
        .select("change", "concept_id", "name", "other")
        .join(affected, on="concept_id", how="left")
        .with_columns(none)
        .sort(["mentions", "concept_id"], descending=[True, False])
    )
    if rows.is_empty():
        return ["None."]
    cells = [[_plain(each) for each in row] for row in rows.head(TOP).iter_rows()]
    more = ["", f"And {rows.height - TOP:,} more."] if rows.height > TOP else []
    return [*_rows(["change", "concept", "label", "now", "mentions that leave it"], cells), *more]


def _plain(value: str | int | None) -> str:
    return "" if value is None else f"{value:,}" if isinstance(value, int) else value


def _share(n: int, of: int) -> str:
    return f"{n / of:.1%}" if of else f"{n:,} of none"


def _rows(header: list[str], rows: list[list[str]]) -> list[str]:
    """A table of Markdown; what texts say cannot break out of its cell."""
    return [
        f"| {' | '.join(header)} |",
        f"|{' --- |' * len(header)}",
        *(f"| {' | '.join(_cell(each) for each in row)} |" for row in rows),
    ]


def _cell(text: str) -> str:
    plain = " ".join(text.split())
    for character in "\\|<>`*_[]":
        plain = plain.replace(character, f"\\{character}")
    return plain
