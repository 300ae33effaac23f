"""What is tried again by Dagster, and what is not."""

from __future__ import annotations

import dagster as dg
import pytest

from assets.results import bad_data_is_final
from kazu_platform.errors import ComputeError, LostClusterError, NoWorkerError


@pytest.mark.parametrize("kind", [LostClusterError, NoWorkerError, TimeoutError])
def test_what_may_go_better_later_is_tried_again(kind: type[Exception]):
    with pytest.raises(kind), bad_data_is_final():
        raise kind("not now")


def test_a_step_that_cannot_be_run_fails_at_once():
    with pytest.raises(dg.Failure, match="mend the step") as failed, bad_data_is_final():
        raise ComputeError("mend the step")

    assert failed.value.allow_retries is False
