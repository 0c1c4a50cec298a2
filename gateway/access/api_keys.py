"""API keys: the credentials of programs. A key is shown once, stored as a hash, and revoked at once."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from chassis import (
    Event,
    Feature,
    IfMatch,
    Instant,
    Line,
    MissingScope,
    Page,
    PageParams,
    Problem,
    RequestBody,
    Resource,
    Running,
    ShortLine,
    TenantKind,
    UnitOfWork,
    ValidationFailed,
    VersionMismatch,
    Work,
    paginate,
)
from chassis.types.codes import FieldCode
from gateway import contracts
from gateway.access import tables
from gateway.access.queries import invalidate_credentials
from gateway.access.rules import hash_secret, key_text, new_secret
from gateway.settings import Settings

feature = Feature("api-keys")

UNKNOWN_SCOPE = FieldCode("unknown_scope", "No operation requires this scope.", "openapi.json lists the scopes.")
ALREADY_EXPIRED = FieldCode("already_expired", "The key would have expired already.", "Send a time in the future.")


class ApiKeyRevoked(Event, type="gateway.api_key_revoked.v1", partition_key="api_key_id"):
    """An API key was revoked. Requests with it are rejected from now on."""

    api_key_id: UUID
    revoked_at: datetime


class KeyOutlivesCreator(Problem, status=403):
    """A key that expires cannot create a key that expires later.

    `expires_at` is the latest time that this key may give. Set an earlier one.
    """


class ApiKeyCreate(RequestBody):
    """An API key to create."""

    name: Line
    scopes: Annotated[list[ShortLine], Field(min_length=1, max_length=100, examples=[["customers:read"]])]
    expires_at: Instant | None = None


class ApiKey(Resource, row=tables.ApiKey, computed=("kind",), etag="version"):
    """An API key, without its secret."""

    id: UUID
    version: int
    name: str
    kind: TenantKind
    scopes: list[str]
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None
    created_at: datetime


class IssuedApiKey(ApiKey, row=tables.ApiKey, computed=("kind", "key")):
    """A new API key. No other response contains `key`: store it now."""

    key: str


@feature.post("/api-keys", scope="api-keys:write", status_code=201, raises=[KeyOutlivesCreator], store_response=False)
async def create_api_key(work: Work, running: Running, body: ApiKeyCreate) -> IssuedApiKey:
    """Create a key. It cannot have scopes that the creating key lacks."""
    excess = sorted(set(body.scopes) - work.caller.scopes)
    if excess:
        raise MissingScope("A key cannot grant scopes that it does not have.", scopes=excess)
    creator = await work.find(tables.ApiKey, id=UUID(work.actor.removeprefix("key:")))
    limit = creator.expires_at if creator else None
    if limit is not None and (body.expires_at is None or body.expires_at > limit):
        raise KeyOutlivesCreator(expires_at=limit)
    assert isinstance(running.settings, Settings)
    return await issue_key(work, body, contracts.scopes(running.settings.contracts))


@feature.get("/api-keys", scope="api-keys:read")
async def list_api_keys(work: Work, params: PageParams) -> Page[ApiKey]:
    """List the tenant's keys, oldest first."""
    return await paginate(work, params, tables.ApiKey, lambda row: ApiKey.from_row(row, kind=work.tenant.kind))


@feature.get("/api-keys/{id:uuid}", scope="api-keys:read")
async def read_api_key(work: Work, id: UUID) -> ApiKey:
    """Return a key, without its secret."""
    return ApiKey.from_row(await work.get(tables.ApiKey, id), kind=work.tenant.kind)


@feature.delete("/api-keys/{id:uuid}", scope="api-keys:write", status_code=204, raises=[VersionMismatch])
async def revoke_api_key(work: Work, id: UUID, if_match: IfMatch) -> None:
    """Revoke a key. The next request with it is rejected. The list still contains it."""
    key = await work.get(tables.ApiKey, id, for_update=True)
    work.check_version(key, if_match)
    if key.revoked_at is None:
        await work.update(key, revoked_at=work.now)
        await invalidate_credentials(work)
        work.publish(ApiKeyRevoked(api_key_id=id, revoked_at=work.now))


async def issue_key(work: UnitOfWork, body: ApiKeyCreate, known_scopes: tuple[str, ...]) -> IssuedApiKey:
    """Store a new key and return it with its secret. Raises ValidationFailed."""
    for index, scope in enumerate(body.scopes):
        if scope not in known_scopes:
            raise ValidationFailed.field(f"/scopes/{index}", UNKNOWN_SCOPE, f"no operation requires {scope}")
    if body.expires_at is not None and body.expires_at <= work.now:
        raise ValidationFailed.field("/expires_at", ALREADY_EXPIRED, "the key would have expired already")
    secret = new_secret()
    values = body.values() | {"scopes": sorted(set(body.scopes))}
    key = await work.insert(tables.ApiKey(**values, secret_hash=hash_secret(secret)))
    kind = work.tenant.kind
    return IssuedApiKey.from_row(key, kind=kind, key=key_text(kind, key.id, secret))
