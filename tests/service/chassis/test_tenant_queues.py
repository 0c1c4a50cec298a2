"""Queues of tenants: no tenant delays another, events stay in order, and memory is limited."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import pytest

from chassis import Feature, IncomingEvent, Work
from chassis.core.problems import Unavailable
from chassis.messaging import tenant_queues
from chassis.messaging.records import KafkaRecord
from chassis.messaging.tenant_queues import TenantQueues
from chassis.types.ids import uuid7
from tests.support.service import ServiceUnderTest

PARTITION = ("rapport.customers", 0)


class Recorder:
    """A feature that notes the events it handles, and holds up or fails those of chosen tenants."""

    def __init__(self) -> None:
        self.feature = Feature("recorder")
        self.handled: dict[UUID, list[int]] = {}
        self.held: dict[UUID, asyncio.Event] = {}
        self.failing: set[UUID] = set()

        class Numbered(IncomingEvent, type="customers.numbered.v1"):
            number: int

        @self.feature.on(Numbered)
        async def note(work: Work, event: Numbered) -> None:
            tenant = work.tenant.id
            if tenant in self.held:
                await self.held[tenant].wait()
            if tenant in self.failing:
                raise Unavailable("on purpose")
            self.handled.setdefault(tenant, []).append(event.number)


class Case:
    """The queues of a service with the recorder, and two tenants."""

    def __init__(self, service: ServiceUnderTest, busy: ServiceUnderTest, quiet: ServiceUnderTest) -> None:
        self.service, self.busy, self.quiet = service, busy, quiet
        self.recorder = Recorder()
        self.dispatcher = service.dispatcher_with(self.recorder.feature)
        self.pool = service.shared.worker_pool
        self.queues = TenantQueues(self.dispatcher, self.pool)

    def events(self, tenant: ServiceUnderTest, numbers: Iterable[int]) -> list[KafkaRecord]:
        """Return the records of numbered events."""
        fact: dict[str, Any] = {"type": "customers.numbered.v1", "key": tenant.tenant.id}
        return [tenant.record_of(fact | {"data": {"number": number}, "id": uuid7()}) for number in numbers]

    def handled(self, tenant: ServiceUnderTest) -> list[int]:
        """Return the numbers of the events that were handled."""
        return self.recorder.handled.get(tenant.tenant.id, [])

    async def backlog(self) -> int:
        """Return the number of events in the backlog."""
        tenants = [self.busy.tenant.id, self.quiet.tenant.id]
        count = "select count(*) from chassis.backlog where tenant_id = any($1)"
        return int(await self.pool.fetchval(count, tenants))

    async def applied(self, tenant: ServiceUnderTest, numbers: Iterable[int]) -> None:
        """Wait until exactly these events were handled, in order."""
        expected = list(numbers)
        await until(lambda: len(self.handled(tenant)) >= len(expected))
        assert self.handled(tenant) == expected


async def until(holds: Callable[[], bool]) -> None:
    """Wait for a condition."""
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.01)


@pytest.fixture
async def case(running_interactions: ServiceUnderTest) -> AsyncIterator[Case]:
    busy, quiet = await running_interactions.for_new_tenant(), await running_interactions.for_new_tenant()
    case = Case(running_interactions, busy, quiet)
    try:
        yield case
    finally:
        await case.queues.close()


@contextmanager
def little_memory(monkeypatch: pytest.MonkeyPatch, records: int) -> Iterator[None]:
    """Limit the queues to about this many records."""
    with monkeypatch.context() as patch:
        patch.setattr(tenant_queues, "MAX_QUEUED_BYTES", records * 2_000)
        yield


async def test_a_slow_event_delays_no_other_tenant(case: Case) -> None:
    gate = case.recorder.held[case.busy.tenant.id] = asyncio.Event()
    slow = case.events(case.busy, range(3))
    await case.queues.add([*slow, *case.events(case.quiet, range(2))])
    await case.applied(case.quiet, range(2))
    assert case.handled(case.busy) == []
    assert case.queues.positions[PARTITION] == slow[0].offset  # nothing behind the slow event is committed
    gate.set()
    await case.applied(case.busy, range(3))
    await until(lambda: case.queues.positions[PARTITION] == slow[0].offset + 5)


async def test_a_failure_that_passes_lets_its_own_tenant_wait(case: Case) -> None:
    case.recorder.failing.add(case.busy.tenant.id)
    await case.queues.add([*case.events(case.busy, range(3)), *case.events(case.quiet, range(3))])
    await case.applied(case.quiet, range(3))
    case.recorder.failing.clear()
    await case.queues.add(case.events(case.busy, range(3, 5)))
    await case.applied(case.busy, range(5))
    assert await case.busy.dead_letters() == []


async def test_what_exceeds_a_tenants_share_waits_in_the_backlog(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = case.recorder.held[case.busy.tenant.id] = asyncio.Event()
    with little_memory(monkeypatch, 20):
        await case.queues.add(case.events(case.quiet, range(1)))
        for start in range(0, 300, 50):
            await case.queues.add(case.events(case.busy, range(start, start + 50)))
        assert await case.backlog() > 250
        await case.queues.add(case.events(case.quiet, range(1, 3)))
        await case.applied(case.quiet, range(3))
        gate.set()
        await case.applied(case.busy, range(300))
    await until(lambda: not case.queues.has_work)
    assert await case.backlog() == 0
    await case.queues.add(case.events(case.busy, range(300, 302)))
    await case.applied(case.busy, range(302))


async def test_a_successor_continues_with_the_backlog_in_order(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    """The former process ends while it applies. What it had in memory is received again."""
    case.recorder.held[case.busy.tenant.id] = asyncio.Event()
    records = case.events(case.busy, range(100))
    with little_memory(monkeypatch, 20):
        await case.queues.add(case.events(case.quiet, range(1)))
        for start in range(0, 100, 10):
            await case.queues.add(records[start : start + 10])
        committed = case.queues.positions[PARTITION]
        await case.queues.close()
        case.recorder.held.clear()
        case.queues = TenantQueues(case.dispatcher, case.pool)
        await case.queues.load_backlog()
        await case.queues.add([record for record in records if record.offset >= committed])
        await case.applied(case.busy, range(100))
    await until(lambda: not case.queues.has_work)
    assert await case.backlog() == 0


async def test_the_events_of_a_tenant_that_is_alone_stay_in_kafka(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = case.recorder.held[case.busy.tenant.id] = asyncio.Event()
    with little_memory(monkeypatch, 20):
        await case.queues.add(case.events(case.busy, range(50)))
        assert case.queues.is_full
        assert await case.backlog() == 0
        gate.set()
        await until(lambda: not case.queues.is_full)
    await case.applied(case.busy, range(50))


async def test_the_records_of_a_partition_that_was_handed_over_are_forgotten(case: Case) -> None:
    gate = case.recorder.held[case.busy.tenant.id] = asyncio.Event()
    await case.queues.add(case.events(case.busy, range(1)))
    await asyncio.sleep(0.05)  # the first event is being applied
    await case.queues.add(case.events(case.busy, range(1, 3)))
    case.queues.forget([PARTITION])
    gate.set()
    await until(lambda: not case.queues.has_work)
    assert case.handled(case.busy) == [0]
    assert case.queues.positions == {}


async def test_events_that_fail_for_good_become_dead_letters_at_once(case: Case) -> None:
    bad = [case.busy.record_of({"type": "customers.numbered.v1", "key": "x", "data": {}}) for _ in range(50)]
    await case.queues.add([*bad, *case.events(case.busy, range(1))])
    await case.applied(case.busy, range(1))
    letters = await case.busy.dead_letters()
    assert len(letters) == 50
    assert {letter["attempts"] for letter in letters} == {1}


async def test_an_error_of_the_chassis_reaches_the_consumer(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(_: object) -> None:
        raise AssertionError("a defect")

    monkeypatch.setattr(case.dispatcher, "apply", fail)
    await case.queues.add(case.events(case.busy, range(1)))
    await asyncio.sleep(0.05)
    with pytest.raises(AssertionError, match="a defect"):
        await case.queues.add([])
