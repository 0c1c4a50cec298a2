"""Rate limits: a token bucket per tenant and per API key, and the limit of a tenant's open requests.

By default the limits hold for each replica of the gateway, with `SHARED_RATE_LIMITS` for all replicas together.
Responses carry the state of the bucket with the fewest tokens left, in the headers of
draft-ietf-httpapi-ratelimit-headers-10.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import asyncpg

from chassis.core.problems import TooManyRequests
from gateway.access.key_cache import Credential
from gateway.proxy.token_buckets import LeasedBucket, Leases, TokenBucket
from gateway.settings import Settings

Headers = list[tuple[bytes, bytes]]
MAX_BUCKETS = 50_000
REFUSAL_SECONDS = 0.5
"""How long a refusal is held back. A client that retries without a pause then costs next to nothing."""


class RateLimits:
    """The limits of all tenants and keys."""

    def __init__(self, settings: Settings, pool: asyncpg.Pool) -> None:
        self._tenant_rate = settings.tenant_requests_per_second
        self._key_rate = settings.key_requests_per_second
        self._burst_seconds = settings.request_burst_seconds
        self._max_open = settings.tenant_concurrency
        self._buckets: dict[int, TokenBucket] = {}  # by an integer, because the hash of a UUID costs more than the rest
        self._open: dict[UUID, int] = {}
        self.is_shared = settings.shared_rate_limits
        self._leases = Leases(pool)

    async def lease(self, credential: Credential) -> None:
        """Before `admit`, get tokens from the database, if the limits are shared."""
        buckets = self._buckets_of(credential)
        await self._leases.fill([bucket for bucket in buckets if isinstance(bucket, LeasedBucket)])

    def admit(self, credential: Credential) -> Headers:
        """Count a request and return the headers of its response. Raises TooManyRequests."""
        tenant, key = self._buckets_of(credential)
        granted = tenant.take() and key.take()
        fewest = key if key.left < tenant.left else tenant
        headers = _headers(fewest)
        if not granted:
            detail = f"The limit is {fewest.rate:g} requests a second per {fewest.name}."
            raise TooManyRequests(detail, 1 / fewest.rate, headers)
        return headers

    @contextmanager
    def open_request(self, tenant: UUID) -> Iterator[None]:
        """Count a tenant's request as open for the block. Raises TooManyRequests."""
        count = self._open.get(tenant, 0)
        if count >= self._max_open:
            raise TooManyRequests(f"The tenant has {count} open requests, which is the limit.")
        self._open[tenant] = count + 1
        try:
            yield
        finally:
            count = self._open[tenant] - 1
            if count:
                self._open[tenant] = count
            else:
                del self._open[tenant]

    def _buckets_of(self, credential: Credential) -> tuple[TokenBucket, TokenBucket]:
        tenant = credential.caller.tenant.id
        return (
            self._bucket("tenant", tenant, tenant, credential.tenant_rate or self._tenant_rate),
            self._bucket("key", tenant, credential.key_id, credential.key_rate or self._key_rate),
        )

    def _bucket(self, name: str, tenant: UUID, id: UUID, rate: float) -> TokenBucket:
        bucket = self._buckets.get(id.int)
        if bucket is None or bucket.rate != rate:
            if len(self._buckets) >= MAX_BUCKETS:
                self._buckets.clear()  # full buckets again, for everybody, once in a long while
            size = max(rate * self._burst_seconds, 1)
            bucket = LeasedBucket(name, tenant, id, rate, size) if self.is_shared else TokenBucket(name, rate, size)
            self._buckets[id.int] = bucket
        return bucket


def _headers(bucket: TokenBucket) -> Headers:
    left = bucket.left
    seconds = math.ceil((bucket.size - left) / bucket.rate)
    return [(b"ratelimit-policy", bucket.policy), (b"ratelimit", f'"{bucket.name}";r={int(left)};t={seconds}'.encode())]
