"""Fixtures that several rooms share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def test_data() -> Path:
    """The folder of real development data; absent on a user's machine."""
    folder = os.environ.get("KAZU_TEST_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("KAZU_TEST_DATA names no folder of development data")
    return Path(folder)
