"""Which runtime reads sentences fastest, and what does the engine win over plain PyTorch?

Question: sentences per second from text to mentions of one network in several runtimes, one
sentence a passage. Plain PyTorch takes 32 sentences at a time in the order of the file, or one at a
time with six layers, which is a teacher's size. The engine sorts by length, makes batches of its
own, computes each on one thread and several at once; in ONNX Runtime with products of bytes, as it
ships, and in fp32; in OpenVINO with products of bytes (static scales, found on the first
sentences); and in PyTorch in bf16 and fp32.

Inside the clock: words, pieces, batches, the network, decoding, rows of Arrow. Not inside: reading
the file, finding where sentences end, opening anything. The runtimes take turns, so that other work
on the machine hits all alike; ratios are the medians of pairs. The largest and the mean absolute
difference of a probability are from plain PyTorch in fp32.

What would make it lie: other work on the machine (look at the spread), sentences that stand there
twice (they are read once, so only distinct ones are taken), and a vocabulary that takes words apart
less than a trained one (pieces per sentence are told; with random weights the vocabulary is the
text's own most frequent words). Random weights are as fast as trained ones, but their
probabilities say little of what quantisation costs; give a trained model for that.

    python benchmarks/ner_inference.py [--data DATA] [--model FOLDER] [--threads N]

FOLDER is a model exported with its weights. OpenVINO is left out where it is not installed.
"""

from __future__ import annotations

import gzip
import json
import os
import re
import tempfile
from collections import Counter
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from rich.console import Console
from rich.table import Table
from timing import options_of, report, spread

from kazu_platform.ner.engine import OWN_FRAME, Engine
from kazu_platform.ner.model import ModelDetector, OwnReader, detector_of
from kazu_platform.ner.model_files import ModelDescription, read_model_files
from kazu_platform.ner.network import Module, build_network, read_network
from kazu_platform.ner.pieces import CONTINUES, SPECIAL, WordPieces, spelled
from kazu_platform.ner.runtimes import OnnxRuntime, TorchRuntime
from kazu_platform.ner.words import split_words
from kazu_platform.tables import PASSAGES
from kazu_platform.text.sentences import sentence_spans
from kazu_platform.training.export import export_model

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pyarrow as pa
    from numpy.typing import NDArray

    from kazu_platform.ner.engine import Runtime
    from kazu_platform.ner.model_files import ModelFiles

CLASSES = ("gene", "disease", "chemical", "species", "cell_line", "cell_type")
WHOLE = 1_000_000_000
PLAIN = "PyTorch fp32, 32 in file order"
TEACHER = "PyTorch fp32, 6 layers, one at a time"
SHIPPED = "engine, ONNX Runtime int8"


@dataclass(frozen=True)
class Contender:
    """A detector and how many sentences it is handed at a time."""

    detector: ModelDetector
    at_a_time: int

    def read(self, tables: dict[int, list[pa.Table]]) -> None:
        """Read all sentences once."""
        for table in tables[self.at_a_time]:
            self.detector.detect(table)


class OpenVino:
    """OpenVINO on a processor; a batch on every thread."""

    lanes = 1
    batch_pieces = 512

    def __init__(self, path: Path, threads: int) -> None:
        import openvino  # pyright: ignore[reportMissingImports] - not pinned: for comparison only

        core: Any = openvino.Core()
        options = {"INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY"}
        self._request: Any = core.compile_model(str(path), "CPU", options).create_infer_request()

    def run(
        self, ids: NDArray[np.int64], mask: NDArray[np.int64], shapes: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        """See `engine.Runtime`."""
        given = {"ids": ids, "mask": mask, "shapes": shapes}
        return np.array(self._request.infer(given)[0])


def read_sentences(data: Path, count: int) -> list[str]:
    """The first distinct sentences of abstracts."""
    found: dict[str, None] = {}
    with gzip.open(data / "text" / "abstracts.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            text = json.loads(line)["text"]
            found.update(dict.fromkeys(text[start:end] for start, end in sentence_spans(text)))
            if len(found) >= count:
                break
    return list(found)[:count]


def passages_of(sentences: Sequence[str]) -> pa.Table:
    """Each sentence as a passage."""
    return PASSAGES.from_columns(
        {
            "doc_id": [f"PMID:{number}" for number in range(len(sentences))],
            "content_hash": ["0" * 24] * len(sentences),
            "section": [0] * len(sentences),
            "name": ["text"] * len(sentences),
            "text": list(sentences),
            "sentences": [[{"start": 0, "end": len(text)}] for text in sentences],
        }
    )


def random_network(layers: int, vocabulary: int) -> Module:
    """A network of the shipped one's width."""
    import torch
    from transformers import BertConfig, BertModel

    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=vocabulary,
        hidden_size=384,
        num_hidden_layers=layers,
        num_attention_heads=12,
        intermediate_size=1536,
        type_vocab_size=6,
        initializer_range=0.05,
    )
    head = torch.nn.Linear(384, 2 * len(CLASSES) + 1)
    return build_network(BertModel(config, add_pooling_layer=False), head).eval()


def vocabulary_of(sentences: Sequence[str], size: int) -> list[str]:
    """The most frequent words of some texts, and all letters, so that no word is unknown."""
    words = Counter(spelled(word) for word in split_words(sentences).strings)
    letters = sorted({letter for word in words for letter in word})
    pieces = [*SPECIAL, *letters, *(f"{CONTINUES}{letter}" for letter in letters)]
    # Three letters at a time, so that what is not frequent is no row of single letters.
    parts = Counter(part for word in words for part in re.findall("...", word))
    pieces += [f"{CONTINUES}{part}" for part, _ in parts.most_common(3_000)]
    frequent = [word for word, _ in words.most_common() if len(word) > 1]
    return list(dict.fromkeys([*pieces, *frequent]))[:size]


def random_files(folder: Path, sentences: Sequence[str], size: int) -> ModelFiles:
    """A model folder with random weights."""
    vocabulary = vocabulary_of(sentences, size)
    return export_model(
        random_network(4, len(vocabulary)),
        folder,
        vocabulary=vocabulary,
        description=ModelDescription(CLASSES, "BIO", 128, dict.fromkeys(CLASSES, 0.75)),
        card="# Random weights\n",
        weights=True,
    )


def contenders(
    files: ModelFiles, folder: Path, sentences: Sequence[str], threads: int
) -> dict[str, Contender]:
    """Everything that takes part, by name."""
    from kazu_platform.training.export import onnx_bytes

    longest = files.description.max_pieces
    network = read_network(files.folder, files.description.n_outputs)
    teacher = random_network(6, len(WordPieces.read(files.vocabulary).vocabulary))

    def detector(runtime: Runtime) -> ModelDetector:
        return detector_of(files, runtime, "")

    def torch(network: Module, *, bf16: bool = False, batch_pieces: int | None = None) -> Runtime:
        return TorchRuntime(network, bf16=bf16, threads=threads, batch_pieces=batch_pieces)

    plain = detector(torch(network, batch_pieces=WHOLE))
    int8 = detector(OnnxRuntime(files.network, threads))
    exact = folder / "fp32.onnx"
    exact.write_bytes(onnx_bytes(network, max_pieces=longest, int8=False, int8_embeddings=False))
    everything = len(sentences)
    found = {
        PLAIN: Contender(plain, 32),
        "PyTorch fp32, one at a time": Contender(plain, 1),
        TEACHER: Contender(_of(teacher, torch, files), 1),
        "engine, PyTorch fp32": Contender(detector(torch(network)), everything),
        "engine, PyTorch bf16": Contender(detector(torch(network, bf16=True)), everything),
        "engine, ONNX Runtime fp32": Contender(detector(OnnxRuntime(exact, threads)), everything),
        SHIPPED: Contender(int8, everything),
        f"{SHIPPED}, 32 at a time": Contender(int8, 32),
        f"{SHIPPED}, one at a time": Contender(int8, 1),
    }
    if find_spec("openvino"):
        path = openvino_int8(network, plain, sentences[:200], folder)
        found["engine, OpenVINO int8"] = Contender(detector(OpenVino(path, threads)), everything)
    return found


def _of(network: Module, torch: Callable[..., Runtime], files: ModelFiles) -> ModelDetector:
    return detector_of(files, torch(network, batch_pieces=WHOLE), "")


def openvino_int8(
    network: Module, detector: ModelDetector, sentences: Sequence[str], folder: Path
) -> Path:
    """The network as OpenVINO takes it: plain operators, bytes with scales found on sentences."""
    import torch
    from onnxruntime.quantization import (
        CalibrationDataReader,
        QuantFormat,
        QuantType,
        quantize_static,
    )

    reader = cast("OwnReader", detector.reader)
    engine = Engine(replace_pieces(reader.engine.runtime, 512), OWN_FRAME, reader.engine.limit)
    batches = engine.batches(reader.pieced(split_words(sentences)))
    rows = iter([{"ids": b.ids, "mask": b.mask, "shapes": b.shapes} for b in batches])

    class Reader(CalibrationDataReader):
        def get_next(self) -> dict[Any, Any]:
            return cast("dict[Any, Any]", next(rows, None))

    given = tuple(
        torch.from_numpy(each) for each in (batches[0].ids, batches[0].mask, batches[0].shapes)
    )
    names = ["ids", "mask", "shapes"]
    torch.onnx.export(
        network,
        given,
        str(folder / "plain.onnx"),
        input_names=names,
        output_names=["logits"],
        dynamic_axes={name: {0: "batch", 1: "pieces"} for name in (*names, "logits")},
        opset_version=17,
        dynamo=False,
    )
    quantize_static(
        str(folder / "plain.onnx"),
        str(folder / "openvino.onnx"),
        Reader(),
        quant_format=QuantFormat.QDQ,
        op_types_to_quantize=["MatMul"],
        per_channel=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        extra_options={"MatMulConstBOnly": True},
    )
    return folder / "openvino.onnx"


def replace_pieces(runtime: Runtime, batch_pieces: int) -> Runtime:
    """The same runtime with batches of another size."""

    @dataclass(frozen=True)
    class Sized:
        lanes: int
        batch_pieces: int
        run: Callable[..., NDArray[np.float32]]

    return Sized(1, batch_pieces, runtime.run)


def compared(named: dict[str, Contender], sentences: Sequence[str], repeats: int) -> dict[str, Any]:
    """Sentences per second of each, and how far its probabilities are from plain PyTorch's."""
    tables = {
        size: [passages_of(sentences[at : at + size]) for at in range(0, len(sentences), size)]
        for size in {contender.at_a_time for contender in named.values()}
    }
    seconds: dict[str, list[float]] = {name: [] for name in named}
    for contender in named.values():
        contender.read({size: some[:2] for size, some in tables.items()})
    for _ in range(repeats):
        for name, contender in named.items():
            start = perf_counter()
            contender.read(tables)
            seconds[name].append(perf_counter() - start)
    words = split_words(sentences)
    exact = named[PLAIN].detector.reader.probabilities(sentences, words)
    rows: dict[str, Any] = {}
    for name, contender in named.items():
        away = np.abs(contender.detector.reader.probabilities(sentences, words) - exact)
        rows[name] = {
            "sentences_per_second": len(sentences) / median(seconds[name]),
            "spread": spread(seconds[name]),
            **{
                f"times_{what}": median(
                    a / b for a, b in zip(seconds[other], seconds[name], strict=True)
                )
                for what, other in (("plain", PLAIN), ("teacher", TEACHER))
            },
        }
        if name != TEACHER:  # other weights
            rows[name] |= {
                "largest_difference": float(away.max()),
                "mean_difference": float(away.mean()),
            }
    return rows


def bench(
    data: Path, model: Path | None, n_sentences: int, threads: int, repeats: int
) -> dict[str, Any]:
    """Everything this benchmark measures."""
    sentences = read_sentences(data, n_sentences)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = (
            read_model_files(model)
            if model
            else random_files(folder / "random", read_sentences(data, 20_000), 17_000)
        )
        named = contenders(files, folder, sentences, threads)
        reader = cast("OwnReader", named[PLAIN].detector.reader)
        pieces = len(reader.pieced(split_words(sentences)).ids)
        return {
            "weights": "trained" if model else "random",
            "threads": threads,
            "sentences": len(sentences),
            "pieces_per_sentence": pieces / len(sentences),
            "network_bytes": files.network.stat().st_size,
            "contenders": compared(named, sentences, repeats),
        }


def print_table(result: dict[str, Any]) -> None:
    """The result for people."""
    table = Table(
        title=f"{result['sentences']:,} sentences of {result['pieces_per_sentence']:.1f} pieces, "
        f"{result['threads']} threads, {result['weights']} weights"
    )
    table.add_column("")
    columns = ("sentences/s", "x plain", "x teacher", "spread", "largest diff.", "mean diff.")
    for heading in columns:
        table.add_column(heading, justify="right")
    for name, row in result["contenders"].items():
        table.add_row(
            name,
            f"{row['sentences_per_second']:,.0f}",
            f"{row['times_plain']:.2f}",
            f"{row['times_teacher']:.2f}",
            f"{row['spread']:.0%}",
            *(
                f"{row[key]:.4f}" if key in row else ""
                for key in ("largest_difference", "mean_difference")
            ),
        )
    Console(width=120).print(table)


def main() -> None:
    """Measure and print."""
    parser = options_of(__doc__, repeats=5)
    parser.add_argument("--model", type=Path, help="a model folder with its weights")
    parser.add_argument("--sentences", type=int, default=1_000)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    given = parser.parse_args()
    result = bench(given.data, given.model, given.sentences, given.threads, given.repeats)
    print_table(result)
    report("ner_inference", result, record=given.record)


if __name__ == "__main__":
    main()
