"""The recipe: everything that decides which weights come out, in one YAML file.

Stages and what each is called: `vocabulary` and `adapt` make an encoder of the starting weights,
`teacher` learns to tag, `general` and `student` are the two stages of distillation, `export` makes
of the student what is shipped. Steps count, not minutes, so a recipe gives the same on any machine
that multiplies alike.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from kazu_platform.errors import ConfigurationError
from kazu_platform.training.loop import Plan
from kazu_platform.training.tagging import Mixture
from kazu_platform.yaml_text import yaml_value

if TYPE_CHECKING:
    from pathlib import Path

Precision = Literal["auto", "bf16", "fp32"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class StartRecipe(_Strict):
    """What an encoder starts from: weights inside an installed package, or chance.

    A package holds, somewhere, one folder with `vocab.txt`, `config.json` and `model.safetensors`
    of a BERT encoder. Without one the sizes say what is made, and `vocabulary.pieces` counts
    characters.
    """

    package: str | None = None
    layers: int = Field(6, ge=1)
    hidden: int = Field(384, ge=8)
    heads: int = Field(12, ge=1)
    inner: int = Field(1536, ge=8)


class VocabularyRecipe(_Strict):
    """Which pieces an encoder knows."""

    pieces: int = Field(13_500, ge=5, description="Pieces kept of the starting vocabulary.")
    words: int = Field(5_500, ge=0, description="Words added, each a piece of its own.")
    labelled_times: int = Field(3, ge=0, description="How often labelled text counts.")


class StageRecipe(_Strict):
    """How long and how fast a stage trains."""

    steps: int = Field(gt=0)
    rate: float = Field(2e-4, gt=0)
    head_rate: float = Field(1e-3, gt=0)
    batch_pieces: int = Field(2_048, ge=64, description="Pieces of a batch, padding included.")
    dropout: float = Field(0.0, ge=0, lt=1)

    def plan(self, recipe: Recipe, precision: str) -> Plan:
        """The plan of this stage.

        Args:
            recipe: Whose stage it is.
            precision: bf16 or fp32.
        """
        return Plan(
            steps=self.steps,
            rate=self.rate,
            head_rate=self.head_rate,
            seed=recipe.seed,
            precision=precision,
            log_every=max(1, min(20, self.steps // 10)),
        )


class AdaptRecipe(StageRecipe):
    """Masked language modelling."""

    row: int = Field(128, ge=16, le=256, description="Pieces of a row of running text.")
    layers: tuple[int, ...] = Field(
        default=(), description="Layers of the starting weights to keep. Default: all."
    )


class TeacherRecipe(StageRecipe):
    """The teacher's fine-tuning."""

    own_labels: dict[str, str] = Field(
        default_factory=dict[str, str],
        description='Labels that corpora have for themselves: "BC2GM gene": gene:BC2GM.',
    )


class GeneralRecipe(StageRecipe):
    """Stage 1 of distillation."""

    row: int = Field(128, ge=16, le=256, description="Pieces of a row of running text.")


class StudentRecipe(StageRecipe):
    """Stage 2 of distillation, and the student's build."""

    layers: tuple[int, ...] = Field(
        (0, 2, 3, 5), min_length=1, description="Layers of the teacher that the student starts as."
    )
    merge: dict[str, dict[str, float]] = Field(
        default_factory=dict[str, dict[str, float]],
        description="For a class the teacher's labels with weights. Default: the class itself.",
    )
    gold: dict[str, float] = Field(
        default_factory=dict[str, float],
        description='Share of the gold in a target, by "corpus class". Default: a half.',
    )
    thresholds: dict[str, float] = Field(
        default_factory=dict[str, float], description="Least probability by class. Default: 0.5."
    )


class Recipe(_Strict):
    """All stages. `general` may be left out; a student then starts as its teacher's layers."""

    seed: int = 13
    precision: Precision = Field("auto", description="auto: bf16 where the processor has it.")
    scheme: Literal["BIO", "IO"] = "BIO"
    classes: tuple[str, ...] = (
        "gene",
        "disease",
        "chemical",
        "species",
        "cell_line",
        "cell_type",
    )
    weights: dict[str, float] = Field(
        default_factory=dict[str, float], description="How often a corpus is seen in an epoch."
    )
    empty: dict[str, float] = Field(
        default_factory=dict[str, float],
        description="Share of a corpus's sentences without mentions that is seen.",
    )
    start: StartRecipe = Field(default_factory=StartRecipe.model_construct)
    vocabulary: VocabularyRecipe = Field(default_factory=VocabularyRecipe.model_construct)
    adapt: AdaptRecipe | None = None
    teacher: TeacherRecipe
    general: GeneralRecipe | None = None
    student: StudentRecipe

    def mixture(self) -> Mixture:
        """How often sentences are seen."""
        return Mixture(self.weights, self.empty)


def read_recipe(path: Path) -> Recipe:
    """Read and check a recipe.

    Raises:
        ConfigurationError: names the file, the key and what is wrong with it.
    """
    try:
        return Recipe.model_validate(yaml_value(path.read_text("utf-8")))
    except (OSError, ValueError, yaml.YAMLError) as error:
        if isinstance(error, ValidationError):
            wrong = [
                f"{path}: {'.'.join(map(str, each['loc']))}: {each['msg']}"
                for each in error.errors()
            ]
            raise ConfigurationError("\n".join(wrong)) from None
        problem = " ".join(str(error).split())
        raise ConfigurationError(f"{path}: cannot be read as YAML: {problem}") from None
