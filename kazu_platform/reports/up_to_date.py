"""Which files were read with the very indices and rules in use: others cannot be compared with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kazu_platform.linking.context import CONTEXT_VERSION
from kazu_platform.linking.open import LINKING
from kazu_platform.ner.dictionary import dictionary_version
from kazu_platform.ner.dictionary_index import read_dictionary_manifest
from kazu_platform.ner.found import joining_inputs
from kazu_platform.tables import DICTIONARY_MENTIONS, MENTIONS

if TYPE_CHECKING:
    from kazu_platform.storage.artifacts import ArtifactStore
    from kazu_platform.storage.lake import Lake


def files_behind(lake: Lake, store: ArtifactStore) -> list[str]:
    """Files whose mentions other vocabularies or rules made than those in use, each once.

    Raises:
        ArtifactError: there is no index, or it is damaged.
    """
    step = dictionary_version(read_dictionary_manifest(store.live("dictionary").content))
    linking = store.live(LINKING).version
    wanted = (
        (DICTIONARY_MENTIONS, "step", step),
        (MENTIONS, "linking", linking),
        (MENTIONS, "context", CONTEXT_VERSION),
    )
    pointers = {table: lake.pointers(table) for table in (DICTIONARY_MENTIONS, MENTIONS)}
    behind = [
        name
        for table, key, version in wanted
        for name, pointer in pointers[table].items()
        if pointer.inputs.get(key) != version
    ]
    behind += [
        name
        for name, pointer in pointers[MENTIONS].items()
        if not joining_inputs(lake, name).items() <= dict(pointer.inputs).items()
    ]
    return list(dict.fromkeys(behind))
