"""The recipe: everything that decides which weights come out, in one YAML file.

Stages and what each is called: `vocabulary` and `adapt` make an encoder of the starting weights,
`teacher` learns to tag, `general` and `student` are the two stages of distillation, `export` makes
of the student what is shipped. Steps count, not minutes, so a recipe gives the same on any machine
that multiplies alike.
"""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, TypeVar, get_args

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from kazu_platform.documents import EntityClass, digest
from kazu_platform.errors import ConfigurationError
from kazu_platform.settings import BUILT_IN_RECIPES
from kazu_platform.yaml_text import yaml_value

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from kazu_platform.training.loop import Plan
    from kazu_platform.training.tagging import Mixture

RECIPE_VERSION: Final = "2"
"""Changes when the same recipe and data give other weights."""
GENERAL_VERSION: Final = "2"
"""The same of stage 1 of distillation alone, where it learns to see as the deep encoder does."""
Precision = Literal["auto", "bf16", "fp32"]
R = TypeVar("R", bound=BaseModel)
StageName = Literal["encoder", "teacher", "general", "student"]
_OF_ALL = ("seed", "precision")
_TAGS = ("scheme", "classes", "weights", "empty")
_PARTS: Final[Mapping[StageName, tuple[str, ...]]] = {
    "encoder": (*_OF_ALL, "start", "vocabulary", "adapt"),
    "teacher": (*_OF_ALL, *_TAGS, "teacher"),
    "general": (*_OF_ALL, "student.layers", "general"),
    "student": (*_OF_ALL, *_TAGS, "teacher.own_labels", "student"),
}
"""What each stage depends on."""


def _with_weight(labels: dict[str, float]) -> dict[str, float]:
    if not any(labels.values()):
        raise ValueError("no label has a weight, so nothing would be learnt of the class")
    return labels


Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1)]
Threshold = Annotated[float, Field(gt=0, lt=1)]
Layer = Annotated[int, Field(ge=0)]
Labels = Annotated[dict[str, Weight], AfterValidator(_with_weight)]


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


class Trained(_Strict):
    """What every stage of a recipe has in common."""

    seed: int = 13
    precision: Precision = Field("auto", description="auto: bf16 where the processor has it.")


class LearningRecipe(_Strict):
    """How long and how fast to train."""

    steps: int = Field(gt=0)
    rate: float = Field(2e-4, gt=0)
    head_rate: float = Field(1e-3, gt=0)

    def plan(self, recipe: Trained, precision: str) -> Plan:
        """The plan of this stage.

        Args:
            recipe: Whose stage it is.
            precision: bf16 or fp32.
        """
        from kazu_platform.training.loop import Plan  # which needs torch; a recipe does not

        return Plan(
            steps=self.steps,
            rate=self.rate,
            head_rate=self.head_rate,
            seed=recipe.seed,
            precision=precision,
            log_every=max(1, min(20, self.steps // 10)),
        )


class StageRecipe(LearningRecipe):
    """The same of a stage that reads text."""

    batch_pieces: int = Field(2_048, ge=64, description="Pieces of a batch, padding included.")


class NetworkRecipe(StageRecipe):
    """A stage that says how much of its network is dropped."""

    dropout: float = Field(0.0, ge=0, lt=1)


class AdaptRecipe(NetworkRecipe):
    """Masked language modelling."""

    row: int = Field(128, ge=16, le=256, description="Pieces of a row of running text.")
    layers: tuple[Layer, ...] = Field(
        default=(), description="Layers of the starting weights to keep. Default: all."
    )


class TeacherRecipe(NetworkRecipe):
    """The teacher's fine-tuning."""

    members: int = Field(
        1, ge=1, description="Networks that differ in their seed; a student learns their mean."
    )
    own_labels: dict[str, str] = Field(
        default_factory=dict[str, str],
        description='Labels that corpora have for themselves: "BC2GM gene": gene:BC2GM.',
    )


class GeneralRecipe(StageRecipe):
    """Stage 1 of distillation, or what stands in for it."""

    learns: Literal["encoder", "words"] = Field(
        "encoder",
        description="encoder: to see text as the deep encoder does; words: to guess hidden words.",
    )
    row: int = Field(128, ge=16, le=256, description="Pieces of a row of running text.")


class FinishRecipe(StageRecipe):
    """The end of stage 2: shorter and slower, on another mixture of sentences."""

    weights: dict[str, Weight] = Field(
        default_factory=dict[str, float],
        description="How often a corpus is seen; of those not named as often as before.",
    )
    merge: dict[str, Labels] = Field(
        default_factory=dict[str, dict[str, float]],
        description="As the student's; of classes not named as before.",
    )
    members: int = Field(
        1, ge=0, description="How many of the teacher's networks speak; 0: the gold alone."
    )
    names_of: tuple[str, ...] = Field(
        default=(),
        description="Classes: of unmarked sentences only those with a word that corpora mark so.",
    )
    alike: tuple[str, ...] = Field(
        default=(),
        description="Corpora: an unmarked sentence is labelled as by the one that it is most like.",
    )


class StudentRecipe(NetworkRecipe):
    """Stage 2 of distillation, and the student's build."""

    layers: tuple[Layer, ...] = Field(
        (0, 2, 3, 5), min_length=1, description="Layers of the teacher that the student starts as."
    )
    merge: dict[str, Labels] = Field(
        default_factory=dict[str, dict[str, float]],
        description="For a class the teacher's labels with weights. Default: the class itself.",
    )
    gold: dict[str, Share] = Field(
        default_factory=dict[str, float],
        description='Share of the gold in a target, by "corpus class". Default: a half.',
    )
    thresholds: dict[str, Threshold] = Field(
        default_factory=dict[str, float], description="Least probability by class. Default: 0.5."
    )
    weak: tuple[str, ...] = Field(
        default=(), description="Detectors whose weak labels are learnt from too."
    )
    finish: FinishRecipe | None = None
    sentences: int = Field(
        0, ge=0, description="Sentences of the texts of which it learns what its teacher says."
    )
    max_pieces: int = Field(
        128, ge=16, le=256, description="Pieces of the longest window at inference."
    )


class Recipe(Trained):
    """All stages. `general` may be left out; a student then starts as its teacher's layers."""

    scheme: Literal["BIO", "IO"] = "BIO"
    classes: tuple[str, ...] = (
        "gene",
        "disease",
        "chemical",
        "species",
        "cell_line",
        "cell_type",
    )
    weights: dict[str, Weight] = Field(
        default_factory=dict[str, float], description="How often a corpus is seen in an epoch."
    )
    empty: dict[str, Weight] = Field(
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
        from kazu_platform.training.tagging import Mixture

        return Mixture(self.weights, self.empty)

    def finishing(self) -> tuple[Mixture, Mapping[str, Mapping[str, float]]]:
        """How often sentences are seen at the end of stage 2, and how labels become classes."""
        from kazu_platform.training.alike import as_of
        from kazu_platform.training.tagging import Mixture
        from kazu_platform.training.texts import UNLABELLED

        given = self.student.finish
        if given is None:
            return self.mixture(), self.student.merge
        weights = {**self.weights, **given.weights}
        unmarked = weights.get(UNLABELLED, 1.0)
        weights = {**{as_of(corpus): unmarked for corpus in given.alike}, **weights}
        return Mixture(weights, self.empty), {**self.student.merge, **given.merge}

    def weighing(self, weights: Mapping[str, float]) -> Recipe:
        """The same with weights of corpora that it does not name itself."""
        return self.model_copy(update={"weights": {**weights, **self.weights}})

    def part(self, stage: StageName) -> str:
        """Hash of what a stage depends on: others may change without its being trained again."""
        found = self.model_dump(mode="json")
        parts = [f"{key}\t{_at(found, key)!r}" for key in _PARTS[stage]]
        if stage == "general" and self.general and self.general.learns == "encoder":
            parts.append(GENERAL_VERSION)
        return digest(RECIPE_VERSION, stage, *parts)


def recipe_path(recipe: str) -> Path:
    """The file of a recipe: of a built-in one by its name, else the path itself."""
    if recipe in BUILT_IN_RECIPES:
        return Path(__file__).with_name("recipes") / f"{recipe}.yaml"
    return Path(recipe)


def read_recipe(path: Path) -> Recipe:
    """Read and check a recipe.

    Raises:
        ConfigurationError: names the file, each wrong key and the nearest right one.
    """
    recipe = read_blocks(path, Recipe, "teacher: and student:")
    unfit = [f"{path}: {problem}" for problem in _that_do_not_fit(recipe)]
    if unfit:
        raise ConfigurationError("\n".join(unfit))
    return recipe


def read_blocks(path: Path, kind: type[R], needs: str) -> R:
    """Read a YAML file of some kind.

    Args:
        path: The file.
        kind: What it describes.
        needs: Its blocks that cannot be left out.

    Raises:
        ConfigurationError: names the file, each wrong key and the nearest right one.
    """
    try:
        given = yaml_value(path.read_text("utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        problem = " ".join(str(error).split())
        raise ConfigurationError(f"{path}: cannot be read as YAML: {problem}") from None
    if not isinstance(given, dict):
        raise ConfigurationError(f"{path} holds no keys; a recipe needs {needs}")
    try:
        return kind.model_validate(given)
    except ValidationError as error:
        lines = [f"{path}: {each}" for each in _wrong(error, kind)]
        raise ConfigurationError("\n".join(lines)) from None


def _wrong(error: ValidationError, kind: type[BaseModel]) -> Iterator[str]:
    for problem in error.errors():
        place = problem["loc"]
        hint = ""
        if problem["type"] == "extra_forbidden":
            known = sorted(_model_at(place[:-1], kind).model_fields)
            near = get_close_matches(str(place[-1]), known, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else f"; there is {', '.join(known)}."
        yield f"{'.'.join(map(str, place))}: {problem['msg']}{hint}"


def _model_at(place: tuple[str | int, ...], model: type[BaseModel]) -> type[BaseModel]:
    """The block at a place."""
    for key in place:
        annotation = model.model_fields[str(key)].annotation
        kinds = [annotation, *get_args(annotation)]
        model = next(k for k in kinds if isinstance(k, type) and issubclass(k, BaseModel))
    return model


def _that_do_not_fit(recipe: Recipe) -> Iterator[str]:
    """What pydantic cannot see: names of classes."""
    known = get_args(EntityClass)
    finish = recipe.student.finish
    at_the_end, named_at_the_end = (finish.merge, finish.names_of) if finish else ({}, ())
    named = [
        *(("classes", name, known) for name in recipe.classes),
        *(("student.merge", name, recipe.classes) for name in recipe.student.merge),
        *(("student.finish.merge", name, recipe.classes) for name in at_the_end),
        *(("student.finish.names_of", name, recipe.classes) for name in named_at_the_end),
        *(("student.thresholds", name, recipe.classes) for name in recipe.student.thresholds),
        *(("student.gold", _class_of(key), recipe.classes) for key in recipe.student.gold),
        *(
            ("teacher.own_labels", _class_of(key), recipe.classes)
            for key in recipe.teacher.own_labels
        ),
    ]
    for key, name, right in named:
        if name not in right:
            near = get_close_matches(name, right, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"there is {', '.join(right)}."
            yield f"{key}: {name!r} is no entity class of it; {hint}"


def _class_of(key: str) -> str:
    """The class of "corpus class"."""
    return key.rpartition(" ")[2]


def _at(found: Any, key: str) -> Any:  # noqa: ANN401 - YAML is anything
    for name in key.split("."):
        found = found[name]
    return found
