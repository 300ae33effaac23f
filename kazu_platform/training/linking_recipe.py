"""The recipe of a linking model: everything that decides which weights come out, in one file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from kazu_platform.documents import EntityClass, digest
from kazu_platform.settings import BUILT_IN_LINKING_RECIPES
from kazu_platform.training.recipe import (
    LearningRecipe,
    StartRecipe,
    Trained,
    VocabularyRecipe,
    read_blocks,
)

if TYPE_CHECKING:
    from kazu_platform.training.alignment import MultiSimilarity

LINKING_RECIPE_VERSION: Final = "1"
"""Changes when the same recipe and data give other weights."""


class AlignRecipe(LearningRecipe):
    """Self-alignment, and the shape of what it makes."""

    dropout: float = Field(0.0, ge=0, lt=1)
    pairs: int = Field(1_024, ge=2, description="Pairs of names of a batch.")
    weights: dict[EntityClass, float] = Field(
        default_factory=dict[EntityClass, float],
        description="Part of a batch that a class has, beside the square root of its names; "
        "0: none.",
    )
    layers: tuple[int, ...] = Field(
        default=(), description="Layers of the encoder to keep. Default: all."
    )
    dimensions: int = Field(
        0, ge=0, description="Of a vector, by a dense layer; 0: as wide as the encoder."
    )
    max_pieces: int = Field(40, ge=8, le=256, description="Pieces of the longest name.")
    recased: float = Field(
        0.3, ge=0, le=1, description="Share of names read in lower case or capitals."
    )
    neighbours: int = Field(
        0,
        ge=0,
        description="Nearest strangers of each name, of which one is in the batch too; 0: none.",
    )
    refresh: int = Field(500, gt=0, description="Steps until neighbours are found anew.")
    alpha: float = Field(2.0, gt=0)
    beta: float = Field(50.0, gt=0)
    base: float = 0.5
    margin: float = Field(0.2, ge=0)

    def loss(self) -> MultiSimilarity:
        """The numbers of the loss."""
        from kazu_platform.training.alignment import MultiSimilarity

        return MultiSimilarity(self.alpha, self.beta, self.base, self.margin)


class MeasureRecipe(BaseModel):
    """What is held out, and what it is looked for in."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    held_out: float = Field(
        0.03, ge=0, lt=1, description="Share of synonyms that are not learnt from, to measure with."
    )
    queries: int = Field(500, ge=1, description="Held-out names of a class that are looked for.")
    names: int = Field(20_000, ge=1, description="Names of a class that they are looked for in.")


class RankRecipe(BaseModel):
    """How the ranker of links is trained."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    seed: int = 13
    steps: int = Field(default=3_000, ge=1)
    rate: float = Field(default=5e-3, gt=0)
    decay: float = Field(default=2e-2, ge=0)
    batch: int = Field(default=512, ge=2, description="Strings of a batch.")
    width: int = Field(default=64, ge=2, description="Of the two layers.")
    dropout: float = Field(default=0.1, ge=0, lt=1, description="Share of them left out of a step.")
    members: int = Field(default=6, ge=1, description="Networks whose mean it is.")

    def version(self) -> str:
        """Hash of what the weights of the ranker depend on."""
        return digest(LINKING_RECIPE_VERSION, self.model_dump_json())


class LinkingRecipe(Trained):
    """All of it: `encoder` names an artifact to start from; without one `start` says what."""

    encoder: Literal["ner_encoder", "ner_general_student"] | None = None
    start: StartRecipe = Field(default_factory=StartRecipe.model_construct)
    vocabulary: VocabularyRecipe = Field(default_factory=VocabularyRecipe.model_construct)
    measure: MeasureRecipe = Field(default_factory=MeasureRecipe.model_construct)
    align: AlignRecipe
    rank: RankRecipe = Field(default_factory=RankRecipe)

    def version(self) -> str:
        """Hash of what the weights of the encoder depend on."""
        return digest(LINKING_RECIPE_VERSION, self.model_dump_json(exclude={"rank"}))


def linking_recipe_path(recipe: str) -> Path:
    """The file of a recipe: of a built-in one by its name, else the path itself."""
    if recipe in BUILT_IN_LINKING_RECIPES:
        return Path(__file__).with_name("recipes") / f"{recipe}.yaml"
    return Path(recipe)


def read_linking_recipe(path: Path) -> LinkingRecipe:
    """Read and check a recipe.

    Raises:
        ConfigurationError: names the file, each wrong key and the nearest right one.
    """
    return read_blocks(path, LinkingRecipe, "align:")
