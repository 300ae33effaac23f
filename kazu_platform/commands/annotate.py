"""`kazu-platform annotate`: a text in, its entities out."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

from kazu_platform.commands.detectors import (
    BOTH,
    MODEL,
    both,
    chosen_detector,
    open_chosen_model,
)
from kazu_platform.commands.given import decoded, encoded
from kazu_platform.commands.indices import open_detector, open_linker, open_live
from kazu_platform.documents import Document, Mention, Section
from kazu_platform.errors import ConfigurationError
from kazu_platform.settings import read_settings

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from kazu_platform.linking.annotate import LabellingLinker
    from kazu_platform.ner.detector import Detector
    from kazu_platform.settings import Settings


def read_text(text: str | None, file: Path | None, stdin: TextIO) -> Document:
    r"""The document to annotate, from the argument, a file or standard input.

    Bytes are read, not lines: offsets count the characters of the file, `\r\n` as two of them.

    Raises:
        ConfigurationError: both or neither is given, or it cannot be read as UTF-8.
    """
    if text is not None and file is not None:
        raise ConfigurationError("Give a text or --file, not both.")
    if file is not None:
        try:
            return _document(file.name, file.read_bytes())
        except OSError as error:
            raise ConfigurationError(f"{file} cannot be read: {error.strerror}.") from None
    if text == "-" or (text is None and not stdin.isatty()):
        return _document("stdin", stdin.buffer.read())
    if text is None:
        raise ConfigurationError('Give a text, --file, or - for standard input: annotate "TNF-α"')
    return _document("text", encoded(text))


def _document(name: str, content: bytes) -> Document:
    return Document(name, (Section("text", decoded(name, content)),))


def annotate_text(
    document: Document, detector: str | None = None, model: Path | None = None
) -> tuple[Document, tuple[Mention, ...]]:
    """Find and link the entities of a document with the vocabularies of the catalogue.

    Args:
        document: The text.
        detector: dictionary, model or model+dictionary; by default who reads the corpus.
        model: Folder of a model, or of a checkpoint of Hugging Face, or its id on the hub; by
            default the one in use.

    Raises:
        UnknownNameError: there is no such detector.
        ConfigurationError: a setting or the catalogue is wrong, or a model was given for the
            dictionary.
        ArtifactError: the indices of a catalogue other than the sample were not made yet, or by
            another version; or there is no model.
    """
    from kazu_platform.linking.annotate import annotate

    settings = read_settings()
    reader, linker = _opened(settings, chosen_detector(detector, settings, model), model)
    (mentions,) = annotate([document], [reader], linker)
    return document, tuple(mentions)


def _opened(settings: Settings, name: str, folder: Path | None) -> tuple[Detector, LabellingLinker]:
    catalogue = settings.catalogue()
    if name == MODEL:
        model = open_chosen_model(settings, folder)
        return model, open_live(
            settings, catalogue, lambda store: open_linker(store, settings.linker)
        )
    dictionary, linker = open_live(
        settings,
        catalogue,
        lambda store: (open_detector(store), open_linker(store, settings.linker)),
    )
    if name == BOTH:
        return both(open_chosen_model(settings, folder), dictionary), linker
    return dictionary, linker


def print_annotated(
    document: Document, mentions: Sequence[Mention], form: str, out: TextIO
) -> None:
    """Print a document's mentions as a table, a JSON line, PubTator or an HTML page."""
    if form == "jsonl":
        from kazu_platform.formats.jsonl import to_json_line

        out.write(to_json_line(document, mentions) + "\n")
    elif form == "pubtator":
        from kazu_platform.formats.pubtator import to_pubtator

        out.write(to_pubtator(document, mentions))
    elif form == "html":
        from kazu_platform.formats.html import to_html

        out.write(to_html([(document, mentions)]))
    else:
        _print_table(mentions, out)


def _print_table(mentions: Sequence[Mention], out: TextIO) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table("mention", "class", "concept", "label", "ontology", "method", "where", "others")
    for mention in mentions:
        best = mention.links[0] if mention.links else None
        others = ", ".join(link.concept_id for link in mention.links[1:4])
        cells = (
            mention.text,
            mention.entity_class,
            *((best.concept_id, best.label, best.ontology, best.method) if best else [""] * 4),
            f"{mention.start}-{mention.end}",
            others,
        )
        table.add_row(*(Text(cell) for cell in cells))
    Console(file=out, width=None if out.isatty() else 160).print(table)
