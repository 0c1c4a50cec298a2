"""The operation that collects personal data."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from fastapi import Request

from chassis import Caller, Feature, JsonObject, PersonErased, Query, Resource, Running, Work, json
from gateway.events.personal_data.page import PersonalDataPage, page_of
from gateway.proxy.reverse_proxy import ReverseProxy
from gateway.proxy.upstreams import UpstreamUnavailable

feature = Feature("personal-data")

SCOPE = "personal-data:read"
MAX_EVENTS = 5_000


class ServicePersonalData(Resource):
    """What a service holds about a customer."""

    service: str
    """The service."""
    state: Literal["complete", "unavailable"]
    """The rows are complete, or the service did not respond: ask again."""
    tables: dict[str, list[JsonObject]]
    """The rows of each table that has some."""
    truncated: list[str]
    """The tables with more rows than are returned."""


class PersonalData(Resource):
    """Everything that is held about a customer."""

    id: UUID
    """The request."""
    customer_id: UUID
    """The customer."""
    customer_ids: list[UUID]
    """The customer's id, and the ids of records that were merged into it."""
    requested_at: datetime
    """When the data were requested."""
    collected_at: datetime
    """When the data were collected: now."""
    state: Literal["complete", "partial"]
    """All services responded, or some did not: ask again."""
    services: list[ServicePersonalData]
    """The data of each service."""


@feature.get("/personal-data/{id:uuid}", scope=SCOPE, raises=[PersonErased, UpstreamUnavailable], expensive=True)
async def read_personal_data(
    work: Work, running: Running, request: Request, id: UUID
) -> PersonalData | PersonalDataPage:
    """Collect everything that is held about the customer of a request, from all services.

    Nothing is stored: each read collects the present data. With `Accept: text/html`, it is a page.
    """
    proxy = running.outer_app
    assert isinstance(proxy, ReverseProxy)
    asked = await proxy.readings.personal_data_request(work.caller, id)
    ids = [UUID(each) for each in asked["customer_ids"]]
    services = await _collect(work, proxy, work.caller, ids)
    data = PersonalData(
        id=id,
        customer_id=asked["customer_id"],
        customer_ids=ids,
        requested_at=asked["created_at"],
        collected_at=work.now,
        state="complete" if all(service.state == "complete" for service in services) else "partial",
        services=services,
    )
    before, page, _ = request.headers.get("accept", "").partition("text/html")
    if not page or "application/json" in before:
        return data
    return page_of("Personal data", [(_heading(each), each.tables) for each in data.services])


def _heading(data: ServicePersonalData) -> str:
    notes = [f"not all rows of {name}" for name in data.truncated]
    notes += ["did not respond: ask again"] if data.state == "unavailable" else []
    return f"{data.service} ({', '.join(notes)})" if notes else data.service


async def _collect(work: Work, proxy: ReverseProxy, caller: Caller, ids: Sequence[UUID]) -> list[ServicePersonalData]:
    collected = await proxy.readings.personal_data(caller, ids)
    services = [
        ServicePersonalData(
            service=name,
            state="unavailable" if data is None else "complete",
            tables={} if data is None else data.tables,
            truncated=[] if data is None else data.truncated,
        )
        for name, data in collected.items()
    ]
    events = await work.select(_EVENTS, subjects=[str(id) for id in ids], limit=MAX_EVENTS + 1)
    rows = [{"id": str(e.id), "type": e.type, "time": e.time.isoformat(), "data": json.loads(e.data)} for e in events]
    services.append(
        ServicePersonalData(
            service="gateway",
            state="complete",
            tables={"feed_event": rows[:MAX_EVENTS]} if rows else {},
            truncated=["feed_event"] if len(rows) > MAX_EVENTS else [],
        )
    )
    return services


@dataclass(frozen=True, slots=True)
class FeedRow:
    """An event of the feed about a customer."""

    id: UUID
    type: str
    time: datetime
    data: str


_EVENTS = Query(
    FeedRow,
    """
    select id, type, time, data from feed_event where subject = any(:subjects) order by position limit :limit
    """,
)
