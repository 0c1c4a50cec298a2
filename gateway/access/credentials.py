"""Credentials: authenticate keys and tokens, from caches that changes of keys, issuers or tenants invalidate.

Changes are announced by NOTIFY: they are rare, and on a hot path it would be expensive. Every replica of the gateway
listens. While its listening connection is down, a replica caches nothing, and each request queries the database.
"""

import asyncio
import hmac
from collections import Counter
from datetime import datetime
from uuid import UUID

import asyncpg
from starlette.types import Scope

from chassis import Command
from chassis.core.clock import clock
from chassis.core.identity import OPERATOR_CALLER
from chassis.core.problems import TenantSuspended, Unauthenticated
from chassis.core.telemetry import log
from chassis.db.listener import Listener
from gateway.access.bearer_tokens import BearerTokens
from gateway.access.issued_tokens import token_signer
from gateway.access.issuer_cache import IssuerCache
from gateway.access.key_cache import Credential, KeyCache
from gateway.access.key_sets import KeySets
from gateway.access.queries import CHANNEL
from gateway.access.rules import PresentedKey, RefusalReason, matches_hash, parse_key, parse_payload
from gateway.access.throttle import Throttle, client_address
from gateway.access.user_tokens import FindCustomer
from gateway.access.visitors import VisitorCache
from gateway.settings import Settings

USAGE_INTERVAL_SECONDS = 5.0
MAX_COUNTED_FAILURES = 10_000


class Credentials:
    """Authenticates keys and tokens, and records their usage and their failures."""

    def __init__(
        self,
        settings: Settings,
        pool: asyncpg.Pool,
        key_sets: KeySets | None = None,
        find_customer: FindCustomer | None = None,
    ) -> None:
        self._settings = settings
        self._pool = pool
        self.cache = KeyCache(pool)
        self.visitors = VisitorCache(pool)
        self._issuers = IssuerCache(pool)
        signer = token_signer(settings.internal_token_private_key.get_secret_value())
        self.tokens = BearerTokens(signer, self.cache, self._issuers, key_sets, find_customer)
        self._throttle = Throttle(
            settings.authentication_failures_per_key, settings.authentication_failures_per_address
        )
        self._used: dict[UUID, datetime] = {}
        self._failures: Counter[tuple[UUID, RefusalReason]] = Counter()
        token = settings.operator_token
        self._operator_token = None if token is None else token.get_secret_value().encode()
        self._operator = Credential(UUID(int=0), OPERATOR_CALLER, b"", None, False, False, UUID(int=0))

    async def authenticate(self, text: str, scope: Scope | None = None) -> Credential:
        """Return the credential of a key, a token, or the operator's token.

        `scope` is that of the request. Raises Unauthenticated, TooManyFailures and TenantSuspended.
        """
        credential = self.cache.verified(text)
        if credential is None:
            credential = self.tokens.cache.get(text) or await self._verify_throttled(text, scope)
        if credential is self._operator:
            return credential
        if credential.is_revoked:
            raise self._failure(credential.key_id, "revoked", _INVALID)
        if credential.expires_at is not None and credential.expires_at <= clock.now():
            raise self._expired(credential)
        if credential.is_suspended:
            raise TenantSuspended
        self._used[credential.key_id] = clock.now()
        return credential

    def invalidate(self, payload: str) -> None:
        """Remove from the cache what an announced change concerns, or everything if the payload is unknown."""
        changed = parse_payload(payload)
        if changed is None:
            self._invalidate_all()
            return
        self.cache.invalidate(changed.keys)
        self.tokens.cache.invalidate(changed.keys)
        if changed.tenant is not None:
            self.tokens.cache.invalidate(self.cache.keys_of(changed.tenant))
            self.cache.invalidate_tenant(changed.tenant)
            self.visitors.invalidate([changed.tenant])
        if changed.issuer is not None:
            self._issuers.invalidate([changed.issuer])
            self.tokens.cache.invalidate([changed.issuer])

    async def run(self) -> None:
        """Listen for changes and record the usage of keys, until cancelled."""
        url = self._settings.database_url
        listener = Listener(url, self._settings, CHANNEL, self.invalidate, self._set_listening)
        await asyncio.gather(listener.run(), self._record_usage_periodically())

    async def record_usage(self) -> None:
        """Store when keys were last used, and how often they were refused.

        If this fails, the usage of some seconds is lost, which is harmless.
        """
        used, self._used = self._used, {}
        failures, self._failures = self._failures, Counter()
        try:
            if used:
                values = {"ids": list(used), "times": list(used.values())}
                await self._pool.execute(_RECORD_USAGE.sql, *_RECORD_USAGE.bind(values))
            if failures:
                ids, reasons = zip(*failures, strict=True)
                counts = {"ids": list(ids), "reasons": list(reasons), "counts": list(failures.values())}
                await self._pool.execute(_COUNT.sql, *_COUNT.bind({**counts, "now": clock.now()}))
        except Exception as error:
            log.warning("the last use of keys was not recorded", error=repr(error))

    async def _verify_throttled(self, text: str, scope: Scope | None) -> Credential:
        address = "" if scope is None else client_address(scope, self._settings.trusted_proxies)
        presented = parse_key(text)
        key = None if presented is None else presented.id.hex
        self._throttle.check(address, key)
        try:
            credential = await self._verify(text, presented)
        except Unauthenticated:
            self._throttle.check(address, key)  # others may have failed meanwhile
            self._throttle.count(address, key)
            raise
        self._throttle.forget(address, key)
        return credential

    async def _verify(self, text: str, presented: PresentedKey | None) -> Credential:
        if presented is None:
            if self._operator_token is not None and hmac.compare_digest(text.encode(), self._operator_token):
                return self._operator
            token = await self.tokens.verify(text)
            if token is not None:
                return token
            raise Unauthenticated(_INVALID)
        credential = await self.cache.find(presented.id)
        if credential is None:
            raise Unauthenticated(_INVALID)
        if credential.caller.tenant.kind != presented.kind or not matches_hash(
            presented.secret, credential.secret_hash
        ):
            raise self._failure(credential.id, "wrong_secret", _INVALID)
        self.cache.set_verified(text, credential)
        return credential

    def _expired(self, credential: Credential) -> Unauthenticated:
        if credential.id != credential.key_id:
            return Unauthenticated("The token has expired.")
        return self._failure(credential.id, "expired", "The API key has expired.")

    def _invalidate_all(self) -> None:
        self.cache.invalidate_all()
        self._issuers.invalidate_all()
        self.visitors.invalidate_all()
        self.tokens.cache.clear()

    def _set_listening(self, is_listening: bool) -> None:
        self.cache.is_listening = self._issuers.is_listening = self.visitors.is_listening = is_listening
        self._invalidate_all()

    def _failure(self, id: UUID, reason: RefusalReason, detail: str) -> Unauthenticated:
        """Count a failure of a known key, and return the error to raise."""
        if (id, reason) in self._failures or len(self._failures) < MAX_COUNTED_FAILURES:
            self._failures[id, reason] += 1
        return Unauthenticated(detail)

    async def _record_usage_periodically(self) -> None:
        while True:
            await asyncio.sleep(USAGE_INTERVAL_SECONDS)
            await self.record_usage()


_INVALID = "The API key or token is not valid."
_RECORD_USAGE = Command("select note_key_use(:ids, :times)")
_COUNT = Command("select count_authentication_failures(:ids, :reasons, :counts, :now)")
