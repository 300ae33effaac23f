"""What does writing the network in 8 bits cost in F1?

Question: strict F1 on devel of a model as it is shipped (int8, ONNX Runtime) beside the network
that it was made of (its weights as they were kept, computed in 32 bits by PyTorch), for each class
of each corpus, and the difference of the means.

Both read the same sentences with the same engine and decode alike, so that only the numbers
differ. CellFinder and GELLUS are only reported, so they are not looked at here.

What would make the figures lie: weights that are kept in 16 bits are themselves a little rounded;
a difference whose interval holds 0 is none.

    python benchmarks/quantisation.py --model FOLDER [--data DATA] [--corpora NCBI-disease]

FOLDER is a model with its weights, as `ner_model` keeps it.
"""

from __future__ import annotations

from pathlib import Path
from statistics import mean
from typing import TYPE_CHECKING

from joining import f1_of
from rich.console import Console
from rich.table import Table
from timing import options_of, report

from kazu_platform.evaluation.corpora import distinct_passages, mentions_in, rows_of
from kazu_platform.evaluation.gold import read_gold
from kazu_platform.evaluation.ner import match_mentions
from kazu_platform.evaluation.scores import paired_difference
from kazu_platform.ner.model import detector_of, open_model
from kazu_platform.ner.model_files import read_model_files
from kazu_platform.ner.network import read_network
from kazu_platform.ner.runtimes import TorchRuntime

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kazu_platform.evaluation.corpora import CorpusRow
    from kazu_platform.evaluation.scores import Counts
    from kazu_platform.ner.detector import Detector


def counts_of(detector: Detector, rows: Sequence[CorpusRow]) -> list[Counts]:
    """What a detector finds in each row."""
    golds = {folder: read_gold(folder, "devel") for folder in {row.folder: None for row in rows}}
    found = detector.detect(distinct_passages(list(golds.values())))
    mentions = {folder: mentions_in(gold, found) for folder, gold in golds.items()}
    return [
        match_mentions(golds[row.folder], mentions[row.folder], row.entity_class).counts
        for row in rows
    ]


def main() -> None:
    """Measure both."""
    parser = options_of(__doc__, repeats=1)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--corpora", nargs="+", help="default: all that are not only reported")
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    rows = [
        row
        for row in rows_of(given.data / "ner", "devel")
        if row.group != "cross_corpus" and (not given.corpora or row.folder.name in given.corpora)
    ]
    files = read_model_files(given.model)
    network = read_network(files.folder, files.description.n_outputs)
    exact = detector_of(files, TorchRuntime(network, threads=given.threads), "fp32")
    small = counts_of(open_model(given.model, given.threads), rows)
    whole = counts_of(exact, rows)

    table = Table("corpus", "class", "fp32", "int8", "int8 - fp32")
    for row, of_small, of_whole in zip(rows, small, whole, strict=True):
        lost = paired_difference(of_small, of_whole)
        table.add_row(
            row.folder.name,
            row.entity_class,
            f"{f1_of(of_whole):.1f}",
            f"{f1_of(of_small):.1f}",
            f"{100 * lost.value:+.2f} ({100 * lost.low:+.2f} to {100 * lost.high:+.2f})",
        )
    means = [mean(map(f1_of, each)) for each in (whole, small)]
    table.add_row("mean", "", *(f"{each:.2f}" for each in means), f"{means[1] - means[0]:+.2f}")
    Console(width=120).print(table)
    report(
        "quantisation",
        {"version": files.version, "fp32": means[0], "int8": means[1]},
        record=given.record,
    )


if __name__ == "__main__":
    main()
