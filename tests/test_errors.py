"""Errors say what, where and what to do, and survive the trip from a worker."""

from __future__ import annotations

import inspect
import pickle
from pathlib import Path

import pytest

import kazu_platform.errors as module
from kazu_platform.errors import KazuPlatformError, MalformedFileError, UnknownNameError

CLASSES = sorted(
    (
        each
        for _, each in inspect.getmembers(module, inspect.isclass)
        if each.__module__ == module.__name__
    ),
    key=lambda each: each.__name__,
)


@pytest.mark.parametrize("kind", CLASSES)
def test_an_error_survives_pickling(kind: type[KazuPlatformError]):
    error = pickle.loads(pickle.dumps(kind("cl.obo, line 7: broken")))  # noqa: S301 - our own bytes

    assert type(error) is kind
    assert (str(error), error.args) == ("cl.obo, line 7: broken", ("cl.obo, line 7: broken",))
    assert isinstance(error, KazuPlatformError)


@pytest.mark.parametrize("kind", CLASSES)
def test_an_error_stands_in_the_tree_that_the_module_draws(kind: type[KazuPlatformError]):
    """At the depth that its bases give it."""
    drawn = module.__doc__ or ""
    [line] = [
        line
        for line in drawn.splitlines()
        if f"─ {kind.__name__} " in f"{line} " or line.split() == [kind.__name__]
    ]

    depth = (len(line) - len(line.lstrip(" │├└─"))) // 4
    assert depth == kind.__mro__.index(KazuPlatformError) + 1


def test_named_constructors_survive_pickling_too():
    for error in (
        UnknownNameError.of("table", "mentons", ["mentions", "links"]),
        MalformedFileError.at(Path("cl.obo"), "a stanza without an id", line=7),
    ):
        assert str(pickle.loads(pickle.dumps(error))) == str(error)  # noqa: S301 - our own bytes


def test_a_name_like_no_other_lists_all():
    error = UnknownNameError.of("table", "xyz", ["mentions", "links"])

    assert str(error) == "There is no table 'xyz'; there is links, mentions."


def test_a_file_without_a_line_is_named_alone():
    assert str(MalformedFileError.at("cl.obo", "is empty")) == "cl.obo: is empty"
