"""Connection pools. A connection remembers the tenant its session is set to, and no other state.

Code takes connections through a unit of work only, except for the worker's loops and the commands.
"""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

import asyncpg
from pydantic import PostgresDsn

from chassis.core.clock import COMPARE_SECONDS, clock
from chassis.core.settings import Settings
from chassis.types import json

TRANSIENT_ERRORS = (
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.TooManyConnectionsError,
    asyncpg.LockNotAvailableError,
    asyncpg.DiskFullError,
    asyncpg.InternalClientError,  # asyncpg raises this if the server is killed in the middle of an exchange
    OSError,
    TimeoutError,
)


def is_transient(error: BaseException) -> bool:
    """Return whether PostgreSQL is unavailable, restarting or overloaded, so that retrying later will succeed."""
    closed = type(error) is asyncpg.InterfaceError  # its subclasses report wrong arguments: those are defects
    return closed or (isinstance(error, TRANSIENT_ERRORS) and not isinstance(error, asyncpg.QueryCanceledError))


@dataclass(slots=True)
class Session:
    """The state of a connection's session."""

    tenant: UUID | None = None
    """The tenant that the session is set to, or None if that is not certain."""


class Connection(asyncpg.Connection):
    """A connection with its session. A pool's proxy lets attributes be read, but not set."""

    __slots__ = ("session",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.session = Session()


CLOCK_COMPARISON = "select clock_timestamp()"


async def _skip_reset(_: asyncpg.Connection) -> None:
    """Reset nothing on release: the tenant is the only session state, and a reset would halve the speed of reads."""


async def set_codecs(connection: asyncpg.Connection) -> None:
    """Read and write JSON columns as Python values."""
    for name in ("json", "jsonb"):
        await connection.set_type_codec(name, schema="pg_catalog", encoder=json.dumps_str, decoder=json.loads)


async def _prepare(connection: asyncpg.Connection) -> None:
    """Set the codecs of a new connection, and compare the clocks if that is due."""
    await set_codecs(connection)
    if clock.is_due:
        await compare_clocks(connection)


async def compare_clocks(database: "asyncpg.Connection | asyncpg.Pool") -> None:
    """Compare the clock of this process with the database's."""
    asked = time.monotonic()
    database_time = await database.fetchval(CLOCK_COMPARISON)
    clock.compare(database_time, time.monotonic() - asked)


@asynccontextmanager
async def comparing_clocks(pool: asyncpg.Pool) -> AsyncIterator[None]:
    """Compare the clocks every few seconds during the block."""

    async def compare_forever() -> None:
        while True:
            with suppress(OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
                async with asyncio.timeout(COMPARE_SECONDS):  # `wait_for` may lose a cancellation
                    await compare_clocks(pool)
            await asyncio.sleep(COMPARE_SECONDS)

    comparing = asyncio.create_task(compare_forever())
    try:
        yield
    finally:
        comparing.cancel()
        await asyncio.gather(comparing, return_exceptions=True)


def connect_options(settings: Settings) -> dict[str, Any]:
    """Return the options of every connection."""
    milliseconds = str(int(settings.database_statement_seconds * 1000))
    options: dict[str, Any] = {
        "connection_class": Connection,
        "timeout": 5,
        "command_timeout": settings.database_statement_seconds + 5,
        "server_settings": {
            "application_name": "rapport",
            "plan_cache_mode": "auto",  # plans do not depend on the tenant (docs/decisions/0015), so tenants share them
            "timezone": "UTC",
            "statement_timeout": milliseconds,
            "idle_in_transaction_session_timeout": milliseconds,
            "lock_timeout": "10000",
            # The locks of a client whose host disappeared, the relay's leadership among them, are freed in seconds.
            "tcp_keepalives_idle": "5",
            "tcp_keepalives_interval": "2",
            "tcp_keepalives_count": "3",
        },
    }
    return options | tls_options(settings)


def tls_options(settings: Settings) -> dict[str, Any]:
    """Return the TLS options, if a setting names a certificate authority."""
    return {"ssl": ssl.create_default_context(cafile=settings.database_tls_ca)} if settings.database_tls_ca else {}


async def open_pool(dsn: PostgresDsn | str, settings: Settings, size: int | None = None) -> asyncpg.Pool:
    """Open a pool for a login. It connects on first use, so a service can start before its database."""
    return cast(
        asyncpg.Pool,
        await asyncpg.create_pool(
            str(dsn),
            min_size=0,
            max_size=size or settings.database_pool_size,
            max_inactive_connection_lifetime=300,
            init=_prepare,
            reset=_skip_reset,
            **connect_options(settings),
        ),
    )


async def connect(dsn: PostgresDsn | str, settings: Settings) -> asyncpg.Connection:
    """Open a connection outside any pool, for a lock that must outlive a transaction or for a command."""
    connection = cast(asyncpg.Connection, await asyncpg.connect(str(dsn), **connect_options(settings)))
    await set_codecs(connection)
    return connection
