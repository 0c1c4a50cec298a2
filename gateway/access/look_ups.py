"""Look-ups by id across tenants, with a cache of their results that announced changes invalidate.

Ids that are looked up at the same time share a statement, and a replica runs one such statement at a time. So requests
with unknown ids cannot keep the database busy.
"""

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import Generic, TypeVar
from uuid import UUID

MAX_UNKNOWN_IDS = 10_000
MAX_LOOK_UPS = 500
"""Maximum ids that a statement looks up."""
UNKNOWN_SECONDS = 10.0
"""How long the cache remembers that nothing has an id. The creation of a record with this id ends it at once."""
Found = TypeVar("Found")


class LookUpCache(ABC, Generic[Found]):
    """Finds records by id. It stores what it finds while `is_listening`, because only then changes reach it."""

    def __init__(self) -> None:
        self.is_listening = False
        self.statements = 0
        """The look-ups that were sent to the database."""
        self._by_id: dict[UUID, Found] = {}
        self._unknown_until: dict[UUID, float] = {}
        self._queue: dict[UUID, asyncio.Future[Found | None]] = {}
        self._look_ups: asyncio.Task[None] | None = None
        self._changed: set[UUID] = set()
        self._all_changed = False

    async def find(self, id: UUID) -> Found | None:
        """Return the record with this id, from the cache or from the database."""
        cached = self._by_id.get(id)
        if cached is not None:
            return cached
        if self._unknown_until.get(id, 0.0) > time.monotonic():
            return None
        # A statement that runs already may have begun before a change that this request must see.
        found = self._queue.get(id)
        if found is None:
            found = self._queue[id] = asyncio.get_running_loop().create_future()
            if self._look_ups is None:
                self._look_ups = asyncio.create_task(self._look_up_queued())
        return await asyncio.shield(found)

    def is_cached(self, id: UUID, record: Found) -> bool:
        """Return whether this record is still the cached one."""
        return self._by_id.get(id) is record

    def invalidate(self, ids: Iterable[UUID]) -> None:
        """Remove records that have changed, or were created."""
        for id in ids:
            self._changed.add(id)
            self._unknown_until.pop(id, None)
            self._remove(id)

    def invalidate_all(self) -> None:
        """Remove everything, because changes may have been missed."""
        self._all_changed = True
        self._by_id.clear()
        self._unknown_until.clear()

    @abstractmethod
    async def _fetch(self, ids: list[UUID]) -> Mapping[UUID, Found]:
        """Return the records with these ids that exist."""

    def _store(self, id: UUID, record: Found) -> None:
        self._by_id[id] = record

    def _remove(self, id: UUID) -> None:
        self._by_id.pop(id, None)

    async def _look_up_queued(self) -> None:
        try:
            while self._queue:
                ids = list(self._queue)[:MAX_LOOK_UPS]
                waiting = {id: self._queue.pop(id) for id in ids}
                self._changed, self._all_changed = set(), False
                self.statements += 1
                try:
                    found = await self._fetch(ids)
                except Exception as error:
                    for future in waiting.values():
                        future.set_exception(error)
                        future.exception()  # its request may have been cancelled
                    continue
                for id, future in waiting.items():
                    if self.is_listening and not self._all_changed and id not in self._changed:
                        self._remember(id, found.get(id))
                    future.set_result(found.get(id))
        finally:
            self._look_ups = None

    def _remember(self, id: UUID, record: Found | None) -> None:
        if record is not None:
            self._store(id, record)
            return
        if len(self._unknown_until) >= MAX_UNKNOWN_IDS:
            del self._unknown_until[next(iter(self._unknown_until))]
        self._unknown_until[id] = time.monotonic() + UNKNOWN_SECONDS
