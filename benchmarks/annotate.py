"""How long does one call of `kazu-platform annotate` take in a new process?

Question: seconds from starting the real command with one sentence to its end, (a) with the
vocabularies of the embedded sample, (b) with those of a catalogue of whole ontologies; asked for
are 3 s and 5 s. Beside them the seconds of `python -c pass`, which no command can undercut.

Inside the clock: starting Python, all imports, reading settings, opening both indices, finding,
linking, printing. Not inside: parsing the ontologies and compiling the indices, done once before.

What would make it lie: a cold disk (the indices were just written or read, so that their pages
are in memory; the first call of all is told apart); a call that finds nothing (each must print
the concept expected of it, or the benchmark fails); a daemon or a cache between calls (there is
none: each call is a process of its own); other work on the machine (look at the spread).

    python benchmarks/annotate.py [--data DATA] [--home HOME]

DATA is the folder of development data; by default $KAZU_TEST_DATA says where it is. HOME keeps
the indices of the whole ontologies for the next run; by default they are made in a temporary
folder, which takes a minute or more.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING, Any

from timing import DATA_VARIABLE, options_of, report, spread
from vocabulary import CATALOGUE, read_vocabulary

from kazu_platform.linking.compile import build_linking_index
from kazu_platform.ner.compile import build_dictionary_index
from kazu_platform.settings import Settings, read_catalogue
from kazu_platform.storage.artifacts import ArtifactStore

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

COMMAND = (str(Path(sys.executable).with_name("kazu-platform")), "annotate", "--format", "jsonl")
TEXT = "Imatinib inhibits BCR-ABL in chronic myeloid leukemia, not in HL-60 cells of Mus musculus."
EXPECTED = "NCBITaxon:10090"
BOUNDS = {"sample": 3.0, "whole ontologies": 5.0}


def environment(home: Path, sources: str, data: Path) -> dict[str, str]:
    """The environment of a call: ours, without any other setting of the platform."""
    others = {name: value for name, value in os.environ.items() if not name.startswith("KAZU_")}
    own = {"KAZU_HOME": str(home), "KAZU_SOURCES": sources, DATA_VARIABLE: str(data)}
    return others | own


def compile_indices(home: Path, data: Path) -> None:
    """Make both indices of the whole ontologies, unless the home has them."""
    store = ArtifactStore(Settings(home=home, sources="sample", storage_url=None).models)
    if store.live_version("dictionary") and store.live_version("linking"):
        return
    concepts, synonyms = read_vocabulary(data)
    ontologies = [source.name for source in read_catalogue(CATALOGUE).ontologies]
    with store.stage("dictionary") as staged:
        build_dictionary_index(synonyms, staged.content)
        staged.commit()
    with store.stage("linking") as staged:
        build_linking_index(concepts, synonyms, staged.content, ontologies=ontologies)
        staged.commit()


def seconds_of(command: Sequence[str], env: Mapping[str, str] | None = None) -> tuple[float, str]:
    """Seconds of one process from start to end, and what it printed."""
    start = perf_counter()
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=env)
    return perf_counter() - start, done.stdout


def measured(env: Mapping[str, str], bound: float, repeats: int) -> dict[str, Any]:
    """So many calls, after one that is told apart."""
    calls = [seconds_of((*COMMAND, TEXT), env) for _ in range(1 + repeats)]
    if any(EXPECTED not in printed for _, printed in calls):
        sys.exit(f"annotate did not find {EXPECTED} in {TEXT!r}.")
    first, *seconds = [each for each, _ in calls]
    return {
        "first_seconds": round(first, 3),
        "seconds": round(median(seconds), 3),
        "slowest_seconds": round(max(seconds), 3),
        "spread": round(spread(seconds), 3),
        "bound_seconds": bound,
        "holds": median(seconds) < bound,
    }


def bench(data: Path, home: Path | None, repeats: int) -> dict[str, Any]:
    """Everything this benchmark measures."""
    with tempfile.TemporaryDirectory() as name:
        sample, whole = Path(name) / "sample", (home or Path(name) / "whole").absolute()
        compile_indices(whole, data)
        environments = {
            "sample": environment(sample, "sample", data),
            "whole ontologies": environment(whole, str(CATALOGUE.absolute()), data),
        }
        seconds_of((*COMMAND, TEXT), environments["sample"])  # compiles the sample's indices
        calls = {each: measured(env, BOUNDS[each], repeats) for each, env in environments.items()}
    bare = [seconds_of((sys.executable, "-c", "pass"))[0] for _ in range(1 + repeats)][1:]
    return {"python_seconds": round(median(bare), 3), "calls": calls}


def main() -> None:
    """Measure and print."""
    parser = options_of(__doc__, repeats=9)
    parser.add_argument("--home", type=Path, help="keeps the indices of the whole ontologies")
    given = parser.parse_args()
    result = bench(given.data, given.home, given.repeats)
    print(f"{'python -c pass':18} {result['python_seconds']:6.2f} s")
    for label, each in result["calls"].items():
        print(
            f"{label:18} {each['seconds']:6.2f} s  of {each['bound_seconds']:.0f} s"
            f"  {'holds' if each['holds'] else 'BROKEN'}  slowest {each['slowest_seconds']:.2f} s"
            f"  first {each['first_seconds']:.2f} s"
        )
    report("annotate", result, record=given.record)


if __name__ == "__main__":
    main()
