"""The sender: leases lanes, loads their due deliveries, sends them, and records the attempts in batches.

A lane belongs to a single worker at a time, whatever the number of replicas. So the order of events, the rate limit and
the rests of an endpoint hold without further locks. If a worker is killed, its lease expires, and another one sends
again what was not recorded, under the same ids.
"""

import asyncio
import random
import time
from contextlib import suppress
from uuid import UUID

from chassis import Caller, LoopContext, UnitOfWork
from chassis.core.clock import clock
from chassis.core.telemetry import log
from chassis.db.listener import Listener
from chassis.db.pool import is_transient
from chassis.db.transaction import Transaction
from gateway.events import tables
from gateway.events.disabling import disable_endpoint
from gateway.events.planning import plan_recovery
from gateway.events.rules.retries import GONE, DisabledReason, is_success, retry_pause
from gateway.events.sending.client import Answer, WebhookClient
from gateway.events.sending.lanes import Lane
from gateway.events.sending.store import LaneStore, Result
from gateway.events.webhook_queries import CHANNEL, DueDelivery

ACTOR = "webhooks"
MAX_LANES = 1_000
RENEWAL_SECONDS = 4.0
POLL_SECONDS = 0.5
"""How often due deliveries are looked for without a notification: retries become due by time alone."""
MIN_CYCLE_SECONDS = 0.02
"""Minimum time between two rounds of statements, so that each covers the attempts of many endpoints."""
STOP_SECONDS = 1.0
INTERNAL_ERROR = "an internal error of Rapport"
NO_EVENT = "the feed does not contain the event any longer"


class Sender:
    """Sends the deliveries of all tenants. `run` is its loop."""

    def __init__(self, context: LoopContext, client: WebhookClient) -> None:
        self._context = context
        self._client = client
        self._store = LaneStore(context.pool, client)
        self._lanes: dict[UUID, Lane] = {}
        self._results: list[Result] = []
        self._to_disable: dict[UUID, DisabledReason] = {}
        self._changed: set[UUID] = set()
        """Endpoints that are to be read again."""
        self._requests: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()
        self._looks = True
        """True if deliveries may have become due."""
        self._polled_at = self._renewed_at = 0.0

    async def run(self) -> None:
        """Send until cancelled. Another worker sends again what does not end a moment after that."""
        settings = self._context.settings
        assert settings.worker_database_url is not None
        listener = Listener(
            settings.worker_database_url, settings, CHANNEL, self._notified, lambda _: self._notified("")
        )
        listening = asyncio.create_task(listener.run())
        try:
            while True:
                started = time.monotonic()
                try:
                    await self._cycle()
                except Exception as error:
                    if not is_transient(error):
                        raise
                    log.warning("webhooks wait for the database", error=repr(error))
                await self._wait(started + MIN_CYCLE_SECONDS)
        finally:
            listening.cancel()
            await self._stop()

    def _notified(self, payload: str) -> None:
        """Look for new deliveries, and read an endpoint again that has changed."""
        self._looks = True
        with suppress(ValueError):
            self._changed.add(UUID(payload))
        self._wake.set()

    async def _wait(self, earliest: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(POLL_SECONDS):
                await self._wake.wait()
        await asyncio.sleep(earliest - time.monotonic())
        self._wake.clear()

    # A round of statements

    async def _cycle(self) -> None:
        await self._record()
        await self._disable()
        await self._renew()
        await self._read_changed()
        if self._looks or time.monotonic() - self._polled_at >= POLL_SECONDS:
            await self._look()
        await self._load()
        await self._release()

    async def _record(self) -> None:
        """Record the attempts that have ended. They stay in memory until that has succeeded."""
        results = self._results[:]
        if results:
            await self._store.record(results)
            del self._results[: len(results)]
            for result in results:
                result.lane.known.discard(result.delivery.id)

    async def _disable(self) -> None:
        """Disable endpoints that are gone, or have failed for too long."""
        for id, reason in list(self._to_disable.items()):
            lane = self._lanes.get(id)
            if lane is not None:
                async with self._transaction(lane) as transaction:
                    work = UnitOfWork(transaction)
                    row = await work.find(tables.WebhookEndpoint, for_update=True, id=id)
                    if row is not None and row.state == "enabled":
                        await disable_endpoint(work, row, reason, lane.health.failing_since)
                self._context.notify_relay()
                self._changed.add(id)
            del self._to_disable[id]

    async def _renew(self) -> None:
        """Extend the leases, and read the endpoints again. Lanes that another worker has taken are released below."""
        now = time.monotonic()
        if now - self._renewed_at >= RENEWAL_SECONDS:
            if self._lanes:
                await self._store.hold(list(self._lanes.values()))
                self._changed.update(self._lanes)
            self._renewed_at = now

    async def _read_changed(self) -> None:
        changed, self._changed = self._changed, set()
        lanes = [self._lanes[id] for id in changed if id in self._lanes]
        for id, endpoint in (await self._store.endpoints(lanes)).items():
            self._lanes[id].endpoint = endpoint

    async def _look(self) -> None:
        """Look for deliveries that have become due, in the lanes of this worker and in those of none."""
        self._looks, self._polled_at = False, time.monotonic()
        for lane in self._lanes.values():
            lane.may_have_more = True
        if len(self._lanes) < MAX_LANES:
            for lane in await self._store.claim(MAX_LANES - len(self._lanes)):
                self._lanes[lane.id] = lane

    async def _load(self) -> None:
        """Load due deliveries of the lanes that have room, and start to send them."""
        now = clock.now()
        rooms = {lane: room for lane in self._lanes.values() if (room := lane.room(now)) > 0}
        loaded = await self._store.load(rooms) if rooms else {}
        for lane in rooms:
            deliveries = loaded.get(lane.id, [])
            lane.may_have_more = bool(deliveries)
            if not deliveries and lane.endpoint.recovers:
                await self._recover(lane)
            lane.add(deliveries)
            self._send_loaded(lane)

    async def _recover(self, lane: Lane) -> None:
        async with self._transaction(lane) as transaction:
            lane.endpoint.recovers = await plan_recovery(UnitOfWork(transaction), lane.id)
        lane.may_have_more = True
        self._wake.set()

    async def _release(self) -> None:
        now = clock.now()
        lanes = [lane for lane in self._lanes.values() if lane.is_done(now)]
        if lanes:
            await self._store.release(lanes, now)
            for lane in lanes:
                del self._lanes[lane.id]

    def _transaction(self, lane: Lane) -> Transaction:
        return Transaction(self._context.pool, Caller(lane.endpoint.tenant, ACTOR, frozenset()))

    async def _stop(self) -> None:
        """Let what is being sent end if it does so in a moment, record it, and release the lanes."""
        for lane in self._lanes.values():
            lane.drop_loaded()
        if self._requests:
            await asyncio.wait(self._requests, timeout=STOP_SECONDS)
        for request in self._requests:
            request.cancel()
        with suppress(Exception):
            await self._record()
            await self._store.release(list(self._lanes.values()), clock.now())

    # Requests

    def _send_loaded(self, lane: Lane) -> None:
        """Start as many requests of a lane as may run now."""
        while (delivery := lane.take(clock.now())) is not None:
            request = asyncio.create_task(self._send(lane, delivery))
            self._requests.add(request)
            request.add_done_callback(self._requests.discard)
        if lane.waits_for_rate:
            asyncio.get_running_loop().call_later(lane.seconds_to_wait, self._send_loaded, lane)

    async def _send(self, lane: Lane, delivery: DueDelivery) -> None:
        try:
            if delivery.data is None:
                answer = Answer(clock.now(), 0, None, NO_EVENT)
            else:
                answer = await self._client.send(lane.endpoint, delivery)
        except Exception as error:
            log.error("a webhook was not sent", delivery=str(delivery.id), exc_info=error)
            answer = Answer(clock.now(), 0, None, INTERNAL_ERROR)
        finally:
            lane.sending -= 1
        lane.is_costly = answer.was_cut
        self._results.append(self._judge(lane, delivery, answer))
        self._wake.set()
        self._send_loaded(lane)

    def _judge(self, lane: Lane, delivery: DueDelivery, answer: Answer) -> Result:
        """Decide how a delivery goes on after an attempt, and how its endpoint does."""
        if is_success(answer.status):
            lane.succeed()
            return Result(lane, delivery, answer, "delivered", None)
        if delivery.data is not None:
            lane.fail(answer.retry_after)
        if answer.status == GONE:
            self._to_disable[lane.id] = "gone"
        elif lane.health.has_failed_for_too_long(clock.now()):
            self._to_disable[lane.id] = "failing"
        is_last = answer.status == GONE or delivery.is_test or delivery.data is None
        pause = None if is_last else retry_pause(delivery.failures + 1, random.random(), answer.retry_after)
        return Result(lane, delivery, answer, "failed" if pause is None else "pending", pause)
