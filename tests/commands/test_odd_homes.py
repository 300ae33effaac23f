"""A KAZU_HOME that cannot be used, was moved, or was left by another version."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Done = subprocess.CompletedProcess[str]
Run = Callable[..., Done]
TEXT = "Imatinib inhibits BCR-ABL."
COMPILING = "Compiling the embedded sample's vocabularies, once ...\n"


@pytest.fixture(params=["unwritable", "file", "below a file"])
def no_home(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A path that can never be a home, not even root's."""
    file = tmp_path / "file"
    file.write_text("not a folder", "utf-8")
    return {"unwritable": Path("/proc/nope"), "file": file, "below a file": file / "home"}[
        request.param
    ]


@pytest.fixture(scope="module")
def compiled_home(kazu: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the indices that `annotate` compiles itself; nobody may change it."""
    home = tmp_path_factory.mktemp("compiled") / "home"
    assert kazu("annotate", TEXT, home=home).returncode == 0
    return home


def set_entries(manifest: Path, **entries: object) -> None:
    """Change what a manifest says."""
    manifest.write_text(json.dumps(json.loads(manifest.read_text("utf-8")) | entries), "utf-8")


def live_content(home: Path, name: str) -> Path:
    """Files of the index in use."""
    live = json.loads((home / "models" / name / "live.json").read_text("utf-8"))
    return home / "models" / name / live["version"] / "content"


def is_one_line(error: str) -> bool:
    return error.startswith("error: ") and error.count("\n") == 1 and error.endswith("\n")


@pytest.mark.parametrize("command", [("demo",), ("annotate", TEXT), ("ui", "--port", "1")])
def test_a_home_that_cannot_be_written_is_named(kazu: Run, no_home: Path, command: tuple[str, ...]):
    done = kazu(*command, home=no_home)

    assert (done.returncode, done.stdout) == (1, "")
    assert is_one_line(done.stderr)
    assert f"KAZU_HOME: {no_home} cannot be made and written" in done.stderr
    assert "set it to a folder of your own" in done.stderr


def test_there_is_nothing_to_ask_in_such_a_home(kazu: Run, no_home: Path):
    done = kazu("query", "SELECT 1", home=no_home)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"error: There is no warehouse at {no_home}/warehouse.duckdb; make one: "
        "kazu-platform demo\n"
    )


def test_the_doctor_names_a_home_that_cannot_be_written(kazu: Run, no_home: Path):
    done = kazu("doctor", "--json", home=no_home)

    assert (done.returncode, done.stderr) == (1, "")
    found = {each["what"]: each for each in json.loads(done.stdout)["findings"]}
    assert found["home"]["level"] == "error"
    assert found["home"]["detail"].startswith(f"{no_home} cannot be written (")
    assert {"python", "catalogue", "disk", "lake", "warehouse"} <= set(found)


def test_the_doctor_leaves_nothing_in_a_home(kazu: Run, tmp_path: Path):
    done = kazu("doctor", "--json", home=tmp_path)

    found = {each["what"]: each for each in json.loads(done.stdout)["findings"]}
    assert found["home"] == {"level": "ok", "what": "home", "detail": f"{tmp_path} can be written"}
    assert list(tmp_path.iterdir()) == []


def test_what_the_doctor_cannot_read_is_a_finding(kazu: Run, tmp_path: Path):
    (tmp_path / "models").write_text("not a folder", "utf-8")

    done = kazu("doctor", "--json", home=tmp_path)

    assert (done.returncode, done.stderr) == (1, "")
    errors = [each for each in json.loads(done.stdout)["findings"] if each["level"] == "error"]
    assert [each["what"] for each in errors] == ["indices"]
    assert f"{tmp_path}/models/dictionary/live.json" in errors[0]["detail"]


def test_a_file_where_a_folder_belongs_is_one_line(kazu: Run, tmp_path: Path):
    """The home is well, but what stands in it is not."""
    (tmp_path / "models").write_text("not a folder", "utf-8")

    done = kazu("annotate", TEXT, home=tmp_path)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"{COMPILING}error: {tmp_path}/models")
    assert done.stderr.endswith("see: kazu-platform doctor\n")
    assert done.stderr.count("\n") == 2


@pytest.mark.parametrize(
    ("arguments", "stdin", "name"),
    [(["-"], b"SELECT '\xff'", "stdin"), (["SELECT '\udcff'"], b"", "the statement")],
)
def test_a_statement_that_is_not_utf_8_is_named(
    kazu: Run, tmp_path: Path, arguments: list[str], stdin: bytes, name: str
):
    done = kazu("query", *arguments, home=tmp_path, stdin=stdin)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"error: {name} is not UTF-8 text: byte 8 is 0xff; convert it first, or take the text out "
        "of it.\n"
    )


def test_a_statement_is_read_from_standard_input(kazu: Run, sample_home: Path):
    done = kazu(
        "query", "-", "--format", "json", home=sample_home, stdin="SELECT 'β' AS\r\nletter\r\n"
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, '[{"letter": "β"}]\n', "")


def test_a_home_that_was_copied_says_how_to_build_its_warehouse(
    kazu: Run, sample_home: Path, tmp_path: Path
):
    from kazu_platform.storage.lake import Lake
    from kazu_platform.storage.warehouse import build_warehouse

    home = shutil.copytree(sample_home, tmp_path / "copy")
    question = ("query", "SELECT count(*) > 0 AS any FROM citations", "--format", "json")

    copied = kazu(*question, home=home)
    build_warehouse(Lake(home / "lake"), home / "warehouse.duckdb")
    built = kazu(*question, home=home)

    assert (copied.returncode, copied.stdout) == (1, "")
    assert copied.stderr == (
        f"error: {home}/warehouse.duckdb was made for the lake in {sample_home}/lake; run "
        f"kazu-platform demo to build it for {home}/lake.\n"
    )
    assert (built.returncode, built.stdout, built.stderr) == (0, '[{"any": true}]\n', "")


def test_a_home_may_be_called_by_another_name(kazu: Run, sample_home: Path, tmp_path: Path):
    link = tmp_path / "link"
    link.symlink_to(sample_home)

    for home in (link, sample_home / ".." / sample_home.name):
        done = kazu("query", "SELECT count(*) > 0 AS any FROM citations", home=home)
        assert (done.returncode, done.stderr) == (0, "")


def test_a_wrong_catalogue_is_said_although_there_are_indices(kazu: Run, compiled_home: Path):
    done = kazu("annotate", TEXT, home=compiled_home, KAZU_SOURCES="sampel")

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "error: KAZU_SOURCES: there is no file 'sampel'; did you mean 'sample'?\n"
    )


@pytest.mark.parametrize("name", ["dictionary", "linking"])
def test_the_samples_indices_of_another_version_are_compiled_again(
    kazu: Run, compiled_home: Path, tmp_path: Path, name: str
):
    home = shutil.copytree(compiled_home, tmp_path / "home")
    as_another_version(home, name)

    first = kazu("annotate", TEXT, "--format", "pubtator", home=home)
    second = kazu("annotate", TEXT, "--format", "pubtator", home=home)

    assert (first.returncode, first.stderr) == (0, COMPILING)
    assert (second.returncode, second.stderr) == (0, "")
    assert "text\t0\t8\tImatinib\tChemical\tCHEBI:45783\n" in first.stdout
    assert second.stdout == first.stdout


def as_another_version(home: Path, name: str) -> None:
    """Commit the index in use once more, as a version with other rules would have made it."""
    from kazu_platform.storage.artifacts import ArtifactStore

    store = ArtifactStore(home / "models")
    ours = store.live(name)
    with store.stage(name) as staged:
        shutil.copytree(ours.content, staged.content, dirs_exist_ok=True)
        set_entries(staged.content / "manifest.json", fold_version="0")
        staged.commit()
    shutil.rmtree(ours.folder)


def test_an_index_that_was_damaged_says_what_to_delete(
    kazu: Run, compiled_home: Path, tmp_path: Path
):
    home = shutil.copytree(compiled_home, tmp_path / "home")
    content = live_content(home, "dictionary")
    (content / "names.arrow").write_bytes(b"")

    done = kazu("annotate", TEXT, home=home)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"{COMPILING}error: {content.parent}: names.arrow not as the manifest says; delete the "
        "folder and make dictionary again.\n"
    )


def test_other_catalogues_indices_of_another_version_say_what_to_run(
    kazu: Run, compiled_home: Path, tmp_path: Path
):
    home = shutil.copytree(compiled_home, tmp_path / "home")
    as_another_version(home, "linking")
    catalogue = tmp_path / "own.yaml"
    catalogue.write_text("name: own\n", "utf-8")

    done = kazu("annotate", TEXT, home=home, KAZU_SOURCES=str(catalogue))

    assert (done.returncode, done.stdout) == (1, "")
    assert is_one_line(done.stderr)
    assert "fold_version is '0'" in done.stderr
    assert done.stderr.endswith("Run: kazu-platform demo\n")
