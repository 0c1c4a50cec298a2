"""The operations on a customer's receipts."""

from collections.abc import Sequence
from datetime import datetime, time, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import Query as Parameter

from chassis import (
    NOT_AFTER,
    Feature,
    Instant,
    Page,
    PageParams,
    Query,
    SourceIdReused,
    UnitOfWork,
    Upserted,
    ValidationFailed,
    Work,
    equals,
    paginate,
    reject_future,
    zone_of_numbers,
)
from services.customers.people.tables import Customer
from services.customers.permission import tables
from services.customers.permission.consents.schemas import Consent, ConsentCreate, Permission
from services.customers.permission.queries import (
    UNKNOWN_CHANNEL,
    UNKNOWN_PURPOSE,
    consent_settings,
    is_repeat,
    receipts_of,
    require_known,
    require_term,
    store_receipts,
)
from services.customers.permission.rules import decisions, vocabulary
from services.customers.permission.rules.vocabulary import ConsentChannel, ConsentPurpose
from services.customers.permission.rules.welcome import (
    MAX_CAP_DAYS,
    BetterChannelReason,
    Contact,
    FrequencyCap,
    QuietHours,
    WelcomeReason,
    welcome,
)

feature = Feature("consents")
CONFIRMATION = timedelta(days=7)
"""How long a pending receipt can be confirmed, unless it says otherwise."""


@feature.post("/customers/{id:uuid}/consents", scope="customers:write", raises=[SourceIdReused], owner="id")
async def record_consent(work: Work, id: UUID, body: ConsentCreate) -> Upserted[Consent]:
    """Record a decision. `decided_at` defaults to now.

    The clock of a client may be ahead: a time within the next day is stored as now, and a later one is rejected. A
    repeat with the same source id returns the existing receipt with 200.
    """
    customer = await work.get(Customer, id, for_update=True)
    decided_at = body.decided_at or work.now
    reject_future(work, decided_at, "/decided_at")
    decided_at = min(decided_at, work.now)
    values = body.values() | {"decided_at": decided_at, "customer_id": id}
    if body.decision == "pending" and body.expires_at is None:
        values["expires_at"] = decided_at + CONFIRMATION
    receipt = tables.ConsentReceipt(**values, actor=work.actor, recorded_at=work.now)
    repeated = await _repeated(work, receipt, is_dated=body.decided_at is not None)
    if repeated is not None:
        return Upserted(Consent.from_row(repeated), created=False)
    if receipt.expires_at is not None and receipt.expires_at <= decided_at:
        raise ValidationFailed.field("/expires_at", NOT_AFTER, "must be after decided_at")
    require_known(await consent_settings(work), receipt)
    await store_receipts(work, {id: customer}, [receipt])
    return Upserted(Consent.from_row(receipt), created=True)


@feature.get("/customers/{id:uuid}/consents", scope="customers:read", owner="id")
async def list_consents(work: Work, id: UUID, params: PageParams) -> Page[Consent]:
    """List a customer's receipts in the order in which they were recorded."""
    customer = await work.get(Customer, id)
    return await paginate(work, params, tables.ConsentReceipt, Consent, where=equals(customer_id=customer.id))


@feature.get("/customers/{id:uuid}/may-contact", scope="customers:read", owner="id")
async def read_permission(
    work: Work,
    id: UUID,
    purpose: Annotated[ConsentPurpose, Parameter(description="The purpose of the contact.")],
    channel: Annotated[ConsentChannel, Parameter(description="The channel of the contact.")],
    at: Annotated[Instant | None, Parameter(description="The time of the contact. Default: now.")] = None,
) -> Permission:
    """Return whether a customer may be contacted, and the receipt that decides it. Without a receipt: no.

    It also returns whether the contact is welcome at that time, and whether the customer prefers another channel.
    """
    customer, settings, at = await work.get(Customer, id), await consent_settings(work), at or work.now
    for field, terms, key, code in (
        ("purpose", settings.purposes, purpose, UNKNOWN_PURPOSE),
        ("channel", settings.channels, channel, UNKNOWN_CHANNEL),
    ):
        require_term(terms, key, field, code, location="query")
    receipts = await receipts_of(work, [customer.id], purpose)
    reason, receipt = decisions.permission([each for each in receipts if each.channel == channel], at)
    if not _are_in_use(settings, purpose, channel):
        reason = "retired"
    if customer.state != "active" or customer.archived_at is not None:
        reason = "not_active"
    welcome_reason, welcome_at = await _welcome(work, customer, settings, channel, at)
    better, better_reason = _better_channel(customer, settings, receipts, channel, at)
    return Permission(
        customer_id=customer.id,
        purpose=purpose,
        channel=channel,
        permitted=reason == "granted",
        reason=reason,
        receipt=Consent.from_row(receipt) if receipt else None,
        welcome=welcome_reason == "welcome",
        welcome_reason=welcome_reason,
        welcome_at=welcome_at,
        better_channel=better,
        better_channel_reason=better_reason,
        as_of=at,
    )


async def _repeated(
    work: UnitOfWork, receipt: tables.ConsentReceipt, *, is_dated: bool
) -> tables.ConsentReceipt | None:
    """Return the stored receipt that this one repeats. Raises SourceIdReused if their contents differ."""
    if receipt.source_id is None:
        return None
    stored = await work.find(tables.ConsentReceipt, source=receipt.source, source_id=receipt.source_id)
    if stored is not None and not is_repeat(receipt, stored, is_dated=is_dated):
        raise SourceIdReused(id=str(stored.id))
    return stored


def _are_in_use(settings: tables.ConsentSettings, purpose: str, channel: str) -> bool:
    keys = [{term["key"] for term in vocabulary.in_use(terms)} for terms in (settings.purposes, settings.channels)]
    return purpose in keys[0] and channel in keys[1]


async def _welcome(
    work: UnitOfWork, customer: Customer, settings: tables.ConsentSettings, channel: str, at: datetime
) -> tuple[WelcomeReason, datetime]:
    caps = [FrequencyCap(**cap) for cap in settings.frequency_caps]
    quiet, contacts = settings.quiet_hours, []
    if caps:
        after = at - timedelta(days=MAX_CAP_DAYS)
        contacts = await work.select(_CONTACTS, customer_id=customer.id, after=after, at=at)
    hours = None
    if quiet is not None:
        starts, ends = time.fromisoformat(quiet["starts"]), time.fromisoformat(quiet["ends"])
        hours = QuietHours(starts, ends, frozenset(quiet["channels"]))
    numbers = [phone["number"] for phone in customer.phones] if hours is not None else []
    zone = zone_of_numbers(numbers, work.tenant.region) or work.tenant.zone
    return welcome(at, channel, zone, hours, caps, contacts)


def _better_channel(
    customer: Customer,
    settings: tables.ConsentSettings,
    receipts: Sequence[tables.ConsentReceipt],
    channel: str,
    at: datetime,
) -> tuple[str | None, BetterChannelReason]:
    """Return the preferred channel if it is another one and permitted, and the reason."""
    preferred = (customer.preferred_channel or "").lower()
    if preferred not in {term["key"] for term in vocabulary.in_use(settings.channels)}:
        return None, "no_preference"
    if preferred == channel:
        return None, "already_preferred"
    reason, _ = decisions.permission([each for each in receipts if each.channel == preferred], at)
    return (preferred, "preferred") if reason == "granted" else (None, "not_permitted")


# The newest are enough: a cap counts at most a thousand.
_CONTACTS = Query(
    Contact,
    """
    select channel, occurred_at from contact where customer_id = :customer_id and occurred_at > :after
        and occurred_at <= :at order by occurred_at desc limit 5000
    """,
)
