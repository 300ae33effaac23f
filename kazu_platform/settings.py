"""Settings and the catalogue of sources.

Belongs here: what can be configured, validated, with errors that name the wrong key and the
nearest right one. Made only by front doors (`definitions.py`, `cli.py`); everything else takes
plain values.
"""

from __future__ import annotations

import os
import re
import tempfile
from difflib import get_close_matches
from importlib import resources as packaged
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Protocol, TypeVar, get_args

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    ValidationError,
    field_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from kazu_platform.documents import EntityClass
from kazu_platform.errors import RAY_CLIENT, ConfigurationError, UnknownNameError
from kazu_platform.limits import MAX_SHARE_SET_ASIDE, WORKER_MEMORY_MIB, Limits
from kazu_platform.yaml_text import yaml_value

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_LIMITS = Limits()
BUILT_IN_CATALOGUES = ("sample", "public")
BUILT_IN_RECIPES = ("shipped",)
BUILT_IN_LINKING_RECIPES = ("linking",)
_BUILT_IN = {"recipe": BUILT_IN_RECIPES, "linking_recipe": BUILT_IN_LINKING_RECIPES}

WEAK_LABELLERS = ("dictionary", "model")
"""Detectors that label without being named by the catalogue."""

Split = Literal["train", "devel"]
_CORPUS_ENDINGS = {
    "iob2": ".tsv",
    "pubtator": ".PubTator",
    "bioc_xml": ".xml",
    "bioc_json": ".json",
}
_BESIDE = {
    "url",
    "baseline",
    "updates",
    "folders",
    "curations",
    "test_pmids",
    "linking_gold",
    "held_out",
    "recipe",
    "linking_recipe",
}
"""Keys whose values are paths beside the catalogue, unless they are URLs."""

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_.-]*$")]


def is_hub_id(text: str) -> bool:
    """Whether a text could be the id of a model on the Hugging Face hub.

    >>> is_hub_id("dmis-lab/KAZU-NER-module-distil-v1.0"), is_hub_id("../models/own")
    (True, False)
    """
    return re.fullmatch(r"\w[\w.-]*/\w[\w.-]*", text, re.ASCII) is not None


def _compiled(pattern: str) -> str:
    """The pattern, if it is one."""
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"{pattern!r} is no regular expression: {error}") from None
    return pattern


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Named(Protocol):
    @property
    def name(self) -> str: ...


_N = TypeVar("_N", bound=_Named)


def _by_name(kind: str, name: str, sources: Sequence[_N]) -> _N:
    """The source of a name; of an unknown one the nearest is said."""
    for source in sources:
        if source.name == name:
            return source
    raise UnknownNameError.of(kind, name, [source.name for source in sources])


class SynonymColumn(_Strict):
    """A column of a table that holds names."""

    column: str | int = Field(description="Header, or index from 0 where there is none.")
    scope: Literal["exact", "narrow", "broad", "related", "abbreviation"] = "exact"
    split: str | None = Field(None, description="String that separates several names.")


class XrefColumn(_Strict):
    """A column of a table that holds identifiers of other vocabularies."""

    column: str | int
    predicate: str = "xref"
    prefix: str | None = Field(None, description="Prefix to add, such as UniProtKB.")
    split: str | None = None


class Columns(_Strict):
    """How a tabular file becomes concepts: which column means what."""

    id: str | int = Field(description="Column of the identifier.")
    id_prefix: str | None = Field(None, description="Prefix to add: 1 becomes NCBIGene:1.")
    id_patterns: dict[str, str] = Field(
        default_factory=dict,
        description="Regular expressions to prefixes, where a column mixes identifiers: the first "
        "that fits the whole identifier counts, one that none fits is malformed.",
    )
    id_split: str | None = Field(
        None,
        description="String that separates identifiers: the one whose pattern comes first in "
        "`id_patterns`, else the first, is the concept's; the others are xrefs.",
    )
    label: str | int = Field(description="Column of the preferred name.")
    label_split: str | None = Field(
        None, description="String that separates names; those after the first are exact synonyms."
    )
    definition: str | int | None = None
    synonyms: tuple[SynonymColumn, ...] = ()
    xrefs: tuple[XrefColumn, ...] = ()
    taxon: str | int | None = None
    taxon_names: dict[str, str] = Field(
        default_factory=dict, description="Organism names to NCBITaxon CURIEs."
    )
    status: str | int | None = None
    obsolete_status: tuple[str, ...] = ()
    separator: str = "\t"
    header: bool = True
    comment: str | None = Field(None, description="Lines that begin so are no rows.")
    quoting: bool = True
    empty: tuple[str, ...] = Field(("", "-"), description="Cells that mean: no value.")
    where: dict[str, tuple[str, ...]] = Field(
        default_factory=dict, description="Keep rows whose column has one of these values."
    )

    @field_validator("id_patterns")
    @classmethod
    def _patterns_compile(cls, patterns: dict[str, str]) -> dict[str, str]:
        for pattern in patterns:
            _compiled(pattern)
        return patterns


class MeshRecords(_Strict):
    """Which records of a MeSH file belong to the class of the entry; the others are left out."""

    branches: tuple[str, ...] = Field(
        (), description="Tree numbers that a descriptor stands below: C, or F03."
    )
    supplementary: tuple[Literal["1", "2", "3", "4", "5", "6"], ...] = Field(
        (),
        description="Classes of supplementary records, as NLM numbers them: 1 chemicals, "
        "2 protocols, 3 diseases, 4 organisms, 5 population groups, 6 anatomy.",
    )


class ExpectedSize(_Strict):
    """How large a release is, roughly; one far smaller or larger is worth a look."""

    concepts: int = Field(gt=0, description="Concepts in use, obsolete ones not counted.")
    bytes: int | None = Field(None, gt=0, description="Size of the file as it is fetched.")


class OntologySource(_Strict):
    """One ontology of the catalogue."""

    name: Name
    entity_class: EntityClass
    url: str = Field(description="https, http or file URL, or a path beside the catalogue.")
    format: Literal["obo", "obograph", "owl", "ofn", "table", "mesh", "taxdump"]
    licence: str
    homepage: str
    id_prefixes: tuple[str, ...] = Field(
        (), description="Only concepts of these prefixes; imports carry many others."
    )
    id_pattern: str | None = Field(
        None,
        description="Regular expression that a whole CURIE must match; concepts whose identifier "
        "does not are set aside.",
    )
    expected_size: ExpectedSize | None = None
    related_as: Literal["exact", "narrow", "broad"] | None = Field(
        None,
        description="Scope of names that the file calls related and its makers mean otherwise: "
        "Cellosaurus has every synonym so.",
    )
    columns: Columns | None = Field(None, description="For format table.")
    mesh: MeshRecords | None = Field(None, description="For format mesh.")
    md5: str | None = None
    taxon_id: str | None = Field(None, description="Organism of every concept, if one.")
    equivalent_xrefs: bool | tuple[str, ...] = Field(
        default=False,
        description="Whether its plain cross-references mean the same thing: all of them, those to "
        "these prefixes, or none. Its exact matches always do.",
    )

    @field_validator("id_pattern")
    @classmethod
    def _pattern_compiles(cls, pattern: str | None) -> str | None:
        return None if pattern is None else _compiled(pattern)


class MappingColumns(_Strict):
    """Which columns of a table say that two identifiers mean the same."""

    subject: str | int = Field(0, description="Header, or index from 0.")
    object: str | int = Field(1, description="Header, or index from 0.")
    subject_prefix: str | None = Field(None, description="Prefix to add, such as CHEBI.")
    object_prefix: str | None = Field(None, description="Prefix to add, such as CHEBI.")
    predicate: str = Field("exactMatch", description="What every row says, in the words of SKOS.")
    separator: str = "\t"
    header: bool = True
    comment: str | None = Field(None, description="Lines that begin so are no rows.")


class MappingSource(_Strict):
    """One mapping set of the catalogue: which concepts of two vocabularies are the same."""

    name: Name
    url: str = Field(description="https, http or file URL, or a path beside the catalogue.")
    format: Literal["sssom", "table"]
    licence: str
    homepage: str
    columns: MappingColumns | None = Field(None, description="For format table.")
    md5: str | None = None


class PubMedSource(_Strict):
    """Folders in the layout of NLM's bulk site: `*.xml.gz`, each with `.md5` beside it."""

    baseline: str
    updates: str | None = None


class PmcSource(_Strict):
    """Full texts of PubMed Central in JATS: archives of articles, or articles by themselves."""

    folders: tuple[str, ...] = Field(
        min_length=1, description="Folders that hold them: *.tar.gz, *.nxml.gz, *.nxml."
    )


class CorpusSource(_Strict):
    """One corpus whose mentions people marked, or a part of one."""

    name: Name
    part_of: Name | None = Field(
        None,
        description="Corpus that it is joined into: parts mark the same sentences for other "
        "classes. Default: its own name.",
    )
    url: str = Field(
        description="Folder with a file for each split: a URL, or a path beside the catalogue."
    )
    format: Literal["iob2", "pubtator", "bioc_xml", "bioc_json"]
    classes: tuple[EntityClass, ...] = Field(
        min_length=1, description="Classes that are marked wherever they stand."
    )
    types: dict[str, EntityClass] = Field(
        default_factory=dict[str, EntityClass],
        description="Which class a type of the corpus is, where its name does not say so: "
        "protein: gene.",
    )
    splits: dict[Split, str] = Field(
        default_factory=dict[Split, str],
        description="File of each split. Default: train and devel, named after the split.",
    )
    weight: float = Field(1.0, gt=0, description="How often its sentences are drawn in training.")
    pmids: bool = Field(default=True, description="Whether its documents go by their PMIDs.")
    licence: str
    homepage: str = ""

    @property
    def corpus(self) -> str:
        """The corpus that it is, or is a part of."""
        return self.part_of or self.name

    @property
    def files(self) -> dict[str, str]:
        """Splits and the names of their files.

        >>> CorpusSource(
        ...     name="NCBI", url="x", format="pubtator", classes=("disease",), licence="CC0-1.0"
        ... ).files
        {'train': 'train.PubTator', 'devel': 'devel.PubTator'}
        """
        if self.splits:
            return {str(split): file for split, file in self.splits.items()}
        return {split: f"{split}{_CORPUS_ENDINGS[self.format]}" for split in get_args(Split)}


class TextSource(_Strict):
    """Texts without labels."""

    name: Name
    url: str = Field(description="https, http or file URL, or a path beside the catalogue.")
    format: Literal["jsonl", "lines"] = Field(
        description="jsonl: objects with a text and maybe title, pmid, id; lines: a text a line."
    )
    licence: str


class PredictionSource(_Strict):
    """What somebody else's detector found, as PubTator: weak labels for citations of the lake."""

    name: Name
    url: str = Field(description="https, http or file URL, or a path beside the catalogue.")
    classes: tuple[EntityClass, ...] = Field(
        min_length=1, description="Classes that it looks for everywhere."
    )
    types: dict[str, EntityClass] = Field(
        default_factory=dict[str, EntityClass],
        description="Which class a type of the file is, where its name does not say so.",
    )
    probability: float = Field(
        1.0, gt=0, le=1, description="How probable a mention is; the file does not say it."
    )
    licence: str


class TrainingSources(_Strict):
    """What a model learns from, and what it must never see."""

    corpora: tuple[CorpusSource, ...] = ()
    test_pmids: tuple[str, ...] = Field(
        default=(), description="Files of PMIDs, one a line: their documents are left out."
    )
    held_out: tuple[str, ...] = Field(
        default=(),
        description="Folders, searched with all below them, with test.* and devel.* (.tsv, "
        ".PubTator, .txt), or such files: their sentences are left out of train.",
    )
    text: tuple[TextSource, ...] = ()
    predictions: tuple[PredictionSource, ...] = ()
    recipe: str = Field(
        default="shipped",
        description="How a model is trained: shipped, or the path of a YAML recipe.",
    )
    linking_recipe: str = Field(
        default="linking",
        description="How a linking model is trained: linking, or the path of a YAML recipe.",
    )
    linking_gold: str | None = Field(
        default=None,
        description="Folder with a folder for each corpus whose mentions have concepts, which the "
        "ranker of links learns from: a path beside the catalogue. Default: no ranker is trained.",
    )

    def parts_of(self, corpus: str) -> list[CorpusSource]:
        """The sources that are joined into a corpus.

        Raises:
            UnknownNameError: there is none; the nearest name is said.
        """
        parts = [source for source in self.corpora if source.corpus == corpus]
        if not parts:
            raise UnknownNameError.of("corpus", corpus, {c.corpus for c in self.corpora})
        return parts

    def prediction(self, name: str) -> PredictionSource:
        """The file of predictions of that name.

        Raises:
            UnknownNameError: there is none; the nearest name is said.
        """
        return _by_name("file of predictions", name, self.predictions)


class ModelSource(_Strict):
    """A recogniser from elsewhere: a token classifier of Hugging Face, or a model folder."""

    name: Name
    source: str = Field(
        description="Folder, which may lie beside the catalogue, or id on the hub: owner/name."
    )
    types: dict[str, EntityClass] = Field(
        default_factory=dict[str, EntityClass],
        description="Which class a kind of its labels is, where its name does not say so.",
    )
    labelling: Literal["single", "multi"] | None = Field(
        default=None,
        description="One label for a piece, or yes and no to each. Default: as its config says.",
    )
    licence: str


class AcceptedRelease(_Strict):
    """A version of an ontology that goes live although it changes much: who says so, and why."""

    ontology: Name
    file: str = Field(
        pattern=r"[0-9a-f]{12,64}", description="SHA-256 of the file, or how it begins."
    )
    by: str = Field(min_length=1, description="Who decided.")
    reason: str = Field(min_length=1)


class ReleasePolicy(_Strict):
    """What a new version of an ontology may change before a person has to agree.

    Shares are of the mentions of its class in the documents that are looked at.
    """

    max_lost: float = Field(
        default=0.05, ge=0, le=1, description="Share of mentions that may be lost."
    )
    max_relinked: float = Field(
        default=0.05,
        ge=0,
        le=1,
        description="Share that may be linked to another concept, or to none.",
    )
    max_gained: float = Field(default=0.1, ge=0, description="Mentions that may come, as a share.")
    few: int = Field(
        default=25,
        ge=0,
        description="So many mentions may change in any way: a share of few says nothing.",
    )
    documents: int = Field(
        default=30_000,
        ge=1,
        description="Documents that are looked at: of the newest files, whole files.",
    )
    accepted: tuple[AcceptedRelease, ...] = Field(
        default=(), description="Versions that go live although they change more."
    )

    def acceptance(self, ontology: str, file: str) -> AcceptedRelease | None:
        """Who accepted a file of an ontology, given its SHA-256; nothing if nobody did."""
        agreed = (e for e in self.accepted if e.ontology == ontology and file.startswith(e.file))
        return next(agreed, None)


class Catalogue(_Strict):
    """Where everything comes from."""

    name: Name
    ontologies: tuple[OntologySource, ...] = ()
    mappings: tuple[MappingSource, ...] = ()
    leading: dict[EntityClass, str] = Field(
        default_factory=dict[EntityClass, str],
        description="The ontology that equivalent concepts of a class go by; the first of the "
        "class, if it is not said.",
    )
    pubmed: PubMedSource | None = None
    pmc: PmcSource | None = None
    curations: str | None = Field(
        None, description="YAML or CSV file of curations: a URL, or a path beside the catalogue."
    )
    releases: ReleasePolicy = ReleasePolicy()
    training: TrainingSources | None = None
    models: tuple[ModelSource, ...] = ()
    read_with: str | None = Field(
        None,
        description="The one of `models` that reads texts. Default: the model that was promoted, "
        "else the one that comes with the platform.",
    )

    @property
    def reader(self) -> ModelSource | None:
        """The model that reads texts, if it is said."""
        return None if self.read_with is None else self.model(self.read_with)

    def model(self, name: str) -> ModelSource:
        """The model of that name.

        Raises:
            UnknownNameError: there is none; the nearest name is said.
        """
        return _by_name("model", name, self.models)

    def by_preference(self) -> list[str]:
        """Names of the ontologies, the preferred first: those that lead a class, then in order."""
        leaders = [o.name for o in self.ontologies if self.leading.get(o.entity_class) == o.name]
        return list(dict.fromkeys([*leaders, *(o.name for o in self.ontologies)]))

    def equivalent_xrefs(self) -> dict[str, bool | tuple[str, ...]]:
        """Ontologies whose plain cross-references mean the same: all, or those to some prefixes."""
        return {o.name: o.equivalent_xrefs for o in self.ontologies if o.equivalent_xrefs}

    def mapping(self, name: str) -> MappingSource:
        """The mapping set of that name.

        Raises:
            UnknownNameError: there is none; the nearest name is said.
        """
        return _by_name("mapping set", name, self.mappings)

    def ontology(self, name: str) -> OntologySource:
        """The ontology of that name.

        Raises:
            UnknownNameError: there is none; the nearest name is said.
        """
        return _by_name("ontology", name, self.ontologies)


class Settings(BaseSettings):
    """Everything a user can set, from the environment (prefix `KAZU_`)."""

    model_config = SettingsConfigDict(
        env_prefix="KAZU_", env_ignore_empty=True, frozen=True, extra="forbid"
    )

    home: Path = Field(
        Path(".kazu"), description="Lake, warehouse, raw files, models, Dagster home."
    )
    sources: str = Field("sample", description="sample, public, or the path of a YAML catalogue.")
    storage_url: str | None = Field(
        None,
        description="Folder of the lake, default: home/lake; or s3://bucket/prefix, for lake, "
        "warehouse, raw files, indices and models.",
    )
    s3_endpoint_url: str = Field(
        default="",
        description="Of MinIO, Ceph or another store; default: AWS_ENDPOINT_URL, else AWS.",
    )
    s3_region: str = Field(
        default="",
        description="Of the bucket; default: AWS_DEFAULT_REGION, or that of the profile.",
    )
    s3_profile: str = Field(
        default="", description="Of AWS's configuration files; default: AWS_PROFILE."
    )
    cache: Path | None = Field(
        default=None, description="Folder for what is fetched from s3; default: home/cache."
    )
    cache_gib: float = Field(
        default=100.0, description="Size that it is kept below, in GiB; 0: any size.", ge=0
    )
    detector: Literal["model+dictionary", "dictionary"] = Field(
        default="model+dictionary",
        description="Who reads texts: a model, where there is one, and the dictionary; or the "
        "dictionary alone.",
    )
    linker: Literal["hybrid", "names"] = Field(
        default="hybrid",
        description="Who links mentions: the linking model, by names that are equal or similar, "
        "memory and context; or equal names alone.",
    )
    nightly: bool = Field(
        default=False,
        description="Whether the schedule and the sensor of the night are on from the start.",
    )
    nightly_time_zone: str = Field(
        default="UTC", description="In whose 02:00 the night's work begins: Europe/Berlin."
    )
    nightly_files: int = Field(
        default=10, description="Update files that are asked for and not done, at most.", ge=1
    )
    sensor_seconds: int = Field(
        default=60, description="How often the sensors look for new files and for failures.", ge=1
    )
    compute: Literal["inline", "local", "address"] | None = Field(
        default=None,
        description="Where steps run: in this process, on a Ray started here, or on the cluster at "
        "ray_address. Default: address if there is one, else local.",
    )
    ray_address: str = Field(
        default="", description="Of the head node of a Ray cluster: host:port."
    )
    ray_token_path: str = Field(default="", description="File with the token of that cluster.")
    workers: int = Field(default=0, description="Workers of a step; 0: one for each core.", ge=0)
    worker_cpus: float = Field(default=1.0, description="Cores of a worker.", ge=0)
    worker_gpus: float = Field(
        default=0.0,
        description="GPUs of a worker, or a part of one; if it has any, models read on them.",
        ge=0,
    )
    worker_memory_mib: int = Field(
        default=WORKER_MEMORY_MIB, description="Memory of a worker; 0: unlimited.", ge=0
    )
    training_workers: int = Field(
        default=1, description="Processes of the cluster that train a model together.", ge=1
    )
    training_device: Literal["auto", "cpu", "cuda"] = Field(
        default="auto", description="What models train on. Default: cuda, where there is one."
    )
    runtime_envs: dict[str, dict[str, Any]] = Field(
        default_factory=dict[str, dict[str, Any]],
        description='Ray runtime environments by step, as JSON: {"dictionary": {"uv": [...]}}.',
    )
    batch_characters: int = Field(
        default=_LIMITS.batch_characters, description="Text of a micro-batch.", gt=0
    )
    max_document_characters: int = Field(
        default=_LIMITS.document_characters,
        description="A longer document is set aside as too_long.",
        gt=0,
    )
    timeout_seconds: float = Field(
        default=_LIMITS.timeout_seconds, description="Of a micro-batch of any size ...", gt=0
    )
    seconds_per_million_characters: float = Field(
        default=_LIMITS.seconds_per_million_characters,
        description="... and so much more for its text.",
        ge=0,
    )
    death_budget: int = Field(
        default=_LIMITS.consecutive_deaths,
        description="Workers of a file that may die in a row with no document done.",
        ge=1,
    )
    max_set_aside: int = Field(
        default=_LIMITS.set_aside,
        description="More documents of a file that fail are a bad step.",
        ge=0,
    )
    max_set_aside_share: float = Field(
        default=MAX_SHARE_SET_ASIDE,
        description="A larger share of a file set aside fails its check.",
        ge=0,
        le=1,
    )

    alert_webhook: SecretStr | None = Field(
        default=None,
        description="Address that what failed is posted to; secret. Default: nobody is told.",
    )
    ui_url: str = Field(
        default="http://127.0.0.1:3000",
        description="Where people find Dagster's pages, for links in alerts.",
    )

    @field_validator("alert_webhook")
    @classmethod
    def _is_web_address(cls, address: SecretStr | None) -> SecretStr | None:
        if address and not re.match(r"https?://[^/\s]+", address.get_secret_value()):
            raise ValueError("give an address that begins with https:// or http://")
        return address

    @field_validator("nightly_time_zone")
    @classmethod
    def _time_zone_exists(cls, name: str) -> str:
        from zoneinfo import ZoneInfo, available_timezones

        try:
            ZoneInfo(name)
        except (ValueError, KeyError, OSError):
            near = get_close_matches(name, available_timezones(), n=1, cutoff=0.5)
            hint = f"did you mean {near[0]!r}?" if near else "give one such as Europe/Berlin."
            raise ValueError(f"there is no time zone {name!r}; {hint}") from None
        return name

    @property
    def compute_mode(self) -> Literal["inline", "local", "address"]:
        """Where steps run."""
        return self.compute or ("address" if self.ray_address else "local")

    @property
    def unfinished(self) -> Path:
        """Micro-batches that are done and not yet published."""
        return self.home.absolute() / "unfinished"

    @property
    def lake(self) -> Path:
        """Folder of the lake; on S3, the one that its files are fetched to."""
        if self.is_on_s3:
            return self.cache_folder / "lake"
        return Path(self.storage_url) if self.storage_url else self.home.absolute() / "lake"

    @property
    def is_on_s3(self) -> bool:
        """Whether lake, warehouse, raw files, indices and models are in a bucket."""
        return (self.storage_url or "").startswith("s3://")

    @property
    def cache_bytes(self) -> int:
        """Size that the cache is kept below; 0: any."""
        return round(self.cache_gib * 2**30)

    @property
    def cache_folder(self) -> Path:
        """What was fetched from a bucket."""
        return (self.cache or self.home / "cache").absolute()

    @property
    def warehouse(self) -> Path:
        """The DuckDB file that analysts open; on S3, a copy of it."""
        return self.home.absolute() / "warehouse.duckdb"

    @property
    def raw(self) -> Path:
        """Downloaded files; on S3, copies of them."""
        return (self.cache_folder if self.is_on_s3 else self.home.absolute()) / "raw"

    @property
    def models(self) -> Path:
        """Indices and models; on S3, copies of them."""
        return (self.cache_folder if self.is_on_s3 else self.home.absolute()) / "models"

    @property
    def dagster_home(self) -> Path:
        """Dagster's own storage."""
        return self.home.absolute() / "dagster"

    def make_home(self) -> None:
        """Make the home if it is new, and see that files can be made in it.

        Raises:
            ConfigurationError: it is a file, or it cannot be made or written.
        """
        try:
            self.home.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.home):
                pass
        except OSError as error:
            raise ConfigurationError(
                f"KAZU_HOME: {self.home.absolute()} cannot be made and written ({error.strerror}); "
                "set it to a folder of your own."
            ) from None

    def catalogue(self) -> Catalogue:
        """Read the catalogue that `sources` names.

        Raises:
            ConfigurationError: it does not exist or is wrong; names the key.
        """
        if self.sources in BUILT_IN_CATALOGUES:
            folder = Path(str(packaged.files("kazu_platform.sample"))).parent / "catalogues"
            return read_catalogue(folder / f"{self.sources}.yaml")
        path = Path(self.sources)
        if not path.exists():
            near = get_close_matches(self.sources, BUILT_IN_CATALOGUES, n=1)
            hint = f"did you mean {near[0]!r}?" if near else "give sample, public or a YAML file."
            raise ConfigurationError(f"KAZU_SOURCES: there is no file {self.sources!r}; {hint}")
        return read_catalogue(path)


def read_settings() -> Settings:
    """Settings from the environment, with an error a user understands.

    Raises:
        ConfigurationError: names the variable that is wrong, or one that does not exist.
    """
    known = {f"KAZU_{name.upper()}" for name in Settings.model_fields} | {"KAZU_TEST_DATA"}
    for name in os.environ:
        if name.startswith("KAZU_") and name not in known:
            near = get_close_matches(name, known, n=1)
            hint = (
                f"; did you mean {near[0]}?" if near else f"; there is {', '.join(sorted(known))}."
            )
            raise ConfigurationError(f"{name} is no setting{hint}")
    try:
        settings = Settings()  # pyright: ignore[reportCallIssue]
    except ValidationError as error:
        raise ConfigurationError(_explain("environment", error, Settings, {})) from None
    if settings.compute == "address" and not settings.ray_address:
        raise ConfigurationError(
            "KAZU_COMPUTE: address needs KAZU_RAY_ADDRESS, such as 10.0.0.1:6379."
        )
    if settings.ray_address.startswith(RAY_CLIENT):
        raise ConfigurationError.of_ray_client(settings.ray_address)
    return settings


def read_catalogue(path: Path) -> Catalogue:
    """Read and check a YAML catalogue.

    `${NAME}` is replaced from the environment. Relative URLs are resolved beside the file.

    Raises:
        ConfigurationError: says file, key, what is wrong and the nearest right key.
    """
    try:
        raw = yaml_value(path.read_text("utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        problem = " ".join(str(error).split())
        raise ConfigurationError(f"{path}: cannot be read as YAML: {problem}") from None
    if not isinstance(raw, dict):
        kind = "a list" if isinstance(raw, list) else repr(raw)
        is_what = "is empty" if raw is None else f"is {kind}"
        raise ConfigurationError(f"{path} {is_what}; it needs name: and ontologies:")
    try:
        catalogue = Catalogue.model_validate(_resolve(raw, path))
    except ValidationError as error:
        raise ConfigurationError(_explain(str(path), error, Catalogue, raw)) from None
    for key, sources in _named_blocks(catalogue):
        names = [source.name for source in sources]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ConfigurationError(f"{path}: {key}: {', '.join(twice)} stands there twice.")
    problems = (
        *_blocks_that_do_not_fit(catalogue),
        *_leaders_that_do_not_fit(catalogue),
        *_training_that_does_not_fit(catalogue.training or TrainingSources()),
        *_models_that_do_not_fit(catalogue),
    )
    unfit = [f"{path}: {problem}" for problem in problems]
    if unfit:
        raise ConfigurationError("\n".join(unfit))
    return catalogue


def _named_blocks(catalogue: Catalogue) -> list[tuple[str, Sequence[_Named]]]:
    """The lists of a catalogue whose entries are told apart by their names."""
    training = catalogue.training or TrainingSources()
    return [
        ("ontologies", catalogue.ontologies),
        ("mappings", catalogue.mappings),
        ("models", catalogue.models),
        ("training.corpora", training.corpora),
        ("training.text", training.text),
        ("training.predictions", training.predictions),
    ]


def _blocks_that_do_not_fit(catalogue: Catalogue) -> Iterator[str]:
    for source in catalogue.ontologies:
        place = f"ontologies.{source.name}"
        if source.format == "table" and source.columns is None:
            problem = "Field required; format table needs to know which column means what."
            yield f"{place}.columns: {problem}"
        elif source.format != "table" and source.columns is not None:
            yield f"{place}.columns: only format table has columns; this is {source.format}."
        if source.format != "mesh" and source.mesh is not None:
            yield f"{place}.mesh: only format mesh has MeSH records; this is {source.format}."
    for source in catalogue.mappings:
        place = f"mappings.{source.name}.columns"
        if source.format == "table" and source.columns is None:
            yield f"{place}: Field required; format table needs to know which column means what."
        elif source.format != "table" and source.columns is not None:
            yield f"{place}: only format table has columns; this is {source.format}."


def _leaders_that_do_not_fit(catalogue: Catalogue) -> Iterator[str]:
    for entity_class, name in catalogue.leading.items():
        known = [o.name for o in catalogue.ontologies if o.entity_class == entity_class]
        if name not in known:
            near = get_close_matches(name, known, n=1, cutoff=0.5)
            hint = (
                f"did you mean {near[0]!r}?" if near else f"there is {', '.join(known) or 'none'}."
            )
            yield f"leading.{entity_class}: no ontology {name!r} of this class; {hint}"


def _models_that_do_not_fit(catalogue: Catalogue) -> Iterator[str]:
    names = [source.name for source in catalogue.models]
    if catalogue.read_with is not None and catalogue.read_with not in names:
        near = get_close_matches(catalogue.read_with, names, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"there is {', '.join(names) or 'none'}."
        yield f"read_with: no model {catalogue.read_with!r}; {hint}"
    for source in catalogue.models:
        if not Path(source.source).is_dir() and not is_hub_id(source.source):
            problem = f"there is no folder {source.source}, nor is this an id as in owner/name."
            yield f"models.{source.name}.source: {problem}"
    training = catalogue.training or TrainingSources()
    labellers = [*WEAK_LABELLERS, *names, *(source.name for source in training.predictions)]
    for name in labellers:
        # Partitions of weak labels are called after who gave them, a hyphen, and the file.
        for other in (*WEAK_LABELLERS, *names):
            if name.startswith(f"{other}-") or (name == other and labellers.count(name) > 1):
                problem = "weak labels could not be told apart by who gave them; rename one."
                yield f"models, training.predictions: {other}, {name}: {problem}"


def _training_that_does_not_fit(training: TrainingSources) -> Iterator[str]:
    for source in (*training.corpora, *training.predictions):
        block = "corpora" if isinstance(source, CorpusSource) else "predictions"
        for kind, entity_class in source.types.items():
            if entity_class not in source.classes:
                problem = f"{entity_class} is none of its classes: {', '.join(source.classes)}."
                yield f"training.{block}.{source.name}.types.{kind}: {problem}"
    for key in ("test_pmids", "held_out", "linking_gold"):
        given = getattr(training, key)
        for url in [given] if isinstance(given, str) else given or ():
            if "://" in url and not url.startswith("file:"):
                yield f"training.{key}: {url} is not on this machine; give a path."
    yield from _recipe_that_does_not_fit("recipe", training.recipe)
    yield from _recipe_that_does_not_fit("linking_recipe", training.linking_recipe)
    for name in dict.fromkeys(source.corpus for source in training.corpora):
        parts = training.parts_of(name)
        for key in ("weight", "pmids"):
            if len({getattr(part, key) for part in parts}) > 1:
                named = ", ".join(part.name for part in parts)
                yield f"training.corpora: {named} are one corpus, {name}; give all the same {key}."


def _recipe_that_does_not_fit(key: str, recipe: str) -> Iterator[str]:
    """A name without an ending must be that of a built-in recipe."""
    path, known = Path(recipe), _BUILT_IN[key]
    if recipe in known or path.suffix in {".yaml", ".yml"}:
        return
    near = get_close_matches(path.name, known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"give {known[0]} or a YAML file."
    yield f"training.{key}: there is no recipe {path.name!r}; {hint}"


def _resolve(value: Any, path: Path, key: str = "") -> Any:  # noqa: ANN401 - YAML is anything
    """Expand variables everywhere and make relative paths absolute."""
    if isinstance(value, dict):
        return {k: _resolve(v, path, str(k)) for k, v in value.items()}
    if isinstance(value, list):
        return [_resolve(item, path, key) for item in value]
    if isinstance(value, str):
        text = re.sub(r"\$\{(\w+)\}", lambda m: _variable(m[1], path), value)
        if key == "source" and (path.parent / text).is_dir():  # it may be an id on the hub
            return str((path.parent / text).absolute())
        built_in = text in _BUILT_IN.get(key, ())
        local = key in _BESIDE and "://" not in text and not built_in
        return str((path.parent / text).absolute()) if local else text
    return value


def _variable(name: str, path: Path) -> str:
    if name not in os.environ:
        raise ConfigurationError(f"{path} uses ${{{name}}}, which is not set; export {name}=...")
    return os.environ[name]


def _explain(
    where: str, error: ValidationError, model: type[BaseModel], given: Mapping[str, Any]
) -> str:
    """One line for each wrong key, with the nearest right one of that place."""
    lines: list[str] = []
    for problem in error.errors():
        place = problem["loc"]
        hint = ""
        if problem["type"] == "extra_forbidden":
            known = sorted(_model_at(model, place).model_fields)
            near = get_close_matches(str(place[-1]), known, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else f"; there is {', '.join(known)}."
        elif place[-1] == "[key]":
            place = place[:-1]
            known = get_args(Split if "splits" in place else EntityClass)
            near = get_close_matches(str(place[-1]), known, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
        key = ".".join(_named(place, given))
        lines.append(f"{where}: {key}: {problem['msg']}{hint}")
    return "\n".join(lines)


def _named(place: Sequence[str | int], given: Any) -> Iterator[str]:  # noqa: ANN401 - YAML is anything
    """Keys of a place; what stands in a list goes by its name, where it has one.

    >>> list(_named(("ontologies", 0, "url"), {"ontologies": [{"name": "MONDO"}]}))
    ['ontologies', 'MONDO', 'url']
    """
    for key in place:
        try:
            given = given[key]
        except (LookupError, TypeError):  # it is missing, or says which of two types was tried
            given = None
        named = isinstance(key, int) and isinstance(given, dict) and "name" in given
        yield str(given["name"] if named else key)


def _model_at(model: type[BaseModel], place: Sequence[str | int]) -> type[BaseModel]:
    """The model that the last key of a place belongs to."""
    blocks: dict[str | int, type[BaseModel]] = {
        "ontologies": OntologySource,
        "mappings": MappingSource,
        "pubmed": PubMedSource,
        "pmc": PmcSource,
        "columns": MappingColumns if place[0] == "mappings" else Columns,
        "expected_size": ExpectedSize,
        "mesh": MeshRecords,
        "synonyms": SynonymColumn,
        "xrefs": XrefColumn,
        "training": TrainingSources,
        "corpora": CorpusSource,
        "text": TextSource,
        "predictions": PredictionSource,
        "models": ModelSource,
    }
    for key in place[:-1]:
        model = blocks.get(key, model)
    return model
