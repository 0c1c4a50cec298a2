"""Which tests xdist keeps together in one worker, and which of them start first. All other tests run anywhere.

xdist's own marker for this, `xdist_group`, has no effect with pytest 9.2.
"""

import pytest
from xdist.scheduler import LoadScopeScheduling
from xdist.workermanage import WorkerController

SHARED_STACK = "the shared stack"
GROUPS = {
    "demos": ("tests/system/test_demo.py", "tests/system/test_demo_under_kills.py"),  # each alone takes every core
    "a second stack": (
        "tests/system/test_away.py",
        "tests/system/test_generated_input.py",
        "tests/system/test_memory.py",
        "tests/system/test_second_reading.py",
    ),
    SHARED_STACK: ("tests/system/",),
    "replicas": ("tests/system/test_steps.py",),
    "stacks of their own": ("tests/system/test_local_stack.py",),
    "restored databases": ("tests/service/test_upgrades.py",),
}
"""Tests that share something, by the beginning of their ids; the groups that take longest come first.

Many tests wait until nothing is on its way in the whole system, so those of one stack run one by one.
"""
ALONE = ("tests/system/test_full_disk.py", "tests/system/test_walkthrough.py")
"""Each test of such a file starts what it needs."""


def group_of(test: str) -> str:
    """Return the name of the group that a test belongs to; a test that shares nothing is a group of its own."""
    file = test.partition("::")[0]
    if file in ALONE:
        return test
    named = [group for group, files in GROUPS.items() if file in files]
    if named:
        return named[0]
    return SHARED_STACK if file.startswith(GROUPS[SHARED_STACK]) else test


def rank_of(item: pytest.Item) -> tuple[int, bool]:
    """Return what sorts tests for workers: the groups in the order above, then other slow tests, then all others."""
    group = group_of(item.nodeid)
    rank = list(GROUPS).index(group) if group in GROUPS else len(GROUPS)
    return rank, item.get_closest_marker("slow") is None


class Scheduler(LoadScopeScheduling):
    """Hands out groups in the order of the tests; a worker gets the next one when its last test begins."""

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)

    def _reschedule(self, node: WorkerController) -> None:
        # xdist keeps three tests ready for each worker: behind a long one, two others would wait while workers idle.
        if not self.workqueue or self._pending_of(self.assigned_work[node]) < 2:
            super()._reschedule(node)
