"""The cache of API keys: stored keys by id, and credentials by the text of keys whose secret was verified.

A wrong secret for a cached key costs no look-up at all.
"""

import time
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import asyncpg

from chassis import Caller, Query, Tenant, TenantFacts
from chassis.core.identity import Signer
from chassis.types.rows import construct
from gateway.access.look_ups import LookUpCache

MAX_CACHED_KEYS = 20_000


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
    """A key as it is stored, or a token that depends on a key, and the internal tokens that were signed for it."""

    id: UUID
    """Of the key, or of the principal of a token."""
    caller: Caller
    secret_hash: bytes
    expires_at: datetime | None
    is_revoked: bool
    is_suspended: bool
    key_id: UUID
    """The key itself, or the key on which a token depends. They share its rate limit."""
    tenant_rate: float | None = None
    """The tenant's maximum rate of requests, if it has one of its own."""
    key_rate: float | None = None
    origin: str | None = None
    """The only origin whose pages may send it."""
    text: str | None = None
    """The key itself, once a request has presented it with the right secret."""
    tokens: dict[str, tuple[str, float]] = field(default_factory=dict)

    @classmethod
    def of(cls, key: StoredKey) -> "Credential":
        """Return the credential of a stored key."""
        tenant = construct(Tenant, key, id=key.tenant_id)
        caller = Caller(tenant, f"key:{key.key_id}", frozenset(key.scopes), expires_at=key.expires_at)
        revoked, suspended = key.revoked_at is not None, key.suspended_at is not None
        rates = key.tenant_rate, key.key_rate
        return cls(key.key_id, caller, key.secret_hash, key.expires_at, revoked, suspended, key.key_id, *rates)

    def token(self, signer: Signer, service: str) -> str:
        """Return an internal token for a service. It is signed again after half of its lifetime."""
        token, until = self.tokens.get(service, ("", 0.0))
        if until < time.monotonic():
            token = signer.sign(self.caller, service)
            self.tokens[service] = (token, time.monotonic() + signer.lifetime_seconds / 2)
        return token


class KeyCache(LookUpCache[Credential]):
    """The credentials of keys by their id, and by the text of the key."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        super().__init__()
        self._pool = pool
        self._by_text: dict[str, Credential] = {}
        self._ids_by_tenant: dict[UUID, set[UUID]] = {}

    def verified(self, text: str) -> Credential | None:
        """Return the credential of a key whose secret was verified before, or None."""
        return self._by_text.get(text)

    def set_verified(self, text: str, credential: Credential) -> None:
        """Remember that this is the text of a credential's key."""
        if self.is_cached(credential.id, credential):
            credential.text = text
            self._by_text[text] = credential

    def keys_of(self, tenant: UUID) -> list[UUID]:
        """Return the cached keys of a tenant."""
        return list(self._ids_by_tenant.get(tenant, ()))

    def invalidate_tenant(self, tenant: UUID) -> None:
        """Remove the keys of a tenant that has changed."""
        self._all_changed = True  # the tenants of the keys that are being looked up are not known yet
        self.invalidate(self.keys_of(tenant))

    def invalidate_all(self) -> None:
        """Remove everything, because changes may have been missed."""
        super().invalidate_all()
        self._by_text.clear()
        self._ids_by_tenant.clear()

    async def _fetch(self, ids: list[UUID]) -> dict[UUID, Credential]:
        rows = await self._pool.fetch(_FIND_KEYS.sql, *_FIND_KEYS.bind({"ids": ids}))
        return {key.key_id: Credential.of(key) for key in map(_FIND_KEYS.build, rows)}

    def _store(self, id: UUID, record: Credential) -> None:
        if len(self._by_id) >= MAX_CACHED_KEYS:
            self._remove(next(iter(self._by_id)))
        super()._store(id, record)
        self._ids_by_tenant.setdefault(record.caller.tenant.id, set()).add(id)

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
