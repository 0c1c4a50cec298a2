"""The lanes and deliveries in the database, as a worker claims, loads, records and releases them."""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

import asyncpg

from chassis import Command, Query, uuid7
from chassis.core.telemetry import log
from gateway.events.rules.encryption import CannotDecrypt
from gateway.events.rules.retries import DeliveryState
from gateway.events.sending.client import Answer, WebhookClient
from gateway.events.sending.endpoints import Endpoint, endpoint_of
from gateway.events.sending.lanes import Lane
from gateway.events.webhook_queries import (
    CLAIM,
    ENDPOINTS,
    HOLD,
    LOAD,
    MAX_LOAD_BYTES,
    RECORD,
    RELEASE,
    ClaimedLane,
    DueDelivery,
)

Row = TypeVar("Row")

LEASE_SECONDS = 15.0
SAFETY_SECONDS = 2.0
"""How long before its lease ends a worker takes a lane for lost."""
INACTIVE_SECONDS = 60
"""How long the lane of a disabled endpoint is left alone."""


@dataclass(frozen=True, slots=True)
class Result:
    """An attempt that is to be recorded. `pause` is the seconds until the next one, if there is one."""

    lane: Lane
    delivery: DueDelivery
    answer: Answer
    state: DeliveryState
    pause: float | None


class LaneStore:
    """The database of a worker, which leases lanes under an id of its own."""

    def __init__(self, pool: asyncpg.Pool, client: WebhookClient) -> None:
        self._pool = pool
        self._client = client
        self._owner = uuid7()

    async def claim(self, most: int) -> list[Lane]:
        """Lease due lanes that no other worker has."""
        leased_until = _lease_end()
        claimed = await self._fetch(CLAIM, owner=self._owner, most=most, seconds=LEASE_SECONDS)
        endpoints = await self.endpoints(claimed)
        concurrency = self._client.settings.webhook_concurrency
        return [Lane(lane, endpoints[lane.id], leased_until, concurrency) for lane in claimed if lane.id in endpoints]

    async def hold(self, lanes: Sequence[Lane]) -> None:
        """Extend the leases. The lanes that another worker has taken keep their end."""
        leased_until = _lease_end()
        held = set(await self._fetch(HOLD, owner=self._owner, seconds=LEASE_SECONDS, **_ids(lanes)))
        for lane in lanes:
            lane.leased_until = leased_until if lane.id in held else 0.0

    async def release(self, lanes: Sequence[Lane], now: datetime) -> None:
        """Give lanes back with the health of their endpoints. They become due with their next delivery."""
        inactive_until = now + timedelta(seconds=INACTIVE_SECONDS)
        healths = [lane.health for lane in lanes]
        await self._execute(
            RELEASE,
            owner=self._owner,
            **_ids(lanes),
            failures=[health.failures for health in healths],
            failing_since=[health.failing_since for health in healths],
            last_failures=[health.last_failure_at for health in healths],
            pauses=[lane.health.paused_until if lane.endpoint.is_active else inactive_until for lane in lanes],
        )

    async def endpoints(self, lanes: Sequence[ClaimedLane | Lane]) -> dict[UUID, Endpoint]:
        """Return the endpoints of lanes, as they are stored now."""
        endpoints: dict[UUID, Endpoint] = {}
        for stored in await self._fetch(ENDPOINTS, **_ids(lanes)) if lanes else []:
            try:
                endpoints[stored.id] = endpoint_of(stored, self._client.policy, self._client.encryption)
            except CannotDecrypt as error:
                log.error("a webhook endpoint cannot be used", endpoint=str(stored.id), error=str(error))
        return endpoints

    async def load(self, rooms: Mapping[Lane, int]) -> dict[UUID, list[DueDelivery]]:
        """Return due deliveries by lane, at most so many for each."""
        due = await self._fetch(
            LOAD,
            tenants=[lane.tenant_id for lane in rooms],
            endpoints=[lane.id for lane in rooms],
            counts=list(rooms.values()),
            known=["{" + ",".join(map(str, lane.known)) + "}" for lane in rooms],
            max_bytes=MAX_LOAD_BYTES,
        )
        by_lane: dict[UUID, list[DueDelivery]] = {}
        for delivery in due:
            by_lane.setdefault(delivery.endpoint_id, []).append(delivery)
        return by_lane

    async def record(self, results: Sequence[Result]) -> None:
        """Record attempts, and how their deliveries go on."""
        answers = [result.answer for result in results]
        await self._execute(
            RECORD,
            tenants=[result.delivery.tenant_id for result in results],
            ids=[result.delivery.id for result in results],
            times=[answer.at for answer in answers],
            latencies=[answer.latency_ms for answer in answers],
            statuses=[answer.status for answer in answers],
            errors=[answer.error for answer in answers],
            responses=[answer.response for answer in answers],
            states=[result.state for result in results],
            pauses=[result.pause for result in results],
        )

    async def _fetch(self, query: Query[Row], **values: Any) -> list[Row]:
        return [query.build(row) for row in await self._pool.fetch(query.sql, *query.bind(values))]

    async def _execute(self, command: Command, **values: Any) -> None:
        await self._pool.execute(command.sql, *command.bind(values))


def _lease_end() -> float:
    """Return the monotonic time at which a lease ends that a statement is about to take."""
    return time.monotonic() + LEASE_SECONDS - SAFETY_SECONDS


def _ids(lanes: Iterable[ClaimedLane | Lane]) -> dict[str, list[UUID]]:
    lanes = list(lanes)
    return {"tenants": [lane.tenant_id for lane in lanes], "ids": [lane.id for lane in lanes]}
