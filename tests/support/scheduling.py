"""Scheduling for xdist: the groups of tests that share a worker, and their order. All other tests run on any worker.

xdist's own marker for this, `xdist_group`, has no effect with pytest 9.2.
"""

import pytest
from xdist.scheduler import LoadScopeScheduling
from xdist.workermanage import WorkerController

SHARED_STACK = "the shared stack"
GROUPS = {
    "demos": ("tests/system/test_demo.py", "tests/system/test_demo_under_kills.py"),  # each uses every core
    "a second stack": (
        "tests/system/test_away.py",
        "tests/system/test_generated_input.py",
        "tests/system/test_memory.py",
        "tests/system/test_second_reading.py",
    ),
    "a stack with low limits": ("tests/system/test_sdks.py",),
    "attacks": ("tests/system/test_fair_shares.py",),
    SHARED_STACK: ("tests/system/",),
    "replicas": ("tests/system/test_steps.py",),
    "stacks of their own": ("tests/system/test_local_stack.py", "tests/system/test_tracing.py"),
    "gateways of their own": (
        "tests/service/gateway/test_bad_input.py",
        "tests/service/gateway/test_browsers.py",
        "tests/service/gateway/test_shared_rate_limits.py",
    ),
    "restored databases": ("tests/service/test_upgrades.py",),
    "scratch databases": ("tests/service/test_new_migration.py",),
}
"""Tests with a shared resource, by the start of their ids. The longest groups are first.

Many tests wait until the whole system is drained, so the tests of a stack run one after another.
"""
ALONE = ("tests/system/test_full_disk.py", "tests/system/test_walkthrough.py")
"""Each test in these files starts its own processes."""


def group_of(test: str) -> str:
    """Return the name of the group of a test. A test without shared resources is its own group."""
    file = test.partition("::")[0]
    if file in ALONE:
        return test
    named = [group for group, files in GROUPS.items() if file in files]
    if named:
        return named[0]
    return SHARED_STACK if file.startswith(GROUPS[SHARED_STACK]) else test


def rank_of(item: pytest.Item) -> tuple[int, bool]:
    """Return the sort key of a test: the groups in the order above, then other slow tests, then all others."""
    group = group_of(item.nodeid)
    rank = list(GROUPS).index(group) if group in GROUPS else len(GROUPS)
    return rank, item.get_closest_marker("slow") is None


class Scheduler(LoadScopeScheduling):
    """Assigns groups in the order of the tests. A worker receives the next group when its last test begins."""

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)

    def _reschedule(self, node: WorkerController) -> None:
        # xdist queues three tests per worker: behind a long test, two others would wait while workers are idle.
        if not self.workqueue or self._pending_of(self.assigned_work[node]) < 2:
            super()._reschedule(node)
