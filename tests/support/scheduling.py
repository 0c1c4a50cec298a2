"""Which tests xdist keeps together in one worker: those that share a stack or a database. All others run anywhere.

xdist's own marker for this, `xdist_group`, has no effect with pytest 9.2.
"""

from xdist.scheduler import LoadScopeScheduling
from xdist.workermanage import WorkerController

SHARED_STACK = "tests/system/"
"""Tests of the whole system share one stack: many wait until nothing is on its way in it, so they run one by one."""
TOGETHER = (
    "tests/service/test_upgrades.py",  # the databases of a release are restored once
    "tests/system/test_demo_under_kills.py",
    "tests/system/test_local_stack.py",
    "tests/system/test_steps.py",
)
"""The tests of such a file share something of their own."""
ALONE = (
    "tests/system/test_demo.py",
    "tests/system/test_full_disk.py",
    "tests/system/test_walkthrough.py",
)
"""Each test of such a file starts what it needs."""


def group_of(test: str) -> str:
    """Return the name of the group that a test belongs to: tests of one group run in one worker."""
    file = test.partition("::")[0]
    if file in TOGETHER:
        return file
    if file in ALONE or not file.startswith(SHARED_STACK):
        return test
    return SHARED_STACK


class Scheduler(LoadScopeScheduling):
    """Hands out groups, the largest first; a worker gets the next one when its last test begins."""

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)

    def _reschedule(self, node: WorkerController) -> None:
        # xdist keeps three tests ready for each worker: behind a long one, two others would wait while workers idle.
        if not self.workqueue or self._pending_of(self.assigned_work[node]) < 2:
            super()._reschedule(node)
