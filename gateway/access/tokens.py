"""Tokens: short-lived credentials that a key issues for a browser's session or for an end customer.

A token cannot be revoked by itself. It ends after an hour at most, and with its key.
"""

from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, Field, StrictInt
from yarl import URL

from chassis import (
    WRONG_FORMAT,
    Feature,
    FieldCode,
    MissingScope,
    RequestBody,
    Resource,
    Running,
    ShortLine,
    ValidationFailed,
    Work,
    invalid,
    uuid7,
)
from chassis.core.clock import clock
from gateway import contracts
from gateway.access import tables
from gateway.access.delegation import ApiKeyRequired, own_key, require_grantable
from gateway.access.issued_tokens import DEFAULT_SECONDS, MAX_SECONDS, IssuedToken, token_signer
from gateway.settings import Settings

feature = Feature("tokens")

NOT_FOR_CUSTOMERS = FieldCode(
    "not_for_customers", "No operation with this scope is open to customers.", "Leave the scope out."
)


def _require_origin(text: str) -> str:
    try:
        url = URL(text)
        is_origin = url.scheme in ("https", "http") and str(url.origin()) == text and text == text.lower()
    except ValueError:
        is_origin = False
    if not is_origin:
        raise invalid(WRONG_FORMAT, "an origin is expected, such as https://shop.example, without a path")
    return text


Origin = Annotated[
    str,
    Field(max_length=300, examples=["https://shop.example"]),
    AfterValidator(_require_origin),
]
Seconds = Annotated[StrictInt, Field(ge=1, le=MAX_SECONDS)]
Scopes = Annotated[list[ShortLine], Field(min_length=1, max_length=100, examples=[["customers:read"]])]


class SessionTokenCreate(RequestBody):
    """A token for a browser's session."""

    example = {"scopes": ["customers:read"], "origin": "https://shop.example"}

    scopes: Scopes
    """The operations that the token may call. The key must have each of them."""
    expires_in_seconds: Seconds = DEFAULT_SECONDS
    """Until it expires. The key may expire sooner."""
    origin: Origin | None = None
    """The only origin whose pages may send it. Default: any."""


class CustomerTokenCreate(RequestBody):
    """A token for an end customer. By default, it has those of the key's scopes that are open to customers."""

    example = {"customer_id": "0193a7c2-5b1e-7c3f-8a4d-2f6b9e0c1d2a"}

    customer_id: UUID
    """The customer. It is not verified: the token of an unknown customer finds nothing."""
    scopes: Scopes | None = None
    """The operations that the token may call, among those that are open to customers. Default: all that the key has."""
    expires_in_seconds: Seconds = DEFAULT_SECONDS
    """Until it expires. The key may expire sooner."""
    origin: Origin | None = None
    """The only origin whose pages may send it. Default: any."""


class SessionToken(Resource):
    """A new token. No other response contains it."""

    token: str
    """The token itself: the bearer token of requests."""
    scopes: list[str]
    """The operations that it may call."""
    expires_at: datetime
    """When it expires."""
    origin: str | None
    """The only origin whose pages may send it, or null."""


class CustomerToken(SessionToken):
    """A new token of a customer. No other response contains it."""

    customer_id: UUID
    """The customer to whom it belongs."""


@feature.post(
    "/session-tokens",
    scope="session-tokens:write",
    status_code=201,
    raises=[ApiKeyRequired],
    store_response=False,
)
async def create_session_token(work: Work, running: Running, body: SessionTokenCreate) -> SessionToken:
    """Issue a token for a browser's session, with some of the key's scopes. It ends with the key."""
    key = await own_key(work, for_update=False)
    require_grantable(work, body.scopes, "/scopes")
    token = _issued(key, body.scopes, body)
    text = _signed(running, token)
    return SessionToken(token=text, scopes=token.scopes, expires_at=token.expires_at, origin=token.origin)


@feature.post(
    "/customer-tokens",
    scope="customer-tokens:write",
    status_code=201,
    raises=[ApiKeyRequired],
    store_response=False,
)
async def create_customer_token(work: Work, running: Running, body: CustomerTokenCreate) -> CustomerToken:
    """Issue a token for an end customer, who reads and changes only his or her own data. It ends with the key.

    Operations that are open to customers have `x-owner` in openapi.json. All others refuse the token.
    """
    assert isinstance(running.settings, Settings)
    key = await own_key(work, for_update=False)
    known = contracts.customer_scopes(running.settings.contracts)
    scopes = sorted(known & work.caller.scopes) if body.scopes is None else body.scopes
    if not scopes:
        raise MissingScope("The key has no scope that is open to customers.", scopes=sorted(known))
    require_grantable(work, scopes, "/scopes")
    for index, scope in enumerate(scopes):
        if scope not in known:
            raise ValidationFailed.field(f"/scopes/{index}", NOT_FOR_CUSTOMERS, f"{scope} is not open to customers")
    token = _issued(key, scopes, body)
    text = _signed(running, token)
    return CustomerToken(
        token=text,
        customer_id=body.customer_id,
        scopes=token.scopes,
        expires_at=token.expires_at,
        origin=token.origin,
    )


def _issued(key: tables.ApiKey, scopes: list[str], body: SessionTokenCreate | CustomerTokenCreate) -> IssuedToken:
    # Whole seconds, because the claims of a token have no others.
    end = clock.now().replace(microsecond=0) + timedelta(seconds=body.expires_in_seconds)
    return IssuedToken(
        id=uuid7(),
        key=key.id,
        scopes=sorted(set(scopes)),
        expires_at=end if key.expires_at is None else min(end, key.expires_at),
        customer=body.customer_id if isinstance(body, CustomerTokenCreate) else None,
        origin=body.origin,
    )


def _signed(running: Running, token: IssuedToken) -> str:
    assert isinstance(running.settings, Settings)
    return token_signer(running.settings.internal_token_private_key.get_secret_value()).sign(token)
