"""`kazu-platform doctor`: what is wrong with this installation, and what to do about it."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from kazu_platform.errors import KazuPlatformError, LakeError
from kazu_platform.settings import Settings, read_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TextIO

PACKAGES = (
    *("dagster", "duckdb", "onnxruntime", "polars", "pyarrow", "ray", "torch", "transformers"),
)
MIN_FREE_BYTES = 2 * 1024**3


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    level: Literal["ok", "warning", "error"]
    what: str
    detail: str


def examine() -> list[Finding]:
    """Look at settings, packages, home, disk, lake, newest file, indices, model and warehouse."""
    try:
        settings = read_settings()
    except KazuPlatformError as error:
        return [Finding("error", "settings", str(error))]
    checks: tuple[Callable[[Settings], Iterator[Finding]], ...] = (
        _packages,
        _catalogue,
        _home,
        _disk,
        _storage,
        _lake,
        _freshness,
        _indices,
        _model,
        _warehouse,
    )
    findings: list[Finding] = []
    for check in checks:
        try:
            findings.extend(check(settings))
        except (KazuPlatformError, OSError) as error:
            findings.append(Finding("error", check.__name__.strip("_"), str(error)))
    return findings


def _packages(_settings: Settings) -> Iterator[Finding]:
    version = ".".join(map(str, sys.version_info[:3]))
    supported = sys.version_info >= (3, 11)
    yield Finding("ok" if supported else "error", "python", f"{version} (3.11 or newer needed)")
    for name in PACKAGES:
        try:
            yield Finding("ok", name, metadata.version(name))
        except metadata.PackageNotFoundError:
            yield Finding("error", name, "not installed; run: make setup")


def _catalogue(settings: Settings) -> Iterator[Finding]:
    catalogue = settings.catalogue()
    yield Finding("ok", "catalogue", f"{catalogue.name}: {len(catalogue.ontologies)} ontologies")
    sources = [("ontology", source.name, source.url) for source in catalogue.ontologies]
    sources += [("mapping set", source.name, source.url) for source in catalogue.mappings]
    for kind, name, url in sources:
        if "://" not in url and not Path(url).exists():
            yield Finding("error", f"{kind} {name}", f"there is no file {url}")
    curations = catalogue.curations
    if curations and "://" not in curations and not Path(curations).exists():
        yield Finding("error", "curations", f"there is no file {curations}")
    if catalogue.pubmed is None and catalogue.pmc is None:
        yield Finding("warning", "pubmed", "the catalogue has no PubMed folders: no corpus")


def _home(settings: Settings) -> Iterator[Finding]:
    """Whether files can be made in the home, or in the folder where it is going to be."""
    home = settings.home.absolute()
    try:
        with tempfile.TemporaryFile(dir=_nearest(home)):
            pass
    except OSError as error:
        detail = f"{home} cannot be written ({error.strerror}); set KAZU_HOME to a folder of yours"
        yield Finding("error", "home", detail)
    else:
        yield Finding("ok", "home", f"{home} can be written")


def _nearest(folder: Path) -> Path:
    """A folder, or the one above it that exists."""
    while not folder.exists():
        folder = folder.parent
    return folder


def _disk(settings: Settings) -> Iterator[Finding]:
    folder = _nearest(settings.home.absolute())
    free = shutil.disk_usage(folder).free
    level = "ok" if free >= MIN_FREE_BYTES else "warning"
    yield Finding(level, "disk", f"{free / 1024**3:.1f} GiB free at {folder}")


def _storage(settings: Settings) -> Iterator[Finding]:
    """Whether a bucket can be read and written, and keeps two writers apart."""
    from kazu_platform.storage.places import bucket_of

    bucket = bucket_of(settings)
    if bucket is not None:
        bucket.store("lake").try_conditions()
        yield Finding("ok", "storage", f"{bucket.url} can be read and written")


def _lake(settings: Settings) -> Iterator[Finding]:
    from kazu_platform.storage.places import open_lake
    from kazu_platform.tables import TABLES

    lake = open_lake(settings)
    n_partitions, n_rows = 0, 0
    for table in TABLES.values():
        try:
            pointers = lake.pointers(table)
            for pointer in pointers.values():
                if not lake.is_whole(table, pointer):
                    detail = f"{pointer.path} is missing, cut short or of an older schema"
                    what = f"lake {table.name} {pointer.partition}"
                    yield Finding("error", what, f"{detail}; materialise it again")
        except LakeError as error:
            yield Finding("error", f"lake {table.name}", str(error))
        else:
            n_partitions += len(pointers)
            n_rows += sum(pointer.n_rows for pointer in pointers.values())
    where = f"{n_rows:,} rows in {n_partitions} partitions at {lake.url}"
    yield Finding("ok" if n_partitions else "warning", "lake", where)
    if not n_partitions:
        yield Finding("warning", "lake", "nothing was made yet; run: kazu-platform demo")


def _freshness(settings: Settings) -> Iterator[Finding]:
    from datetime import UTC, datetime

    from kazu_platform.storage.freshness import freshness_of
    from kazu_platform.storage.places import open_lake

    freshness = freshness_of(open_lake(settings), now=datetime.now(UTC))
    if freshness.newest:
        yield Finding("warning" if freshness.late else "ok", "newest file", str(freshness))


def _indices(settings: Settings) -> Iterator[Finding]:
    from kazu_platform.errors import ArtifactError
    from kazu_platform.storage.places import open_artifacts

    store = open_artifacts(settings)
    for name in ("dictionary", "linking"):
        try:
            artifact = store.live(name)
        except ArtifactError as error:
            yield Finding("warning", f"{name} index", str(error))
        else:
            yield Finding("ok", f"{name} index", f"version {artifact.version}")


def _model(settings: Settings) -> Iterator[Finding]:
    from kazu_platform.ner.packaged import CheckpointInUse, reader_in_use
    from kazu_platform.storage.places import open_artifacts

    if settings.detector == "dictionary":
        yield Finding("ok", "model", "not used: KAZU_DETECTOR is dictionary")
        return
    model = reader_in_use(open_artifacts(settings), settings.catalogue().reader)
    if model is None:
        yield Finding("ok", "model", "there is none: the dictionary reads alone")
    elif isinstance(model, CheckpointInUse):  # looking at it would load transformers
        detail = f"{model.whence} of the catalogue: the checkpoint {model.checkpoint.source}"
        yield Finding("ok", "model", detail)
    else:
        whence = f"promoted as {model.promoted}" if model.promoted else "comes with the platform"
        whence = f"{model.named} of the catalogue" if model.named else whence
        classes = ", ".join(model.files.description.classes)
        yield Finding("ok", "model", f"version {model.version}, {whence}; finds {classes}")


def _warehouse(settings: Settings) -> Iterator[Finding]:
    from kazu_platform.storage.places import warehouse_of
    from kazu_platform.storage.warehouse import behind

    file = warehouse_of(settings)
    if not file.exists():
        yield Finding("warning", "warehouse", "not built yet; run: kazu-platform demo")
        return
    late = behind(file.lake, file.path)
    if late:
        detail = f"does not show {len(late)} parts as they are ({late[0]}); materialise `warehouse`"
        yield Finding("warning", "warehouse", detail)
    else:
        yield Finding("ok", "warehouse", f"shows what is live: {settings.warehouse}")


def print_findings(findings: list[Finding], out: TextIO, *, as_json: bool) -> None:
    """Print findings as a table or as one JSON object."""
    if as_json:
        json.dump({"findings": [asdict(finding) for finding in findings]}, out)
        out.write("\n")
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    colours = {"ok": "green", "warning": "yellow", "error": "red"}
    table = Table("", "what", "finding")
    for finding in findings:
        level = Text(finding.level, style=colours[finding.level])
        table.add_row(level, Text(finding.what), Text(finding.detail))
    Console(file=out, width=None if out.isatty() else 160).print(table)
