"""Kills at exact steps: a service is killed repeatedly, replicas take over, and the auditor checks the result."""

import asyncio
import signal
from collections.abc import AsyncIterator

import pytest

from tests.auditor.load import a_load
from tests.support.patience import PATIENCE_SECONDS
from tests.support.replica import Replica
from tests.support.stack import RunningStack

pytestmark = pytest.mark.slow
OURS = ("interactions", "loyalty")
DEATHS = 2


@pytest.fixture(scope="module")
async def half_stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningStack]:
    """Provide a stack without its two busiest services, which the tests run themselves."""
    running = RunningStack(tmp_path_factory.mktemp("steps"), without=OURS)
    running.start()
    yield running
    running.stop()


@pytest.mark.parametrize(
    ("service", "step"),
    [
        pytest.param("interactions", "before_a_requests_commit", marks=pytest.mark.nightly),
        ("interactions", "before_a_requests_answer"),
        pytest.param("interactions", "before_the_outbox_is_emptied", marks=pytest.mark.nightly),
        pytest.param("loyalty", "before_a_requests_answer", marks=pytest.mark.nightly),
        ("loyalty", "before_a_reactions_commit"),
        pytest.param("loyalty", "before_the_offset_is_committed", marks=pytest.mark.nightly),
        pytest.param("loyalty", "before_the_outbox_is_emptied", marks=pytest.mark.nightly),
    ],
)
async def test_a_kill_at_an_exact_step_loses_and_doubles_nothing(
    half_stack: RunningStack, service: str, step: str
) -> None:
    ports = half_stack.ports
    replicas = {name: Replica(half_stack, name, port=ports[name]) for name in OURS}
    try:
        await asyncio.gather(*(one.ready() for one in replicas.values()))
        async with a_load(half_stack, f"{service} dies {step}") as load:
            await replicas[service].stop()
            for _ in range(DEATHS):
                replicas[service] = Replica(half_stack, service, port=ports[service], dies_at=step)
                assert await replicas[service].exit_code() == -signal.SIGKILL
            replicas[service] = Replica(half_stack, service, port=ports[service])
            await load.further(50)
    finally:
        await asyncio.gather(*(one.stop() for one in replicas.values()))


async def test_of_two_workers_one_takes_over_where_the_other_was_killed(half_stack: RunningStack) -> None:
    """Each service runs its API and two workers. The surviving worker takes over the relay and the partitions."""
    ports = half_stack.ports
    apis = [Replica(half_stack, name, name="api", role="api", port=ports[name]) for name in OURS]
    workers = {(name, at): Replica(half_stack, name, name=at, role="worker") for name in OURS for at in ("a", "b")}
    try:
        await asyncio.gather(*(one.ready() for one in [*apis, *workers.values()]))
        async with a_load(half_stack, "workers take over") as load:
            for name in OURS:
                leader = await the_one_that_relays(workers[name, "a"], workers[name, "b"])
                leader.send(signal.SIGKILL)
                await load.further(100)
            for (name, at), worker in list(workers.items()):
                if await worker_has_ended(worker):
                    workers[name, at] = await Replica(half_stack, name, name=at, role="worker").ready()
            for name in OURS:  # a rolling restart: each worker in turn, by SIGTERM
                for at in ("a", "b"):
                    await workers[name, at].stop()
                    workers[name, at] = Replica(half_stack, name, name=at, role="worker")
                    await load.further(30)
    finally:
        await asyncio.gather(*(one.stop() for one in [*apis, *workers.values()]))


async def the_one_that_relays(*workers: Replica) -> Replica:
    """Return the worker whose relay has published events."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            for worker in workers:
                if await worker.metric("outbox_relayed_total"):
                    return worker
            await asyncio.sleep(0.1)


async def worker_has_ended(worker: Replica) -> bool:
    try:
        return await worker.exit_code(0.1) is not None
    except TimeoutError:
        return False
