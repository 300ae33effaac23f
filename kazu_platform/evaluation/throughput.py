"""Throughput: sentences and documents per second, from texts to mentions and of the network alone.

Texts are handed over so many at a time, as the paper's Table 2 has it: one after the other, or 32.
What a detector makes of them inside (batches of about one length, several threads) is its business.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING

from kazu_platform.arrow import compute
from kazu_platform.ner.model import ModelDetector, OwnReader, sentences_of
from kazu_platform.ner.words import split_words

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pyarrow as pa

    from kazu_platform.ner.detector import Detector


@dataclass(frozen=True, slots=True)
class Throughput:
    """What was measured of one detector with one size of batches.

    Attributes:
        detector: Its name.
        batch_size: Texts handed over at a time.
        documents: Texts in all.
        sentences: Sentences in all.
        mentions: What was found in them.
        seconds: From all texts to mentions; the median of several times.
        model_seconds: The network alone, on batches made before; null if there is none.
    """

    detector: str
    batch_size: int
    documents: int
    sentences: int
    mentions: int
    seconds: float
    model_seconds: float | None

    @property
    def sentences_per_second(self) -> float:
        """From text to mentions."""
        return self.sentences / self.seconds

    @property
    def documents_per_second(self) -> float:
        """The same by documents."""
        return self.documents / self.seconds

    @property
    def model_sentences_per_second(self) -> float | None:
        """Of the network alone."""
        return None if self.model_seconds is None else self.sentences / self.model_seconds


def measure_throughput(  # noqa: PLR0913 - what a measurement is of
    detector: Detector,
    texts: Sequence[str],
    passages_of: Callable[[Sequence[str]], pa.Table],
    *,
    batch_size: int,
    model: ModelDetector | None = None,
    repeats: int = 3,
) -> Throughput:
    """Read texts several times, after once that does not count.

    Args:
        detector: Who reads.
        texts: What is read.
        passages_of: Makes PASSAGES of some texts; inside the clock.
        batch_size: Texts handed over at a time.
        model: Whose network is measured alone.
        repeats: How often.
    """
    batches = [texts[at : at + batch_size] for at in range(0, len(texts), batch_size)]

    def read() -> int:
        return sum(detector.detect(passages_of(batch)).num_rows for batch in batches)

    mentions = read()
    seconds = median(_timed(read) for _ in range(repeats))
    tables = [passages_of(batch) for batch in batches]
    sentences = sum(
        int(compute.sum(compute.list_value_length(table["sentences"])).as_py() or 0)
        for table in tables
    )
    alone = None if model is None else _model_seconds(model, tables, repeats)
    return Throughput(detector.name, batch_size, len(texts), sentences, mentions, seconds, alone)


def _model_seconds(model: ModelDetector, tables: Sequence[pa.Table], repeats: int) -> float | None:
    """Seconds of the network on all texts, without making its batches."""
    reader = model.reader
    if not isinstance(reader, OwnReader):
        return None
    made = [
        reader.engine.batches(reader.pieced(split_words(sentences_of(table)))) for table in tables
    ]

    def run() -> None:
        for batches in made:
            reader.engine.run(batches)

    run()
    return median(_timed(run) for _ in range(repeats))


def _timed(function: Callable[[], object]) -> float:
    start = perf_counter()
    function()
    return perf_counter() - start
