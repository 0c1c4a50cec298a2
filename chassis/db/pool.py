"""Connection pools. A connection remembers the tenant its session is set to, and no other state.

Code takes connections through a unit of work only, except for the worker's loops and the commands.
"""

import ssl
from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

import asyncpg
from pydantic import PostgresDsn

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


async def _skip_reset(_: asyncpg.Connection) -> None:
    """Reset nothing on release: the tenant is the only session state, and a reset would halve the speed of reads."""


async def set_codecs(connection: asyncpg.Connection) -> None:
    """Read and write JSON columns as Python values."""
    for name in ("json", "jsonb"):
        await connection.set_type_codec(name, schema="pg_catalog", encoder=json.dumps_str, decoder=json.loads)


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
            init=set_codecs,
            reset=_skip_reset,
            **connect_options(settings),
        ),
    )


async def connect(dsn: PostgresDsn | str, settings: Settings) -> asyncpg.Connection:
    """Open a connection outside any pool, for a lock that must outlive a transaction or for a command."""
    connection = cast(asyncpg.Connection, await asyncpg.connect(str(dsn), **connect_options(settings)))
    await set_codecs(connection)
    return connection
