"""The pools: connections that remember which tenant they were last set to, and nothing else.

No code takes a connection except through `Work`, the worker's loops and the commands.
"""

import ssl
from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

import asyncpg
from pydantic import PostgresDsn

from chassis import json
from chassis.settings import Settings

_AWAY = (
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.TooManyConnectionsError,
    asyncpg.LockNotAvailableError,
    asyncpg.DiskFullError,
    asyncpg.InternalClientError,  # what asyncpg makes of a server that is killed in the middle of an exchange
    OSError,
    TimeoutError,
)


def is_away(error: BaseException) -> bool:
    """Whether PostgreSQL is away, restarts or is overrun: it passes, and trying again is the cure."""
    closed = type(error) is asyncpg.InterfaceError  # its subclasses tell of wrong arguments: those are our defects
    return closed or (isinstance(error, _AWAY) and not isinstance(error, asyncpg.QueryCanceledError))


@dataclass(slots=True)
class Session:
    """What a connection's session was last told."""

    tenant: UUID | None = None
    """The tenant that its setting names; None when that is not known for sure."""


class Connection(asyncpg.Connection):
    """A connection that remembers its session; a pool's proxy lets that be read, and nothing be set."""

    __slots__ = ("session",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.session = Session()


async def _keep_session(_: asyncpg.Connection) -> None:
    """Nothing is reset on release: it would halve the speed, and no session state is left but the tenant."""


async def set_codecs(connection: asyncpg.Connection) -> None:
    """JSON columns as Python values."""
    for name in ("json", "jsonb"):
        await connection.set_type_codec(name, schema="pg_catalog", encoder=json.dump_text, decoder=json.loads)


def connect_options(settings: Settings) -> dict[str, Any]:
    """What every connection is opened with."""
    milliseconds = str(int(settings.database_statement_seconds * 1000))
    options: dict[str, Any] = {
        "connection_class": Connection,
        "timeout": 5,
        "command_timeout": settings.database_statement_seconds + 5,
        "server_settings": {
            "application_name": "rapport",
            "plan_cache_mode": "auto",  # no plan knows its tenant (decision 0015), so each fits all
            "timezone": "UTC",
            "statement_timeout": milliseconds,
            "idle_in_transaction_session_timeout": milliseconds,
            "lock_timeout": "10000",
            # A client whose host vanished gives its locks back in seconds, the relay's leadership among them.
            "tcp_keepalives_idle": "5",
            "tcp_keepalives_interval": "2",
            "tcp_keepalives_count": "3",
        },
    }
    return options | tls_of(settings)


def tls_of(settings: Settings) -> dict[str, Any]:
    """How the server proves itself, when a setting asks for it."""
    return {"ssl": ssl.create_default_context(cafile=settings.database_tls_ca)} if settings.database_tls_ca else {}


def dsn_text(dsn: PostgresDsn | str) -> str:
    """The address as asyncpg reads it."""
    return str(dsn)


async def open_pool(dsn: PostgresDsn | str, settings: Settings, size: int | None = None) -> asyncpg.Pool:
    """A pool for one login. It connects when first used, so that a service starts while its database is away."""
    return cast(
        asyncpg.Pool,
        await asyncpg.create_pool(
            dsn_text(dsn),
            min_size=0,
            max_size=size or settings.database_pool_size,
            max_inactive_connection_lifetime=300,
            init=set_codecs,
            reset=_keep_session,
            **connect_options(settings),
        ),
    )


async def connect(dsn: PostgresDsn | str, settings: Settings) -> asyncpg.Connection:
    """One connection outside any pool, for what must hold on to it: a lock, a command."""
    connection = cast(asyncpg.Connection, await asyncpg.connect(dsn_text(dsn), **connect_options(settings)))
    await set_codecs(connection)
    return connection
