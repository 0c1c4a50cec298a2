"""The statuses that a tenant adds to those that every tenant has."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from chassis import (
    Feature,
    IfMatch,
    Line,
    MergePatch,
    Page,
    PageParams,
    Problem,
    RequestBody,
    Resource,
    VersionMismatch,
    Work,
    paginate,
)
from services.interactions.orders import tables
from services.interactions.orders.rules.statuses import POSITIONS, OrderStatusKind
from services.interactions.orders.statuses.schemas import Status

feature = Feature("order-statuses")


class OrderStatusExists(Problem, status=409):
    """This status exists already.

    Every tenant has the usual statuses, so only others need to be added.
    """


class OrderStatusCreate(RequestBody):
    """A status of your own."""

    example = {"status": "at_customs", "label": "At customs", "position": 450, "kind": "open"}

    status: Status
    """The name of the status, by which it is sent and filtered."""
    label: Line | None = None
    """The status as your customers read it."""
    position: Annotated[int, Field(strict=True, ge=1, le=10_000)]
    """The place among the others: of two steps at the same time, the higher one counts. Every tenant has `ordered`
    (100), `paid` (200), `prepared` (300), `shipped` (400), `delivered` (500), `installed` (600) and `returned` (700).
    It never changes, because the current status of orders depends on it."""
    kind: OrderStatusKind
    """What the status says about the order: it is on its way (`open`), it was fulfilled (`completed`), it came back
    (`returned`), or it was called off (`cancelled`)."""


class OrderStatusUpdate(MergePatch):
    """The fields of a status to change."""

    example = {"label": "With the customs office"}
    never_null = frozenset({"kind"})

    label: Line | None = None
    """The status as your customers read it."""
    kind: OrderStatusKind | None = None
    """What the status says about the order."""


class OrderStatus(Resource, row=tables.OrderStatus, etag="version"):
    """A status of your own."""

    id: UUID
    """Identifies the status."""
    version: int
    """Counts the changes. It is the ETag."""
    status: str
    """The name of the status."""
    label: str | None
    """The status as your customers read it."""
    position: int
    """The place among the others."""
    kind: OrderStatusKind
    """What the status says about the order."""
    created_at: datetime
    """When it was added."""
    updated_at: datetime
    """When it last changed."""


@feature.post("/order-statuses", scope="interactions:write", status_code=201, raises=[OrderStatusExists])
async def create_order_status(work: Work, body: OrderStatusCreate) -> OrderStatus:
    """Add a status of your own."""
    if body.status in POSITIONS or await work.find(tables.OrderStatus, status=body.status) is not None:
        raise OrderStatusExists(f"The status {body.status} exists.")
    return OrderStatus.from_row(await work.insert(tables.OrderStatus(**body.values())))


@feature.get("/order-statuses", scope="interactions:read")
async def list_order_statuses(work: Work, params: PageParams) -> Page[OrderStatus]:
    """List the statuses that you have added. Those that every tenant has are not listed."""
    return await paginate(work, params, tables.OrderStatus, OrderStatus)


@feature.get("/order-statuses/{id:uuid}", scope="interactions:read")
async def read_order_status(work: Work, id: UUID) -> OrderStatus:
    """Return a status that you have added."""
    return OrderStatus.from_row(await work.get(tables.OrderStatus, id))


@feature.patch("/order-statuses/{id:uuid}", scope="interactions:write", raises=[VersionMismatch])
async def update_order_status(work: Work, id: UUID, body: OrderStatusUpdate, if_match: IfMatch) -> OrderStatus:
    """Change the label or the kind of a status that you have added."""
    before = await work.get(tables.OrderStatus, id, for_update=True)
    work.check_version(before, if_match)
    return OrderStatus.from_row(await work.update(before, **body.changes()))
