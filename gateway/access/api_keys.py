"""API keys: the credentials of programs. A key is shown once, stored as a hash, and revoked at once.

A key knows the key that created it. Revoking a key revokes every key that was issued through it, so that a stolen key
leaves nothing behind. Changes of a tenant's keys take turns: a key cannot create another while it is being revoked.
"""

from collections.abc import Set
from datetime import datetime, timedelta
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
    Query,
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
from chassis.core.clock import clock
from chassis.types.codes import FieldCode
from gateway import contracts
from gateway.access import tables
from gateway.access.delegation import ApiKeyRequired, lock_keys, own_key
from gateway.access.queries import announce_issuer, announce_keys
from gateway.access.rules import RevocationReason, hash_secret, key_text, may_revoke, new_secret
from gateway.settings import Settings

feature = Feature("api-keys")

MAX_OVERLAP_SECONDS = 604_800
UNKNOWN_SCOPE = FieldCode("unknown_scope", "No operation requires this scope.", "openapi.json lists the scopes.")
ALREADY_EXPIRED = FieldCode("already_expired", "The key would have expired already.", "Send a time in the future.")


class ApiKeyCreated(Event, type="gateway.api_key_created.v1", partition_key="api_key_id"):
    """An API key was created, by a request or a command, or as the successor of a rotated key."""

    api_key_id: UUID
    """The API key."""
    scopes: Annotated[list[str], Field(examples=[["customers:read"]])]
    """The operations that the key may call."""
    expires_at: datetime | None
    """When it expires, or null if it does not."""
    created_by: Annotated[UUID | None, Field(description="The key that created it. Null for a command.")]
    replaces: Annotated[UUID | None, Field(description="The key that was rotated into this one.")]
    created_at: datetime
    """When it was created."""


class ApiKeyRevoked(Event, type="gateway.api_key_revoked.v1", partition_key="api_key_id"):
    """An API key was revoked. Requests with it are rejected from now on."""

    api_key_id: UUID
    """The API key."""
    revoked_at: datetime
    """When it was revoked."""
    reason: RevocationReason
    """Why the key was revoked."""


class KeyOutlivesCreator(Problem, status=403):
    """A key that expires cannot create a key that expires later.

    `expires_at` is the latest time that this key may give. Set an earlier one.
    """


class StrongerKey(Problem, status=403):
    """A key cannot revoke or rotate a key that is stronger than itself.

    It may revoke itself, the keys that it issued, and keys without scopes that it lacks, except the keys that issued
    it. It may rotate itself and the keys that it issued.
    """


class TooManyKeys(Problem, status=409):
    """The tenant has as many valid keys as it may have.

    Revoke keys that are no longer used (`last_used_at`). Expired keys do not count.
    """


class ApiKeyEnded(Problem, status=409):
    """The key was revoked, has expired, or has been rotated already, so it cannot be rotated.

    Create a new key, or rotate the key whose `replaces` is this key.
    """


class ApiKeyCreate(RequestBody):
    """An API key to create."""

    example = {"name": "Web shop", "scopes": ["customers:read", "customers:write"]}

    name: Line
    """The purpose of the key, shown in lists."""
    scopes: Annotated[list[ShortLine], Field(min_length=1, max_length=100, examples=[["customers:read"]])]
    """The operations that the key may call. The creating key must have each of them."""
    expires_at: Instant | None = None
    """When the key expires. Default: never, or together with the creating key."""


class ApiKeyRotate(RequestBody):
    """How to replace a key by a new one."""

    example = {"overlap_seconds": 3600}

    overlap_seconds: Annotated[int, Field(strict=True, ge=0, le=MAX_OVERLAP_SECONDS, examples=[3600])] = 0
    """For how long the old key remains valid. With 0 it ends at once."""


class ApiKey(Resource, row=tables.ApiKey, computed=("kind",), etag="version"):
    """An API key, without its secret."""

    id: UUID
    """Identifies the key. It is a part of the key itself."""
    version: int
    """Counts the changes. It is the ETag."""
    name: str
    """The purpose of the key."""
    kind: TenantKind
    """The kind of the tenant: live, or a sandbox."""
    scopes: list[str]
    """The operations that the key may call."""
    expires_at: datetime | None
    """When the key expires, or null if it does not."""
    created_by: UUID | None
    """The key that created it, or null if a command did."""
    replaces: UUID | None
    """The key that it replaced by rotation, or null."""
    revoked_at: datetime | None
    """When the key was revoked, or null."""
    revoked_by: str | None
    """The principal that revoked it, or null."""
    revocation_reason: RevocationReason | None
    """Why it was revoked, or null."""
    requests_per_second: float | None
    """The maximum rate of requests that the operator has set for this key. Null is the default."""
    last_used_at: datetime | None
    """When it was last used, to the minute, or null."""
    created_at: datetime
    """When it was created."""


class IssuedApiKey(ApiKey, row=tables.ApiKey, computed=("kind", "key")):
    """A new API key. No other response contains `key`: store it now."""

    key: str
    """The key itself: the bearer token of requests."""


@feature.post(
    "/api-keys",
    scope="api-keys:write",
    status_code=201,
    raises=[ApiKeyRequired, KeyOutlivesCreator, TooManyKeys],
    store_response=False,
)
async def create_api_key(work: Work, running: Running, body: ApiKeyCreate) -> IssuedApiKey:
    """Create a key. It cannot have scopes that the creating key lacks, and it ends with it at the latest."""
    excess = sorted(set(body.scopes) - work.caller.scopes)
    if excess:
        raise MissingScope("A key cannot grant scopes that it does not have.", scopes=excess)
    assert isinstance(running.settings, Settings)
    await lock_keys(work)
    creator = await own_key(work)
    _require_end_before(body.expires_at, creator.expires_at)
    await _require_room(work, running.settings.api_key_limit)
    return await issue_key(work, body, contracts.scopes(running.settings.contracts), creator=creator)


@feature.get("/api-keys", scope="api-keys:read")
async def list_api_keys(work: Work, params: PageParams) -> Page[ApiKey]:
    """List the tenant's keys, oldest first. Revoked keys are included, with the reason."""
    return await paginate(work, params, tables.ApiKey, lambda row: ApiKey.from_row(row, kind=work.tenant.kind))


@feature.get("/api-keys/{id:uuid}", scope="api-keys:read")
async def read_api_key(work: Work, id: UUID) -> ApiKey:
    """Return a key, without its secret."""
    return ApiKey.from_row(await work.get(tables.ApiKey, id), kind=work.tenant.kind)


@feature.delete(
    "/api-keys/{id:uuid}",
    scope="api-keys:write",
    status_code=204,
    raises=[ApiKeyRequired, StrongerKey, VersionMismatch],
)
async def revoke_api_key(work: Work, id: UUID, if_match: IfMatch) -> None:
    """Revoke a key and every key that was issued through it. The next request with one of them is rejected.

    The list still contains them, with the reason.
    """
    await lock_keys(work)
    key = await work.get(tables.ApiKey, id, for_update=True)
    work.check_version(key, if_match)
    own = await own_key(work)
    ended = await issued_through(work, id, except_successor=own.id)
    is_issued = id in await issued_through(work, own.id)
    if not may_revoke(work.caller.scopes, set(key.scopes), is_issued=is_issued, is_maker=own.id in ended):
        raise StrongerKey
    await revoke_keys(work, ended, id)


@feature.post(
    "/api-keys/{id:uuid}/rotate",
    scope="api-keys:write",
    status_code=201,
    raises=[ApiKeyRequired, StrongerKey, ApiKeyEnded, TooManyKeys],
    store_response=False,
)
async def rotate_api_key(work: Work, running: Running, id: UUID, body: ApiKeyRotate) -> IssuedApiKey:
    """Replace a key by a new one of the same name, scopes, creator and expiry. The old key ends after the overlap.

    Keys and issuers that the old key created belong to the new one. Tokens that it issued end with it. If a key may be
    in the wrong hands, revoke it instead.
    """
    assert isinstance(running.settings, Settings)
    await lock_keys(work)
    old = await work.get(tables.ApiKey, id, for_update=True)
    own = await own_key(work)
    if id not in await issued_through(work, own.id):
        raise StrongerKey
    now = clock.now()
    ended = old.revoked_at is not None or (old.expires_at is not None and old.expires_at <= now)
    if ended or await work.find(tables.ApiKey, replaces=id) is not None:
        raise ApiKeyEnded
    if body.overlap_seconds:
        await _require_room(work, running.settings.api_key_limit)
    secret = new_secret()
    kept = ("name", "scopes", "expires_at", "created_by", "requests_per_second")
    values = {name: getattr(old, name) for name in kept}
    new = await work.insert(tables.ApiKey(**values, replaces=id, issued_by=own.id, secret_hash=hash_secret(secret)))
    work.publish(ApiKeyCreated.from_row(new, api_key_id=new.id))
    for child in await work.find_all(tables.ApiKey, created_by=id):
        if child.revoked_at is None:
            await work.update(child, created_by=new.id)
    for issuer in await work.find_all(tables.Issuer, configured_by=id):
        await work.update(issuer, configured_by=new.id)
        await announce_issuer(work, issuer.url_id)
    if body.overlap_seconds:
        end = now + timedelta(seconds=body.overlap_seconds)
        await work.update(old, expires_at=min(end, old.expires_at or end))
    else:
        await _revoke(work, old, "rotated")
    await announce_keys(work, [id, new.id])
    return _shown_once(work, new, secret)


async def issue_key(
    work: UnitOfWork, body: ApiKeyCreate, known_scopes: tuple[str, ...], *, creator: tables.ApiKey | None = None
) -> IssuedApiKey:
    """Store a new key, with the maximum rate of its creator, and return it with its secret. Raises ValidationFailed."""
    for index, scope in enumerate(body.scopes):
        if scope not in known_scopes:
            raise ValidationFailed.field(f"/scopes/{index}", UNKNOWN_SCOPE, f"no operation requires {scope}")
    if body.expires_at is not None and body.expires_at <= clock.now():
        raise ValidationFailed.field("/expires_at", ALREADY_EXPIRED, "the key would have expired already")
    secret = new_secret()
    values = body.values() | {"scopes": sorted(set(body.scopes))}
    if creator is not None:
        rate = creator.requests_per_second
        values |= {"created_by": creator.id, "issued_by": creator.id, "requests_per_second": rate}
    key = await work.insert(tables.ApiKey(**values, secret_hash=hash_secret(secret)))
    work.publish(ApiKeyCreated.from_row(key, api_key_id=key.id))
    await announce_keys(work, [key.id])
    return _shown_once(work, key, secret)


async def revoke_keys(work: UnitOfWork, ids: Set[UUID], requested: UUID | None = None) -> None:
    """Revoke those of these keys that are not revoked yet. `requested` is the key that the request named, if any."""
    for id in sorted(ids):
        key = await work.get(tables.ApiKey, id, for_update=True)
        if key.revoked_at is None:
            await _revoke(work, key, "tenant_deleted" if requested is None else _reason(id, requested))
    await announce_keys(work, ids)


async def limit_key(work: UnitOfWork, id: UUID, requests_per_second: float | None) -> None:
    """Set the maximum rate of a key's requests, or the default. Raises NotFound."""
    key = await work.get(tables.ApiKey, id, for_update=True)
    await work.update(key, requests_per_second=requests_per_second)
    await announce_keys(work, [id])


async def all_keys(work: UnitOfWork) -> set[UUID]:
    """Return every key of the tenant that is not revoked."""
    return set(await work.fetch(_NOT_REVOKED))


def _reason(id: UUID, requested: UUID) -> RevocationReason:
    return "requested" if id == requested else "creator_revoked"


async def _revoke(work: UnitOfWork, key: tables.ApiKey, reason: RevocationReason) -> None:
    now = clock.now()  # the keys of a sandbox live in real time
    await work.update(key, revoked_at=now, revoked_by=work.actor, revocation_reason=reason)
    work.publish(ApiKeyRevoked(api_key_id=key.id, revoked_at=now, reason=reason))


def _shown_once(work: UnitOfWork, key: tables.ApiKey, secret: str) -> IssuedApiKey:
    kind = work.tenant.kind
    return IssuedApiKey.from_row(key, kind=kind, key=key_text(kind, key.id, secret))


def _require_end_before(end: datetime | None, limit: datetime | None) -> None:
    if limit is not None and (end is None or end > limit):
        raise KeyOutlivesCreator(expires_at=limit)


async def _require_room(work: UnitOfWork, limit: int) -> None:
    if await work.fetch_row(_COUNT_VALID, now=clock.now()) >= limit:
        raise TooManyKeys(f"A tenant may have {limit} valid keys.", limit=limit)


async def issued_through(work: UnitOfWork, id: UUID, *, except_successor: UUID | None = None) -> set[UUID]:
    """Return a key and all keys that were issued through it: those that it created, and the key that replaced it if it
    rotated itself. A key that was rotated by another key has handed over its keys, so its successor is not included.
    """
    return set(await work.fetch(_ISSUED_THROUGH, id=id, kept=except_successor))


_COUNT_VALID = Query(
    int, "select count(*) from api_key where revoked_at is null and (expires_at is null or expires_at > :now)"
)
_NOT_REVOKED = Query(UUID, "select id from api_key where revoked_at is null")
_ISSUED_THROUGH = Query(
    UUID,
    """
    with recursive issued(id) as (
        select :id::uuid
        union
        select key.id from api_key as key join issued
            on key.created_by = issued.id
            or (key.replaces = issued.id and key.issued_by = issued.id and key.id is distinct from :kept::uuid)
    )
    select id from issued
    """,
)
