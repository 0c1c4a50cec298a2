"""API keys: what a program comes in with. Shown once, stored as a hash, revoked at once."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import Request
from pydantic import BaseModel, Field

from chassis import Event, Feature, Instant, Invalid, Line, NotFound, Page, Paged, Problem, Wire, Work, page, shown
from chassis.problems import MissingScope
from chassis.work import Record
from gateway import contracts
from gateway.credentials import CHANNEL
from gateway.model import ApiKey
from gateway.rules import hash_of, key_text, new_secret
from gateway.settings import Settings

feature = Feature("api-keys")


class ApiKeyRevoked(Event, type="gateway.api_key_revoked.v1", key="api_key_id"):
    """A key was revoked and opens nothing any more."""

    api_key_id: UUID
    revoked_at: datetime


class OutlivesItsMaker(Problem, status=403):
    """A key that expires cannot make one that lives longer."""


class NewKey(Wire):
    """A key to be made."""

    name: Line
    scopes: Annotated[list[str], Field(min_length=1, max_length=100, examples=[["customers:read"]])]
    expires_at: Instant | None = None


class Key(BaseModel):
    """A key, without its secret."""

    id: UUID
    version: int
    name: str
    kind: Literal["live", "sandbox"]
    scopes: list[str]
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None
    created_at: datetime


class IssuedKey(Key):
    """A key that was just made: the only time that it is shown."""

    key: str


@feature.post("/api-keys", scope="api-keys:write", status_code=201, refuses=[OutlivesItsMaker], secret=True)
async def create_api_key(work: Work, request: Request, wanted: NewKey) -> IssuedKey:
    """Makes a key. It may do no more than the key that makes it."""
    settings: Settings = request.app.state.service.settings
    beyond = sorted(set(wanted.scopes) - work.caller.scopes)
    if beyond:
        raise MissingScope("A key cannot give away what it does not have.", scopes=beyond)
    maker = await work.find(ApiKey, id=UUID(work.actor.removeprefix("key:")))
    ends = maker.expires_at if maker else None
    if ends is not None and (wanted.expires_at is None or wanted.expires_at > ends):
        raise OutlivesItsMaker(expires_at=ends)
    return await issue(work, wanted, contracts.scopes(settings.contracts))


@feature.get("/api-keys", scope="api-keys:read")
async def list_api_keys(work: Work, paging: Paged) -> Page[Key]:
    """The tenant's keys, oldest first."""
    return await page(work, paging, ApiKey, lambda row: key_of(work, row))


@feature.get("/api-keys/{id:uuid}", scope="api-keys:read")
async def read_api_key(work: Work, id: UUID) -> Key:
    """One key."""
    return key_of(work, vars(await work.get(ApiKey, id)))


@feature.delete("/api-keys/{id:uuid}", scope="api-keys:write", status_code=204)
async def revoke_api_key(work: Work, id: UUID) -> None:
    """Revokes a key: the next request that it comes with is refused. It stays in the list."""
    key = await work.find(ApiKey, id=id, lock=True)
    if key is None:
        raise NotFound
    if key.revoked_at is None:
        await work.update(key, revoked_at=work.now)
        await work.execute("select pg_notify($1, '')", CHANNEL)
        work.publish(ApiKeyRevoked(api_key_id=id, revoked_at=work.now))


async def issue(work: Work, wanted: NewKey, known: tuple[str, ...]) -> IssuedKey:
    """Stores a new key and shows it, once."""
    for index, scope in enumerate(wanted.scopes):
        if scope not in known:
            raise Invalid.field(f"/scopes/{index}", "unknown_scope", f"{scope} is no scope of any operation")
    if wanted.expires_at is not None and wanted.expires_at <= work.now:
        raise Invalid.field("/expires_at", "past", "the key would be expired already")
    secret = new_secret()
    key = ApiKey(
        name=wanted.name,
        secret_hash=hash_of(secret),
        scopes=sorted(set(wanted.scopes)),
        expires_at=wanted.expires_at,
    )
    await work.insert(key)
    return IssuedKey(**key_of(work, vars(key)).model_dump(), key=key_text(work.tenant.kind, key.id, secret))


def key_of(work: Work, row: Record) -> Key:
    """The key as it is shown."""
    return shown(Key, row, kind=work.tenant.kind)
