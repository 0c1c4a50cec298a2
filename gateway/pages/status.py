"""Status: the state of every service in a single response. A tenant reads its own counts, the operator those of all."""

import asyncio
from collections.abc import Mapping
from typing import Annotated

import aiohttp
from fastapi import Query as Parameter

from chassis import Caller, Feature, Resource, Running, ServiceStatus, Work
from chassis.core.identity import OPERATOR_CALLER
from gateway.proxy.reverse_proxy import ReverseProxy
from gateway.proxy.upstreams import Upstream

feature = Feature("status")

PAUSE_SECONDS = 0.1
"""Time between the two readings."""
DEADLINE_SECONDS = 6.0


class ServiceState(Resource):
    """The state of a service. Everything but `up` is null while it is unavailable.

    The counts are those of the tenant's events and records. `consumer_lag` counts the events of all tenants, and is
    null unless the operator reads it.
    """

    up: bool
    outbox_pending: int | None
    outbox_oldest_seconds: float | None
    consumer_lag: int | None
    dead_letters: int | None
    gauges: dict[str, int] | None


class Status(Resource):
    """The state of the system.

    `drained` means that two consecutive readings found no waiting event of the tenant in any outbox and no consumer
    behind, and that nothing was published or applied between them. Events of other tenants can delay it. A single
    reading could miss an event on its way from service to service, so it is null unless the request asks for it, or a
    single reading shows that events are pending.
    """

    drained: bool | None
    services: dict[str, ServiceState]


Reading = Mapping[str, ServiceStatus | None]
"""The status of each service, or None if it is unavailable."""


@feature.get("/status", scope="status:read")
async def read_status(
    work: Work,
    running: Running,
    drained: Annotated[bool, Parameter(description="Also find out whether all events have been applied.")] = False,
) -> Status:
    """Return the state of every service, and on request whether all events have been applied everywhere."""
    reading = await _read_all(running, work)
    result: bool | None = None if _is_quiet(reading) else False
    if result is None and drained:
        await asyncio.sleep(PAUSE_SECONDS)
        before, reading = reading, await _read_all(running, work)
        result = _is_quiet(reading) and _positions(before) == _positions(reading)
    shows_lag = work.caller == OPERATOR_CALLER
    return Status(drained=result, services={name: _state(status, shows_lag) for name, status in reading.items()})


async def _read_all(running: Running, work: Work) -> Reading:
    proxy = running.outer_app
    assert isinstance(proxy, ReverseProxy)
    readings = {name: _fetch_status(proxy, upstream, work.caller) for name, upstream in proxy.upstreams.items()}
    readings["gateway"] = _own_status(running, work.caller)
    return dict(zip(readings, await asyncio.gather(*readings.values()), strict=True))


async def _fetch_status(proxy: ReverseProxy, upstream: Upstream, caller: Caller) -> ServiceStatus | None:
    url, headers = f"{upstream.url}/internal/status", proxy.token_headers(caller, upstream.service)
    timeout = aiohttp.ClientTimeout(total=DEADLINE_SECONDS)
    try:
        async with proxy.session.get(url, headers=headers, timeout=timeout) as response:
            return ServiceStatus.model_validate_json(await response.read()) if response.status == 200 else None
    except (aiohttp.ClientError, TimeoutError):
        return None


async def _own_status(running: Running, caller: Caller) -> ServiceStatus | None:
    try:
        return await running.status.read_for(caller)
    except Exception:
        return None


def _is_quiet(reading: Reading) -> bool:
    """Return whether every service is up, its outbox empty, and its consumer at the end of its topics."""
    return all(status is not None and status.outbox_pending == status.consumer_lag == 0 for status in reading.values())


def _positions(reading: Reading) -> dict[str, tuple[int | None, int | None]]:
    """Return how many events each service has published and applied."""
    return {name: (status.published, status.applied) for name, status in reading.items() if status}


def _state(status: ServiceStatus | None, shows_lag: bool) -> ServiceState:
    if status is None:
        return _UNAVAILABLE
    return ServiceState.from_row(status if shows_lag else status.model_copy(update={"consumer_lag": None}))


_UNAVAILABLE = ServiceState(
    up=False, outbox_pending=None, outbox_oldest_seconds=None, consumer_lag=None, dead_letters=None, gauges=None
)
