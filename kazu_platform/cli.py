"""The command line: parse, call, print.

Every command imports what it needs when it runs: `annotate` and `query` load neither Dagster nor
Ray. Results go to standard output, talk to standard error; a user's error is one line and exit
code 1.
"""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from kazu_platform.errors import KazuPlatformError

_DETECTOR = (
    "Who reads: dictionary, model, or model+dictionary. Default: both where there is a model."
)
_MODEL = (
    "Folder of a model, or of a checkpoint of Hugging Face, or its id on the hub (owner/name). "
    "Default: the one in use."
)

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Biomedical literature to linked entities to a knowledge graph.",
)
curate = typer.Typer(
    no_args_is_help=True,
    help="""Look at what people decided about names, before it is applied.

    Example: kazu-platform curate check
    """,
)
app.add_typer(curate, name="curate")

evaluate = typer.Typer(
    no_args_is_help=True,
    help="""Measure what is found against what people marked.

    Example: kazu-platform evaluate ner --gold corpora/linnaeus --entity-class species
    """,
)
app.add_typer(evaluate, name="evaluate")

benchmark = typer.Typer(
    no_args_is_help=True,
    help="""Measure how fast this machine reads.

    Example: kazu-platform benchmark ner --text sentences.txt
    """,
)
app.add_typer(benchmark, name="benchmark")


class QueryFormat(StrEnum):
    """How rows are printed."""

    table = "table"
    csv = "csv"
    json = "json"
    parquet = "parquet"


class AnnotateFormat(StrEnum):
    """How annotated text is printed."""

    table = "table"
    jsonl = "jsonl"
    pubtator = "pubtator"
    html = "html"
    bioc_xml = "bioc_xml"
    bioc_json = "bioc_json"


class InputFormat(StrEnum):
    """What a text that is given is."""

    text = "text"
    jats = "jats"
    pubtator = "pubtator"
    jsonl = "jsonl"
    bioc_xml = "bioc_xml"
    bioc_json = "bioc_json"


class LabelFormat(StrEnum):
    """What people annotate with."""

    label_studio = "label-studio"


class LabelPurpose(StrEnum):
    """What the answers of people become."""

    curations = "curations"
    gold = "gold"


class DifferenceFormat(StrEnum):
    """How a difference between two vocabularies is printed."""

    table = "table"
    json = "json"


class OntologyFormat(StrEnum):
    """Formats of ontology files, by the names that the catalogue uses."""

    obo = "obo"
    obograph = "obograph"
    owl = "owl"
    ofn = "ofn"
    table = "table"


vocabulary = typer.Typer(
    no_args_is_help=True,
    help="Look at vocabularies before they ship.\n\n"
    "Example: kazu-platform vocabulary diff hp-2025.obo hp-2026.obo --source HP",
)
app.add_typer(vocabulary, name="vocabulary")


release = typer.Typer(
    no_args_is_help=True,
    help="""New versions of vocabularies and models: what they would change, and the way back.

    Example: kazu-platform release preview DOID --file doid-2026.obo
    """,
)
app.add_typer(release, name="release")


quarantine = typer.Typer(
    no_args_is_help=True,
    help="""Documents that were set aside: list them, try them again.

    Example: kazu-platform quarantine list
    """,
)
app.add_typer(quarantine, name="quarantine")


@contextmanager
def _user_errors() -> Generator[None]:
    """Print an error of ours, or of a file or folder, as one line and leave with exit code 1."""
    try:
        yield
    except BrokenPipeError:
        raise  # whoever read the output went away, which is no error
    except OSError as error:
        where = f"{error.filename}: {error.strerror}" if error.filename else str(error)
        typer.echo(f"error: {' '.join(where.split())}; see: kazu-platform doctor", err=True)
        raise typer.Exit(1) from None
    except KazuPlatformError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1) from None


@app.command()
def demo() -> None:
    """Materialise the whole graph of the catalogue and say what to ask it.

    The catalogue is the embedded sample unless KAZU_SOURCES names another.

    Example: kazu-platform demo
    """
    from kazu_platform.commands.demo import run_demo

    with _user_errors():
        raise typer.Exit(run_demo())


@app.command()
def annotate(  # noqa: PLR0913 - its options
    *,
    text: Annotated[str | None, typer.Argument(help="The text; - reads standard input.")] = None,
    file: Annotated[Path | None, typer.Option("--file", help="Read the text from a file.")] = None,
    form: Annotated[
        AnnotateFormat, typer.Option("--format", help="How to print it.")
    ] = AnnotateFormat.table,
    given: Annotated[
        InputFormat | None,
        typer.Option("--input", help="What it is. Default: text; jats if it is named .nxml."),
    ] = None,
    detector: Annotated[str | None, typer.Option(help=_DETECTOR)] = None,
    model: Annotated[Path | None, typer.Option(help=_MODEL)] = None,
) -> None:
    """Find and link the entities in a text, or in the documents of a file.

    Example: kazu-platform annotate "Imatinib inhibits BCR-ABL in chronic myeloid leukaemia."
    """
    from kazu_platform.commands.annotate import annotate_documents, print_annotated, read_documents

    with _user_errors():
        documents = read_documents(text, file, sys.stdin, given.value if given else None)
        print_annotated(annotate_documents(documents, detector, model), form.value, sys.stdout)


@app.command()
def query(
    sql: Annotated[str, typer.Argument(help="One SELECT over the warehouse; - reads it.")],
    form: Annotated[
        QueryFormat, typer.Option("--format", help="How to print the rows.")
    ] = QueryFormat.table,
    seconds: Annotated[float, typer.Option(help="Time limit.", min=0.001)] = 60.0,
) -> None:
    """Ask the warehouse a question in SQL; nothing can be changed through it.

    Example: kazu-platform query "FROM partners('MONDO:0005148')"
    """
    from kazu_platform.commands.query import print_rows, query_warehouse, read_statement

    with _user_errors():
        statement = read_statement(sql, sys.stdin)
        print_rows(query_warehouse(statement, seconds), form.value, sys.stdout)


@evaluate.command("ner")
def evaluate_ner(  # noqa: PLR0913 - its options
    *,
    gold: Annotated[
        Path,
        typer.Option(help="Folder with SPLIT.tsv (IOB2) or SPLIT.PubTator, or such a file."),
    ],
    entity_class: Annotated[str, typer.Option(help="gene, disease, chemical, species, ...")],
    split: Annotated[str, typer.Option(help="Split of the folder.")] = "test",
    detector: Annotated[str | None, typer.Option(help=_DETECTOR)] = None,
    model: Annotated[Path | None, typer.Option(help=_MODEL)] = None,
    sources: Annotated[
        str | None,
        typer.Option(help="Compile this catalogue for once, instead of using the live dictionary."),
    ] = None,
    errors: Annotated[
        int, typer.Option(help="Print so many of the most frequent wrong strings.", min=0)
    ] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Measure a detector on one class: strict precision, recall and F1, with 95 % intervals.

    Both ends of an entity must be right. Beside these stand the same by characters instead of
    tokens, the same where an overlap is enough (relaxed), and recall on strings that the train
    split beside the gold has (seen) and on others (unseen). Look at --errors of train splits only:
    rules made from what the others show spoil their figures.

    Example: kazu-platform evaluate ner --gold corpora/linnaeus --split devel --entity-class species
    """
    from kazu_platform.commands import evaluate as command

    with _user_errors():
        result, wrong = command.evaluate_ner(
            gold,
            split,
            entity_class,
            detector=detector,
            model=model,
            sources=sources,
            errors=errors,
        )
        command.print_evaluation(result, wrong, sys.stdout, as_json=as_json)


@evaluate.command("ner-table")
def evaluate_ner_table(  # noqa: PLR0913 - its options
    *,
    gold_root: Annotated[
        Path, typer.Option(help="Folder with a folder for each corpus, such as BC2GM.")
    ],
    split: Annotated[str, typer.Option(help="Split of each corpus.")] = "test",
    detector: Annotated[str | None, typer.Option(help=_DETECTOR)] = None,
    model: Annotated[Path | None, typer.Option(help=_MODEL)] = None,
    sources: Annotated[
        str | None,
        typer.Option(help="Compile this catalogue for once, instead of using the live dictionary."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Measure a detector on every corpus there is, beside the figures of the TinyBERN2 paper.

    The paper's figures are F1 on test splits. A text that several corpora share is read once.

    Example: kazu-platform evaluate ner-table --gold-root corpora --split devel
    """
    from kazu_platform.commands import evaluate_table as command

    with _user_errors():
        table = command.evaluate_table(
            gold_root, split, detector=detector, sources=sources, model=model
        )
        command.print_table(table, sys.stdout, as_json=as_json)


@evaluate.command("linking")
def evaluate_linking(  # noqa: PLR0913 - its options
    *,
    gold: Annotated[
        Path,
        typer.Option(
            help="Folder with SPLIT.PubTator, train.PubTator or CRAFT's concepts.tsv, or a file."
        ),
    ],
    entity_class: Annotated[str, typer.Option(help="gene, disease, chemical, species, ...")],
    split: Annotated[str, typer.Option(help="Split of the folder.")] = "test",
    linker: Annotated[
        str, typer.Option(help="platform, or one to beat: exact, kazu or scispacy.")
    ] = "platform",
    sources: Annotated[
        str | None,
        typer.Option(help="Compile this catalogue for once, instead of using the live index."),
    ] = None,
    end_to_end: Annotated[
        bool,
        typer.Option("--end-to-end/--given-only", help="Detect in the raw text too, and link."),
    ] = True,
    detector: Annotated[str | None, typer.Option(help=_DETECTOR)] = None,
    model: Annotated[Path | None, typer.Option(help=_MODEL)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Measure a linker on one class: accuracy at 1, recall at 5 and 20, NIL, calibration.

    First on the mentions that people marked, then from raw text, by documents and by mentions.
    Ids of the gold are followed to the concepts of the vocabularies; candidates that its kind of
    id cannot name are passed over.

    Example: kazu-platform evaluate linking --gold bc5cdr --split devel --entity-class disease
    """
    from kazu_platform.commands import evaluate_linking as command

    with _user_errors():
        result, both_steps = command.evaluate_linking(
            gold,
            split,
            entity_class,
            linker=linker,
            sources=sources,
            end_to_end=end_to_end,
            detector=detector,
            model=model,
        )
        command.print_linking(result, both_steps, sys.stdout, as_json=as_json)


@evaluate.command("linking-table")
def evaluate_linking_table(  # noqa: PLR0913 - its options
    *,
    gold_root: Annotated[
        Path, typer.Option(help="Folder with a folder for each corpus, such as bc5cdr.")
    ],
    split: Annotated[str, typer.Option(help="Split of each corpus.")] = "test",
    sources: Annotated[
        str | None,
        typer.Option(help="Compile this catalogue for once, instead of using the live index."),
    ] = None,
    end_to_end: Annotated[
        bool,
        typer.Option("--end-to-end/--given-only", help="Detect in the raw text too, and link."),
    ] = False,
    detector: Annotated[str | None, typer.Option(help=_DETECTOR)] = None,
    model: Annotated[Path | None, typer.Option(help=_MODEL)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Measure our linker beside those to beat, on every class of every corpus there is.

    Those are exact match, and linking by character n-grams as Kazu and scispaCy do it.

    Example: kazu-platform evaluate linking-table --gold-root corpora --split devel
    """
    from kazu_platform.commands import evaluate_linking_table as command

    with _user_errors():
        table = command.evaluate_linking_table(
            gold_root,
            split,
            sources=sources,
            end_to_end=end_to_end,
            detector=detector,
            model=model,
        )
        command.print_linking_table(table, sys.stdout, as_json=as_json)


@app.command("train-ranker")
def train_ranker(
    *,
    gold_root: Annotated[
        Path, typer.Option(help="Folder with a folder for each corpus, such as bc5cdr.")
    ],
    out: Annotated[Path, typer.Option(help="Folder to write the linking model to.")],
    sources: Annotated[str, typer.Option(help="Catalogue of the vocabularies.")],
    encoder: Annotated[
        Path | None, typer.Option(help="Folder of a linking encoder. Default: the one in use.")
    ] = None,
) -> None:
    """Train the ranker of links on corpora whose mentions have concepts.

    Example: kazu-platform train-ranker --gold-root corpora --sources mine.yaml --out model
    """
    from kazu_platform.commands import train_ranker as command

    with _user_errors():
        command.train_ranker_command(gold_root, out, sources=sources, encoder=encoder)


@benchmark.command("ner")
def benchmark_ner(  # noqa: PLR0913 - its options
    *,
    text: Annotated[
        Path, typer.Option(help="One sentence a line, or JSON lines (.jsonl) with text.")
    ],
    batch_size: Annotated[
        list[int] | None,
        typer.Option(
            help="Texts handed over at a time; may be given often. Default: 1, 32.", min=1
        ),
    ] = None,
    detector: Annotated[
        list[str] | None,
        typer.Option(help="model or model+dictionary; may be given often. Default: both."),
    ] = None,
    model: Annotated[Path | None, typer.Option(help=_MODEL)] = None,
    threads: Annotated[int, typer.Option(help="Of the model; 0: one for each core.", min=0)] = 0,
    device: Annotated[str, typer.Option(help="cpu, or cuda.")] = "cpu",
    repeats: Annotated[int, typer.Option(help="How often each is timed.", min=1)] = 3,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Sentences and documents per second, end to end and of the network alone.

    Example: kazu-platform benchmark ner --text sentences.txt --batch-size 32 --json
    """
    from kazu_platform.commands import benchmark as command

    with _user_errors():
        result = command.benchmark_ner(
            text,
            batch_sizes=batch_size or command.BATCH_SIZES,
            detectors=detector or command.DETECTORS,
            model=model,
            threads=threads,
            device=device,
            repeats=repeats,
        )
        command.print_benchmark(result, sys.stdout, as_json=as_json)


@app.command()
def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Say what is wrong with this installation, and what to do about it.

    Example: kazu-platform doctor
    """
    from kazu_platform.commands.doctor import examine, print_findings

    findings = examine()
    print_findings(findings, sys.stdout, as_json=as_json)
    if any(finding.level == "error" for finding in findings):
        raise typer.Exit(1)


@curate.command("check")
def curate_check(
    file: Annotated[
        Path | None, typer.Argument(help="YAML or CSV; default: the catalogue's file.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Check a file of curations and say what each decision does; nothing is changed.

    Example: kazu-platform curate check curations.yaml
    """
    from kazu_platform.commands.curate import check_curations, print_curations

    with _user_errors():
        print_curations(check_curations(file), sys.stdout, as_json=as_json)


@curate.command("preview")
def curate_preview(
    file: Annotated[
        Path | None, typer.Argument(help="YAML or CSV; default: the catalogue's file.")
    ] = None,
    proposed: Annotated[
        bool, typer.Option(help="Count what is proposed as if it were approved.")
    ] = True,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Say which mentions a file of curations would lose, gain and link anew; nothing is changed.

    Example: kazu-platform curate preview curations.yaml
    """
    from kazu_platform.commands.curate import preview, print_preview

    with _user_errors():
        print_preview(preview(file, proposed=proposed), sys.stdout, as_json=as_json)


@curate.command("apply")
def curate_apply() -> None:
    """Bring the catalogue's curations into effect: names, mentions, links, graph.

    Only what a changed decision touches is matched and linked again.

    Example: kazu-platform curate apply
    """
    from kazu_platform.commands.curate import apply

    with _user_errors():
        code = apply()
    raise typer.Exit(code)


@curate.command("export")
def curate_export(  # noqa: PLR0913 - its options
    *,
    out: Annotated[Path, typer.Option(help="Folder for the tasks and the labelling interface.")],
    form: Annotated[
        LabelFormat, typer.Option("--format", help="What people will annotate with.")
    ] = LabelFormat.label_studio,
    doc: Annotated[
        list[str] | None, typer.Option(help="Document, such as PMID:123; may be given often.")
    ] = None,
    text: Annotated[str | None, typer.Option(help="Only mentions of this string.")] = None,
    entity_class: Annotated[str | None, typer.Option(help="Only mentions of this class.")] = None,
    ambiguous: Annotated[
        bool, typer.Option("--ambiguous", help="Only if another concept fits as well by name.")
    ] = False,
    lowest_first: Annotated[
        bool, typer.Option("--lowest-first", help="The least certain links before the others.")
    ] = False,
    limit: Annotated[int, typer.Option(help="At most so many mentions.", min=1)] = 200,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Write mentions as tasks for people: what was found, what it means, and what else it might.

    Example: kazu-platform curate export --text PSA --ambiguous --limit 50 --out labelling
    """
    from kazu_platform.commands.label import export_tasks, print_export
    from kazu_platform.reports.to_review import Choice

    del form  # there is one yet
    choice = Choice(
        doc_ids=tuple(f"PMID:{name}" if name.isdecimal() else name for name in doc or ()),
        text=text,
        entity_class=entity_class,
        ambiguous=ambiguous,
        lowest_first=lowest_first,
        limit=limit,
    )
    with _user_errors():
        print_export(export_tasks(choice, out), sys.stdout, as_json=as_json)


@curate.command("import")
def curate_import(  # noqa: PLR0913 - its options
    *,
    file: Annotated[Path, typer.Argument(help="What Label Studio exported as JSON.")],
    out: Annotated[
        Path, typer.Option(help="The file of proposals to write (.yaml); for gold, a folder.")
    ],
    purpose: Annotated[
        LabelPurpose, typer.Option("--as", help="Proposed curations, or gold to measure with.")
    ] = LabelPurpose.curations,
    author: Annotated[
        str | None, typer.Option(help="Who decided; default: the users of Label Studio.")
    ] = None,
    split: Annotated[str, typer.Option(help="Name of the split that the gold is.")] = "test",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Turn what people did in Label Studio into proposed curations; nothing is put in effect.

    Example: kazu-platform curate import project-1.json --out proposed.yaml
    """
    from kazu_platform.commands import label

    with _user_errors():
        if purpose is LabelPurpose.gold:
            label.print_gold(label.write_gold(file, out, split), sys.stdout, as_json=as_json)
        else:
            label.print_proposals(label.propose(file, out, author), sys.stdout, as_json=as_json)


@app.command()
def ui(
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1.")] = 3000,
) -> None:
    """Open Dagster's web interface on this machine, with its daemon.

    Example: kazu-platform ui --port 3001
    """
    from kazu_platform.commands.ui import serve

    with _user_errors():
        serve(port)


@vocabulary.command()
def diff(  # noqa: PLR0913, PLR0917 - each is an option
    old: Annotated[Path, typer.Argument(help="File of the older version, plain or gzipped.")],
    new: Annotated[Path, typer.Argument(help="File of the newer version.")],
    source: Annotated[str, typer.Option("--source", help="The ontology's name in the catalogue.")],
    old_format: Annotated[
        OntologyFormat | None,
        typer.Option("--old-format", help="Format of the older file, if it is another one."),
    ] = None,
    documents: Annotated[
        int, typer.Option(help="Documents of the lake to search for new names.", min=0)
    ] = 10_000,
    form: Annotated[
        DifferenceFormat, typer.Option("--format", help="A summary, or every change.")
    ] = DifferenceFormat.table,
) -> None:
    """Say what a newer version of an ontology changes, and what it would do to the lake.

    Example: kazu-platform vocabulary diff hp-2025.obo hp-2026.obo --source HP
    """
    from kazu_platform.commands.vocabulary import compare_files, print_difference

    with _user_errors():
        found = compare_files(
            old, new, source, old_format=old_format and old_format.value, documents=documents
        )
        print_difference(found, form.value, sys.stdout, sys.stderr)


@release.command("preview")
def release_preview(  # noqa: PLR0913 - its options
    *,
    ontology: Annotated[str, typer.Argument(help="Its name in the catalogue.")],
    file: Annotated[Path, typer.Option(help="File of the new version, plain or gzipped.")],
    form: Annotated[
        OntologyFormat | None,
        typer.Option("--format", help="Format of the file, if the catalogue says another one."),
    ] = None,
    sample_documents: Annotated[
        int | None,
        typer.Option(help="Documents to look at, of the newest files. Default: the catalogue's."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    out: Annotated[
        Path | None, typer.Option(help="Folder to write report.md and report.json to, too.")
    ] = None,
) -> None:
    """Say what a new version of an ontology would do to the annotated corpus; nothing is changed.

    Mentions lost, gained and linked to another concept, by string and by concept, with examples;
    what changes in the vocabulary; and whether it would be held up (exit code 1).

    Example: kazu-platform release preview DOID --file doid-2026.obo --out report
    """
    from kazu_platform.commands.release import preview_release, print_release

    with _user_errors():
        report, verdict = preview_release(
            ontology, file, file_format=form and form.value, documents=sample_documents
        )
        code = print_release(report, verdict, sys.stdout, as_json=as_json, folder=out)
    raise typer.Exit(code)


@release.command("back")
def release_back(
    name: Annotated[str, typer.Argument(help="Ontology, or ner_model or linking_ranker.")],
    reason: Annotated[str, typer.Option(help="Why; it is recorded.")],
    by: Annotated[str | None, typer.Option(help="Who decides. Default: your user name.")] = None,
) -> None:
    """Use the version again that was in use before: of an ontology, or of a model.

    Example: kazu-platform release back DOID --reason "asthma lost its synonyms"
    """
    from kazu_platform.commands.release import go_back

    with _user_errors():
        typer.echo(go_back(name, by=by, reason=reason), nl=False)


@release.command("promote")
def release_promote(
    name: Annotated[str, typer.Argument(help="ner_model or linking_ranker.")],
    version: Annotated[str, typer.Argument(help="One of its versions.")],
) -> None:
    """Use a version of a model, such as one that was taken back; its gate is not asked.

    Example: kazu-platform release promote ner_model 3f2a9c1d5e7b8a60
    """
    from kazu_platform.commands.release import promote_model

    with _user_errors():
        typer.echo(promote_model(name, version), nl=False)


@quarantine.command("list")
def quarantine_list(
    stage: Annotated[
        str | None, typer.Option(help="Only of this stage: citations, dictionary, linking, ...")
    ] = None,
    reason: Annotated[
        str | None,
        typer.Option(help="Only crash, out_of_memory, timeout, error, too_long or malformed."),
    ] = None,
    file: Annotated[str | None, typer.Option(help="Only of this file.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Say which documents were set aside, where, and why.

    Example: kazu-platform quarantine list --reason crash
    """
    from kazu_platform.commands.quarantine import print_quarantine, read_quarantine

    with _user_errors():
        print_quarantine(read_quarantine(stage, reason, file), sys.stdout, as_json=as_json)


@quarantine.command("replay")
def quarantine_replay(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Try what detection and linking set aside once more, after a fix; no other document is read.

    Example: kazu-platform quarantine replay
    """
    from kazu_platform.commands.quarantine import print_replayed, replay_everything

    with _user_errors():
        print_replayed(replay_everything(), sys.stdout, as_json=as_json)
