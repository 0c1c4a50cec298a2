"""The demo under kills: it passes although a process is killed at a random moment."""

import asyncio
import os
import random
import signal
import sys
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import Iterator

import pytest

from tests.support.stack import RunningStack

ALL = ("customers", "interactions", "loyalty", "analytics", "gateway", "postgres", "kafka")
LONGEST_WAIT = 30
SEED = os.environ.get("RAPPORT_SEED") or str(random.SystemRandom().randrange(10**6))
VICTIMS = random.Random(SEED).sample(ALL, int(os.environ.get("RAPPORT_VICTIMS", "2")))
"""Two processes, because each costs more than a minute. RAPPORT_VICTIMS=7 kills each of them."""


@pytest.fixture(scope="module")
def own_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    running = RunningStack(tmp_path_factory.mktemp("demo"))
    running.start()
    yield running
    running.stop()


@pytest.mark.nightly
@pytest.mark.parametrize("victim", VICTIMS)
async def test_the_demo_holds_whoever_is_killed_whenever(own_stack: RunningStack, victim: str) -> None:
    wait = random.Random(f"{SEED} {victim}").uniform(0, LONGEST_WAIT)
    print(f"RAPPORT_SEED={SEED}: {victim} is killed {wait:.2f} s after the households are recorded")
    environment = {**os.environ, "RAPPORT_DATA": str(own_stack.data_dir.root), "PYTHONUNBUFFERED": "1"}
    demo = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "examples.demo", env=environment, stdout=PIPE, stderr=STDOUT
    )
    assert demo.stdout is not None
    said = ""
    while "households recorded" not in said:
        line = (await demo.stdout.readline()).decode()
        assert line, said
        said += line
    await asyncio.sleep(wait)
    assert demo.returncode is None, "the demo has already ended: wait less"
    pid = own_stack.kill(victim, signal.SIGKILL)
    said += (await asyncio.wait_for(demo.stdout.read(), 600)).decode()
    assert await demo.wait() == 0, said
    assert "All checks passed" in said
    await own_stack.revived(victim, pid)
    await own_stack.ready()
