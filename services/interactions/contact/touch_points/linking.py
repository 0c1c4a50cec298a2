"""The customer of a touch point becomes known later: a review, a post or an e-mail has an author before."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field, StrictBool

from chassis import (
    Event,
    Feature,
    PersonErased,
    Problem,
    Query,
    RequestBody,
    Resource,
    UnitOfWork,
    Work,
    current_person,
    reject_erased,
)
from services.interactions.contact import tables
from services.interactions.contact.queries.linking import link_rows
from services.interactions.contact.queries.touch_points import TouchPoint

feature = Feature("touch-points")
MAX_LINKED = 1_000


class TouchPointLinked(Event, type="interactions.touch_point_linked.v1", partition_key="customer_id"):
    """The author of a touch point turned out to be a customer."""

    touch_point_id: UUID
    """The touch point."""
    customer_id: UUID
    """The customer."""
    previous_customer_id: UUID | None
    """The customer to whom it was linked by mistake before, or null."""
    channel: Annotated[str, Field(examples=["review"])]
    """The channel."""
    occurred_at: datetime
    """When the contact took place."""
    linked_at: datetime
    """When it was linked."""


class CustomerNamedBySource(Problem, status=409):
    """The source has named the customer of the touch point, so it is not linked to another.

    If the record of the source is wrong, merge the two customers, or record a corrected touch point.
    """


class TouchPointLinkRequest(RequestBody):
    """The customer that has turned out to be the author."""

    example = {"customer_id": "0193a7c2-5b1e-7c3a-9d54-0242ac120002", "all_of_author": True}

    customer_id: UUID
    """The customer."""
    all_of_author: StrictBool = False
    """True also links the author's other touch points of the channel that have no customer, up to 1,000."""


class TouchPointLinkResult(Resource):
    """A linked touch point, and how many others of its author were linked with it."""

    touch_point: TouchPoint
    """The touch point."""
    others_linked: int
    """How many others of the author were linked."""
    has_more: bool
    """True if the author has more. Send the request again."""


@feature.post("/touch-points/{id:uuid}/link", scope="interactions:write", raises=[CustomerNamedBySource, PersonErased])
async def link_touch_point(work: Work, id: UUID, body: TouchPointLinkRequest) -> TouchPointLinkResult:
    """Link a touch point to the customer that its author turned out to be. Another link replaces a wrong one."""
    touch_point = await work.get(tables.TouchPoint, id, for_update=True)
    await reject_erased(work, body.customer_id)
    customer = await current_person(work, body.customer_id)
    if touch_point.customer_id != customer:
        if touch_point.customer_id is not None and touch_point.linked_at is None:
            raise CustomerNamedBySource(f"The customer is {touch_point.customer_id}.", pointer="/customer_id")
        await _link(work, [touch_point], body.customer_id)
        touch_point = touch_point.replace(customer_id=customer, linked_at=work.now)
    others: Sequence[tables.TouchPoint] = []
    if body.all_of_author and touch_point.author_handle is not None:
        handle, channel = touch_point.author_handle, touch_point.channel
        others = await work.fetch(_LOCK_OTHERS, handle=handle, channel=channel, most=MAX_LINKED + 1)
        await _link(work, others[:MAX_LINKED], body.customer_id)
    return TouchPointLinkResult(
        touch_point=TouchPoint.from_row(touch_point),
        others_linked=min(len(others), MAX_LINKED),
        has_more=len(others) > MAX_LINKED,
    )


async def _link(work: UnitOfWork, touch_points: Sequence[tables.TouchPoint], customer_id: UUID) -> None:
    """Link locked touch points to a customer: to the survivor of its merges, until they are undone."""
    ids = [touch_point.id for touch_point in touch_points]
    await link_rows(work, tables.TouchPoint, ids, customer_id)
    for touch_point in touch_points:  # their readers follow the merges themselves
        work.publish(
            TouchPointLinked(
                touch_point_id=touch_point.id,
                customer_id=customer_id,
                previous_customer_id=touch_point.customer_id,
                channel=touch_point.channel,
                occurred_at=touch_point.occurred_at,
                linked_at=work.now,
            )
        )


_LOCK_OTHERS = Query(
    tables.TouchPoint,
    """
    select * from touch_point
    where author_handle = :handle and channel = :channel and customer_id is null
    order by id limit :most for no key update
    """,
)
