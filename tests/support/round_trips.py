"""Record the statements that an operation sends to PostgreSQL, each of which is a round trip."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import pytest

from chassis.db.pool import CLOCK_COMPARISON, Connection

SENDERS = ("execute", "fetch", "fetchrow", "fetchval")
Sent = list[tuple[str, str, tuple[Any, ...]]]
"""The name of the method, the SQL and the values of each statement, in order."""

_recorded: ContextVar[Sent | None] = ContextVar("recorded", default=None)
"""The statements of the operation. Tasks that ran before, such as listeners and other services, have none."""


@contextmanager
def statements() -> Iterator[Sent]:
    """Record each statement that this task sends through a pool, and the tasks that it starts."""

    def recording(name: str) -> Any:
        send = getattr(Connection, name)

        async def record(self: Connection, query: str, *args: Any, **options: Any) -> Any:
            recorded = _recorded.get()
            if recorded is not None and query != CLOCK_COMPARISON:  # a new connection may compare the clocks
                recorded.append((name, query, args))
            return await send(self, query, *args, **options)

        return record

    sent: Sent = []
    token = _recorded.set(sent)
    try:
        with pytest.MonkeyPatch.context() as patch:
            for name in SENDERS:
                patch.setattr(Connection, name, recording(name))
            yield sent
    finally:
        _recorded.reset(token)


@contextmanager
def round_trips() -> Iterator[list[str]]:
    """Record the SQL of each statement, in a single line. The list is complete when the block has ended."""
    trips: list[str] = []
    with statements() as sent:
        yield trips
    trips.extend(" ".join(query.split()) for _, query, _ in sent)
