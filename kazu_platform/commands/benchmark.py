"""`kazu-platform benchmark ner`: how many sentences per second this machine reads."""

from __future__ import annotations

import json
import platform
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from kazu_platform.citations.documents import passages_of
from kazu_platform.commands.detectors import BOTH, MODEL, both, n_cores, open_chosen_model
from kazu_platform.commands.given import decoded
from kazu_platform.commands.indices import open_detector, open_live
from kazu_platform.documents import Document, Section, content_hash
from kazu_platform.errors import ConfigurationError, UnknownNameError
from kazu_platform.settings import read_settings
from kazu_platform.tables import PASSAGES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from typing import TextIO

    import pyarrow as pa

    from kazu_platform.evaluation.throughput import Throughput
    from kazu_platform.ner.detector import Detector
    from kazu_platform.ner.model import ModelDetector
    from kazu_platform.settings import Settings

DETECTORS: Final = (MODEL, BOTH)
BATCH_SIZES: Final = (1, 32)
"""Those of the paper's Table 2."""
_JSON_LINES: Final = (".jsonl", ".ndjson")


@dataclass(frozen=True)
class Texts:
    """Texts of a file, and how passages are made of some of them."""

    texts: list[str]
    passages_of: Callable[[Sequence[str]], pa.Table]


def benchmark_ner(  # noqa: PLR0913 - the options of a command
    text: Path,
    *,
    batch_sizes: Sequence[int] = BATCH_SIZES,
    detectors: Sequence[str] = DETECTORS,
    model: Path | None = None,
    threads: int = 0,
    device: str = "cpu",
    repeats: int = 3,
) -> dict[str, Any]:
    """Measure detectors on a file of texts.

    Args:
        text: One sentence a line, or JSON lines with `text` (and `title`), each a document.
        batch_sizes: Texts handed over at a time.
        detectors: Some of DETECTORS.
        model: Folder of a model or a checkpoint, or its id on the hub; by default the one in use.
        threads: Of the model, on a processor; 0: one for each core that this process may use.
        device: cpu or cuda.
        repeats: How often each is timed.

    Raises:
        ConfigurationError: the file cannot be read, or holds no text.
        UnknownNameError: there is no such detector.
        ArtifactError: there is no model, or no dictionary yet.
    """
    from kazu_platform.evaluation.throughput import measure_throughput

    for name in detectors:
        if name not in DETECTORS:
            raise UnknownNameError.of("detector", name, DETECTORS)
    texts = read_texts(text)
    settings = read_settings()
    threads = threads or n_cores()
    opened = open_chosen_model(settings, model, threads=threads, device=device)
    measured = [
        measure_throughput(
            _detector(name, opened, settings),
            texts.texts,
            texts.passages_of,
            batch_size=size,
            model=opened,
            repeats=repeats,
        )
        for name in detectors
        for size in batch_sizes
    ]
    return {
        "text": text.name,
        "documents": measured[0].documents,
        "sentences": measured[0].sentences,
        "device": device,
        "threads": threads if device == "cpu" else None,
        "model_version": opened.version,
        "machine": {"processor": platform.machine(), "cores": n_cores()},
        "rows": [_row(each) for each in measured],
    }


def read_texts(path: Path) -> Texts:
    """The texts of a file; lines without any are left out.

    Raises:
        ConfigurationError: it cannot be read, is no UTF-8 or JSON, or holds no text.
    """
    try:
        lines = decoded(path.name, path.read_bytes()).split("\n")
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}.") from None
    if path.suffix in _JSON_LINES:
        texts, make = (
            [_text(path, *each) for each in enumerate(lines, 1) if each[1].strip()],
            _split,
        )
    else:
        texts, make = [line.strip() for line in lines], _whole
    texts = [text for text in texts if text]
    if not texts:
        raise ConfigurationError(f"{path} holds no text; give a sentence a line, or JSON lines.")
    return Texts(texts, make)


def print_benchmark(result: dict[str, Any], out: TextIO, *, as_json: bool) -> None:
    """Print figures as one JSON object, or as the paper's Table 2 has them."""
    if as_json:
        json.dump(result, out)
        out.write("\n")
        return
    from rich.console import Console
    from rich.table import Table

    where = "CPU" if result["device"] == "cpu" else "GPU"
    table = Table("", "", *dict.fromkeys(row["detector"] for row in result["rows"]))
    for size in dict.fromkeys(row["batch_size"] for row in result["rows"]):
        rows = [row for row in result["rows"] if row["batch_size"] == size]
        title = f"Throughput ({where}) (batch size = {size})"
        figures = (
            ("Speed (s/steps)", "seconds_per_step", ".4f"),
            ("Throughput (sentences/s)", "sentences_per_second", ",.1f"),
            ("Throughput (documents/s)", "documents_per_second", ",.1f"),
            ("Network alone (sentences/s)", "model_sentences_per_second", ",.1f"),
        )
        for label, key, form in figures:
            values = [format(row[key], form) if row[key] is not None else "" for row in rows]
            table.add_row(title, label, *values)
            title = ""
    threads = f", {result['threads']} threads" if result["threads"] else ""
    out.write(f"{result['sentences']:,} sentences of {result['documents']:,} documents{threads}\n")
    Console(file=out, width=None if out.isatty() else 160).print(table)


def _row(measured: Throughput) -> dict[str, Any]:
    steps = -(-measured.documents // measured.batch_size)
    return {
        "detector": measured.detector,
        "batch_size": measured.batch_size,
        "sentences_per_second": measured.sentences_per_second,
        "documents_per_second": measured.documents_per_second,
        "model_sentences_per_second": measured.model_sentences_per_second,
        "seconds_per_step": measured.seconds / steps,
        "mentions": measured.mentions,
    }


def _detector(name: str, model: ModelDetector, settings: Settings) -> Detector:
    if name == MODEL:
        return model
    from kazu_platform.ner.documented import Documented

    # As a corpus is read and as `evaluate` measures it.
    return Documented(both(model, open_live(settings, settings.catalogue(), open_detector)))


def _text(path: Path, number: int, line: str) -> str:
    try:
        body = json.loads(line)
        title, text = body.get("title") or "", body["text"]
        return f"{title} {text}".strip()
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ConfigurationError(
            f"{path}, line {number}: no JSON object with a text; give JSON lines, or name a file "
            "of one sentence a line .txt."
        ) from None


def _split(texts: Sequence[str]) -> pa.Table:
    """Documents of one section, split into sentences."""
    return passages_of(
        [Document(f"text:{at}", (Section("text", text),)) for at, text in enumerate(texts)]
    )


def _whole(texts: Sequence[str]) -> pa.Table:
    """Documents of one sentence."""
    return PASSAGES.from_columns(
        {
            "doc_id": [f"text:{at}" for at in range(len(texts))],
            "content_hash": [content_hash([("text", text)]) for text in texts],
            "section": [0] * len(texts),
            "name": ["text"] * len(texts),
            "text": list(texts),
            "sentences": [[{"start": 0, "end": len(text)}] for text in texts],
        }
    )
