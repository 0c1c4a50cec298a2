"""Consents that several features record or read: the events of receipts, and the settings of a tenant."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from chassis import Event, FieldCode, Query, UnitOfWork, ValidationFailed
from services.customers.people.queries import CustomerEvent
from services.customers.people.tables import Customer
from services.customers.permission import tables
from services.customers.permission.rules import vocabulary
from services.customers.permission.rules.vocabulary import TermDocument

UNKNOWN_PURPOSE = FieldCode(
    "unknown_purpose",
    "The tenant has no such purpose, or has retired it.",
    "Send a purpose of `GET /v1/consent-settings`, or add it there.",
)
UNKNOWN_CHANNEL = FieldCode(
    "unknown_channel",
    "The tenant has no such channel, or has retired it.",
    "Send a channel of `GET /v1/consent-settings`, or add it there.",
)
CONTENT = ("customer_id", "purpose", "channel", "decision", "decided_at", "expires_at", "wording", "evidence")
"""The columns in which a repeat must equal the stored receipt."""
DecidedAt = Annotated[
    datetime,
    Field(
        description="The decision that was made last counts, whenever its event arrives. Of two at the same time "
        "the withdrawal counts."
    ),
]


class ConsentEvent(CustomerEvent):
    """The fields of the events about receipts."""

    receipt_id: UUID
    """The consent receipt."""
    purpose: Annotated[str, Field(examples=["newsletter"])]
    """The purpose of the contacts."""
    channel: Annotated[str, Field(examples=["email"])]
    """The channel."""


class DecisionEvent(ConsentEvent):
    """The fields of the events about decisions."""

    source: Annotated[str, Field(description="Where the customer decided.", examples=["preference centre"])]
    decided_at: DecidedAt
    recorded_at: datetime
    """When it was recorded."""


class ConsentGranted(DecisionEvent, type="customers.consent_granted.v1", partition_key="customer_id"):
    """A customer granted consent. A withdrawal that was decided later counts, even if its event arrives earlier."""

    expires_at: datetime | None
    """When the grant expires, or null if it does not."""


class ConsentWithdrawn(DecisionEvent, type="customers.consent_withdrawn.v1", partition_key="customer_id"):
    """A customer withdrew consent, or refused it from the start."""


class ConsentRequested(ConsentEvent, type="customers.consent_requested.v1", partition_key="customer_id"):
    """A customer has to confirm a consent, because it was given in a way that anyone could use. Send the message.

    The message needs a link: create it with `POST /v1/preference-links` and the receipt's id.
    """

    requested_at: datetime
    """When the customer was asked."""
    expires_at: datetime | None
    """Until when it can be confirmed."""


class ConsentExpired(ConsentEvent, type="customers.consent_expired.v1", partition_key="customer_id"):
    """A customer's grant has expired, and no later decision has replaced it."""

    expires_at: datetime
    """When it expired."""


async def consent_settings(work: UnitOfWork, *, for_update: bool = False) -> tables.ConsentSettings:
    """Return the settings of the tenant: those of version 0 if it has chosen none."""
    found = await work.find(tables.ConsentSettings, for_update=for_update, id=work.tenant.id)
    return found or tables.ConsentSettings(id=work.tenant.id, version=0, created_at=work.now, updated_at=work.now)


def require_known(settings: tables.ConsentSettings, receipt: tables.ConsentReceipt) -> None:
    """Raise ValidationFailed for an unknown purpose or channel. A retired one can only be withdrawn."""
    for field, terms, code in (
        ("purpose", settings.purposes, UNKNOWN_PURPOSE),
        ("channel", settings.channels, UNKNOWN_CHANNEL),
    ):
        usable = terms if receipt.decision == "withdrawn" else vocabulary.in_use(terms)
        require_term(usable, getattr(receipt, field), field, code)


def require_term(
    terms: Iterable[TermDocument], key: str, field: str, code: FieldCode, location: Literal["body", "query"] = "body"
) -> None:
    """Raise ValidationFailed unless one of the terms has this key."""
    keys = [term["key"] for term in terms]
    if key not in keys:
        raise ValidationFailed.field(f"/{field}", code, f"is none of {', '.join(keys)}", location)


def is_repeat(receipt: tables.ConsentReceipt, stored: tables.ConsentReceipt, *, is_dated: bool = True) -> bool:
    """Return whether a receipt has the content of a stored one. `is_dated` is false if its time is that of now."""
    undated = () if is_dated else ("decided_at", *(["expires_at"] if receipt.decision == "pending" else []))
    return all(getattr(receipt, name) == getattr(stored, name) for name in CONTENT if name not in undated)


async def store_receipts(
    work: UnitOfWork, customers: Mapping[UUID, Customer], receipts: Sequence[tables.ConsentReceipt]
) -> None:
    """Store receipts of customers that are locked, and publish their events."""
    for receipt in receipts:
        work.publish(event_of(receipt, customers[receipt.customer_id]))
    await work.insert_many(tables.ConsentReceipt, [receipt.model_dump(exclude={"tenant_id"}) for receipt in receipts])
    expiring = [each for each in receipts if each.decision == "granted" and each.expires_at is not None]
    await work.insert_many(
        tables.ConsentExpiry,
        [{"id": each.id, "customer_id": each.customer_id, "expires_at": each.expires_at} for each in expiring],
    )


def event_of(receipt: tables.ConsentReceipt, customer: Customer) -> Event:
    """Return the event about a receipt."""
    known = {"receipt_id": receipt.id, "external_ids": customer.external_ids}
    if receipt.decision == "pending":
        return ConsentRequested.from_row(receipt, requested_at=receipt.decided_at, **known)
    event = ConsentGranted if receipt.decision == "granted" else ConsentWithdrawn
    return event.from_row(receipt, **known)


async def receipts_of(
    work: UnitOfWork, customers: Iterable[UUID], purpose: str | None = None, channel: str | None = None
) -> list[tables.ConsentReceipt]:
    """Return the receipts of customers in the order in which they were recorded.

    A merge moves the receipts to the survivor, so that the decisions of both records count.
    """
    ids = list(customers)
    return await work.select(_RECEIPTS, customers=ids, purpose=purpose, channel=channel)


_RECEIPTS = Query(
    tables.ConsentReceipt,
    """
    select * from consent_receipt where customer_id = any(:customers::uuid[])
        and (:purpose::text is null or purpose = :purpose) and (:channel::text is null or channel = :channel)
    order by recorded_at, id
    """,
)
