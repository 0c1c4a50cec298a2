"""Links to the preference centre. The token is returned once, and can be used until it expires or is revoked."""

from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import Query as Parameter

from chassis import (
    NOT_AFTER,
    TOO_LARGE,
    UNKNOWN_RECORD,
    Feature,
    Fields,
    Instant,
    NotFound,
    Page,
    PageParams,
    Query,
    RequestBody,
    Resource,
    UnitOfWork,
    ValidationFailed,
    Work,
    equals,
    hash_link_token,
    new_link_token,
    paginate,
)
from services.customers.people.tables import Customer
from services.customers.permission import tables

feature = Feature("preferences")
feature.keep(tables.PreferenceLink, "expires_at", days="preference_link_days")
USUAL_LIFETIME = timedelta(days=30)
MAX_LIFETIME = timedelta(days=400)
PATH = "/v1/preferences/"


class PreferenceLinkFields(Fields):
    """The fields of a link."""

    customer_id: UUID
    """The customer whose preferences it opens."""
    confirms_id: UUID | None = None
    """The pending receipt that the link's holder can confirm."""
    expires_at: Instant
    """When it expires."""


class PreferenceLinkCreate(PreferenceLinkFields, RequestBody):
    """A link to create."""

    example = {"customer_id": "0193a7c2-5b1e-7c3a-9d54-0242ac120002"}

    expires_at: Instant | None = None  # type: ignore[assignment]
    """When it expires, at most after 400 days. Default: after 30 days, or with the receipt that it confirms."""


class PreferenceLink(PreferenceLinkFields, Resource, row=tables.PreferenceLink):
    """A link to the preference centre."""

    id: UUID
    """Identifies the link."""
    revoked_at: datetime | None
    """When it was revoked, or null."""
    created_at: datetime
    """When it was created."""
    created_by: str
    """The principal that created it."""


class IssuedPreferenceLink(PreferenceLinkFields, Resource, row=tables.PreferenceLink, computed=("token", "path")):
    """A new link, with its token."""

    id: UUID
    """Identifies the link."""
    token: str
    """The secret of the link. It is shown only here. Send it to no one but the customer."""
    path: str
    """The path of the page, to be appended to the address of the API."""
    created_at: datetime
    """When it was created."""


@feature.post("/preference-links", scope="customers:write", status_code=201, store_response=False)
async def create_preference_link(work: Work, body: PreferenceLinkCreate) -> IssuedPreferenceLink:
    """Create a link to the preference centre of a customer. Send it to an address of this customer alone."""
    if await work.find(Customer, id=body.customer_id) is None:
        raise ValidationFailed.field("/customer_id", UNKNOWN_RECORD, "is the id of no customer")
    token = new_link_token(work.tenant.id)
    link = await work.insert(
        tables.PreferenceLink(
            customer_id=body.customer_id,
            token_hash=hash_link_token(token),
            confirms_id=body.confirms_id,
            expires_at=_expiry(work, body.expires_at, await _pending_receipt(work, body)),
            created_at=work.now,
            created_by=work.actor,
        )
    )
    return IssuedPreferenceLink.from_row(link, token=token, path=PATH + token)


@feature.get("/preference-links", scope="customers:read")
async def list_preference_links(
    work: Work,
    params: PageParams,
    customer_id: Annotated[UUID | None, Parameter(description="Only links of this customer.")] = None,
) -> Page[PreferenceLink]:
    """List the links, without their tokens. Expired ones are removed after a while."""
    return await paginate(work, params, tables.PreferenceLink, PreferenceLink, where=equals(customer_id=customer_id))


@feature.delete("/preference-links/{id:uuid}", scope="customers:write", status_code=204)
async def revoke_preference_link(work: Work, id: UUID) -> None:
    """Revoke a link, for example because it was sent to a wrong address. Its token is invalid at once."""
    link = await work.get(tables.PreferenceLink, id, for_update=True)
    if link.revoked_at is None:
        await work.update(link, revoked_at=work.now)


async def find_link(work: UnitOfWork, token: str) -> tables.PreferenceLink:
    """Return the valid link of a token. Raises NotFound, which is the same for every other token."""
    links = await work.select(_VALID, token_hash=hash_link_token(token), now=work.now)
    if not links:
        raise NotFound("The link is not valid. It may have expired.")
    return links[0]


async def _pending_receipt(work: UnitOfWork, body: PreferenceLinkCreate) -> tables.ConsentReceipt | None:
    if body.confirms_id is None:
        return None
    receipt = await work.find(
        tables.ConsentReceipt, id=body.confirms_id, customer_id=body.customer_id, decision="pending"
    )
    if receipt is None:
        raise ValidationFailed.field("/confirms_id", UNKNOWN_RECORD, "is no pending receipt of this customer")
    return receipt


def _expiry(work: UnitOfWork, wanted: datetime | None, receipt: tables.ConsentReceipt | None) -> datetime:
    """Return when the link expires. Raises ValidationFailed."""
    if wanted is None:
        return (receipt and receipt.expires_at) or work.now + USUAL_LIFETIME
    if wanted <= work.now:
        raise ValidationFailed.field("/expires_at", NOT_AFTER, "must be in the future")
    if wanted > work.now + MAX_LIFETIME:
        raise ValidationFailed.field("/expires_at", TOO_LARGE, "must be within 400 days")
    return wanted


_VALID = Query(
    tables.PreferenceLink,
    "select * from preference_link where token_hash = :token_hash and expires_at > :now and revoked_at is null",
)
