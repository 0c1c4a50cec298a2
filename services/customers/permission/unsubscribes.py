"""Unsubscribes: a click on the link in a message of a campaign withdraws the consent of its customer."""

from datetime import datetime
from uuid import UUID

from chassis import Feature, IncomingEvent, Work
from services.customers.people.tables import Customer
from services.customers.permission import tables
from services.customers.permission.queries import store_receipts

feature = Feature("unsubscribes-of-campaigns")
SOURCE = "unsubscribe_link"


class Unsubscribed(IncomingEvent, type="interactions.unsubscribed.v1"):
    """A customer unsubscribed by the link of a message."""

    customer_id: UUID
    receipt_id: UUID
    purpose: str
    channel: str
    campaign_id: UUID
    unsubscribed_at: datetime


@feature.on(Unsubscribed)
async def withdraw_consents(work: Work, unsubscribed: Unsubscribed) -> None:
    """Record the withdrawal under the id that the event gives it. A removed customer has none."""
    customer = await work.find(Customer, for_update=True, id=unsubscribed.customer_id)
    while customer is not None and customer.merged_into is not None:
        customer = await work.find(Customer, for_update=True, id=customer.merged_into)
    if customer is None or await work.find(tables.ConsentReceipt, id=unsubscribed.receipt_id) is not None:
        return
    receipt = tables.ConsentReceipt(
        id=unsubscribed.receipt_id,
        customer_id=customer.id,
        purpose=unsubscribed.purpose,
        channel=unsubscribed.channel,
        decision="withdrawn",
        decided_at=unsubscribed.unsubscribed_at,
        source=SOURCE,
        source_id=str(unsubscribed.receipt_id),
        evidence={"campaign_id": str(unsubscribed.campaign_id)},
        actor=work.actor,
        recorded_at=work.now,
    )
    await store_receipts(work, {customer.id: customer}, [receipt])
