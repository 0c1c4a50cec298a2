"""Count the statements that are sent to PostgreSQL, each of which is a round trip."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from chassis.db.pool import Connection

SENDERS = ("execute", "fetch", "fetchrow", "fetchval")


@contextmanager
def round_trips() -> Iterator[list[str]]:
    """Record the SQL of each statement that this process sends through a pool, in order."""
    sent: list[str] = []

    def recording(name: str) -> Any:
        send = getattr(Connection, name)

        async def record(self: Connection, query: str, *args: Any, **options: Any) -> Any:
            sent.append(" ".join(query.split()))
            return await send(self, query, *args, **options)

        return record

    with pytest.MonkeyPatch.context() as patch:
        for name in SENDERS:
            patch.setattr(Connection, name, recording(name))
        yield sent
