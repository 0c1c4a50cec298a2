"""Readings: what the gateway itself asks every service, beside the requests that it forwards."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import urlencode
from uuid import UUID

import aiohttp
from pydantic import BaseModel

from chassis import Caller, NotFound, PersonErased, ServiceStatus, json
from chassis.core.identity import HEADER as TOKEN_HEADER
from chassis.core.identity import OPERATOR_CALLER, Signer
from chassis.messaging.personal_data import ServiceData
from chassis.messaging.tallies import Tallies, read_tallies
from chassis.service import RunningService
from gateway.proxy.upstreams import Upstream, UpstreamUnavailable

DEADLINE = aiohttp.ClientTimeout(total=6)
PAUSE_SECONDS = 0.1
"""Time between the two readings that show that all events have been applied."""
Statuses = Mapping[str, ServiceStatus | None]
"""The status of each service, or None if it is unavailable."""
Model = TypeVar("Model", bound=BaseModel)


class Readings:
    """Reads from all services at the same time. A service that is unavailable is None."""

    def __init__(
        self,
        running: RunningService,
        upstreams: Mapping[str, Upstream],
        signer: Signer,
        session: aiohttp.ClientSession,
    ) -> None:
        self._running = running
        self._upstreams = upstreams
        self._signer = signer
        self._session = session

    async def statuses(self, caller: Caller) -> dict[str, ServiceStatus | None]:
        """Return the status of each service: the counts of the caller's tenant, or all of them for the operator."""
        readings = await self._fetch_all("/internal/status", caller, ServiceStatus)
        try:
            return readings | {"gateway": await self._running.status.read_for(caller)}
        except Exception:
            return readings | {"gateway": None}

    async def is_drained(self, caller: Caller, before: Statuses) -> tuple[bool, Statuses]:
        """Return whether all events have been applied, and the newest statuses. `before` is a reading of just now.

        A single reading could miss an event on its way from service to service.
        """
        if not is_quiet(before):
            return False, before
        await asyncio.sleep(PAUSE_SECONDS)
        after = await self.statuses(caller)
        return is_quiet(after) and _positions(before) == _positions(after), after

    async def tallies(self, since: datetime, until: datetime) -> dict[str, Tallies | None]:
        """Return the tallies of each service, of the events in a period."""
        query = urlencode({"since": since.isoformat(), "until": until.isoformat()})
        readings = await self._fetch_all(f"/internal/tallies?{query}", OPERATOR_CALLER, Tallies)
        handlers = self._running.service.handlers
        return readings | {"gateway": await read_tallies(self._running.pool, handlers, since, until)}

    async def personal_data(self, caller: Caller, ids: Sequence[UUID]) -> dict[str, ServiceData | None]:
        """Return what each service holds about persons, or None of a service that is unavailable."""
        query = urlencode([("person", str(id)) for id in ids])
        return await self._fetch_all(f"/internal/personal-data?{query}", caller, ServiceData)

    async def personal_data_request(self, caller: Caller, id: UUID) -> dict[str, Any]:
        """Return a request for personal data. Raises NotFound, PersonErased, and UpstreamUnavailable."""
        upstream = self._upstreams["customers"]
        headers = {TOKEN_HEADER: self._signer.sign(caller, upstream.service)}
        url = f"{upstream.url}/v1/personal-data-requests/{id}"
        try:
            async with self._session.get(url, headers=headers, timeout=DEADLINE) as response:
                status, content = response.status, await response.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise UpstreamUnavailable(upstream.service) from error
        if status == 404:
            raise NotFound(f"No personal data request has the id {id}.")
        if status == 410:
            raise PersonErased
        if status != 200:
            raise UpstreamUnavailable(upstream.service)
        return dict(json.loads(content))

    async def _fetch_all(self, path: str, caller: Caller, model: type[Model]) -> dict[str, Model | None]:
        answers = (self._fetch(upstream, path, caller, model) for upstream in self._upstreams.values())
        return dict(zip(self._upstreams, await asyncio.gather(*answers), strict=True))

    async def _fetch(self, upstream: Upstream, path: str, caller: Caller, model: type[Model]) -> Model | None:
        headers = {TOKEN_HEADER: self._signer.sign(caller, upstream.service)}
        try:
            async with self._session.get(upstream.url + path, headers=headers, timeout=DEADLINE) as response:
                return model.model_validate_json(await response.read()) if response.status == 200 else None
        except (aiohttp.ClientError, TimeoutError):
            return None


def is_quiet(statuses: Statuses) -> bool:
    """Return whether every service is up, its outbox empty, and its consumer at the end of its topics."""
    return all(status is not None and status.outbox_pending == status.consumer_lag == 0 for status in statuses.values())


def _positions(statuses: Statuses) -> dict[str, tuple[int | None, int | None]]:
    """Return how many events each service has published and applied."""
    return {name: (status.published, status.applied) for name, status in statuses.items() if status}
