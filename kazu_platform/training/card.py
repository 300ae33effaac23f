"""The model folder of a trained student, and its card: how it was made and how good it is."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from hashlib import file_digest
from typing import TYPE_CHECKING, Any, Final

import torch
from torch import nn

from kazu_platform.ner.model import open_model
from kazu_platform.ner.model_files import CARD, NETWORK, ModelDescription
from kazu_platform.ner.pieces import WordPieces
from kazu_platform.training.devel import evaluate_devel, figures_to_markdown
from kazu_platform.training.export import export_model
from kazu_platform.training.network import PIECES, Network, load_network
from kazu_platform.training.stages import RECORD, read_outputs
from kazu_platform.training.targets import BIO

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from kazu_platform.evaluation.ner import Evaluation
    from kazu_platform.ner.model_files import ModelFiles
    from kazu_platform.settings import CorpusSource, TextSource
    from kazu_platform.training.devel import DevelSet
    from kazu_platform.training.recipe import Recipe

THRESHOLD: Final = 0.5
_FINDS: Final = """\
Version {version}. Finds {classes}; word by word ({scheme}), each class by itself, so mentions may
nest. It reads windows of at most {pieces} word pieces."""
_MEASURED: Final = """\
Strict F1 in percent with 95 % bootstrap intervals, of the quantised model alone, without the
dictionary. No label of a devel set was learnt from; thresholds and the recipe may have been chosen
on them."""
_HOW: Final = """\
Seed {seeds}; starts from {start}. With `KAZU_SOURCES` naming a catalogue of these corpora and
texts, whose `training.recipe` is the recipe below:

```console
$ dagster job execute -m kazu_platform.definitions -j train_ner
```"""
_LIMITS: Final = """\
- It was made to find names in titles and abstracts in English; in other texts it finds fewer.
- Corpora disagree about what is a gene, a disease or a cell type, and so does a model of them all.
- It gives spans and classes and no identifiers; `confidence` is not calibrated.
- Nothing that it finds is medical advice; look at the text before you act on a mention."""
_COUNTS: Final = ("n_sentences", "n_texts", "n_rows")
_OF_MACHINES: Final = ("torch", "transformers", "python", "processor", "threads")


@dataclass(frozen=True)
class Made:
    """What a card tells.

    Attributes:
        recipe: How the model was trained.
        records: By stage the record that it left.
        data: By name the version of each table or artifact that it learnt from.
        corpora: Where the labelled sentences are from.
        texts: Where the language is from.
        devel: What it is measured on.
    """

    recipe: Recipe
    records: Mapping[str, Mapping[str, Any]]
    data: Mapping[str, str]
    corpora: Sequence[CorpusSource] = ()
    texts: Sequence[TextSource] = ()
    devel: Sequence[DevelSet] = field(default_factory=list)


def write_model(student: Path, folder: Path, made: Made) -> list[Evaluation]:
    """Write the model folder of a student, with a card that tells its figures on devel.

    Args:
        student: What `stages.make_student` filled.
        folder: Where to.
        made: What the card tells.

    Returns:
        The figures of the model as it is used, not of the network in 32 bits.

    Raises:
        ArtifactError: what was written cannot be opened.
    """
    files = _export(student, folder, made.recipe)
    detector = open_model(files.folder)
    evaluations = evaluate_devel(made.devel, detector, detector.classes)
    (folder / CARD).write_text(model_card(made, evaluations, files), "utf-8")
    return evaluations


def model_card(made: Made, evaluations: Sequence[Evaluation], files: ModelFiles) -> str:
    """The card of a model, in Markdown."""
    recipe, description = made.recipe, files.description
    licences = sorted({each.licence for each in (*made.corpora, *made.texts)})
    parts = [
        "# Biomedical names: a token classifier",
        _FINDS.format(
            version=files.version,
            classes=", ".join(description.classes),
            scheme=description.scheme,
            pieces=description.max_pieces,
        ),
        "## Figures on devel",
        _MEASURED,
        figures_to_markdown(evaluations) if evaluations else "It was measured on nothing.",
        "## Data",
        markdown_table(
            ("corpus", "marks", "licence", "homepage"),
            [(c.name, ", ".join(c.classes), c.licence, c.homepage) for c in made.corpora],
        ),
        markdown_table(("text", "licence"), [(each.name, each.licence) for each in made.texts]),
        "Documents and sentences of the test sets that the catalogue names were left out of all.",
        markdown_table(("version of", ""), sorted(made.data.items())),
        "## How it was made",
        _HOW.format(seeds=_seeds(recipe), start=recipe.start.package or "chance"),
        f"```json\n{json.dumps(recipe.model_dump(mode='json'), indent=1)}\n```",
        markdown_table(
            (
                "stage",
                "sentences, texts or rows",
                "parameters",
                "last loss",
                "SHA-256 of the weights",
            ),
            [_of_stage(name, record) for name, record in made.records.items()],
        ),
        of_machine(made.records),
        f"SHA-256 of `{NETWORK}`: `{_sha256(files.network)}`.",
        "## Licence",
        f"The weights are licensed as this package is. They learnt from: {'; '.join(licences)}.",
        "## Limits",
        _LIMITS,
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _seeds(recipe: Recipe) -> str:
    """The seed; and those of the members of a teacher, if there are several."""
    n = recipe.teacher.members
    members = ", ".join(str(recipe.seed + number) for number in range(n))
    return f"{recipe.seed} (members of the teacher: {members})" if n > 1 else str(recipe.seed)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def _of_stage(name: str, record: Mapping[str, Any]) -> tuple[str, ...]:
    count = next((record[key] for key in _COUNTS if key in record), 0)
    loss = sum(record["last"].get(key, 0.0) for key in _losses(record["last"]))
    return (
        name,
        f"{count:,}",
        f"{record['n_parameters']:,}",
        f"{loss:.4f}",
        f"`{record['weights_sha256']}`",
    )


def _losses(last: Mapping[str, float]) -> list[str]:
    return [name for name in ("loss", "embeddings", "hidden", "attention") if name in last]


def of_machine(records: Mapping[str, Mapping[str, Any]]) -> str:
    """With what the last stage ran; a record of a part of a stage is none."""
    whole = [record for name, record in records.items() if "/" not in name]
    facts = [f"{name} {whole[-1][name]}" for name in _OF_MACHINES if whole and name in whole[-1]]
    return f"The last stage ran with {', '.join(facts)}." if facts else ""


def markdown_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown; nothing, if there are no rows."""
    lines = [f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows)]
    return "\n".join(lines) if rows else ""


def _export(student: Path, folder: Path, recipe: Recipe) -> ModelFiles:
    outputs = read_outputs(student)
    network = load_network(student).eval()
    thresholds = {name: recipe.student.thresholds.get(name, THRESHOLD) for name in outputs.labels}
    scheme = "BIO" if outputs.scheme == BIO else "IO"
    return export_model(
        network if scheme == "BIO" else _widened(network),
        folder,
        vocabulary=WordPieces.read(student / PIECES).vocabulary,
        description=ModelDescription(
            tuple(outputs.labels), scheme, recipe.student.max_pieces, thresholds
        ),
        card="",  # it tells figures, which are not known yet
        weights=True,
    )


def _widened(network: Network) -> Network:
    """A network with an output B beside each I, which says the same: what is exported has both."""
    dense = network.dense
    if dense is None:
        raise ValueError("an encoder without a dense layer cannot be exported")
    rows = torch.tensor([*(each // 2 for each in range(2 * (dense.out_features - 1))), -1])
    wide = nn.Linear(dense.in_features, len(rows))
    with torch.no_grad():
        wide.weight.copy_(dense.weight[rows])
        wide.bias.copy_(dense.bias[rows])
    network.dense = wide
    return network


def read_record(folder: Path) -> dict[str, Any]:
    """The record that a stage left."""
    return json.loads((folder / RECORD).read_text("utf-8"))
