"""Budgets of memory for large bodies, shared by all requests of a process.

A tenant may use half of a budget, so that another tenant finds the other half free however many bodies the first sends.
"""

import asyncio
from collections import Counter, deque
from uuid import UUID

from chassis.core.problems import Unavailable

WAIT_SECONDS = 10.0
_Waiting = tuple[UUID | None, int, asyncio.Future[None]]


class Reservation:
    """A part of a budget, held by a request."""

    def __init__(self, budget: "BodyBudget", tenant: UUID | None, size: int) -> None:
        self._budget = budget
        self._tenant = tenant
        self._size = size

    def release(self) -> None:
        """Return the part to the budget. Releasing it again has no effect."""
        size, self._size = self._size, 0
        self._budget.release(self._tenant, size)


class BodyBudget:
    """A number of bytes, of which requests reserve parts. Requests that exceed it wait, each tenant in its order."""

    def __init__(self, capacity: int, wait_seconds: float = WAIT_SECONDS) -> None:
        self.used: Counter[UUID | None] = Counter()
        self._capacity = capacity
        self._share = capacity // 2
        self._wait_seconds = wait_seconds
        self._waiting: deque[_Waiting] = deque()

    async def reserve(self, tenant: UUID | None, size: int) -> Reservation:
        """Wait until a part of the budget is free. A part larger than a share takes the whole share.

        Raises Unavailable after the deadline.
        """
        size = min(size, self._share)
        if self._waits(tenant) or not self._fits(tenant, size):
            await self._wait(tenant, size)
        else:
            self.used[tenant] += size
        return Reservation(self, tenant, size)

    def release(self, tenant: UUID | None, size: int) -> None:
        """Return a part, and let those requests go on that fit now."""
        self.used[tenant] -= size
        if self.used[tenant] == 0:
            del self.used[tenant]
        blocked: set[UUID | None] = set()
        for waiting in list(self._waiting):
            owner, wanted, turn = waiting
            if owner in blocked or not self._fits(owner, wanted):
                blocked.add(owner)
                continue
            self._waiting.remove(waiting)
            self.used[owner] += wanted
            turn.set_result(None)

    async def _wait(self, tenant: UUID | None, size: int) -> None:
        turn = asyncio.get_running_loop().create_future()
        waiting = (tenant, size, turn)
        self._waiting.append(waiting)
        try:
            async with asyncio.timeout(self._wait_seconds):
                await asyncio.shield(turn)
        except BaseException as error:
            if waiting in self._waiting:
                self._waiting.remove(waiting)
            elif turn.done():  # its turn came together with the timeout or the cancellation
                self.release(tenant, size)
            if isinstance(error, TimeoutError):
                raise Unavailable("Too many large bodies are being received. Send them one after the other.") from None
            raise

    def _waits(self, tenant: UUID | None) -> bool:
        return any(owner == tenant for owner, _, _ in self._waiting)

    def _fits(self, tenant: UUID | None, size: int) -> bool:
        return self.used[tenant] + size <= self._share and self.used.total() + size <= self._capacity


BUFFERED_BODIES = BodyBudget(48_000_000)
"""Bodies of more than 64 KB, while they are received and until their response is sent."""
PARSED_BODIES = BodyBudget(48_000_000)
"""The values of scanned bodies."""
