"""PostgreSQL and Kafka away, restarted, on a full disk: what answers, what waits, and that no service is restarted."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest

from chassis.ids import uuid7
from tests.auditor.load import Load, a_load
from tests.support.facts import a_customer, a_purchase
from tests.support.stack import RunningStack

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]
PROCESSES = ("customers", "interactions", "loyalty", "analytics", "gateway")
AWAY_SECONDS = int(os.environ.get("RAPPORT_AWAY_SECONDS", "60"))
SOON = 8.0
"""A request may wait five seconds for a connection before it is refused."""


@asynccontextmanager
async def away(stack: RunningStack, name: str) -> AsyncIterator[None]:
    """A server that is dead, and that nobody starts again before the end."""
    pid = stack.pid(name)
    stack.process.send_signal(signal.SIGSTOP)
    try:
        stack.kill(name)
        yield
    finally:
        stack.process.send_signal(signal.SIGCONT)
    await stack.revived(name, pid)


@pytest.fixture(autouse=True)
def nobody_is_restarted(stack: RunningStack) -> Iterator[None]:
    pids = [stack.pid(name) for name in PROCESSES]
    yield
    assert [stack.pid(name) for name in PROCESSES] == pids


async def test_while_kafka_is_away_everything_is_accepted_and_then_arrives_in_order(stack: RunningStack) -> None:
    async with a_load(stack, "Kafka is away") as load:
        async with away(stack, "kafka"):
            until = time.monotonic() + AWAY_SECONDS
            while time.monotonic() < until:
                await load.further(100)  # the API goes on as if nothing were
            status = (await load.visitors[0].insist("GET", "/v1/status")).json()
            interactions = status["services"]["interactions"]
            assert not status["drained"]
            assert interactions["outbox_pending"] > 0
            assert interactions["outbox_oldest_seconds"] > AWAY_SECONDS / 2
        await load.further(50)


async def test_while_postgresql_is_away_the_answer_is_a_quick_503(stack: RunningStack) -> None:
    async with a_load(stack, "PostgreSQL is away") as load:
        async with away(stack, "postgres"):
            for method, path, body in (
                ("GET", f"/v1/customers/{uuid7()}", None),
                ("POST", "/v1/customers", a_customer()),
                ("POST", "/v1/purchases", a_purchase()),
            ):
                asked = time.monotonic()
                answer = await load.visitors[0].request(method, path, json=body)
                assert answer.status_code == 503, answer.text
                assert answer.headers["content-type"] == "application/problem+json"
                assert answer.headers["retry-after"]
                assert time.monotonic() - asked < SOON
        await load.further(100)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT], ids=["fast shutdown", "immediate shutdown"])
async def test_postgresql_is_restarted_under_load(stack: RunningStack, how: signal.Signals) -> None:
    async with a_load(stack, f"PostgreSQL is restarted by {how.name}") as load:
        for _ in range(3):
            pid = stack.kill("postgres", how)
            await stack.revived("postgres", pid)
            await load.further(80)


# A full disk


@contextmanager
def on_a_small_disk(stack: RunningStack, name: str, megabytes: int) -> Iterator[Path]:
    """The server's folder on a tmpfs; the stack is stopped meanwhile."""
    folder = stack.place.root / name
    stack.stop()
    kept = folder.rename(folder.with_suffix(".kept"))
    folder.mkdir(mode=0o700)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0700", "tmpfs", folder], check=True)
    try:
        shutil.copytree(kept, folder, dirs_exist_ok=True)
        stack.start()
        yield folder
    finally:
        stack.stop()
        subprocess.run(["umount", folder], check=True)


def fill(folder: Path) -> Path:
    """Takes all that is left of a disk."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as out:
        for size in (1_000_000, 4_096):
            try:
                while True:
                    out.write(b"\0" * size)
            except OSError:
                pass
    return ballast


@pytest.fixture
def own_stack(tmp_path: Path) -> Iterator[RunningStack]:
    running = RunningStack(tmp_path / "stack")
    running.start()
    yield running
    if running.process.poll() is None:
        running.stop()


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="a tmpfs is mounted by root on Linux")
@pytest.mark.parametrize(("name", "megabytes"), [("postgres", 400), ("kafka", 200)])
async def test_a_full_disk_is_waited_out(own_stack: RunningStack, name: str, megabytes: int) -> None:
    with on_a_small_disk(own_stack, name, megabytes) as folder:
        pids = [own_stack.pid(one) for one in PROCESSES]
        async with a_load(own_stack, f"{name} has no disk left") as load:
            ballast = fill(folder)
            await until_it_is_felt(own_stack, name, load)
            ballast.unlink()
            await load.further(100)
        assert [own_stack.pid(one) for one in PROCESSES] == pids


async def until_it_is_felt(stack: RunningStack, name: str, load: Load) -> None:
    """PostgreSQL refuses to write, or either of them gives up and dies."""
    first = stack.pid(name)
    async with asyncio.timeout(60):
        while True:
            if stack.pid(name) != first or "No space left on device" in stack.place.log(name).read_text():
                return
            await asyncio.sleep(0.1)
