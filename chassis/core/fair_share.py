"""Fair shares: a limited number of slots that tenants share, so that none of them waits for the crowd of another."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from uuid import UUID

PRESENT_SECONDS = 10.0
"""How long a tenant counts as present after its last request for a slot."""


class ShareExceeded(Exception):
    """A tenant asked for more than its share. Others may be served."""


class NoSlotInTime(Exception):
    """No slot became free in time, although the tenant has no more slots than others."""


class FairShare:
    """Slots for a resource.

    A tenant that is alone may take three quarters of them, so that the next one finds a free slot. Among several, each
    may take an equal part, but at least two, and a part stays free. A slot that becomes free goes to the waiting tenant
    that has the fewest.
    """

    def __init__(self, slots: int, *, max_waiting: int) -> None:
        self._slots = slots
        self._free = slots
        self._max_waiting = max_waiting
        """Maximum requests of a tenant that wait."""
        self._taken: dict[UUID, int] = {}
        self._waiting: dict[UUID, deque[asyncio.Future[None]]] = {}
        """In the order of the turns."""
        self._seen: dict[UUID, float] = {}
        self._limit = 0
        self._counted_at = 0.0

    @asynccontextmanager
    async def slot(self, tenant: UUID, seconds: float) -> AsyncIterator[None]:
        """Take a slot for the block. Wait up to this time. Raises ShareExceeded or NoSlotInTime."""
        await self.take(tenant, seconds)
        try:
            yield
        finally:
            self.release(tenant)

    async def take(self, tenant: UUID, seconds: float) -> None:
        """Take a slot, and release it later. Wait up to this time. Raises ShareExceeded or NoSlotInTime."""
        if tenant not in self._seen or time.monotonic() - self._counted_at > 1:
            self._count_present(tenant)
        self._seen[tenant] = self._counted_at
        if self._free and tenant not in self._waiting and self._taken.get(tenant, 0) < self._limit:
            self._give(tenant)
            return
        queue = self._waiting.setdefault(tenant, deque())
        if len(queue) >= self._max_waiting:
            raise ShareExceeded
        turn = asyncio.get_running_loop().create_future()
        queue.append(turn)
        try:
            async with asyncio.timeout(seconds):
                await turn
        except BaseException as error:
            self._leave(tenant, turn)
            if isinstance(error, TimeoutError):
                raise (ShareExceeded if self._taken.get(tenant, 0) >= self._limit else NoSlotInTime) from None
            raise

    def release(self, tenant: UUID) -> None:
        """Give a slot back."""
        self._free += 1
        left = self._taken[tenant] - 1
        if left:
            self._taken[tenant] = left
        else:
            del self._taken[tenant]
        self._give_to_waiting()

    def _count_present(self, tenant: UUID) -> None:
        """Set the limit of a tenant by the number of those that are present."""
        self._counted_at = time.monotonic()
        since = self._counted_at - PRESENT_SECONDS
        self._seen = {one: seen for one, seen in self._seen.items() if seen > since}
        self._seen[tenant] = self._counted_at
        present = len(self._seen)
        reserve = max(1, self._slots // 4)
        self._limit = self._slots - reserve if present == 1 else max(2, self._slots // (present + 1))

    def _give(self, tenant: UUID) -> None:
        self._free -= 1
        self._taken[tenant] = self._taken.get(tenant, 0) + 1

    def _give_to_waiting(self) -> None:
        while self._free:
            candidates = [tenant for tenant in self._waiting if self._taken.get(tenant, 0) < self._limit]
            if not candidates:
                return
            tenant = min(candidates, key=lambda tenant: self._taken.get(tenant, 0))
            queue = self._waiting.pop(tenant)
            turn = queue.popleft()
            if queue:
                self._waiting[tenant] = queue  # behind the other tenants with as many slots
            if not turn.done():  # a caller that was cancelled leaves a moment later
                self._give(tenant)
                turn.set_result(None)

    def _leave(self, tenant: UUID, turn: "asyncio.Future[None]") -> None:
        """Stop waiting. The turn may have come together with the timeout or the cancellation."""
        if turn.done() and not turn.cancelled():
            self.release(tenant)
            return
        queue = self._waiting.get(tenant)
        if queue is not None:
            with suppress(ValueError):
                queue.remove(turn)
            if not queue:
                del self._waiting[tenant]
