"""Rate limits: a token bucket per tenant and per API key, and the limit of a tenant's open requests.

The limits hold for each replica of the gateway. Responses carry the state of the bucket with the fewest tokens left, in
the headers of draft-ietf-httpapi-ratelimit-headers-10.
"""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from chassis.core.problems import TooManyRequests
from gateway.access.key_cache import Credential
from gateway.settings import Settings

Headers = list[tuple[bytes, bytes]]
MAX_BUCKETS = 50_000
REFUSAL_SECONDS = 0.5
"""How long a refusal is held back. A client that retries without a pause then costs next to nothing."""


class TokenBucket:
    """Tokens that come back at a rate. A request takes one."""

    __slots__ = ("_at", "rate", "size", "tokens")

    def __init__(self, rate: float, size: float) -> None:
        self.rate = rate
        self.size = size
        self.tokens = size
        self._at = time.monotonic()

    def take(self) -> bool:
        """Take a token if there is one."""
        now = time.monotonic()
        self.tokens = min(self.size, self.tokens + (now - self._at) * self.rate)
        self._at = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


class RateLimits:
    """The limits of all tenants and keys."""

    def __init__(self, settings: Settings) -> None:
        self._rates = {"tenant": settings.tenant_requests_per_second, "key": settings.key_requests_per_second}
        self._burst_seconds = settings.request_burst_seconds
        self._max_open = settings.tenant_concurrency
        self._buckets: dict[UUID, TokenBucket] = {}
        self._open: dict[UUID, int] = {}

    def admit(self, credential: Credential) -> Headers:
        """Count a request and return the headers of its response. Raises TooManyRequests."""
        fewest, name = self._bucket("tenant", credential.caller.tenant.id), "tenant"
        granted = fewest.take()
        bucket = self._bucket("key", credential.id)
        if granted and not bucket.take():
            granted = False
        if bucket.tokens < fewest.tokens:
            fewest, name = bucket, "key"
        if not granted:
            raise TooManyRequests(f"The limit is {fewest.rate:g} requests a second per {name}.", 1 / fewest.rate)
        return _headers(fewest, name)

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

    def _bucket(self, name: str, id: UUID) -> TokenBucket:
        bucket = self._buckets.get(id)
        if bucket is None:
            if len(self._buckets) >= MAX_BUCKETS:
                self._buckets.clear()  # full buckets again, for everybody, once in a long while
            rate = self._rates[name]
            bucket = self._buckets[id] = TokenBucket(rate, rate * self._burst_seconds)
        return bucket


def _headers(bucket: TokenBucket, name: str) -> Headers:
    seconds = math.ceil((bucket.size - bucket.tokens) / bucket.rate)
    return [
        (b"ratelimit-policy", f'"{name}";q={bucket.size:.0f};w={bucket.size / bucket.rate:.0f}'.encode()),
        (b"ratelimit", f'"{name}";r={int(bucket.tokens)};t={seconds}'.encode()),
    ]
