"""Token buckets: of a replica by itself, or shared by all replicas, which lease tokens from the database.

A replica leases what it grants in some 50 ms, so that a bucket of a thousand requests a second costs 20 statements a
second. Buckets with few tokens are leased one by one. So all replicas together never grant more than the rate.
"""

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

import asyncpg

from chassis import Query
from chassis.core.telemetry import log

LEASE_SECONDS = 1.0
"""How long leased tokens may be spent. The rest is lost, so that an idle replica keeps no tokens from the others."""
LEASED_SHARE = 0.05
"""For how many seconds a replica leases at once."""
STATEMENT_SECONDS = 1.0


class TokenBucket:
    """Tokens that come back at a rate. A request takes one. `name` is that of its limit in headers."""

    __slots__ = ("_at", "name", "policy", "rate", "size", "tokens")

    def __init__(self, name: str, rate: float, size: float) -> None:
        self.name = name
        self.rate = rate
        self.size = size
        self.policy = f'"{name}";q={size:.0f};w={size / rate:.0f}'.encode()
        """The limit, as `RateLimit-Policy` describes it."""
        self.tokens = size
        self._at = time.monotonic()

    @property
    def left(self) -> float:
        """The tokens that are left, as far as this replica knows."""
        return self.tokens

    def take(self, count: float = 1) -> bool:
        """Take tokens if there are so many."""
        now = time.monotonic()
        tokens = self.tokens + (now - self._at) * self.rate
        if tokens > self.size:
            tokens = self.size
        self._at = now
        is_granted = tokens >= count
        self.tokens = tokens - count if is_granted else tokens
        return is_granted


class LeasedBucket(TokenBucket):
    """The tokens of a shared bucket that this replica has leased."""

    __slots__ = ("_empty_until", "_ends_at", "_own", "_shared", "id", "tenant", "waiting")

    def __init__(self, name: str, tenant: UUID, id: UUID, rate: float, size: float) -> None:
        super().__init__(name, rate, size)
        self.tenant = tenant
        self.id = id
        self.tokens = 0.0
        self.waiting = 0
        """Requests that wait for a lease."""
        self._own = TokenBucket(name, rate, size)
        self._shared = size
        self._ends_at = self._empty_until = 0.0

    @property
    def left(self) -> float:
        """The tokens that are left, as far as this replica knows."""
        return self.tokens + self._shared

    @property
    def needs_lease(self) -> bool:
        """True if there is no token to spend, and the database may have some."""
        now = time.monotonic()
        return (self.tokens < 1 or now >= self._ends_at) and now >= self._empty_until

    @property
    def wanted(self) -> float:
        """The number of tokens to lease."""
        return float(min(self.size, max(self.waiting, self.rate * LEASED_SHARE, 1)))

    def take(self, count: float = 1) -> bool:
        """Take leased tokens if there are so many."""
        if self.tokens < count or time.monotonic() >= self._ends_at:
            return False
        self.tokens -= count
        return True

    def add(self, granted: float, shared: float) -> None:
        """Add leased tokens. `shared` are left in the database."""
        now = time.monotonic()
        self.tokens = granted + (self.tokens if now < self._ends_at else 0)
        self._shared, self._ends_at = max(shared, 0), now + LEASE_SECONDS
        if granted < 1:
            self._empty_until = now + (1 - shared) / self.rate

    def add_own(self) -> None:
        """Add tokens without the database: no more than this replica would grant by itself."""
        wanted = self.wanted
        self.add(wanted if self._own.take(wanted) else 0, 0)


@dataclass(frozen=True, slots=True)
class Lease:
    """A row of `lease_tokens`."""

    id: UUID
    granted: float
    remaining: float


class Leases:
    """Leases tokens for the buckets of this replica. One statement runs at a time, for all requests that wait."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
        self._queue: dict[LeasedBucket, asyncio.Future[None]] = {}
        self._leasing: asyncio.Task[None] | None = None

    async def fill(self, buckets: Iterable[LeasedBucket]) -> None:
        """Lease tokens for those buckets that have none."""
        buckets = list(buckets)
        while needing := [bucket for bucket in buckets if bucket.needs_lease]:
            await asyncio.gather(*map(self._lease, needing))

    async def _lease(self, bucket: LeasedBucket) -> None:
        leased = self._queue.get(bucket)
        if leased is None:
            leased = self._queue[bucket] = asyncio.get_running_loop().create_future()
            if self._leasing is None:
                self._leasing = asyncio.create_task(self._lease_queued())
        bucket.waiting += 1
        try:
            await asyncio.shield(leased)
        finally:
            bucket.waiting -= 1

    async def _lease_queued(self) -> None:
        try:
            while self._queue:
                queue, self._queue = self._queue, {}
                await self._fill_all(list(queue))
                for leased in queue.values():
                    leased.set_result(None)
        finally:
            self._leasing = None

    async def _fill_all(self, buckets: list[LeasedBucket]) -> None:
        values = {
            "tenants": [bucket.tenant for bucket in buckets],
            "ids": [bucket.id for bucket in buckets],
            "rates": [bucket.rate for bucket in buckets],
            "sizes": [bucket.size for bucket in buckets],
            "wanted": [bucket.wanted for bucket in buckets],
        }
        try:
            async with asyncio.timeout(STATEMENT_SECONDS):
                rows = await self._pool.fetch(_LEASE.sql, *_LEASE.bind(values))
        except Exception as error:
            log.warning("no tokens were leased: this replica grants its rates by itself", error=repr(error))
            for bucket in buckets:
                bucket.add_own()
            return
        leases = {lease.id: lease for lease in map(_LEASE.build, rows)}
        for bucket in buckets:
            bucket.add(leases[bucket.id].granted, leases[bucket.id].remaining)


_LEASE = Query(Lease, "select id, granted, remaining from lease_tokens(:tenants, :ids, :rates, :sizes, :wanted)")
