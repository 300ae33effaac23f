"""The folder of a trained linking encoder, and its card: how it was made and how good it is."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from kazu_platform.linking.embedding import open_embedder
from kazu_platform.linking.encoder_files import (
    CARD,
    NETWORK,
    VOCABULARY,
    EncoderDescription,
    read_encoder_files,
)
from kazu_platform.training.card import markdown_table, of_machine, read_record
from kazu_platform.training.export import vector_bytes
from kazu_platform.training.network import PIECES, load_network
from kazu_platform.training.retrieval import figures_to_markdown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from kazu_platform.linking.encoder_files import EncoderFiles
    from kazu_platform.settings import OntologySource
    from kazu_platform.training.linking_recipe import LinkingRecipe
    from kazu_platform.training.network import Network
    from kazu_platform.training.retrieval import Held

Figures = dict[str, dict[str, float]]
LINKING_EXPORT_VERSION: Final = "1"
_DOES: Final = """\
Version {version}. Makes a vector of {dimensions} numbers of a name, in the way that names of one
concept lie near each other; it reads {pieces} word pieces at most. It compares names within an
entity class and knows nothing of the text around a mention."""
_MEASURED: Final = """\
Share in percent of held-out synonyms whose concept is the nearest, among the five nearest, among
the twenty nearest; before training, after it, and of the quantised network as it is used. Some
names of each class are looked for among some others: among all names it is harder, so these
figures compare encoders and say little of accuracy in text."""
_LEARNT: Final = """\
{n_names:,} names were learnt from, {n_held_out:,} held out; no text that people marked was used."""
_MADE: Final = """\
Seed {seed}; starts from {start}. Self-alignment after SapBERT (Liu et al. 2021): a multi-similarity
loss over pairs of synonyms. Materialise `linking_model` with this recipe:"""
_WEIGHTS: Final = "SHA-256 of the weights: `{weights_sha256}`; {n_parameters:,} parameters."
_LIMITS: Final = """\
- It learnt from names of vocabularies, which write otherwise than authors do.
- Names of a few characters (symbols, abbreviations) say little by themselves; it guesses.
- What was measured here are synonyms; a near name is no proof of the same meaning.
- Nothing that it finds is medical advice."""


@dataclass(frozen=True)
class MadeEncoder:
    """What a card tells.

    Attributes:
        recipe: How it was trained.
        data: By name the version of each table or artifact that it learnt from.
        figures: By what they are of (before, after, shipped) what was measured.
        ontologies: Where the names are from.
    """

    recipe: LinkingRecipe
    data: Mapping[str, str]
    figures: Mapping[str, Figures]
    ontologies: Sequence[OntologySource] = field(default_factory=tuple)


def export_encoder(  # noqa: PLR0913 - what an encoder is made of
    network: Network,
    folder: Path,
    *,
    vocabulary: Sequence[str],
    max_pieces: int,
    card: str = "",
    int8: bool = True,
    int8_embeddings: bool = True,
) -> EncoderFiles:
    """Write the folder of an encoder, and read it again as a check.

    Args:
        network: In evaluation mode.
        folder: Where to; it may exist.
        vocabulary: The pieces.
        max_pieces: Pieces of the longest name.
        card: The model card, in Markdown.
        int8: Quantise the products.
        int8_embeddings: Quantise the embeddings of the pieces.

    Raises:
        ValueError: network and vocabulary do not fit each other, or it has not so many positions.
    """
    if network.sizes.n_pieces != len(vocabulary):
        raise ValueError(
            f"the network knows {network.sizes.n_pieces} pieces, the vocabulary has "
            f"{len(vocabulary)}"
        )
    content = vector_bytes(
        network.encoder,
        network.dense,
        max_pieces=max_pieces,
        int8=int8,
        int8_embeddings=int8_embeddings,
    )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / NETWORK).write_bytes(content)
    (folder / VOCABULARY).write_text("\n".join(vocabulary) + "\n", "utf-8")
    (folder / CARD).write_text(card, "utf-8")
    width = network.sizes.outputs or network.sizes.hidden
    EncoderDescription(width, max_pieces).write(folder)
    return read_encoder_files(folder)


def write_encoder(trained: Path, folder: Path, made: MadeEncoder, held: Held) -> Figures:
    """Write the folder of a trained encoder, with a card that tells its figures.

    Args:
        trained: What `alignment_order.make_linking_encoder` filled.
        folder: Where to.
        made: What the card tells; the figures of what is written are added.
        held: What to measure it on.

    Returns:
        Figures of the quantised network.

    Raises:
        ArtifactError: what was written cannot be opened.
    """
    files = export_encoder(
        load_network(trained).eval(),
        folder,
        vocabulary=(trained / PIECES).read_text("utf-8").removesuffix("\n").split("\n"),
        max_pieces=made.recipe.align.max_pieces,
    )
    found = held.figures(open_embedder(folder).embed)
    card = encoder_card(made, {**made.figures, "as shipped": found}, files, read_record(trained))
    (folder / CARD).write_text(card, "utf-8")
    return found


def encoder_card(
    made: MadeEncoder,
    figures: Mapping[str, Figures],
    files: EncoderFiles,
    record: Mapping[str, Any],
) -> str:
    """The card of an encoder, in Markdown."""
    recipe, description = made.recipe, files.description
    start = recipe.encoder or recipe.start.package or "chance"
    licences = sorted({each.licence for each in made.ontologies})
    parts = [
        "# Biomedical names: an encoder for linking",
        _DOES.format(
            version=files.version,
            dimensions=description.dimensions,
            pieces=description.max_pieces,
        ),
        "## Figures on held-out synonyms",
        _MEASURED,
        figures_to_markdown(figures),
        "## Data",
        _LEARNT.format(**record),
        markdown_table(
            ("vocabulary", "class", "licence", "homepage"),
            [(o.name, o.entity_class, o.licence, o.homepage) for o in made.ontologies],
        ),
        markdown_table(("version of", ""), sorted(made.data.items())),
        "## How it was made",
        _MADE.format(seed=recipe.seed, start=start),
        f"```json\n{json.dumps(recipe.model_dump(mode='json'), indent=1)}\n```",
        _WEIGHTS.format(**record),
        of_machine({"linking": record}),
        "## Licence",
        f"The weights are licensed as this package is. They learnt from: {'; '.join(licences)}.",
        "## Limits",
        _LIMITS,
    ]
    return "\n\n".join(part for part in parts if part) + "\n"
