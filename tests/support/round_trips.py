"""Count the statements that are sent to PostgreSQL, each of which is a round trip."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from chassis.db.pool import CLOCK_COMPARISON, Connection

SENDERS = ("execute", "fetch", "fetchrow", "fetchval")


@contextmanager
def round_trips() -> Iterator[list[str]]:
    """Record the SQL of each statement that this process sends through a pool for its work, in order."""
    sent: list[str] = []

    def recording(name: str) -> Any:
        send = getattr(Connection, name)

        async def record(self: Connection, query: str, *args: Any, **options: Any) -> Any:
            if query != CLOCK_COMPARISON:  # sent every few seconds beside the work
                sent.append(" ".join(query.split()))
            return await send(self, query, *args, **options)

        return record

    with pytest.MonkeyPatch.context() as patch:
        for name in SENDERS:
            patch.setattr(Connection, name, recording(name))
        yield sent
