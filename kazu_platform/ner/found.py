"""What the detectors found in a file of the lake, joined."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from kazu_platform.ner.combination import combine
from kazu_platform.ner.joining import join, joining_version
from kazu_platform.tables import DICTIONARY_MENTIONS, MODEL_MENTIONS

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

    from kazu_platform.storage.lake import Lake, Pointer

NO_MODEL: Final = "none"
"""Input `model` of MODEL_MENTIONS that no model made."""


def inputs_of_model(version: str, thresholds: Mapping[str, float]) -> dict[str, str]:
    """What a generation of MODEL_MENTIONS records of the model that made it."""
    return {"model": version, "thresholds": json.dumps(dict(thresholds))}


def joining_inputs(lake: Lake, file: str) -> dict[str, str]:
    """What mentions depend on beside the dictionary's; nothing if no model read the file."""
    read = _read_by_model(lake, file)
    if read is None:
        return {}
    return {
        "model_mentions": read.data_version,
        "model": read.inputs["model"],
        "joining": joining_version(),
    }


def found_in(lake: Lake, file: str, matches: pa.Table | None = None) -> pa.Table:
    """Mentions in a file, whoever found them: rows of DICTIONARY_MENTIONS.

    Args:
        lake: Where they are.
        file: The partition.
        matches: Those of the dictionary, if they are not to be those of the lake.
    """
    if matches is None:
        matches = lake.read(DICTIONARY_MENTIONS, file)
    read = _read_by_model(lake, file)
    if read is None:
        return combine([matches])
    thresholds = json.loads(read.inputs["thresholds"])
    return join(lake.read(MODEL_MENTIONS, file), matches, thresholds)


def _read_by_model(lake: Lake, file: str) -> Pointer | None:
    live = lake.live(MODEL_MENTIONS, file)
    return None if live is None or live.inputs.get("model") == NO_MODEL else live
