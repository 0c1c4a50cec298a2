"""Status: how the whole system is, on one page. Counts only, no tenant's content."""

import asyncio

import aiohttp
from fastapi import Request
from pydantic import BaseModel

from chassis import Feature, Service, Work
from chassis.identity import HEADER, Caller
from chassis.status import ServiceStatus
from gateway.data_path import DataPath, Lane

feature = Feature("status")

BETWEEN_READINGS_SECONDS = 0.1
DEADLINE_SECONDS = 6.0


class ServiceState(BaseModel):
    """One service; the counts are null while it is away."""

    up: bool
    outbox_pending: int | None
    outbox_oldest_seconds: float | None
    consumer_lag: int | None
    dead_letters: int | None
    orphans: int | None


class Status(BaseModel):
    """The system.

    drained: two readings in a row found every outbox empty, every consumer at its end, and nothing published or
    applied between them; a chain from service to service would slip through one reading.
    """

    drained: bool
    services: dict[str, ServiceState]


Reading = dict[str, ServiceStatus | None]


@feature.get("/status", scope="status:read")
async def read_status(work: Work, request: Request) -> Status:
    """What waits where, and whether everything that happened has arrived everywhere."""
    service: Service = request.app.state.service
    first = await _read_all(service, work.caller)
    drained = _is_quiet(first)
    if drained:
        await asyncio.sleep(BETWEEN_READINGS_SECONDS)
        second = await _read_all(service, work.caller)
        drained = _is_quiet(second) and _moved(first) == _moved(second)
        first = second
    return Status(drained=drained, services={name: _state(found) for name, found in first.items()})


async def _read_all(service: Service, caller: Caller) -> Reading:
    front = service.front
    assert isinstance(front, DataPath)
    asked = {name: _ask(front, lane, caller) for name, lane in front.lanes.items()}
    asked["gateway"] = _own(service)
    return dict(zip(asked, await asyncio.gather(*asked.values()), strict=True))


async def _ask(front: DataPath, lane: Lane, caller: Caller) -> ServiceStatus | None:
    token = front.signer.sign(caller, lane.service)
    timeout = aiohttp.ClientTimeout(total=DEADLINE_SECONDS)
    try:
        async with front.session.get(f"{lane.url}/internal/status", headers={HEADER: token}, timeout=timeout) as answer:
            return ServiceStatus.model_validate_json(await answer.read()) if answer.status == 200 else None
    except (aiohttp.ClientError, TimeoutError):
        return None


async def _own(service: Service) -> ServiceStatus | None:
    try:
        return await service.status.read(service.pool)
    except Exception:
        return None


def _is_quiet(reading: Reading) -> bool:
    return all(found is not None and found.outbox_pending == found.consumer_lag == 0 for found in reading.values())


def _moved(reading: Reading) -> dict[str, tuple[int | None, int | None]]:
    return {name: (found.published, found.applied) for name, found in reading.items() if found}


def _state(found: ServiceStatus | None) -> ServiceState:
    if found is None:
        return ServiceState(up=False, **dict.fromkeys(list(ServiceState.model_fields)[1:]))
    return ServiceState.model_construct(**{name: getattr(found, name) for name in ServiceState.model_fields})
