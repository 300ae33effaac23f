"""`kazu-platform release`: what a new vocabulary would do, and the way back from one or a model."""

from __future__ import annotations

import getpass
import json
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from kazu_platform.errors import UnknownNameError
from kazu_platform.settings import read_settings
from kazu_platform.storage.atomic import make_folder, write_atomically
from kazu_platform.storage.places import open_artifacts, open_lake

if TYPE_CHECKING:
    from typing import TextIO

    import pyarrow as pa

    from kazu_platform.reports.release import ReleaseReport
    from kazu_platform.reports.release_page import Verdict
    from kazu_platform.settings import Catalogue, Settings

MODELS: Final = ("ner_model", "linking_ranker")
_BRING_UP_TO_DATE: Final = (
    "Indices, mentions and links follow with the next run of the job whole_graph, or now: "
    "kazu-platform demo"
)


def preview_release(
    name: str, file: Path, *, file_format: str | None, documents: int | None
) -> tuple[ReleaseReport, Verdict]:
    """What a file of an ontology would change if it went live; nothing is changed.

    Args:
        name: of the ontology in the catalogue.
        file: the new version.
        file_format: of the file, if it is another one than the catalogue says.
        documents: how many documents are looked at; as the catalogue says if it is not given.

    Raises:
        ConfigurationError: the catalogue has no such ontology, or a format needs `columns`.
        SourceError: the file, or that of the curations, cannot be read.
        ArtifactError: an index is damaged.
    """
    from kazu_platform.ontologies.curating import apply_curations
    from kazu_platform.ontologies.curations import preferences, touching
    from kazu_platform.ontologies.vocabulary import parse_vocabulary
    from kazu_platform.reports.difference import Version
    from kazu_platform.reports.release import Candidate, Ground, release_report
    from kazu_platform.reports.release_page import judge

    settings = read_settings()
    catalogue = settings.catalogue()
    source = catalogue.ontology(name)
    if file_format:
        source = source.model_copy(update={"format": file_format})
    parsed = parse_vocabulary(source, file)
    curations = _curations(settings, catalogue)
    names = apply_curations(parsed.synonyms, touching(curations, source), parsed.concepts)
    candidate = Candidate(source, _sha256(file), Version(parsed.concepts, names), parsed.xrefs)
    ground = Ground(
        open_lake(settings),
        open_artifacts(settings),
        catalogue,
        preferences(curations),
        settings.linker,
    )
    with tempfile.TemporaryDirectory(prefix="kazu-release-") as folder:
        report = release_report(
            candidate, ground, Path(folder), documents or catalogue.releases.documents
        )
    return report, judge(report, catalogue.releases)


def print_release(
    report: ReleaseReport, verdict: Verdict, out: TextIO, *, as_json: bool, folder: Path | None
) -> int:
    """Print the report, and write it to a folder too; exit code 1 if it would be held up."""
    from kazu_platform.reports.release_page import to_json, to_markdown

    page, whole = to_markdown(report, verdict), to_json(report, verdict)
    if folder is not None:
        make_folder(folder)
        write_atomically(folder / "report.md", page.encode())
        write_atomically(folder / "report.json", (json.dumps(whole) + "\n").encode())
        sys.stderr.write(f"{folder / 'report.md'} and report.json were written.\n")
    out.write(f"{json.dumps(whole)}\n" if as_json else page)
    return 0 if verdict.passed else 1


def go_back(name: str, *, by: str | None, reason: str) -> str:
    """Use the former version of an ontology or a model again; says what is in use now.

    Args:
        name: of an ontology in the catalogue, or of a model.
        by: who decides; default: the user of this process.
        reason: why.

    Raises:
        UnknownNameError: there is no such ontology or model.
        LakeError: there is no former version of the ontology.
        ArtifactError: there is no former version of the model.
    """
    from kazu_platform.reports.released import take_back

    settings = read_settings()
    if name in MODELS:
        before = open_artifacts(settings).in_use(name).live
        after = open_artifacts(settings).take_back(name)
        return (
            f"{name} {after.live} is in use again; {before} is not promoted by itself any more "
            f"(kazu-platform release promote {name} {before}).\n{_BRING_UP_TO_DATE}\n"
        )
    ontologies = [source.name for source in settings.catalogue().ontologies]
    if name not in ontologies:
        raise UnknownNameError.of("ontology or model", name, [*ontologies, *MODELS])
    done = take_back(open_lake(settings), name, by=by or getpass.getuser(), reason=reason)
    return (
        f"{name} {done.version} is live again instead of {done.from_version}. File "
        f"{done.file[:12]} stays back until the catalogue's `releases` accept it.\n"
        f"{_BRING_UP_TO_DATE}\n"
    )


def promote_model(name: str, version: str) -> str:
    """Use a version of a model that there is, whatever its gate says.

    Raises:
        UnknownNameError: there is no such model.
        ArtifactError: there is no such version; says which there are.
    """
    if name not in MODELS:
        raise UnknownNameError.of("model", name, MODELS)
    store = open_artifacts(read_settings())
    store.version(name, version).verify()
    store.promote(name, version)
    return f"{name} {version} is in use.\n{_BRING_UP_TO_DATE}\n"


def _curations(settings: Settings, catalogue: Catalogue) -> pa.Table:
    """The catalogue's curations as of today; none if it names none."""
    from kazu_platform.commands.curate import of_catalogue
    from kazu_platform.ontologies.curations import read_curations
    from kazu_platform.tables import CURATIONS

    if catalogue.curations is None:
        return CURATIONS.empty()
    path, called = of_catalogue(settings, catalogue)
    return read_curations(
        path, today=datetime.now(UTC).date(), ontologies=catalogue.ontologies, called=called
    )


def _sha256(file: Path) -> str:
    from hashlib import file_digest

    with file.open("rb") as opened:
        return file_digest(opened, "sha256").hexdigest()
