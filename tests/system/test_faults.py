"""Faults: what is done to the system under a load, and what must hold afterwards, as the auditor knows it.

Whoever was killed or stood still: nothing that was acknowledged is lost, nothing is there twice, the order of a
customer's events is kept, and nobody had to restart anything.
"""

import asyncio
import signal

import psutil
import pytest

from tests.auditor.load import a_load
from tests.support.stack import RunningStack

SERVICES = ("customers", "interactions", "loyalty", "analytics")
MEMBERS = (*SERVICES, "gateway", "postgres", "kafka")
FAST = ("interactions", "loyalty")
LONGER_THAN_A_SESSION = 8.0
"""The local stack's consumers are given up after six seconds of silence."""

slow = pytest.mark.slow


@pytest.mark.parametrize("victim", [one if one in FAST else pytest.param(one, marks=slow) for one in MEMBERS])
async def test_a_kill_under_load_loses_and_doubles_nothing(stack: RunningStack, victim: str) -> None:
    async with a_load(stack, f"{victim} is killed") as load:
        for _ in range(2):
            pid = stack.kill(victim)
            await stack.revived(victim, pid)
            await load.further(80)


@slow
@pytest.mark.parametrize("victim", MEMBERS)
async def test_one_that_stands_still_holds_up_nobody_for_good(stack: RunningStack, victim: str) -> None:
    async with a_load(stack, f"{victim} stands still") as load:
        still = stand_still(stack.pid(victim))
        try:
            await asyncio.sleep(LONGER_THAN_A_SESSION)
        finally:
            go_on(still)
        await load.further(80)


def stand_still(pid: int) -> list[psutil.Process]:
    """SIGSTOP for a process and for those that it has started: PostgreSQL is many."""
    process = psutil.Process(pid)
    all = [process, *process.children(recursive=True)]
    for one in all:
        one.send_signal(signal.SIGSTOP)
    return all


def go_on(processes: list[psutil.Process]) -> None:
    for one in processes:
        if one.is_running():
            one.send_signal(signal.SIGCONT)
