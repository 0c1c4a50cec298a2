"""Work: one transaction, one tenant, one actor, one `now`.

It reads, writes, publishes and keeps the audit; routes and reactions get one and never see a session, a commit or a
connection. It commits before the answer leaves: a 2xx means stored and announced.

It speaks asyncpg: SQLModel says what a table is, and `get`, `find`, `insert`, `update` are written from that; whatever
is more than that is SQL (docs/decisions/0003-work-speaks-asyncpg.md). Row-level security limits every statement to
the tenant, so SQL here need not name it.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

import asyncpg
from starlette.responses import Response

from chassis import json
from chassis.database import Connection, is_away
from chassis.events import Event, Incoming
from chassis.idempotency import Claim, IdempotencyKeyInFlight, is_in_flight
from chassis.identity import Caller, Tenant
from chassis.leaving import Change, Leaving
from chassis.problems import NotFound, StaleVersion, Unavailable
from chassis.statements import (
    Part,
    Row,
    columns_of,
    insert_all_of,
    insert_of,
    name_of,
    row_of,
    select_of,
    together,
    update_of,
)
from chassis.tables import Table, Versioned

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

Record = Mapping[str, Any]
"""A row of a statement."""

MOST_WAITING = 8
"""Writes that one statement carries; each order of them is a statement to be prepared."""

RETRIED = (
    asyncpg.SerializationError,
    asyncpg.DeadlockDetectedError,
    asyncpg.UniqueViolationError,
    asyncpg.InvalidCachedStatementError,
)
"""Two transactions, or one and a migration, stood in each other's way: run again, it sees what the other has done."""


class Again(Exception):
    """Somebody else wrote what this transaction was about to write: run it again and it will see that."""


class Work:
    """A transaction of one tenant. `writes=False` reads without one.

    It begins with the first statement that locks or writes. What only looks (`read`, and `get`, `find`, `all` without
    a lock) needs none before that: under READ COMMITTED each statement sees what is committed by then anyway. So a
    request that looks and then writes, all of it at its end, is a transaction of one statement.

    What is written without a question (`insert`, `insert_all`, `later`) waits for the next statement that asks, or for
    the commit, and goes with what else waits in one round trip. A constraint that breaks is told of then.
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
    ) -> None:
        self.caller = caller
        self.now = caller.tenant.clock_at or datetime.now(UTC)
        self.traceparent = traceparent
        self.trace_id = trace_id
        self.published = 0
        self.answer_version: int | None = None
        self._pool = pool
        self._writes = writes
        self._wait_seconds = wait_seconds
        self._claim = claim
        self._connection: Connection | None = None
        self._began = False
        self._waiting: list[Part] = []
        self._answer: Part | None = None
        self._leaving = Leaving()

    @property
    def tenant(self) -> Tenant:
        """Whose data this is."""
        return self.caller.tenant

    @property
    def actor(self) -> str:
        """Who does it."""
        return self.caller.actor

    # Records

    async def get(self, table: type[Row], id: UUID, *, lock: bool = False) -> Row:
        """The row of that id; `lock` keeps it from others until the commit. Raises NotFound."""
        row = await self.find(table, lock=lock, id=id)
        if row is None:
            raise NotFound
        return row

    async def find(self, table: type[Row], *, lock: bool = False, **equal: Any) -> Row | None:
        """The row with these values, or None."""
        ask = self.fetch if lock else self.read
        found = await ask(select_of(table, tuple(equal), "for no key update" if lock else ""), *equal.values())
        return row_of(table, found[0]) if found else None

    async def all(self, table: type[Row], *, order_by: str = "id", **equal: Any) -> list[Row]:
        """Every row with these values, in order. For what is known to be few; else use `chassis.pages`."""
        found = await self.read(select_of(table, tuple(equal), f"order by {order_by}"), *equal.values())
        return [row_of(table, record) for record in found]

    async def insert(self, row: Table) -> None:
        """Writes a new row."""
        await self.later(insert_of(type(row)), *self._values_of_new(row))
        self._leaving.note_new(row)

    async def insert_new(self, row: Table) -> bool:
        """Writes a new row unless a unique constraint says that it stands already; tells whether it did."""
        statement = insert_of(type(row)) + " on conflict do nothing"
        written = await self.execute(statement, *self._values_of_new(row)) == "INSERT 0 1"
        if written:
            self._leaving.note_new(row)
        return written

    async def insert_all(self, table: type[Table], rows: Sequence[Mapping[str, Any]]) -> None:
        """Writes many rows at once. Each names the columns that it sets; the first one's are those of all."""
        if rows:
            await self.later(insert_all_of(table, tuple(rows[0])), rows)

    async def insert_all_new(self, table: type[Table], rows: Sequence[Mapping[str, Any]]) -> set[UUID]:
        """Writes those of many rows that no unique constraint refuses; answers with their ids."""
        if not rows:
            return set()
        statement = insert_all_of(table, tuple(rows[0])) + " on conflict do nothing returning id"
        return {record["id"] for record in await self.fetch(statement, rows)}

    async def update(self, row: Row, **changes: Any) -> Row:
        """Changes fields of a row that was read with `lock=True`; raises its version when it has one.

        Values that are equal already change nothing: no version, no audit.
        """
        before = {name: getattr(row, name) for name in changes}
        changes = {name: value for name, value in changes.items() if not json.same(before[name], value)}
        if not changes:
            return row
        if isinstance(row, Versioned):
            changes |= {"version": row.version + 1, "updated_at": self.now}
        await self.execute(update_of(type(row), tuple(changes)), row.id, *changes.values())
        self._leaving.note("updated", row, {name: [before[name], changes[name]] for name in before if name in changes})
        for name, value in changes.items():
            setattr(row, name, value)
        return row

    # SQL

    async def read(self, statement: str, *values: Any) -> list[Record]:
        """The rows of a question that neither locks nor writes."""
        connection = await (self.begin() if self._waiting else self._open())
        return cast(list[Record], await connection.fetch(statement, *values))

    async def fetch(self, statement: str, *values: Any) -> list[Record]:
        """The rows of a statement."""
        connection = await self.begin()
        return cast(list[Record], await connection.fetch(statement, *values))

    async def fetch_one(self, statement: str, *values: Any) -> Record | None:
        """The first row of a statement, or None."""
        connection = await self.begin()
        return cast(Record | None, await connection.fetchrow(statement, *values))

    async def value(self, statement: str, *values: Any) -> Any:
        """The first column of the first row, or None."""
        connection = await self.begin()
        return await connection.fetchval(statement, *values)

    async def execute(self, statement: str, *values: Any) -> str:
        """Runs a statement; answers with PostgreSQL's command tag."""
        connection = await self.begin()
        return await connection.execute(statement, *values)

    async def later(self, statement: str, *values: Any) -> None:
        """A write of rows that nothing else in this transaction writes, and whose outcome nobody asks for."""
        self._waiting.append((statement, values))
        if len(self._waiting) == MOST_WAITING:
            await self.begin()

    # What leaves with the commit

    def publish(self, event: Event, *, cause: Incoming | None = None) -> None:
        """Announces a fact: it goes into the outbox of this transaction, in order.

        Lock the record before (`lock=True`): the order of a record's events is that of its changes only so. `cause`
        is the event of a batch that led to this one; its trace goes on.
        """
        traceparent = cause.envelope.traceparent if cause else self.traceparent
        self._leaving.events.append((event, traceparent))

    def audit(self, action: str, table: type[Table], id: UUID, changes: Mapping[str, list[Any]]) -> None:
        """Notes a change that was made by SQL; `get`, `insert` and `update` do it themselves."""
        self._leaving.changes.append(Change(name_of(table), id, action, dict(changes)))

    def keep(self, answer: Response) -> None:
        """Keeps the answer for the request's Idempotency-Key, if it has one."""
        if self._claim is not None:
            self._answer = self._claim.keeping(answer)

    def expect(self, row: Versioned, version: int | None) -> None:
        """Raises StaleVersion unless the record stands at the version that the caller has seen (If-Match)."""
        if version is not None and version != row.version:
            raise StaleVersion(f"The record stands at version {row.version}.", version=row.version)

    # The transaction

    async def begin(self) -> Connection:
        """Begins the transaction unless it has begun, and sends what waits."""
        connection = await self._open(begins=self._writes and not self._began)
        if self._waiting:
            parts, self._waiting = self._waiting, []
            statement, values = together(parts)
            await connection.execute(statement, *values)
        return connection

    async def commit(self) -> None:
        """Makes it last. Called once, by the chassis."""
        if self._waiting or self._leaving or self._answer:
            await self._flush()
        if self._connection is None or not self._began:
            return
        if await self._connection.execute("commit") != "COMMIT":
            raise AssertionError("a statement had failed and somebody went on")

    def _values_of_new(self, row: Table) -> list[Any]:
        values = vars(row)
        if isinstance(row, Versioned):
            values["created_at"] = values["updated_at"] = self.now
        values["tenant_id"] = self.tenant.id
        return [values[name] for name in columns_of(type(row))]

    async def _flush(self) -> None:
        """What waits, outbox, audit and the kept answer in one statement: one round trip, whatever a request does.

        When nothing was locked or written before, this is the whole transaction. The kept answer comes last, for that
        is what PostgreSQL does first: it lets in nobody whose key is another's, before anything else is touched.
        """
        parts = [*self._waiting, *self._leaving.parts(self.caller, self.now, self.trace_id)]
        self._waiting = []
        if self._answer is not None:
            parts.append(self._answer)
        statement, values = together(parts)
        connection = await self._open()
        try:
            await connection.execute(statement, *values)
        except asyncpg.NotNullViolationError as error:
            raise (IdempotencyKeyInFlight() if is_in_flight(error) else error) from None
        self.published = len(self._leaving.events)
        self._leaving = Leaving()

    async def _open(self, *, begins: bool = False) -> Connection:
        """The connection, set to the tenant; within a transaction when it `begins`."""
        if self._connection is None:
            try:
                self._connection = cast(Connection, await self._pool.acquire(timeout=self._wait_seconds))
            except Exception as error:
                if is_away(error):
                    raise Unavailable("The database is busy or away.") from error
                raise
        connection = self._connection
        if begins:
            # One round trip; the setting ends with the transaction. A UUID's text cannot carry SQL.
            await connection.execute(f"begin; set local app.tenant = '{self.tenant.id}'")
            self._began = True
            if self._claim is not None:
                await self._claim.take(connection)
        elif not self._began and connection.session.tenant != self.tenant.id:
            # Outside any transaction: one that was rolled back would leave the former tenant.
            connection.session.tenant = None
            await connection.execute(f"set app.tenant = '{self.tenant.id}'")
            connection.session.tenant = self.tenant.id
        return connection

    async def close(self, failed: bool) -> None:
        """Gives the connection back; what was not committed is rolled back."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        try:
            if failed:
                connection.session.tenant = None
                if not connection.is_closed() and connection.is_in_transaction():
                    await connection.execute("rollback")
        except BaseException as error:
            with suppress(asyncpg.InterfaceError):  # a connection that was lost has left its pool already
                connection.terminate()
            if not isinstance(error, Exception):
                raise
        finally:
            await self._pool.release(cast("PoolConnectionProxy[asyncpg.Record]", connection))


@asynccontextmanager
async def transaction(work: Work) -> AsyncIterator[Work]:
    """Runs a block as one transaction: committed at its end, rolled back when it raises."""
    try:
        yield work
        await work.commit()
    except BaseException:
        await work.close(failed=True)
        raise
    await work.close(failed=False)
