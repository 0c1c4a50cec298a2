"""The cache of API keys: stored keys by id, and the look-up of those that are not in it.

Keys that are looked up at the same time share a statement, and a replica runs one such statement at a time. So requests
with unknown keys cannot keep the database busy. A wrong secret for a cached key costs no look-up at all.
"""

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import asyncpg

from chassis import Caller, Query, Tenant, TenantFacts
from chassis.core.identity import Signer
from chassis.types.rows import construct

MAX_CACHED_KEYS = 20_000
MAX_UNKNOWN_KEYS = 10_000
MAX_LOOK_UPS = 500
"""Maximum keys that a statement looks up."""
UNKNOWN_SECONDS = 10.0
"""How long the cache remembers that no key has an id. The creation of a key with this id ends it at once."""


class StoredKey(TenantFacts):
    """A stored key and the facts of its tenant, as `find_api_keys` returns them."""

    key_id: UUID
    secret_hash: bytes
    scopes: list[str]
    expires_at: datetime | None
    revoked_at: datetime | None
    suspended_at: datetime | None
    tenant_id: UUID
    tenant_rate: float | None
    key_rate: float | None


@dataclass(slots=True)
class Credential:
    """A key as it is stored, and the internal tokens that were signed for it."""

    id: UUID
    caller: Caller
    secret_hash: bytes
    expires_at: datetime | None
    is_revoked: bool
    is_suspended: bool
    tenant_rate: float | None = None
    """The tenant's maximum rate of requests, if it has one of its own."""
    key_rate: float | None = None
    text: str | None = None
    """The key itself, once a request has presented it with the right secret."""
    tokens: dict[str, tuple[str, float]] = field(default_factory=dict)

    @classmethod
    def of(cls, key: StoredKey) -> "Credential":
        """Return the credential of a stored key."""
        tenant = construct(Tenant, key, id=key.tenant_id)
        caller = Caller(tenant, f"key:{key.key_id}", frozenset(key.scopes))
        revoked, suspended = key.revoked_at is not None, key.suspended_at is not None
        rates = key.tenant_rate, key.key_rate
        return cls(key.key_id, caller, key.secret_hash, key.expires_at, revoked, suspended, *rates)

    def token(self, signer: Signer, service: str) -> str:
        """Return an internal token for a service. It is signed again after half of its lifetime."""
        token, until = self.tokens.get(service, ("", 0.0))
        if until < time.monotonic():
            token = signer.sign(self.caller, service)
            self.tokens[service] = (token, time.monotonic() + signer.lifetime_seconds / 2)
        return token


class KeyCache:
    """Finds credentials by id. It stores what it finds while `is_listening`, because only then changes reach it."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self.is_listening = False
        self.statements = 0
        """The look-ups that were sent to the database."""
        self._pool = pool
        self._by_text: dict[str, Credential] = {}
        self._by_id: dict[UUID, Credential] = {}
        self._ids_by_tenant: dict[UUID, set[UUID]] = {}
        self._unknown_until: dict[UUID, float] = {}
        self._queue: dict[UUID, asyncio.Future[Credential | None]] = {}
        self._look_ups: asyncio.Task[None] | None = None
        self._changed: set[UUID] = set()
        self._all_changed = False

    def verified(self, text: str) -> Credential | None:
        """Return the credential of a key whose secret was verified before, or None."""
        return self._by_text.get(text)

    def set_verified(self, text: str, credential: Credential) -> None:
        """Remember that this is the text of a credential's key."""
        if self._by_id.get(credential.id) is credential:
            credential.text = text
            self._by_text[text] = credential

    async def find(self, id: UUID) -> Credential | None:
        """Return the credential with this id, from the cache or from the database."""
        credential = self._by_id.get(id)
        if credential is not None:
            return credential
        if self._unknown_until.get(id, 0.0) > time.monotonic():
            return None
        # A statement that runs already may have begun before a change that this request must see.
        found = self._queue.get(id)
        if found is None:
            found = self._queue[id] = asyncio.get_running_loop().create_future()
            if self._look_ups is None:
                self._look_ups = asyncio.create_task(self._look_up_queued())
        return await asyncio.shield(found)

    def invalidate(self, ids: Iterable[UUID]) -> None:
        """Remove keys that have changed, or were created."""
        for id in ids:
            self._changed.add(id)
            self._unknown_until.pop(id, None)
            self._remove(id)

    def invalidate_tenant(self, tenant: UUID) -> None:
        """Remove the keys of a tenant that has changed."""
        self._all_changed = True  # the tenants of the keys that are being looked up are not known yet
        self.invalidate(list(self._ids_by_tenant.get(tenant, ())))

    def invalidate_all(self) -> None:
        """Remove everything, because changes may have been missed."""
        self._all_changed = True
        for cache in (self._by_text, self._by_id, self._ids_by_tenant, self._unknown_until):
            cache.clear()

    async def _look_up_queued(self) -> None:
        try:
            while self._queue:
                ids = list(self._queue)[:MAX_LOOK_UPS]
                waiting = {id: self._queue.pop(id) for id in ids}
                self._changed, self._all_changed = set(), False
                try:
                    keys = await self._fetch(ids)
                except Exception as error:
                    for future in waiting.values():
                        future.set_exception(error)
                        future.exception()  # its request may have been cancelled
                    continue
                for id, future in waiting.items():
                    credential = Credential.of(keys[id]) if id in keys else None
                    if self.is_listening and not self._all_changed and id not in self._changed:
                        self._store(id, credential)
                    future.set_result(credential)
        finally:
            self._look_ups = None

    async def _fetch(self, ids: list[UUID]) -> dict[UUID, StoredKey]:
        self.statements += 1
        rows = await self._pool.fetch(_FIND_KEYS.sql, *_FIND_KEYS.bind({"ids": ids}))
        return {key.key_id: key for key in map(_FIND_KEYS.build, rows)}

    def _store(self, id: UUID, credential: Credential | None) -> None:
        if credential is None:
            if len(self._unknown_until) >= MAX_UNKNOWN_KEYS:
                del self._unknown_until[next(iter(self._unknown_until))]
            self._unknown_until[id] = time.monotonic() + UNKNOWN_SECONDS
            return
        if len(self._by_id) >= MAX_CACHED_KEYS:
            self._remove(next(iter(self._by_id)))
        self._by_id[id] = credential
        self._ids_by_tenant.setdefault(credential.caller.tenant.id, set()).add(id)

    def _remove(self, id: UUID) -> None:
        credential = self._by_id.pop(id, None)
        if credential is None:
            return
        if credential.text is not None:
            self._by_text.pop(credential.text, None)
        tenant = credential.caller.tenant.id
        ids = self._ids_by_tenant[tenant]
        ids.discard(id)
        if not ids:
            del self._ids_by_tenant[tenant]


_FIND_KEYS = Query(StoredKey, "select * from find_api_keys(:ids) left join find_request_limits(:ids) using (key_id)")
