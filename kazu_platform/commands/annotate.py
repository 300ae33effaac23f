"""`kazu-platform annotate`: texts in, their entities out."""

from __future__ import annotations

import io
from pathlib import Path
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
    from collections.abc import Iterable, Iterator, Sequence

    from kazu_platform.linking.annotate import LabellingLinker
    from kazu_platform.ner.detector import Detector
    from kazu_platform.settings import Settings

    Annotated = tuple[Document, Sequence[Mention]]

FULL_TEXT_ENDINGS = (".nxml", ".nxml.gz")
MAX_INPUT_BYTES = 1024**3
AT_A_TIME = 16
"""Documents that are read together: enough to keep a model busy."""


_WORTH_SHOWING = 0.1
"""Score of another concept that a table shows."""


def read_documents(
    text: str | None, file: Path | None, stdin: TextIO, form: str | None = None
) -> list[Document]:
    r"""The documents to annotate, from the argument, a file or standard input.

    Bytes are read, not lines: offsets count the characters of the file, `\r\n` as two of them. What
    a file says of mentions is passed over: they are found anew.

    Args:
        text: the argument.
        file: a file.
        stdin: standard input.
        form: text (all of it is one document), jats, bioc_xml, bioc_json, pubtator or jsonl; all
            but text may be gzipped. By default the ending decides: `.nxml` is jats.

    Raises:
        ConfigurationError: both or neither is given, or it cannot be read, or not as UTF-8.
        MalformedFileError: it is not what its format promises.
    """
    name, content = _given(text, file, stdin)
    if form is None:
        form = "jats" if name.endswith(FULL_TEXT_ENDINGS) else "text"
    if form == "text":
        return [Document(name, (Section("text", decoded(name, content)),))]
    return _parsed(name, content, form)


def _given(text: str | None, file: Path | None, stdin: TextIO) -> tuple[str, bytes]:
    """What is to be read, and what it is called."""
    if text is not None and file is not None:
        raise ConfigurationError("Give a text or --file, not both.")
    if file is not None:
        try:
            return file.name, file.read_bytes()
        except OSError as error:
            raise ConfigurationError(f"{file} cannot be read: {error.strerror}.") from None
    if text == "-" or (text is None and not stdin.isatty()):
        return "stdin", stdin.buffer.read()
    if text is None:
        raise ConfigurationError('Give a text, --file, or - for standard input: annotate "TNF-α"')
    return "text", encoded(text)


def _parsed(name: str, content: bytes, form: str) -> list[Document]:
    """The documents of a file of some format; a parser is imported if it is needed."""
    raw = io.BytesIO(content)
    if form == "jats":
        from kazu_platform.citations.pmc import full_texts

        return list(full_texts(raw, name))
    from kazu_platform.citations.archive import decompressed

    content = b"".join(decompressed(raw, Path(name), max_bytes=MAX_INPUT_BYTES))
    if form == "bioc_xml":
        from kazu_platform.formats.bioc_xml import from_bioc_xml

        return _without_mentions(from_bioc_xml(content, path=name))
    lines = decoded(name, content)
    if form == "bioc_json":
        from kazu_platform.formats.bioc_json import from_bioc_json

        return _without_mentions(from_bioc_json(lines, path=name))
    if form == "pubtator":
        from kazu_platform.formats.pubtator import from_pubtator

        return _without_mentions(from_pubtator(lines, path=name, by_offsets=True))
    from kazu_platform.formats.jsonl import from_json_line

    return _without_mentions(
        from_json_line(line, path=name, number=number)
        for number, line in enumerate(lines.split("\n"), 1)
        if line.strip()
    )


def _without_mentions(
    annotated: Iterable[tuple[Document, Sequence[Mention]]],
) -> list[Document]:
    return [document for document, _ in annotated]


def annotate_documents(
    documents: Sequence[Document], detector: str | None = None, model: Path | None = None
) -> Iterator[Annotated]:
    """Find and link the entities of documents with the vocabularies of the catalogue.

    Args:
        documents: The texts.
        detector: dictionary, model or model+dictionary; by default who reads the corpus.
        model: Folder of a model, or of a checkpoint of Hugging Face, or its id on the hub; by
            default the one in use.

    Yields:
        Each document with its mentions, a few documents being read at a time.

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
    for start in range(0, len(documents), AT_A_TIME):
        some = documents[start : start + AT_A_TIME]
        yield from zip(some, annotate(some, [reader], linker), strict=True)


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


def print_annotated(annotated: Iterable[Annotated], form: str, out: TextIO) -> None:
    """Print documents and their mentions.

    Args:
        annotated: documents, each with its mentions.
        form: table, jsonl, pubtator, html, bioc_xml or bioc_json.
        out: where to.
    """
    if form in {"html", "bioc_xml", "bioc_json"}:
        out.write(_as_a_whole(list(annotated), form))
        return
    for document, mentions in annotated:
        if form == "jsonl":
            from kazu_platform.formats.jsonl import to_json_line

            out.write(to_json_line(document, mentions) + "\n")
        elif form == "pubtator":
            from kazu_platform.formats.pubtator import to_pubtator

            out.write(to_pubtator(document, mentions))
        else:
            _print_table(document, mentions, out)


def _as_a_whole(annotated: list[Annotated], form: str) -> str:
    """All documents in one page, or one collection."""
    if form == "html":
        from kazu_platform.formats.html import to_html

        return to_html(annotated)
    if form == "bioc_json":
        from kazu_platform.formats.bioc_json import to_bioc_json

        return to_bioc_json(annotated)
    from kazu_platform.formats.bioc_xml import to_bioc_xml

    return to_bioc_xml(annotated)


def _print_table(document: Document, mentions: Sequence[Mention], out: TextIO) -> None:
    """A table; where there are several sections, places name theirs."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    one = len(document.sections) == 1
    table = Table("mention", "class", "concept", "label", "ontology", "method", "where", "others")
    for mention in mentions:
        best = mention.link
        place = "" if one else f"{document.sections[mention.section].name} "
        others = ", ".join(
            link.concept_id
            for link in mention.links
            if link is not best and link.score >= _WORTH_SHOWING
        )
        cells = (
            mention.text,
            mention.entity_class,
            *((best.concept_id, best.label, best.ontology, best.method) if best else [""] * 4),
            f"{place}{mention.start}-{mention.end}",
            others,
        )
        table.add_row(*(Text(cell) for cell in cells))
    Console(file=out, width=None if out.isatty() else 160).print(table)
