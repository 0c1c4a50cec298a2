"""Credentials: authenticate API keys, from a cache that every change of keys or tenants invalidates.

Changes are announced by NOTIFY: they are rare, and on a hot path it would be expensive. Every replica of the gateway
listens. While its listening connection is down, a replica caches nothing, and each request queries the database.
"""

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from chassis import Command, Query, Tenant, TenantFacts
from chassis.core.clock import clock
from chassis.core.identity import Caller, Signer
from chassis.core.problems import Unauthenticated
from chassis.core.telemetry import log
from chassis.db.pool import connect
from chassis.types.rows import construct
from gateway.access.queries import CHANNEL
from gateway.access.rules import matches_hash, parse_key
from gateway.settings import Settings

MAX_CACHED_KEYS = 20_000
USAGE_INTERVAL_SECONDS = 5.0
RECONNECT_SECONDS = 0.5
HEARTBEAT_SECONDS = 2.0
"""How often the listening connection is tested. A connection can be lost without an error on this side."""


class StoredKey(TenantFacts):
    """A stored key and the facts of its tenant, as `find_api_key` returns them."""

    secret_hash: bytes
    scopes: list[str]
    expires_at: datetime | None
    revoked_at: datetime | None
    tenant_id: UUID


@dataclass(slots=True)
class Credential:
    """An authenticated key, and the internal tokens that were signed for it."""

    id: UUID
    caller: Caller
    expires_at: datetime | None
    tokens: dict[str, tuple[str, float]] = field(default_factory=dict)

    def token(self, signer: Signer, service: str) -> str:
        """Return an internal token for a service. It is signed again after half of its lifetime."""
        token, until = self.tokens.get(service, ("", 0.0))
        if until < time.monotonic():
            token = signer.sign(self.caller, service)
            self.tokens[service] = (token, time.monotonic() + signer.lifetime_seconds / 2)
        return token


class Credentials:
    """Authenticates keys and records their usage."""

    def __init__(self, settings: Settings, pool: asyncpg.Pool) -> None:
        self._settings = settings
        self._pool = pool
        self._cache: dict[str, Credential] = {}
        self._used: dict[UUID, datetime] = {}
        self._listening = False
        self._generation = 0

    async def authenticate(self, text: str) -> Credential:
        """Return the credential of a key. Raises Unauthenticated."""
        credential = self._cache.get(text)
        if credential is None:
            generation = self._generation
            credential = await self._look_up(text)
            # A change during the look-up may have come too late for it, so the result is not cached then.
            if self._listening and generation == self._generation and len(self._cache) < MAX_CACHED_KEYS:
                self._cache[text] = credential
        if credential.expires_at is not None and credential.expires_at <= clock.now():
            raise Unauthenticated("The API key has expired.")
        self._used[credential.id] = clock.now()
        return credential

    def invalidate(self, *_: Any) -> None:
        """Remove all keys from the cache, because a key or a tenant has changed."""
        self._cache.clear()
        self._generation += 1

    async def run(self) -> None:
        """Listen for changes and record the usage of keys, until cancelled."""
        await asyncio.gather(self._listen(), self._record_usage_periodically())

    async def record_usage(self) -> None:
        """Store when keys were last used. If this fails, the usage of some seconds is lost, which is harmless."""
        used, self._used = self._used, {}
        if not used:
            return
        values = {"ids": list(used), "times": list(used.values())}
        try:
            await self._pool.execute(_RECORD_USAGE.sql, *_RECORD_USAGE.bind(values))
        except Exception as error:
            log.warning("the last use of keys was not recorded", error=repr(error))

    async def _look_up(self, text: str) -> Credential:
        presented = parse_key(text)
        key = None if presented is None else await self._find_key(presented.id)
        if presented is None or key is None or not matches_hash(presented.secret, key.secret_hash):
            raise Unauthenticated(_INVALID)
        if key.kind != presented.kind or key.revoked_at is not None:
            raise Unauthenticated(_INVALID)
        tenant = construct(Tenant, key, id=key.tenant_id)
        caller = Caller(tenant, f"key:{presented.id}", frozenset(key.scopes))
        return Credential(presented.id, caller, key.expires_at)

    async def _find_key(self, id: UUID) -> StoredKey | None:
        row = await self._pool.fetchrow(_FIND_KEY.sql, *_FIND_KEY.bind({"id": id}))
        return None if row is None else _FIND_KEY.build(row)

    async def _listen(self) -> None:
        while True:
            with suppress(OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
                await self._listen_until_lost()
            await asyncio.sleep(RECONNECT_SECONDS)

    async def _listen_until_lost(self) -> None:
        connection = await connect(self._settings.database_url, self._settings)
        try:
            closed = asyncio.Event()
            connection.add_termination_listener(lambda *_: closed.set())
            await connection.add_listener(CHANNEL, self.invalidate)
            self.invalidate()
            self._listening = True
            while not closed.is_set():
                with suppress(TimeoutError):
                    async with asyncio.timeout(HEARTBEAT_SECONDS):
                        await closed.wait()
                await connection.fetchval("select 1", timeout=HEARTBEAT_SECONDS)
        finally:
            self._listening = False
            self.invalidate()
            connection.terminate()

    async def _record_usage_periodically(self) -> None:
        while True:
            await asyncio.sleep(USAGE_INTERVAL_SECONDS)
            await self.record_usage()


_INVALID = "The API key is not valid."
_FIND_KEY = Query(StoredKey, "select * from find_api_key(:id)")
_RECORD_USAGE = Command("select note_key_use(:ids, :times)")
