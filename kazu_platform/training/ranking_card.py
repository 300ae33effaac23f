"""The card of a linking model: what it learnt from, how, and what it decides."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from kazu_platform.linking.encoder_files import read_encoder_files
from kazu_platform.training.card import markdown_table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from kazu_platform.evaluation.linking import LinkingTask
    from kazu_platform.settings import OntologySource
    from kazu_platform.training.linking_recipe import RankRecipe
    from kazu_platform.training.ranking_model import RankingModel

_DOES: Final = """\
Says which concept of the vocabularies a mention means, how probable that is, and when none is meant
(NIL). Made of an encoder ({encoder}; a name in, a vector of {dimensions} numbers out), a ranker
(`ranker.npz`) and a memory of what people linked strings to (`learnt.parquet`: hashes of strings,
concepts and how often; `learnt_strings.parquet`: vectors of those strings; no text)."""
_LEARNT: Final = """\
Train splits were learnt from; on devel splits tempers, thresholds and what is enough were set, and
nothing else. A document that any corpus holds out was learnt from in none; documents of
`test_pmids` were left out of all."""
_MADE: Final = """\
{members} networks, seeds {seeds}; the mean of their scores counts. Materialise `linking_ranker`
with this `rank` in `training.linking_recipe`:"""
_LICENCE: Final = """\
The weights are licensed as this package is. Vocabularies: {vocabularies}. Corpora have the licences
of those who made them."""
_LIMITS: Final = """\
- A string that people linked in these corpora is linked as they did, where nothing else says
  otherwise; corpora of other guidelines are answered less well.
- What was set on a devel split fits it: figures on other texts will be lower.
- Nothing that it links is medical advice; look at the text before you act on a link."""


@dataclass(frozen=True)
class MadeRanker:
    """What a card tells.

    Attributes:
        recipe: How it was trained.
        tasks: What it was trained on.
        data: By name the version of all that it depends on.
        vocabularies: Ontologies of the index, with the version of each.
    """

    recipe: RankRecipe
    tasks: Sequence[LinkingTask]
    data: Mapping[str, str]
    vocabularies: Sequence[tuple[OntologySource, str]]


def ranking_card(made: MadeRanker, model: RankingModel) -> str:
    """The card, in Markdown."""
    files = read_encoder_files(model.encoder)
    recipe = made.recipe
    licences = sorted({source.licence for source, _ in made.vocabularies})
    seeds = ", ".join(str(recipe.seed + number) for number in range(recipe.members))
    decisions = sorted(model.ranker.decisions.items())
    parts = [
        "# Biomedical names: a linking model",
        _DOES.format(encoder=files.version, dimensions=files.description.dimensions),
        "## What it learnt from",
        _LEARNT,
        markdown_table(
            ("corpus", "class", "split", "documents", "mentions", "in the vocabulary"),
            [_of_task(each) for each in made.tasks],
        ),
        markdown_table(
            ("vocabulary", "class", "version", "licence", "homepage"),
            [
                (each.name, each.entity_class, version, each.licence, each.homepage)
                for each, version in made.vocabularies
            ],
        ),
        markdown_table(("version of", ""), sorted(made.data.items())),
        "## How it was made",
        _MADE.format(members=recipe.members, seeds=seeds),
        f"```json\n{json.dumps(recipe.model_dump(mode='json'), indent=1)}\n```",
        f"The last loss was {model.curve[-1]['loss']:.4f}.",
        "## What was set by class",
        markdown_table(
            ("class", "temper", "shift", "threshold", "enough"),
            [
                (name, *(f"{v:.3f}" for v in (d.temper, d.shift, d.threshold, d.enough)))
                for name, d in decisions
            ],
        ),
        "## Licence",
        _LICENCE.format(vocabularies="; ".join(licences)),
        "## Limits",
        _LIMITS,
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _of_task(task: LinkingTask) -> tuple[str, ...]:
    known = task.meant["mention"].n_unique()
    counts = (task.n_documents, task.mentions.height, known)
    return task.corpus, task.entity_class, task.split, *(f"{each:,}" for each in counts)


def counts_of_tasks(tasks: Sequence[LinkingTask]) -> dict[str, int]:
    """Mentions by split."""
    counted = Counter[str]()
    for task in tasks:
        counted[task.split] += task.mentions.height
    return {f"mentions_{split}": n for split, n in sorted(counted.items())}


def write_card(card: str, folder: Path) -> None:
    """Write `MODEL_CARD.md`."""
    from kazu_platform.linking.encoder_files import CARD

    (folder / CARD).write_text(card, "utf-8")
