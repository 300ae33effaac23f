"""YAML read by libyaml, and not when it is nested as nothing meant for us is.

libyaml's loader descends as deep as a text nests, until the process crashes, and takes a minute for
100,000 brackets. Its events come one by one, so the depth is known before anything descends.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_DEPTH = 20
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def yaml_events(text: str) -> Iterator[yaml.Event]:
    """The events of a text, with their places.

    Raises:
        yaml.YAMLError: it is no YAML, or is nested deeper than `MAX_DEPTH`; while iterating.
    """
    depth = 0
    for event in yaml.parse(text, Loader=_LOADER):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise yaml.MarkedYAMLError(
                problem=f"lists or blocks are nested deeper than {MAX_DEPTH}",
                problem_mark=event.start_mark,
            )
        yield event


def yaml_value(text: str) -> Any:  # noqa: ANN401 - whatever it says
    """What a text says, as Python's plain types; no tag makes an object.

    >>> yaml_value("a: [1, two]")
    {'a': [1, 'two']}

    Raises:
        yaml.YAMLError: it is no YAML, or is nested deeper than `MAX_DEPTH`.
    """
    for _ in yaml_events(text):
        pass
    return yaml.load(text, Loader=_LOADER)  # noqa: S506 - a safe loader
