"""Webhooks under faults: killed and concurrent workers, bad receivers, and transactions that commit late."""

import asyncio
import time
from typing import Any

import asyncpg
import pytest

from chassis.core.clock import clock
from gateway.events.sending.sender import Sender
from gateway.events.sending.store import LaneStore
from tests.support.receiver import BAD, Receiver, hang, receiving
from tests.support.service import ServiceUnderTest
from tests.support.webhooks import Subscriber, a_client, a_subscriber, released, sending

PLANNED = """
    insert into delivery
        (endpoint_id, event_id, event_type, subject, in_order, state, attempts, failures, created_at, due_at)
    select id, uuidv7(), 'x', 'x', false, 'pending', 0, 0, now(), now() from webhook_endpoint
"""
ATTEMPTS = """
    select attempt.* from delivery_attempt as attempt join delivery on delivery.id = attempt.delivery_id
    join webhook_endpoint as endpoint on endpoint.id = delivery.endpoint_id where endpoint.url = $1
"""


@pytest.fixture
async def tenant(gateway: ServiceUnderTest) -> Subscriber:
    return await a_subscriber(gateway)


async def test_two_workers_deliver_each_event_once_and_in_order(gateway: ServiceUnderTest, tenant: Subscriber) -> None:
    async with sending(gateway), sending(gateway), receiving() as plain, receiving() as ordered:
        await tenant.endpoint(plain.url)
        await tenant.endpoint(ordered.url, ordered=True)
        ids = [id for _ in range(10) for id in await tenant.happen(*range(20), key="a")]
        await tenant.until("delivered", 200, limit=200, endpoint_id=str((await endpoints(tenant))[0]))
        await ordered.receive(200)
        await asyncio.sleep(0.2)
    assert sorted(plain.ids) == sorted(ids)
    assert ordered.ids == ids


async def endpoints(tenant: Subscriber) -> list[Any]:
    return [row["id"] for row in await tenant.rows("select id from webhook_endpoint order by id")]


async def test_a_killed_worker_loses_nothing_and_its_repeats_have_the_same_ids(
    gateway: ServiceUnderTest, tenant: Subscriber, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def die(_: Sender) -> None:
        """Stop without recording or releasing anything, as after SIGKILL."""

    hangs = True
    async with receiving(lambda _: hang if hangs else 200) as receiver:
        await tenant.endpoint(receiver.url)
        with monkeypatch.context() as patch:
            patch.setattr(Sender, "_stop", die)
            async with sending(gateway):
                ids = await tenant.happen(*range(20))
                in_flight = [request.id for request in await receiver.receive(8)]
        hangs = False
        async with sending(gateway):
            await asyncio.sleep(0.7)
            assert len(receiver.requests) == 8, "the lease of the killed worker holds"
            await tenant.rows("update webhook_lane set leased_until = now()")
            await tenant.until("delivered", 20)
    assert sorted(set(receiver.ids)) == sorted(ids)
    assert sorted(receiver.ids) == sorted(ids + in_flight)


async def test_a_worker_that_lost_its_lane_sends_no_more(gateway: ServiceUnderTest, tenant: Subscriber) -> None:
    slow = asyncio.Semaphore(0)

    async def wait(_: Any, __: Any, writer: asyncio.StreamWriter) -> None:
        await slow.acquire()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    async with receiving(lambda _: wait) as receiver, sending(gateway) as worker:
        await tenant.endpoint(receiver.url)
        await tenant.happen(*range(20))
        await receiver.receive(8)
        await tenant.rows("update webhook_lane set leased_by = uuidv7(), leased_until = now() + interval '1 hour'")
        worker._renewed_at = 0.0
        await asyncio.sleep(0.6)
        for _ in range(8):
            slow.release()
        await tenant.until("delivered", 8)
        await asyncio.sleep(0.2)
        assert len(receiver.requests) == 8


async def test_events_that_commit_while_a_lane_is_released_are_not_forgotten(
    gateway: ServiceUnderTest, tenant: Subscriber
) -> None:
    """The release must see the deliveries of a transaction that is about to commit, or be undone by it."""
    async with receiving() as receiver, a_client(gateway) as client:
        await tenant.endpoint(receiver.url)
        await tenant.happen()
        store = LaneStore(gateway.shared.worker_pool, client)
        (lane,) = [lane for lane in await store.claim(1_000) if lane.tenant_id == tenant.tenant.id]
        await tenant.rows("update delivery set state = 'delivered', due_at = null")
        url = str(gateway.shared.running.settings.worker_database_url)
        planner = await asyncpg.connect(url)
        try:
            planning = planner.transaction()
            await planning.start()
            await planner.execute(f"set local app.tenant = '{tenant.tenant.id}'")
            await planner.execute(PLANNED)
            await planner.execute("update webhook_lane set due_at = least(due_at, now())")
            release = asyncio.create_task(store.release([lane], clock.now()))
            await asyncio.sleep(0.2)
            assert not release.done()
            await planning.commit()
            await release
        finally:
            await planner.close()
    (row,) = await tenant.lanes()
    assert (row["due_at"] is not None, row["leased_by"]) == (True, None)


@pytest.mark.parametrize("kind", BAD)
async def test_a_bad_receiver_costs_an_attempt_and_not_the_worker(
    gateway: ServiceUnderTest, tenant: Subscriber, kind: str
) -> None:
    async with (
        sending(gateway, webhook_timeout_seconds=1.5),
        receiving(lambda _: BAD[kind]) as bad,
        receiving() as good,
    ):
        await tenant.endpoint(bad.url)
        await tenant.endpoint(good.url)
        started = time.monotonic()
        await tenant.happen(*range(4))
        await good.receive(4)
        assert time.monotonic() - started < 1
        attempted = await attempts_of(tenant, bad)
        assert {attempt["status"] for attempt in attempted} == ({200} if kind == "floods" else {None})
        assert all(attempt["latency_ms"] < 3_000 for attempt in attempted)
        assert all(len(attempt["response"]) <= 1_024 for attempt in attempted)
        async with asyncio.timeout(5):
            while bad.open:  # noqa: ASYNC110
                await asyncio.sleep(0.05)


async def attempts_of(tenant: Subscriber, receiver: Receiver) -> list[dict[str, Any]]:
    """Return the attempts of the four deliveries to a receiver."""
    async with asyncio.timeout(10):
        while len(rows := await tenant.rows(ATTEMPTS, receiver.url)) < 4:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    return rows


async def test_an_endpoint_that_keeps_failing_rests_and_is_then_tried_once(
    gateway: ServiceUnderTest, tenant: Subscriber
) -> None:
    fails = True
    async with sending(gateway), receiving(lambda _: 500 if fails else 200) as receiver:
        await tenant.endpoint(receiver.url)
        ids = await tenant.happen(*range(40))
        await receiver.receive(5)
        await released(tenant)
        attempted = len(receiver.requests)
        assert attempted <= 12, "it rests after the first failures"
        (lane,) = await tenant.lanes()
        assert lane["failures"] == 5
        await tenant.rows("update webhook_lane set due_at = now(), paused_until = null")
        await receiver.receive(attempted + 1)
        await released(tenant)
        assert len(receiver.requests) == attempted + 1, "a single attempt decides"
        fails = False
        await tenant.rows("update webhook_lane set due_at = now(), paused_until = null")
        await tenant.until("delivered", 40 - attempted - 1)
        await tenant.make_due()
        await tenant.until("delivered", 40)
    assert set(receiver.ids) == set(ids)


async def test_an_event_that_the_feed_has_lost_fails_without_a_request(
    gateway: ServiceUnderTest, tenant: Subscriber
) -> None:
    async with receiving() as receiver:
        await tenant.endpoint(receiver.url)
        await tenant.happen()
        await tenant.rows("delete from feed_event")
        async with sending(gateway):
            (failed,) = await tenant.until("failed")
            (attempt,) = await tenant.attempts(failed, 1)
    assert "feed" in attempt["error"]
    assert receiver.requests == []
