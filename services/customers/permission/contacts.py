"""Contacts: those that took place, as touch points report them. Frequency caps count them."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from chassis import Feature, IncomingEvent, UnitOfWork
from services.customers.permission import tables
from services.customers.permission.rules.welcome import MAX_CAP_DAYS

feature = Feature("contacts")
feature.keep(tables.Contact, "occurred_at", days="contact_days")


class TouchPointRecorded(IncomingEvent, type="interactions.touch_point_recorded.v1"):
    """A contact with a customer took place."""

    touch_point_id: UUID
    customer_id: UUID | None
    channel: str
    direction: Literal["inbound", "outbound"]
    occurred_at: datetime


@feature.on_batch(TouchPointRecorded)
async def count_contacts(work: UnitOfWork, touch_points: Sequence[TouchPointRecorded]) -> None:
    """Store the contacts that a tenant has made of late, each once."""
    oldest = work.now - timedelta(days=MAX_CAP_DAYS)
    contacts = [
        {
            "id": each.touch_point_id,
            "customer_id": each.customer_id,
            "channel": each.channel.lower(),
            "occurred_at": each.occurred_at,
        }
        for each in touch_points
        if each.direction == "outbound" and each.customer_id is not None and each.occurred_at > oldest
    ]
    await work.insert_many_or_ignore(tables.Contact, contacts)
