"""How many names does the linking encoder embed per second, beside plain PyTorch?

Question: distinct strings per second from text to unit vectors, of one network: in the engine (ONNX
Runtime, products of bytes, batches of like length, several at once), in the engine in fp32, and in
plain PyTorch in fp32, 32 names at a time in the order of the file, padded to the longest.

Inside the clock: words, pieces, batches, the network, pooling. Not inside: reading names, opening
anything. The contenders take turns, so that other work on the machine hits all alike; ratios are
the medians of pairs. Cosines are those of the same name in the engine and in plain PyTorch.

What would make it lie: other work on the machine (look at the spread), names that stand there twice
(only distinct ones are taken), and names that are shorter than a vocabulary's: these are a sample
of a real one's. Random weights are as fast as trained ones, but their cosines say little; give a
trained network (a folder with network.json) for those.

    python benchmarks/embedding.py [--data DATA] [--network FOLDER] [--names N] [--threads N]
"""

from __future__ import annotations

import gzip
import os
import tempfile
from collections import Counter
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.console import Console
from rich.table import Table
from timing import options_of, report, spread

from kazu_platform.linking.embedding import open_embedder
from kazu_platform.ner.pieces import CONTINUES, SPECIAL, WordPieces, spelled
from kazu_platform.ner.words import split_words
from kazu_platform.training.linking_export import export_encoder
from kazu_platform.training.name_table import NameTable, batch_of_names, read_names
from kazu_platform.training.network import PIECES, Network, Sizes, load_network

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

PLAIN = "PyTorch fp32, 32 in file order"
FP32 = "engine, ONNX Runtime fp32"
SHIPPED = "engine, ONNX Runtime int8"
MAX_PIECES = 40
_COLUMN = 3


def read_some_names(data: Path, n: int) -> list[str]:
    """Distinct names of diseases, a sample."""
    with gzip.open(data / "ontologies" / "disease" / "medic_06Jul2012.txt.gz", "rt") as file:
        names = {name for line in file for name in line.rstrip("\n").split("||")[1].split("|")}
    with gzip.open(data / "ontologies" / "chemical" / "drugbank_vocabulary.csv.gz", "rt") as file:
        names |= {line.split(",")[2] for line in file if line.count(",") > _COLUMN}
    ordered = sorted(name for name in names if name)
    return [ordered[place] for place in np.random.default_rng(1).permutation(len(ordered))[:n]]


def random_network(names: Sequence[str]) -> tuple[Network, list[str]]:
    """Four layers with random weights, whose vocabulary is the most frequent words of names."""
    import torch

    counts = Counter(spelled(word) for word in split_words(names).strings)
    letters = sorted({letter for word in counts for letter in word})
    pieces = [*SPECIAL, *letters, *(f"{CONTINUES}{letter}" for letter in letters)]
    pieces += [word for word, _ in counts.most_common(19_000 - len(pieces)) if len(word) > 1]
    torch.manual_seed(1)
    return Network(Sizes(len(pieces), 4)), pieces


def by_pytorch(network: Network, pieces: WordPieces) -> Callable[[Sequence[str]], NDArray]:
    """What one would write without thinking of speed."""
    import torch

    def embed(names: Sequence[str]) -> NDArray:
        parts: list[NDArray] = []
        with torch.inference_mode():
            for start in range(0, len(names), 32):
                some = names[start : start + 32]
                table = NameTable.of(some, pieces, most=MAX_PIECES, device=torch.device("cpu"))
                batch = batch_of_names(table, np.arange(len(some)), n_parts=1)
                back = np.argsort(batch.rows.numpy(), kind="stable")
                parts.append(read_names(network, table, batch).numpy()[back])
        return np.concatenate(parts)

    return embed


def bench(
    names: Sequence[str], network: Network, pieces: Sequence[str], *, threads: int, repeats: int
) -> dict[str, Any]:
    """Let all contenders embed the names in turns."""
    import torch

    torch.set_num_threads(threads)
    contenders = {PLAIN: by_pytorch(network.eval(), WordPieces(pieces))}
    sizes: dict[str, int] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, int8 in ((FP32, False), (SHIPPED, True)):
            files = export_encoder(
                network,
                Path(folder) / str(int8),
                vocabulary=pieces,
                max_pieces=MAX_PIECES,
                int8=int8,
                int8_embeddings=int8,
            )
            sizes[name] = files.network.stat().st_size
            contenders[name] = open_embedder(files.folder, threads=threads).embed
    vectors = {name: embed(names) for name, embed in contenders.items()}
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(repeats):
        for name, embed in contenders.items():
            began = perf_counter()
            embed(names)
            seconds[name].append(perf_counter() - began)
    return {
        name: {
            "names_per_second": round(len(names) / median(times), 1),
            "spread": round(spread(times), 3),
            "times_plain": round(
                median(p / t for p, t in zip(seconds[PLAIN], times, strict=True)), 2
            ),
            "least_cosine": float((vectors[name] * vectors[PLAIN]).sum(axis=1).min()),
            "mean_cosine": float((vectors[name] * vectors[PLAIN]).sum(axis=1).mean()),
            "bytes": sizes.get(name),
        }
        for name, times in seconds.items()
    }


def print_table(n_names: int, figures: dict[str, Any]) -> None:
    """A table for people."""
    heads = ("names/s", "spread", "times plain", "least cosine", "mean cosine")
    shown = Table("", *heads, title=f"{n_names:,} names")
    for name, each in figures.items():
        shown.add_row(
            name,
            f"{each['names_per_second']:,.0f}",
            f"{each['spread']:.2f}",
            f"{each['times_plain']:.2f}",
            f"{each['least_cosine']:.4f}",
            f"{each['mean_cosine']:.4f}",
        )
    Console(stderr=True).print(shown)


def main() -> None:
    """Measure, print a table, end with one JSON object."""
    parser = options_of(__doc__, repeats=3)
    parser.add_argument("--network", type=Path, help="folder of a trained network")
    parser.add_argument("--names", type=int, default=4_000, help="default: %(default)s")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    given = parser.parse_args()
    names = read_some_names(given.data, given.names)
    if given.network:
        network = load_network(given.network)
        pieces = list(WordPieces.read(given.network / PIECES).vocabulary)
    else:
        network, pieces = random_network(names)
    figures = bench(names, network, pieces, threads=given.threads, repeats=given.repeats)
    print_table(len(names), figures)
    result = {
        "names": len(names),
        "threads": given.threads,
        "trained": given.network is not None,
        "layers": network.sizes.layers,
        "hidden": network.sizes.hidden,
        "contenders": figures,
    }
    report("embedding", result, record=given.record)


if __name__ == "__main__":
    main()
