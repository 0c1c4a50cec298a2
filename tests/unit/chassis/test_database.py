"""The connection to a database: transient errors differ from permanent ones, and comparisons of clocks end."""

import asyncio
from datetime import datetime
from typing import cast

import asyncpg
import pytest

from chassis.core.clock import clock
from chassis.db.pool import comparing_clocks, is_transient


@pytest.mark.parametrize(
    ("error", "passes"),
    [
        (asyncpg.CannotConnectNowError("starting up"), True),
        (asyncpg.AdminShutdownError("restart"), True),
        (asyncpg.CrashShutdownError("another server process was killed"), True),
        (asyncpg.ConnectionDoesNotExistError("closed in the middle of operation"), True),
        (asyncpg.InterfaceError("connection is closed"), True),
        (asyncpg.InternalClientError("cannot switch to state 12; another operation (2) is in progress"), True),
        (asyncpg.TooManyConnectionsError("too many"), True),
        (asyncpg.DiskFullError("no space left"), True),
        (ConnectionRefusedError(), True),
        (TimeoutError(), True),
        (asyncpg.QueryCanceledError("statement timeout"), False),
        (asyncpg.DataError("invalid input"), False),
        (asyncpg.UniqueViolationError("duplicate"), False),
        (asyncpg.UndefinedTableError("no such table"), False),
        (ValueError("ours"), False),
    ],
)
def test_what_passes_and_what_does_not(error: BaseException, passes: bool) -> None:
    assert is_transient(error) is passes


async def test_comparing_clocks_ends_although_a_comparison_completes_meanwhile() -> None:
    """`asyncio.wait_for` lost the cancellation, and the process did not stop."""
    is_answered = asyncio.Event()

    class Database:
        async def fetchval(self, _: str) -> datetime:
            await is_answered.wait()
            return clock.now()

    async with asyncio.timeout(2), comparing_clocks(cast(asyncpg.Pool, Database())):
        await asyncio.sleep(0.01)  # the comparison has begun
        is_answered.set()
