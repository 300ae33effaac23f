"""`kazu-platform annotate`: a text in, its entities out."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from kazu_platform.commands.given import decoded, encoded
from kazu_platform.documents import Document, Mention, Section
from kazu_platform.errors import ArtifactError, ConfigurationError
from kazu_platform.settings import Catalogue, Settings, read_settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from kazu_platform.linking.annotate import LabellingLinker
    from kazu_platform.ner.detector import Detector
    from kazu_platform.storage.artifacts import ArtifactStore


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


def annotate_text(document: Document) -> tuple[Document, tuple[Mention, ...]]:
    """Find and link the entities of a document with the vocabularies of the catalogue.

    Raises:
        ConfigurationError: a setting or the catalogue is wrong.
        ArtifactError: the indices of a catalogue other than the sample were not made yet, or by
            another version.
    """
    from kazu_platform.linking.annotate import annotate

    settings = read_settings()
    detector, linker = _detector_and_linker(settings, settings.catalogue())
    (mentions,) = annotate([document], [detector], linker)
    return document, tuple(mentions)


def _detector_and_linker(
    settings: Settings, catalogue: Catalogue
) -> tuple[Detector, LabellingLinker]:
    """From the live indices; the embedded sample's are compiled if there are none of use."""
    from kazu_platform.storage.artifacts import ArtifactStore

    store = ArtifactStore(settings.models)
    try:
        return _open_live(store)
    except (ArtifactError, OSError):
        if settings.sources != "sample":
            raise
    settings.make_home()
    sys.stderr.write("Compiling the embedded sample's vocabularies, once ...\n")
    _compile(catalogue, store)
    return _open_live(store)


def _open_live(store: ArtifactStore) -> tuple[Detector, LabellingLinker]:
    from kazu_platform.linking.open import open_linker
    from kazu_platform.ner.dictionary import DictionaryDetector
    from kazu_platform.ner.dictionary_index import open_dictionary_index

    dictionary, linking = store.live("dictionary"), store.live("linking")
    try:
        detector = DictionaryDetector(open_dictionary_index(dictionary.content))
        return detector, open_linker(linking.content)
    except ArtifactError as error:
        raise ArtifactError(f"{error} Run: kazu-platform demo") from None


def _compile(catalogue: Catalogue, store: ArtifactStore) -> None:
    import pyarrow as pa

    from kazu_platform.linking.index import build_linking_index
    from kazu_platform.ner.dictionary_index import build_dictionary_index
    from kazu_platform.ontologies.curating import apply_curations
    from kazu_platform.ontologies.curations import preferences, touching
    from kazu_platform.ontologies.vocabulary import parse_vocabulary

    sources, curations = catalogue.ontologies, _curations(catalogue)
    parsed = [parse_vocabulary(source, Path(source.url)) for source in sources]
    synonyms = pa.concat_tables(
        [
            apply_curations(vocabulary.synonyms, touching(curations, source), vocabulary.concepts)
            for source, vocabulary in zip(sources, parsed, strict=True)
        ]
    )
    concepts = pa.concat_tables([vocabulary.concepts for vocabulary in parsed])
    with store.stage("dictionary") as staged:
        build_dictionary_index(synonyms, staged.content)
        staged.commit().verify()  # of equal versions the first one stays, and it may be damaged
    with store.stage("linking") as staged:
        build_linking_index(
            concepts,
            synonyms,
            staged.content,
            ontologies=[source.name for source in sources],
            preferences=preferences(curations),
        )
        staged.commit().verify()


def _curations(catalogue: Catalogue) -> pa.Table:
    """The curations of a catalogue whose files all lie on this machine, as of today."""
    from kazu_platform.ontologies.curations import read_curations
    from kazu_platform.tables import CURATIONS

    if catalogue.curations is None:
        return CURATIONS.empty()
    path, today = Path(catalogue.curations), datetime.now(UTC).date()
    return read_curations(path, today=today, ontologies=catalogue.ontologies)


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
