"""`kazu-platform annotate`: a text in, its entities out."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from kazu_platform.documents import Document, Mention, Section
from kazu_platform.errors import ArtifactError, ConfigurationError
from kazu_platform.settings import Settings, read_settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kazu_platform.storage.artifacts import Artifact, ArtifactStore


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
    # Bytes of an argument that are not UTF-8 arrive as surrogates.
    return _document("text", text.encode("utf-8", "surrogateescape"))


def _document(name: str, content: bytes) -> Document:
    try:
        return Document(name, (Section("text", content.decode("utf-8")),))
    except UnicodeDecodeError as error:
        raise ConfigurationError(
            f"{name} is not UTF-8 text: byte {error.start} is {content[error.start]:#04x}; "
            "convert it first, or take the text out of it."
        ) from None


def annotate_text(document: Document) -> tuple[Document, tuple[Mention, ...]]:
    """Find and link the entities of a document with the vocabularies of the catalogue."""
    from kazu_platform.linking.annotate import annotate
    from kazu_platform.linking.exact import ExactLinker
    from kazu_platform.linking.index import open_linking_index
    from kazu_platform.ner.dictionary import DictionaryDetector
    from kazu_platform.ner.dictionary_index import open_dictionary_index

    settings = read_settings()
    dictionary, linking = _indices(settings)
    detector = DictionaryDetector(open_dictionary_index(dictionary.content))
    linker = ExactLinker(open_linking_index(linking.content))
    (mentions,) = annotate([document], [detector], linker)
    return document, tuple(mentions)


def _indices(settings: Settings) -> tuple[Artifact, Artifact]:
    """The live indices; those of the embedded sample are compiled when they are first needed."""
    from kazu_platform.storage.artifacts import ArtifactStore

    store = ArtifactStore(settings.models)
    try:
        return store.live("dictionary"), store.live("linking")
    except ArtifactError:
        if settings.sources != "sample":
            raise
    sys.stderr.write("Compiling the embedded sample's vocabularies, once ...\n")
    return _compile_sample(settings, store)


def _compile_sample(settings: Settings, store: ArtifactStore) -> tuple[Artifact, Artifact]:
    import pyarrow as pa

    from kazu_platform.linking.index import build_linking_index
    from kazu_platform.ner.dictionary_index import build_dictionary_index
    from kazu_platform.ontologies.vocabulary import parse_vocabulary

    sources = settings.catalogue().ontologies
    parsed = [parse_vocabulary(source, Path(source.url)) for source in sources]
    synonyms = pa.concat_tables([vocabulary.synonyms for vocabulary in parsed])
    concepts = pa.concat_tables([vocabulary.concepts for vocabulary in parsed])
    with store.stage("dictionary") as staged:
        build_dictionary_index(synonyms, staged.content)
        dictionary = staged.commit(inputs={})
    with store.stage("linking") as staged:
        build_linking_index(
            concepts, synonyms, staged.content, ontologies=[source.name for source in sources]
        )
        linking = staged.commit(inputs={})
    return dictionary, linking


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
