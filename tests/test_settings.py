"""Settings and catalogues: what a user can set, and what a wrong setting says."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kazu_platform.errors import ConfigurationError, UnknownNameError
from kazu_platform.settings import Catalogue, Settings, read_catalogue, read_settings
from kazu_platform.tables import ENTITY_CLASSES

OWN = """\
name: own
ontologies:
  - name: CL
    entity_class: cell_type
    url: ontologies/cl.obo
    format: obo
    licence: CC-BY-4.0
    homepage: https://example.org
"""
AB = "id: a, label: b"
CATALOGUES = Path(__file__).parent.parent / "kazu_platform" / "catalogues"


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """None of the settings of the person who runs the tests."""
    for name in os.environ:
        if name.startswith("KAZU_"):
            monkeypatch.delenv(name)


def written(folder: Path, text: str) -> Path:
    path = folder / "own.yaml"
    path.write_text(text, "utf-8")
    return path


def error_of(folder: Path, text: str) -> str:
    """What reading this catalogue says, without the path it begins with."""
    path = written(folder, text)
    with pytest.raises(ConfigurationError) as caught:
        read_catalogue(path)
    message = str(caught.value)
    assert message.startswith(str(path))
    return message.replace(str(path), "own.yaml")


def test_without_settings_everything_is_below_one_folder(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir("/tmp")  # noqa: S108 - nothing is written there

    settings = read_settings()

    assert settings == Settings(home=Path(".kazu"), sources="sample", storage_url=None)
    assert (settings.lake, settings.warehouse) == (
        Path("/tmp/.kazu/lake"),  # noqa: S108 - the same
        Path("/tmp/.kazu/warehouse.duckdb"),  # noqa: S108 - the same
    )


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("KAZU_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("KAZU_STORAGE_URL", str(tmp_path / "lake"))

    settings = read_settings()

    assert settings.lake == tmp_path / "lake"
    assert settings.models == tmp_path / "home" / "models"
    assert settings.raw == tmp_path / "home" / "raw"
    assert settings.dagster_home == tmp_path / "home" / "dagster"


def test_on_s3_what_is_fetched_lies_in_the_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("KAZU_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("KAZU_STORAGE_URL", "s3://papers/kazu")
    monkeypatch.setenv("KAZU_CACHE_GIB", "0.5")

    settings = read_settings()

    assert settings.is_on_s3
    assert settings.lake == tmp_path / "home" / "cache" / "lake"
    assert settings.models == tmp_path / "home" / "cache" / "models"
    assert settings.warehouse == tmp_path / "home" / "warehouse.duckdb"
    assert settings.unfinished == tmp_path / "home" / "unfinished"
    assert settings.cache_bytes == 2**29


def test_an_empty_variable_is_as_good_as_none(monkeypatch: pytest.MonkeyPatch):
    """`KAZU_HOME=` must not put the lake into the current folder."""
    monkeypatch.setenv("KAZU_HOME", "")

    assert read_settings().home == Path(".kazu")


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("KAZU_HOEM", "did you mean KAZU_HOME?"),
        ("KAZU_SOURCE", "did you mean KAZU_SOURCES?"),
        (
            "KAZU_XYZZY",
            (
                "there is "
                "KAZU_ALERT_WEBHOOK, KAZU_BATCH_CHARACTERS, KAZU_CACHE, KAZU_CACHE_GIB, "
                "KAZU_COMPUTE, KAZU_DEATH_BUDGET, KAZU_DETECTOR, KAZU_HOME, "
                "KAZU_LINKER, KAZU_MAX_DOCUMENT_CHARACTERS, KAZU_MAX_SET_ASIDE, "
                "KAZU_MAX_SET_ASIDE_SHARE, KAZU_NIGHTLY, KAZU_NIGHTLY_FILES, "
                "KAZU_NIGHTLY_TIME_ZONE, KAZU_RAY_ADDRESS, KAZU_RAY_TOKEN_PATH, "
                "KAZU_RUNTIME_ENVS, KAZU_S3_ENDPOINT_URL, KAZU_S3_PROFILE, KAZU_S3_REGION, "
                "KAZU_SECONDS_PER_MILLION_CHARACTERS, KAZU_SENSOR_SECONDS, KAZU_SOURCES, "
                "KAZU_STORAGE_URL, KAZU_TEST_DATA, "
                "KAZU_TIMEOUT_SECONDS, KAZU_TRAINING_DEVICE, KAZU_TRAINING_WORKERS, KAZU_UI_URL, "
                "KAZU_WORKERS, "
                "KAZU_WORKER_CPUS, KAZU_WORKER_GPUS, KAZU_WORKER_MEMORY_MIB."
            ),
        ),
    ],
)
def test_a_variable_that_is_no_setting_names_the_nearest(
    monkeypatch: pytest.MonkeyPatch, name: str, hint: str
):
    monkeypatch.setenv(name, "x")

    with pytest.raises(ConfigurationError) as caught:
        read_settings()

    assert str(caught.value) == f"{name} is no setting; {hint}"


def test_the_webhook_is_shown_nowhere(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("KAZU_ALERT_WEBHOOK", "https://chat.example.org/hooks/s3cret")

    settings = read_settings()

    assert settings.alert_webhook is not None
    assert "s3cret" not in f"{settings!r} {settings} {settings.model_dump_json()}"


def test_a_webhook_that_is_no_address_is_refused_and_not_said(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("KAZU_ALERT_WEBHOOK", "hooks/s3cret")

    with pytest.raises(ConfigurationError) as caught:
        read_settings()

    assert str(caught.value) == (
        "environment: alert_webhook: Value error, give an address that begins with https:// or "
        "http://"
    )


def test_a_catalogue_that_does_not_exist_names_the_nearest(tmp_path: Path):
    missing = tmp_path / "none.yaml"

    with pytest.raises(ConfigurationError, match="no file 'publik'; did you mean 'public'"):
        Settings(home=tmp_path, sources="publik", storage_url=None).catalogue()
    with pytest.raises(ConfigurationError, match="give sample, public or a YAML file"):
        Settings(home=tmp_path, sources=str(missing), storage_url=None).catalogue()


def test_relative_urls_are_beside_the_catalogue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = written(tmp_path, f"{OWN}pubmed:\n  baseline: pubmed\n  updates: s3://bucket/new\n")
    monkeypatch.chdir(tmp_path.parent)

    catalogue = read_catalogue(Path(tmp_path.name) / path.name)

    assert catalogue.ontology("CL").url == str(tmp_path / "ontologies" / "cl.obo")
    assert catalogue.pubmed is not None
    assert catalogue.pubmed.baseline == str(tmp_path / "pubmed")
    assert catalogue.pubmed.updates == "s3://bucket/new"


def test_a_file_of_curations_is_beside_the_catalogue_or_a_url(tmp_path: Path):
    beside = read_catalogue(written(tmp_path, OWN + "curations: ours/curations.csv\n"))
    elsewhere = read_catalogue(written(tmp_path, OWN + "curations: https://example.org/c.yaml\n"))

    assert beside.curations == f"{tmp_path}/ours/curations.csv"
    assert elsewhere.curations == "https://example.org/c.yaml"


def test_variables_are_replaced_everywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MIRROR", "https://mirror.example.org")
    text = OWN.replace("ontologies/cl.obo", "${MIRROR}/cl.obo").replace("CC-BY", "${MIRROR}")

    source = read_catalogue(written(tmp_path, text)).ontology("CL")

    assert source.url == "https://mirror.example.org/cl.obo"
    assert source.licence == "https://mirror.example.org-4.0"


def test_a_variable_that_is_not_set_is_named(tmp_path: Path):
    text = OWN.replace("ontologies/cl.obo", "${NO_SUCH_MIRROR}/cl.obo")

    assert error_of(tmp_path, text) == (
        "own.yaml uses ${NO_SUCH_MIRROR}, which is not set; export NO_SUCH_MIRROR=..."
    )


@pytest.mark.parametrize(
    ("text", "place", "problem"),
    [
        (OWN.replace("licence:", "lisence:"), "CL.lisence", "did you mean 'licence'?"),
        (
            f"{OWN}    columns: {{{AB}, synonym: x}}",
            "CL.columns.synonym",
            "did you mean 'synonyms'?",
        ),
        (
            f"{OWN}    columns: {{{AB}, xrefs: [{{colum: c}}]}}",
            "CL.columns.xrefs.0.colum",
            "'column'?",
        ),
    ],
)
def test_a_wrong_key_is_named_with_the_nearest_right_one(
    tmp_path: Path, text: str, place: str, problem: str
):
    lines = error_of(tmp_path, text).splitlines()

    [line] = [each for each in lines if "not permitted" in each]
    assert line.startswith(f"own.yaml: ontologies.{place}: Extra inputs are not permitted; did you")
    assert line.endswith(problem)


def test_a_key_is_compared_with_those_of_its_place(tmp_path: Path):
    """`enity` is near to `empty`, but that belongs to columns."""
    assert error_of(tmp_path, f"{OWN}    enity: x\n") == (
        "own.yaml: ontologies.CL.enity: Extra inputs are not permitted; there is columns, "
        "entity_class, equivalent_xrefs, expected_size, format, homepage, id_pattern, id_prefixes, "
        "licence, md5, mesh, name, related_as, taxon_id, url."
    )
    assert error_of(tmp_path, f"{OWN}pubmd: {{baseline: x}}\n") == (
        "own.yaml: pubmd: Extra inputs are not permitted; did you mean 'pubmed'?"
    )


def test_every_wrong_key_is_named_at_once(tmp_path: Path):
    text = OWN.replace("licence:", "lisence:").replace("format: obo", "format: turtle")

    assert error_of(tmp_path, text) == (
        "own.yaml: ontologies.CL.format: Input should be 'obo', 'obograph', 'owl', 'ofn', "
        "'table', 'mesh' or 'taxdump'\n"
        "own.yaml: ontologies.CL.licence: Field required\n"
        "own.yaml: ontologies.CL.lisence: Extra inputs are not permitted; did you mean 'licence'?"
    )


def test_a_class_that_does_not_exist_lists_those_that_do(tmp_path: Path):
    message = error_of(tmp_path, OWN.replace("cell_type", "celltype"))

    assert message.startswith("own.yaml: ontologies.CL.entity_class: Input should be ")
    assert all(repr(name) in message for name in ENTITY_CLASSES)


def test_broken_yaml_and_broken_bytes_are_named(tmp_path: Path):
    assert "own.yaml: cannot be read as YAML" in error_of(tmp_path, "name: [x")
    path = tmp_path / "own.yaml"
    path.write_bytes(b"name: \xff")
    with pytest.raises(ConfigurationError, match=r"own\.yaml: cannot be read as YAML"):
        read_catalogue(path)


def test_yaml_makes_no_objects(tmp_path: Path):
    made = tmp_path / "made"
    text = f"name: !!python/object/apply:os.mkdir ['{made}']\n"

    assert "cannot be read as YAML" in error_of(tmp_path, text)
    assert not made.exists()


def test_a_pattern_that_is_no_regular_expression_is_named(tmp_path: Path):
    text = f"{OWN}    columns: {{id: a, label: b, id_patterns: {{'[C': MESH}}}}\n"

    assert "ontologies.CL.columns.id_patterns: Value error, '[C' is no regular" in error_of(
        tmp_path, text
    )


def test_an_id_pattern_that_is_no_regular_expression_is_named(tmp_path: Path):
    assert error_of(tmp_path, f"{OWN}    id_pattern: 'CL:(\\d+'\n") == (
        "own.yaml: ontologies.CL.id_pattern: Value error, 'CL:(\\\\d+' is no regular expression: "
        "missing ), unterminated subpattern at position 3"
    )


@pytest.mark.parametrize(
    ("block", "place", "problem"),
    [
        ("expected_size: {concept: 3}", "expected_size.concept:", "did you mean 'concepts'?"),
        ("expected_size: {concepts: 0}", "expected_size.concepts:", "greater than 0"),
        ("mesh: {branch: [C]}", "mesh.branch:", "did you mean 'branches'?"),
        ("mesh: {branches: [C]}", "mesh:", "only format mesh has MeSH records; this is obo."),
        ("mesh: {supplementary: ['7']}", "mesh.supplementary.0:", "'1', '2', '3', '4', '5' or '6'"),
    ],
)
def test_a_wrong_block_of_an_ontology_is_named(
    tmp_path: Path, block: str, place: str, problem: str
):
    message = error_of(tmp_path, f"{OWN}    {block}\n")

    assert any(
        line.startswith(f"own.yaml: ontologies.CL.{place} ") and problem in line
        for line in message.splitlines()
    )


def test_a_name_that_stands_twice_is_named(tmp_path: Path):
    block = OWN[OWN.index("  - name") :]

    assert error_of(tmp_path, OWN + block) == "own.yaml: ontologies: CL stands there twice."


def test_an_ontology_that_is_not_there_names_the_nearest(tmp_path: Path):
    catalogue = read_catalogue(written(tmp_path, OWN.replace("name: CL", "name: MONDO")))

    with pytest.raises(UnknownNameError) as caught:
        catalogue.ontology("MONDOO")
    assert str(caught.value) == "There is no ontology 'MONDOO'; did you mean 'MONDO'?"


def test_the_sample_is_all_there_and_fetches_nothing():
    catalogue = Settings(home=Path("x"), sources="sample", storage_url=None).catalogue()

    assert len(catalogue.ontologies) == 17
    assert all(Path(source.url).is_file() for source in catalogue.ontologies)
    assert catalogue.pubmed is not None


@pytest.fixture
def public() -> Catalogue:
    return Settings(home=Path("x"), sources="public", storage_url=None).catalogue()


def test_the_public_catalogue_has_an_ontology_for_every_class(public: Catalogue):
    assert {source.entity_class for source in public.ontologies} == set(ENTITY_CLASSES)


def test_everything_public_comes_over_https_with_a_licence(public: Catalogue):
    assert public.pubmed is not None
    urls = [source.url for source in public.ontologies]
    urls += [source.homepage for source in public.ontologies]
    urls += [public.pubmed.baseline, str(public.pubmed.updates)]

    assert [url for url in urls if not url.startswith("https://")] == []
    assert all(source.licence and source.id_prefixes for source in public.ontologies)


def test_a_built_in_catalogue_is_named_as_its_file():
    files = sorted(CATALOGUES.glob("*.yaml"))

    assert [read_catalogue(path).name for path in files] == [path.stem for path in files]
    assert [path.stem for path in files] == ["public", "sample"]


MAPPED = f"""{OWN}mappings:
  - name: CL-FMA
    url: cl_fma.sssom.tsv
    format: sssom
    licence: CC0-1.0
    homepage: https://example.org
"""


def test_a_mapping_set_is_a_block_of_the_catalogue(tmp_path: Path):
    catalogue = read_catalogue(written(tmp_path, MAPPED))

    assert catalogue.mapping("CL-FMA").url == str(tmp_path / "cl_fma.sssom.tsv")
    with pytest.raises(UnknownNameError, match="no mapping set 'CL-FM'; did you mean 'CL-FMA'"):
        catalogue.mapping("CL-FM")


def test_the_leading_ontology_of_a_class_is_preferred(tmp_path: Path):
    second = OWN.partition("ontologies:\n")[2].replace("name: CL", "name: PCL")

    first = read_catalogue(written(tmp_path, OWN + second))
    other = read_catalogue(written(tmp_path, f"{OWN}{second}leading:\n  cell_type: PCL\n"))

    assert first.by_preference() == ["CL", "PCL"]
    assert other.by_preference() == ["PCL", "CL"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            f"{OWN}leading: {{cell_type: CLO}}\n",
            "leading.cell_type: no ontology 'CLO' of this class; did you mean 'CL'?",
        ),
        (
            f"{OWN}leading: {{gene: CL}}\n",
            "leading.gene: no ontology 'CL' of this class; there is none.",
        ),
        (
            f"{MAPPED}    columns: {{subject: 0}}\n",
            "mappings.CL-FMA.columns: only format table has columns; this is sssom.",
        ),
        (
            MAPPED.replace("format: sssom", "format: table"),
            (
                "mappings.CL-FMA.columns: Field required; format table needs to know which column "
                "means what."
            ),
        ),
        (
            MAPPED + MAPPED.partition("mappings:\n")[2],
            "mappings: CL-FMA stands there twice.",
        ),
        (
            f"{MAPPED}    licens: x\n",
            "mappings.CL-FMA.licens: Extra inputs are not permitted; did you mean 'licence'?",
        ),
        (
            f"{OWN}    equivalent_xref: true\n",
            (
                "ontologies.CL.equivalent_xref: Extra inputs are not permitted; did you mean "
                "'equivalent_xrefs'?"
            ),
        ),
    ],
)
def test_a_wrong_mapping_or_leader_names_its_key(tmp_path: Path, text: str, problem: str):
    assert error_of(tmp_path, text) == f"own.yaml: {problem}"


def test_a_class_that_does_not_exist_cannot_be_led(tmp_path: Path):
    message = error_of(tmp_path, f"{OWN}leading: {{cell_typ: CL}}\n")

    assert message.startswith("own.yaml: leading.cell_typ: Input should be 'gene', 'disease'")
    assert message.endswith("; did you mean 'cell_type'?")


def test_compute_at_an_address_needs_one(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("KAZU_COMPUTE", "address")

    with pytest.raises(ConfigurationError, match="KAZU_COMPUTE: address needs KAZU_RAY_ADDRESS"):
        read_settings()


def test_an_address_of_a_ray_client_is_refused_before_anything_runs(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setenv("KAZU_RAY_ADDRESS", "ray://head:10001")

    with pytest.raises(ConfigurationError, match="ray://head:10001 is a Ray client; give the head"):
        read_settings()


def test_an_address_is_used_unless_something_else_is_said(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("KAZU_COMPUTE", raising=False)
    assert read_settings().compute_mode == "local"

    monkeypatch.setenv("KAZU_RAY_ADDRESS", "10.0.0.1:6379")
    assert read_settings().compute_mode == "address"

    monkeypatch.setenv("KAZU_COMPUTE", "inline")
    assert read_settings().compute_mode == "inline"


def test_a_time_zone_that_does_not_exist_is_refused_with_the_nearest(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setenv("KAZU_NIGHTLY_TIME_ZONE", "Europe/Berlim")

    with pytest.raises(ConfigurationError, match="did you mean 'Europe/Berlin'"):
        read_settings()


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "Mars/Base"])
def test_a_time_zone_is_no_path(monkeypatch: pytest.MonkeyPatch, name: str):
    monkeypatch.setenv("KAZU_NIGHTLY_TIME_ZONE", name)

    with pytest.raises(ConfigurationError, match=r"nightly_time_zone.*there is no time zone"):
        read_settings()
