"""Runs whose code server is gone: each is told apart, and their places are free."""

from __future__ import annotations

import dagster as dg

from resources.dagster_home import PROCESS_TAG
from resources.orphaned_runs import bury, orphaned_runs

RETRIES = {"enabled": True, "max_retries": 1, "retry_on_asset_or_op_failure": False}
STATUS = dg.DagsterRunStatus


@dg.asset(pool="corpus")
def network() -> None: ...


JOB = dg.define_asset_job("one", "network").resolve(
    asset_graph=dg.Definitions([network]).resolve_asset_graph()
)


def test_what_was_under_way_is_ended_and_only_whole_runs_are_tried_again():
    with dg.instance_for_test(overrides={"run_retries": RETRIES}) as instance:
        under_way = [
            instance.create_run_for_job(JOB, status=status, tags=tags)
            for status, tags in (
                (STATUS.STARTED, {}),
                (STATUS.STARTING, {}),
                (STATUS.STARTED, {PROCESS_TAG: "7"}),
                (STATUS.NOT_STARTED, {PROCESS_TAG: "7"}),
                (STATUS.CANCELING, {}),
            )
        ]
        others = [
            instance.create_run_for_job(JOB, status=status)
            for status in (STATUS.NOT_STARTED, STATUS.SUCCESS)
        ]

        orphans = orphaned_runs(instance)
        bury(instance, orphans)

        after = [instance.get_run_by_id(run.run_id) for run in (*under_way, *others)]
        assert set(orphans) == {run.run_id for run in under_way}
        assert [(run.status, run.tags.get("dagster/will_retry")) for run in after if run] == [
            (STATUS.FAILURE, "true"),
            (STATUS.FAILURE, "true"),
            *[(STATUS.CANCELED, None)] * 3,
            (STATUS.NOT_STARTED, None),
            (STATUS.SUCCESS, None),
        ]


def test_the_place_in_a_pool_is_free_for_the_next():
    with dg.instance_for_test() as instance:
        pools = instance.event_log_storage
        pools.set_concurrency_slots("corpus", 1)
        run = instance.create_run_for_job(JOB, status=STATUS.STARTED)
        assert pools.claim_concurrency_slot("corpus", run.run_id, "network").is_claimed
        assert not pools.claim_concurrency_slot("corpus", "another", "network").is_claimed

        bury(instance, orphaned_runs(instance))

        assert pools.claim_concurrency_slot("corpus", "another", "network").is_claimed
