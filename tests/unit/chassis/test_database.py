"""Database errors: transient errors are distinguished from permanent errors."""

import asyncpg
import pytest

from chassis.db.pool import is_transient


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
