"""Corpora: which there are in a folder, and their sentences."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pyarrow as pa

from kazu_platform.errors import ConfigurationError
from kazu_platform.evaluation.gold import read_gold
from kazu_platform.tables import LABELLED_SENTENCES
from kazu_platform.training.labelling import joined, labelled
from kazu_platform.yaml_text import yaml_value

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

INDEX: Final = "corpora.yaml"
CROSS_CORPUS: Final = ("cellfinder", "gellus")
"""Corpora that a model is only measured on: nothing may learn from them, or be chosen by them."""
_SAME_SENTENCES: Final = ("BC5CDR", "CRAFT", "cellfinder")


@dataclass(frozen=True)
class Part:
    """A file of a corpus, with what it marks wherever it stands."""

    name: str
    path: Path
    classes: tuple[str, ...]


def read_corpora(root: Path, split: str, *, leave_out: Sequence[str] = CROSS_CORPUS) -> pa.Table:
    """The labelled sentences of all corpora of a folder.

    Corpora of the same sentences (`BC5CDR-chem` and `BC5CDR-disease`) are one, named after what
    stands before the dash. A corpus with none of our classes has no rows.

    Args:
        root: Folder of folders with `<split>.tsv` (IOB2) or `<split>.PubTator`, and a file
            `corpora.yaml` that says of each which `classes` it marks.
        split: train or devel.
        leave_out: Beginnings of names of corpora that are not read.

    Returns:
        LABELLED_SENTENCES, corpus by corpus.
    """
    corpora: dict[str, list[Part]] = {}
    for part in _parts(root):
        if part.classes and not part.name.startswith(tuple(leave_out)):
            family = part.name.partition("-")[0]
            name = family if family in _SAME_SENTENCES else part.name
            corpora.setdefault(name, []).append(part)
    tables = [
        joined([labelled(read_gold(part.path, split), part.classes) for part in parts], name)
        for name, parts in corpora.items()
    ]
    return pa.concat_tables(tables) if tables else LABELLED_SENTENCES.empty()


def _parts(root: Path) -> list[Part]:
    index = root / INDEX
    if not index.is_file():
        raise ConfigurationError(f"{root} has no {INDEX}, which says what its corpora mark.")
    described: Mapping[str, Mapping[str, list[str]]] = yaml_value(index.read_text("utf-8"))
    return [
        Part(name, root / name, tuple(about.get("classes", ())))
        for name, about in described.items()
    ]
