"""How fast does PubMed XML become Parquet, on one core, compared with only walking over it?

Question: citations per second from the file to Parquet (zstd), and how that compares with a bare
`lxml.etree.iterparse(path)` loop, which touches every element and keeps nothing.

Inside the clock: opening and reading each file, parsing, rows, content hashes, Arrow tables,
Parquet files on disk. For "from gzip" also decompression; the bare loop always reads plain XML
that was decompressed before, which is in its favour. Not inside: starting Python, imports, fsync,
checksums, splitting into sentences.

What would make it lie: other work on the machine (the measures run one after the other, so
look at the spread); few large citations instead of many small ones, hence two sets of files; a
warm page cache (the files are small and always warm: this measures the processor, not the disk).
Each measure runs in a process of its own, so peak memory is its own too.

    python benchmarks/pubmed_xml.py --data DATA --mirror MIRROR

DATA has `pubmed/baseline` and `pubmed/updatefiles`; MIRROR has `baseline` and `updatefiles`.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from timing import measure, peak_memory_bytes, report, spread

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

MEASURES = ("bare iterparse", "to Parquet", "from gzip to Parquet")


def iterate_bare(files: Sequence[Path]) -> int:
    """Walk over every element; the citations counted."""
    from lxml import etree  # pyright: ignore[reportAttributeAccessIssue] - ships no types

    citations = 0
    for path in files:
        for _, element in etree.iterparse(path):
            if element.tag in {"PubmedArticle", "PubmedBookArticle"}:
                citations += 1
                element.clear()
    return citations


def write_parquet(files: Sequence[Path], folder: Path) -> int:
    """Write the citations of each file as Parquet; the citations counted."""
    from pyarrow import parquet

    from kazu_platform.citations.pubmed import parse_pubmed
    from kazu_platform.tables import CITATIONS

    citations = 0
    for path in files:
        file = path.name.partition(".")[0]
        target = folder / f"{file}.parquet"
        with parquet.ParquetWriter(target, CITATIONS.schema, compression="zstd") as writer:
            for batch in parse_pubmed(path, file=file):
                writer.write_table(batch.citations)
                citations += len(batch.citations)
    return citations


def measured(name: str, folder: Path, repeats: int) -> dict[str, Any]:
    """One measure over the files of a folder, in this process."""
    files = sorted(folder.glob("*.xml.gz" if name == "from gzip to Parquet" else "*.xml"))
    with tempfile.TemporaryDirectory() as target:
        run: Callable[[], int] = (
            (lambda: iterate_bare(files))
            if name == "bare iterparse"
            else (lambda: write_parquet(files, Path(target)))
        )
        citations = run()
        seconds = measure(run, repeats=repeats)
    return {
        "citations": citations,
        "seconds": [round(each, 4) for each in seconds],
        "citations_per_second": round(citations / median(seconds)),
        "spread": round(spread(seconds), 3),
        "peak_memory_mb": round(peak_memory_bytes() / 1e6),
    }


def measured_apart(name: str, folder: Path, repeats: int) -> dict[str, Any]:
    """One measure in a process of its own."""
    command = [sys.executable, __file__, "--only", name, "--data", str(folder)]
    command += ["--repeats", str(repeats)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def compared(folder: Path, repeats: int) -> dict[str, Any]:
    """All measures over the gzipped files below a folder."""
    zipped = sorted(folder.glob("baseline/*.xml.gz")) + sorted(folder.glob("updatefiles/*.xml.gz"))
    if not zipped:
        sys.exit(f"{folder}: there is no baseline/*.xml.gz in it.")
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        for path in zipped:
            shutil.copy(path, work)
            with gzip.open(path) as source, (work / path.stem).open("wb") as target:
                shutil.copyfileobj(source, target)
        n_bytes = sum(path.stat().st_size for path in work.glob("*.xml"))
        result = {each: measured_apart(each, work, repeats) for each in MEASURES}
    bare = result["bare iterparse"]
    for each in result.values():
        if each["citations"] != bare["citations"]:
            sys.exit(f"{folder}: the measures do not count the same citations.")
        each["ratio_to_bare"] = round(
            each["citations_per_second"] / bare["citations_per_second"], 3
        )
    return {"files": len(zipped), "bytes": n_bytes, "measures": result}


def print_table(name: str, result: dict[str, Any]) -> None:
    """The result as lines to read."""
    print(f"{name}: {result['files']} files, {result['bytes'] / 1e6:.1f} MB of XML")
    for measure_name, each in result["measures"].items():
        print(
            f"  {measure_name:22} {each['citations_per_second']:>8,} citations/s"
            f"  spread {each['spread']:>4.0%}  {each['ratio_to_bare']:>5.2f} of bare"
            f"  peak {each['peak_memory_mb']} MB"
        )


def main() -> None:
    """Run the measures and print them."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--data", type=Path, default=os.environ.get("KAZU_TEST_DATA"))
    parser.add_argument("--mirror", type=Path, help="many small citations")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--only", choices=MEASURES, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.only:
        print(json.dumps(measured(options.only, options.data, options.repeats)))
        return
    if options.data is None and options.mirror is None:
        parser.error("give --data, or set KAZU_TEST_DATA, or give --mirror")
    sets = {"data": options.data and Path(options.data) / "pubmed", "mirror": options.mirror}
    results = {n: compared(folder, options.repeats) for n, folder in sets.items() if folder}
    for name, result in results.items():
        print_table(name, result)
    report("pubmed_xml", {"repeats": options.repeats, "sets": results})


if __name__ == "__main__":
    main()
