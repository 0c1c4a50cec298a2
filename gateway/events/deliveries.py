"""Deliveries: each event for each endpoint, with its attempts. One can be sent again, and a sample can be sent."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import asyncpg
from fastapi import Depends
from fastapi import Query as Parameter
from pydantic import Field

from chassis import (
    Accepted,
    Feature,
    NotFound,
    Page,
    PageParams,
    Problem,
    Query,
    RequestBody,
    Resource,
    Running,
    TimeRange,
    UnitOfWork,
    ValidationFailed,
    Work,
    equals,
    json,
    paginate,
    time_range,
    uuid7,
)
from chassis.core.clock import clock
from chassis.core.field_errors import did_you_mean
from gateway import contracts
from gateway.events import tables
from gateway.events.planning import wake_lane
from gateway.events.rules.event_types import UNKNOWN_EVENT_TYPE
from gateway.events.rules.retries import DeliveryState
from gateway.events.rules.samples import sample
from gateway.settings import Settings

feature = Feature("deliveries")

DEFAULT_SAMPLE = "customers.customer_created.v1"


class EndpointIsDisabled(Problem, status=409):
    """The webhook endpoint is disabled, so nothing is sent to it.

    Enable it by `PATCH /v1/webhook-endpoints/{id}` with a `state` of `enabled`.
    """


class TestEventRequest(RequestBody):
    """The type of the sample event to send."""

    example = {"event_type": "loyalty.points_earned.v1"}

    __test__ = False  # it is no test of pytest

    event_type: Annotated[
        str, Field(pattern=r"^[a-z]+\.[a-z_]+\.v[0-9]+$", max_length=100, examples=["loyalty.points_earned.v1"])
    ] = DEFAULT_SAMPLE
    """The type of the sample event."""


class Delivery(Resource, row=tables.Delivery):
    """An event for an endpoint. A pending delivery is sent at `due_at`, or again then."""

    id: UUID
    """Identifies the delivery."""
    endpoint_id: UUID
    """The endpoint."""
    event_id: UUID
    """The event."""
    event_type: str
    """The type of the event."""
    subject: str
    """The subject of the event."""
    state: DeliveryState
    """The state of the delivery."""
    attempts: int
    """The number of attempts so far."""
    last_status: int | None
    """The status of the last response, or null without any."""
    due_at: datetime | None
    """When it is sent next, or null if it is finished."""
    created_at: datetime
    """When it was planned."""
    finished_at: datetime | None
    """When it was delivered or given up, or null."""


class DeliveryAttempt(Resource, row=tables.DeliveryAttempt):
    """A request to an endpoint. `error` says why there was no response. `response` has its first kilobyte."""

    id: UUID
    """Identifies the attempt."""
    number: int
    """The number of the attempt, from 1."""
    at: datetime
    """When it was made."""
    latency_ms: int
    """The time until the response, in milliseconds."""
    status: int | None
    """The status of the response, or null without any."""
    error: str | None
    """The reason why there was no response, or null."""
    response: str
    """The first kilobyte of the response."""


@feature.get("/deliveries", scope="webhooks:read")
async def list_deliveries(
    work: Work,
    params: PageParams,
    created_at: Annotated[TimeRange, Depends(time_range("created_at"))],
    endpoint_id: Annotated[UUID | None, Parameter(description="Return only deliveries to this endpoint.")] = None,
    state: Annotated[DeliveryState | None, Parameter(description="Return only deliveries in this state.")] = None,
    event_type: Annotated[str | None, Parameter(max_length=100, description="Return only events of this type.")] = None,
    event_id: Annotated[UUID | None, Parameter(description="Return only deliveries of this event.")] = None,
) -> Page[Delivery]:
    """List the deliveries, newest first."""
    filters = equals(endpoint_id=endpoint_id, state=state, event_type=event_type, event_id=event_id)
    where = [*filters, *created_at.filters]
    return await paginate(work, params, tables.Delivery, Delivery, sort="-id", where=where)


@feature.get("/deliveries/{id:uuid}", scope="webhooks:read")
async def read_delivery(work: Work, id: UUID) -> Delivery:
    """Return a delivery."""
    return Delivery.from_row(await work.get(tables.Delivery, id))


@feature.get("/deliveries/{id:uuid}/attempts", scope="webhooks:read")
async def list_delivery_attempts(work: Work, id: UUID, params: PageParams) -> Page[DeliveryAttempt]:
    """List the attempts of a delivery, oldest first."""
    await work.get(tables.Delivery, id)
    where = equals(delivery_id=id)
    return await paginate(work, params, tables.DeliveryAttempt, DeliveryAttempt, sort="number", where=where)


@feature.post("/deliveries/{id:uuid}/redeliver", scope="webhooks:write", raises=[EndpointIsDisabled])
async def redeliver_event(work: Work, id: UUID) -> Accepted[Delivery]:
    """Send a delivery again now, in whatever state it is, with the same id. A failure restarts the retry schedule."""
    delivery = await work.get(tables.Delivery, id, for_update=True)
    await _require_enabled(work, delivery.endpoint_id)
    again = await work.fetch_row(_SEND_AGAIN, id=id)
    await wake_lane(work, delivery.endpoint_id)
    return Accepted(Delivery.from_row(again))


@feature.post("/webhook-endpoints/{id:uuid}/test", scope="webhooks:write", raises=[EndpointIsDisabled])
async def send_test_event(work: Work, running: Running, id: UUID, body: TestEventRequest) -> Accepted[Delivery]:
    """Send a sample event to an endpoint, whether or not it gets events of this type. It is sent once.

    The sample has the form of a real event, and values that are made up. The delivery shows what came of it.
    """
    settings = running.settings
    assert isinstance(settings, Settings)
    await _require_enabled(work, id)
    types = contracts.event_types(settings.contracts)
    if body.event_type not in types:
        detail = f"{body.event_type} is not a type of event{did_you_mean(body.event_type, list(types))}"
        raise ValidationFailed.field("/event_type", UNKNOWN_EVENT_TYPE, detail)
    data: dict[str, Any] = sample(contracts.event_schema(settings.contracts, body.event_type))
    delivery = await work.insert(
        tables.Delivery(
            endpoint_id=id,
            event_id=uuid7(),
            event_type=body.event_type,
            subject=str(next(iter(data.values()), work.tenant.id)),
            test_event=json.dumps_str(data),
            created_at=clock.now(),
            due_at=clock.now(),
        )
    )
    await wake_lane(work, id)
    return Accepted(Delivery.from_row(delivery))


feature.keep(tables.Delivery, "created_at", days="webhook_days", order_by="id")


@feature.gauge("webhook_backlog")
async def count_backlog(pool: asyncpg.Pool) -> int:
    """Return the number of pending deliveries, over all tenants, up to 10,000: a status must stay cheap."""
    return int(await pool.fetchval("select count_webhook_backlog()"))


@feature.tenant_gauge("webhook_backlog")
async def count_backlog_of_tenant(work: Work) -> int:
    """Return the number of the tenant's pending deliveries, up to 10,000."""
    (count,) = await work.select(_COUNT_PENDING)
    return count


async def _require_enabled(work: UnitOfWork, endpoint_id: UUID) -> None:
    endpoint = await work.get(tables.WebhookEndpoint, endpoint_id)
    if endpoint.deleted_at is not None:
        raise NotFound(f"No webhook endpoint has the id {endpoint_id}.")
    if endpoint.state == "disabled":
        raise EndpointIsDisabled


_SEND_AGAIN = Query(
    tables.Delivery,
    """
    update delivery set state = 'pending', failures = 0, due_at = now(), finished_at = null where id = :id returning *
    """,
)
_COUNT_PENDING = Query(
    int, "select count(*) from (select from delivery where state = 'pending' limit 10000) as counted"
)
