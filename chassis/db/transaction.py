"""The transaction behind a unit of work: its connection, its tenant, its deferred writes, and its commit.

The request handler, the event dispatcher and the worker run it. The author of a feature sees `UnitOfWork` alone.
"""

from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, cast

import asyncpg
from starlette.responses import Response

from chassis.core.clock import clock
from chassis.core.identity import Caller
from chassis.core.problems import Unavailable
from chassis.db.audit import AuditLog
from chassis.db.idempotency import Claim, IdempotencyKeyInFlight, is_in_flight
from chassis.db.outbox import Outbox
from chassis.db.pool import Connection, is_transient
from chassis.db.statements import Statement, combine

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

MAX_DEFERRED_WRITES = 8
"""Maximum writes in a combined statement. Each combination of writes is a statement to be prepared."""

RETRYABLE_ERRORS = (
    asyncpg.SerializationError,
    asyncpg.DeadlockDetectedError,
    asyncpg.UniqueViolationError,
    asyncpg.InvalidCachedStatementError,
)
"""Conflicts between concurrent transactions, or with a migration. The next attempt sees the other's writes."""


class RetryTransaction(Exception):
    """A concurrent transaction wrote the same row first. The next attempt will see it."""


class Transaction:
    """A tenant's transaction. An asynchronous context manager: it commits at the end, or rolls back on an error.

    It begins with the first statement that locks or writes. Earlier plain reads need no transaction, because under
    READ COMMITTED each statement sees the latest commits anyway. So a request that reads, and writes only at its end,
    is a transaction of a single statement.
    """

    def __init__(
        self,
        pool: asyncpg.Pool,
        caller: Caller,
        *,
        writes: bool = True,
        wait_seconds: float = 5.0,
        traceparent: str | None = None,
        trace_id: str = "",
        claim: Claim | None = None,
        is_retry: bool = False,
    ) -> None:
        self.caller = caller
        self.is_retry = is_retry
        self.now = caller.tenant.now()
        self.traceparent = traceparent
        self.trace_id = trace_id
        self.outbox = Outbox()
        self.audit_log = AuditLog()
        self.published = 0
        """Events that were committed to the outbox."""
        self._pool = pool
        self._writes = writes
        self._wait_seconds = wait_seconds
        self._claim = claim
        self._connection: Connection | None = None
        self._began = False
        self._deferred: list[Statement] = []
        self._response: Statement | None = None

    async def __aenter__(self) -> Self:
        if not clock.was_compared:  # the first transaction of a process: its connection compares the clocks
            await self._open()
            self.now = self.caller.tenant.now()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            if error is None:
                await self._commit()
        except BaseException as commit_error:
            error = commit_error
            raise
        finally:
            await self._close(error)

    async def defer(self, statement: Statement) -> None:
        """Write with the next statement that returns rows, or with the commit."""
        self._deferred.append(statement)
        if len(self._deferred) == MAX_DEFERRED_WRITES:
            await self.begin()

    def drop_deferred(self) -> None:
        """Forget the writes that wait for the next statement."""
        self._deferred.clear()

    def store_response(self, response: Response) -> None:
        """Store the response for the request's Idempotency-Key, if it has one."""
        if self._claim is not None:
            self._response = self._claim.insert_statement(response)

    async def connection(self) -> Connection:
        """Return the connection for a plain read, which begins no transaction unless writes are deferred."""
        return await (self.begin() if self._deferred else self._open())

    async def begin(self) -> Connection:
        """Begin the transaction unless it has begun, send the deferred writes, and return the connection."""
        if self._writes:
            clock.check()
        connection = await self._open(begin=self._writes and not self._began)
        if self._deferred:
            statements, self._deferred = self._deferred, []
            combined = combine(statements)
            await connection.execute(combined.sql, *combined.values)
        return connection

    async def _commit(self) -> None:
        statements = [
            *self._deferred,
            *self.outbox.statements(self.caller, self.now),
            *self.audit_log.statements(self.caller, self.now, self.trace_id),
        ]
        # The response comes last because PostgreSQL executes the last part first: a request whose key is in flight
        # fails before it touches anything else.
        if self._response is not None:
            statements.append(self._response)
        if statements:
            await self._flush(combine(statements))
        if self._connection is None or not self._began:
            return
        if await self._connection.execute("commit") != "COMMIT":
            raise AssertionError("a statement failed and the transaction went on")

    async def _flush(self, combined: Statement) -> None:
        """Send everything that is left in a single round trip: the whole transaction, if nothing was sent before."""
        clock.check()
        connection = await self._open()
        try:
            await connection.execute(combined.sql, *combined.values)
        except asyncpg.NotNullViolationError as error:
            raise (IdempotencyKeyInFlight() if is_in_flight(error) else error) from None
        self.published = len(self.outbox.events)

    async def _open(self, *, begin: bool = False) -> Connection:
        """Return the connection, set to the tenant, and within a transaction if `begin`."""
        if self._connection is None:
            self._connection = await self._acquire()
        connection = self._connection
        if begin:
            # A single round trip. The setting ends with the transaction. A UUID's text cannot contain SQL.
            await connection.execute(f"begin; set local app.tenant = '{self.caller.tenant.id}'")
            self._began = True
            if self._claim is not None:
                await self._claim.acquire(connection)
        elif not self._began and connection.session.tenant != self.caller.tenant.id:
            # Outside any transaction: a rollback would restore the former tenant.
            connection.session.tenant = None
            await connection.execute(f"set app.tenant = '{self.caller.tenant.id}'")
            connection.session.tenant = self.caller.tenant.id
        return connection

    async def _acquire(self) -> Connection:
        try:
            return cast(Connection, await self._pool.acquire(timeout=self._wait_seconds))
        except Exception as error:
            if is_transient(error):
                raise Unavailable("The database is busy or unavailable.") from error
            raise

    async def _close(self, error: BaseException | None) -> None:
        """Roll back uncommitted writes, and return the connection to its pool."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        try:
            if error is not None:
                connection.session.tenant = None
                # After a value that asyncpg cannot encode, its prepared statement would keep the locks of its tables.
                unsent = isinstance(error, asyncpg.DataError)
                if not connection.is_closed() and (unsent or connection.is_in_transaction()):
                    await connection.execute("rollback")
        except BaseException as close_error:
            with suppress(asyncpg.InterfaceError):  # a lost connection has already left its pool
                connection.terminate()
            if not isinstance(close_error, Exception):
                raise
        finally:
            await self._pool.release(cast("PoolConnectionProxy[Any]", connection))
