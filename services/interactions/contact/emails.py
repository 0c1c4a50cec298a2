"""E-mails: a raw message that was sent or received becomes a touch point of the right customer and thread.

The mailbox is the source, and the Message-ID is the source's id. So a message is recorded once, however many copies of
it arrive. The direction follows from the tenant's own addresses. The customer is the one whose record has the address,
or else the one to whom earlier messages of the address were linked. A message of an unknown address has an author, like
a review, and is linked later.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Query as Parameter

from chassis import (
    UNKNOWN_RECORD,
    Feature,
    PersonErased,
    Problem,
    Query,
    Resource,
    UnitOfWork,
    Upload,
    UploadedFile,
    Upserted,
    ValidationFailed,
    Work,
)
from services.interactions.contact import tables
from services.interactions.contact.queries.threads import join_threads
from services.interactions.contact.queries.touch_points import (
    TouchPoint,
    TouchPointCreate,
    touch_point_recorder,
)
from services.interactions.contact.rules.email_headers import MailAddress
from services.interactions.contact.rules.emails import Email, read_email
from services.interactions.contact.rules.profiles import UNREACHABLE
from services.interactions.contact.rules.touch_points import TouchPointDirection
from services.interactions.sources.queries import NewRecord, find_stored

feature = Feature("emails")
MAX_EMAIL_BYTES = 25_000_000
MAX_KNOWN = 200
CHANNEL = "email"


class EmailWithoutParty(Problem, status=422):
    """The message names no address of a customer.

    A message that is received needs a sender, and one that is sent needs a recipient outside the tenant's own mailboxes
    and domains.
    """


@dataclass(frozen=True, slots=True)
class KnownAddress:
    """A customer who writes from an address."""

    address: str
    customer_id: UUID


class ReceivedEmail(Resource):
    """The touch point of a message."""

    touch_point: TouchPoint
    """The touch point."""
    candidates: list[UUID]
    """The customers of the address, if there are several: the message is linked to none of them."""


@feature.post(
    "/emails", scope="interactions:write", raises=[EmailWithoutParty, PersonErased], upload=("message/rfc822",)
)
async def receive_email(
    work: Work,
    upload: UploadedFile,
    mailbox_id: Annotated[UUID, Parameter(description="The mailbox that has received or sent the message.")],
) -> Upserted[ReceivedEmail]:
    """Record a raw message (RFC 5322) of at most 25,000,000 bytes. A message with the same Message-ID returns it.

    Content that is hardly a message is recorded as far as it can be read.
    """
    mailbox = await work.find(tables.Mailbox, id=mailbox_id)
    if mailbox is None:
        raise ValidationFailed.field("/mailbox_id", UNKNOWN_RECORD, "no mailbox has this id", "query")
    email = await _parsed(upload)
    for stored in (await find_stored(work, tables.TouchPoint, [(mailbox.address, email.source_id)])).values():
        return Upserted(_received(await work.get(tables.TouchPoint, stored.id), []), created=False)
    own = await work.select(_OWN)
    direction, parties = _parties(email, own)
    if not parties:
        raise EmailWithoutParty
    addresses = [party.address for party in parties]
    found = await work.select(_OF_RECORDS, addresses=addresses, hidden=list(UNREACHABLE), most=MAX_KNOWN)
    found = found or await work.select(_OF_LINKS, addresses=addresses, most=MAX_KNOWN)
    party, customer, candidates = _choose(parties, found)
    body = _touch_point(work.now, mailbox.address, email, direction, party, customer)
    row, created = await recorder.record(work, body)
    return Upserted(_received(row, candidates), created)


async def _parsed(upload: Upload) -> Email:
    """Return the message, which a thread parses: a large one takes a second. A second attempt finds it parsed."""
    if upload.found is None:
        content = await upload.read(MAX_EMAIL_BYTES)
        upload.found = {"email": await asyncio.to_thread(read_email, content)}
    email: Email = upload.found["email"]
    return email


def _received(row: tables.TouchPoint, candidates: list[UUID]) -> ReceivedEmail:
    return ReceivedEmail(touch_point=TouchPoint.from_row(row), candidates=candidates)


def _parties(email: Email, own: Sequence[str]) -> tuple[TouchPointDirection, list[MailAddress]]:
    """Return the direction of a message, and the addresses that may be the customer's, the likeliest first."""
    if email.sender is not None and _is_own(email.sender, own):
        return "outbound", [address for address in email.recipients + email.copied if not _is_own(address, own)]
    party = email.undelivered_to or email.sender
    return "inbound", [party] if party is not None else []


def _is_own(address: MailAddress, own: Sequence[str]) -> bool:
    return address.address in own or address.address.rpartition("@")[2] in own


def _choose(
    parties: Sequence[MailAddress], found: Sequence[KnownAddress]
) -> tuple[MailAddress, UUID | None, list[UUID]]:
    """Return the first address that has exactly one customer, with this customer, or else the first one with those."""
    customers: dict[str, list[UUID]] = {}
    for row in found:
        customers.setdefault(row.address, []).append(row.customer_id)
    for party in parties:
        if len(customers.get(party.address, ())) == 1:
            return party, customers[party.address][0], []
    return parties[0], None, customers.get(parties[0].address, [])


def _touch_point(
    now: datetime,
    mailbox: str,
    email: Email,
    direction: TouchPointDirection,
    party: MailAddress,
    customer: UUID | None,
) -> TouchPointCreate:
    fields: dict[str, Any] = {
        "source": mailbox,
        "source_id": email.source_id,
        "customer_id": customer,
        "author": {"handle": party.address, "display_name": _shown(party.name)},
        "channel": CHANNEL,
        "direction": direction,
        "subject": _shown(email.subject),
        "body": _shown(email.text),
        # A clock that is wrong must not move a message to the future, nor before there was e-mail.
        "occurred_at": email.sent_at if email.sent_at and email.sent_at.year > 1970 and email.sent_at < now else now,
        "automatic": email.automatic,
        "reply_to": email.answers,
        "attachments": [
            {name: value for name, value in attachment.items() if value is not None} for attachment in email.attachments
        ],
        "data": {
            name: [address.address for address in addresses]
            for name, addresses in (
                ("from", [email.sender] if email.sender else []),
                ("to", email.recipients),
                ("cc", email.copied),
            )
        },
    }
    fields["author"] = {name: value for name, value in fields["author"].items() if value is not None}
    return TouchPointCreate.model_validate({name: value for name, value in fields.items() if value is not None})


def _shown(text: str | None) -> str | None:
    """Return a text, or None if nothing of it can be seen."""
    return text if text and any(character.isalnum() for character in text) else None


async def _prepare(work: UnitOfWork, items: Sequence[tuple[TouchPointCreate, NewRecord]]) -> Mapping[UUID, Problem]:
    """Join the thread. The data is the intake's own, so no schema of the tenant is asked."""
    for _, record in items:
        if record.customer_id is not None:  # found by the address, so it can be corrected
            record.columns["linked_at"] = work.now
    await join_threads(work, [record for _, record in items])
    return {}


recorder = touch_point_recorder(_prepare)


_OWN = Query(str, "select address from mailbox union select unnest(domains) from mailbox")
# The customers whose records have the addresses.
_OF_RECORDS = Query(
    KnownAddress,
    """
    select key.normal as address, key.customer_id
    from contact_key as key join customer_profile as profile on profile.id = key.customer_id
    where key.kind = 'email' and key.normal = any(:addresses::text[]) and profile.state <> all(:hidden::text[])
    order by key.normal, key.customer_id limit :most
    """,
)
# The customers to whom messages of the addresses were linked. A limit, because a customer may have written thousands.
_OF_LINKS = Query(
    KnownAddress,
    """
    select distinct asked.address, recent.customer_id
    from unnest(:addresses::text[]) as asked(address),
    lateral (
        select customer_id from touch_point
        where author_handle = asked.address and channel = 'email' and customer_id is not null
        order by id desc limit 100
    ) as recent
    order by asked.address, recent.customer_id limit :most
    """,
)
