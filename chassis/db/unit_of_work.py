"""The unit of work: a transaction with its tenant, its actor and its `now`.

Routes and event handlers receive it, and never see a session, a commit or a connection. It reads, writes, publishes and
keeps the audit log. It commits before the response is sent: a 2xx means stored, and announced.

It uses asyncpg directly. SQLModel declares the tables, and `get`, `find`, `insert` and `update` are derived from them.
Anything more is SQL (docs/decisions/0003-work-speaks-asyncpg.md). Row-level security limits every statement to the
tenant, so SQL does not name it.
"""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from chassis.core.events import Event, IncomingEvent
from chassis.core.identity import Caller, Tenant
from chassis.core.problems import NotFound, PersonErased, VersionMismatch
from chassis.db.audit import Changes
from chassis.db.record_size import reject_too_large
from chassis.db.statements import (
    Command,
    Query,
    Result,
    Row,
    Statement,
    column_names,
    insert_many_sql,
    insert_sql,
    log_moved_sql,
    moving_columns,
    select_sql,
    to_row,
    update_many_sql,
    update_sql,
)
from chassis.db.tables import Table, Versioned
from chassis.db.transaction import Transaction
from chassis.types import json
from chassis.types.ids import uuid7


class UnitOfWork:
    """The reads and writes of a route or an event handler, in its transaction.

    `select`, and `get`, `find`, `find_all` without a lock, are plain reads. `fetch`, `fetch_row` and `execute` run
    within the transaction: they see and lock what it writes. Writes without a result (`insert`, `insert_many`,
    `update_many`, `defer`) wait for the next such statement or the commit, and share its round trip. A violated
    constraint is reported then.
    """

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    @property
    def caller(self) -> Caller:
        """The principal, its tenant and its scopes."""
        return self._transaction.caller

    @property
    def tenant(self) -> Tenant:
        """The tenant whose data this transaction sees."""
        return self._transaction.caller.tenant

    @property
    def actor(self) -> str:
        """The principal's name, for records that store it."""
        return self._transaction.caller.actor

    def act_as(self, actor: str) -> None:
        """Name another principal for all that this transaction publishes and audits, for work that someone has caused.

        The rights remain those of the caller.
        """
        self._transaction.caller = replace(self._transaction.caller, actor=actor)

    @property
    def now(self) -> datetime:
        """The time of this transaction: the wall clock, or the sandbox clock of the tenant."""
        return self._transaction.now

    @property
    def is_retry(self) -> bool:
        """True if the request runs again after a conflict, for example with a unique constraint.

        A write that rarely conflicts need not look for an existing row first: the constraint reports it, and the
        retry looks.
        """
        return self._transaction.is_retry

    # Records

    async def get(self, table: type[Row], id: UUID, *, for_update: bool = False) -> Row:
        """Return the row with this id. `for_update` locks it until the commit. Raises NotFound.

        If the row was merged into another, as its column `merged_into` says, this is the other.
        Raises PersonErased for the record of a person that was erased, as its column `erased_at` says.
        """
        row = await self.find(table, for_update=for_update, id=id)
        if row is None:
            raise NotFound(f"No {str(table.__tablename__).replace('_', ' ')} has the id {id}.")
        if row.__dict__.get("erased_at") is not None:
            raise PersonErased
        merged_into = row.__dict__.get("merged_into")
        return row if merged_into is None else await self.get(table, merged_into, for_update=for_update)

    async def find(self, table: type[Row], *, for_update: bool = False, **columns: Any) -> Row | None:
        """Return the row with these values, or None."""
        sql = select_sql(table, tuple(columns), "for no key update" if for_update else "")
        connection = await (self._transaction.begin() if for_update else self._transaction.connection())
        record = await connection.fetchrow(sql, *columns.values())
        return None if record is None else to_row(table, record)

    async def find_all(self, table: type[Row], *, order_by: str = "id", **columns: Any) -> list[Row]:
        """Return every row with these values, in order. Use `paginate` unless the list is known to be short."""
        connection = await self._transaction.connection()
        records = await connection.fetch(select_sql(table, tuple(columns), f"order by {order_by}"), *columns.values())
        return [to_row(table, record) for record in records]

    async def insert(self, row: Row) -> Row:
        """Insert a row and return it as stored, with its tenant and its times. Raises RecordTooLarge.

        A row of a merged person is stored as the survivor's.
        """
        stored = self._as_stored(row)
        reject_too_large(stored)
        await self._transaction.defer(Statement(insert_sql(type(row)), _values(stored)))
        await self._log_moved(type(row), [stored.__dict__])
        self._transaction.audit_log.record_insert(stored)
        return stored

    async def insert_or_ignore(self, row: Row) -> Row | None:
        """Insert a row unless it violates a unique constraint. Returns the stored row, or None."""
        stored = self._as_stored(row)
        reject_too_large(stored)
        connection = await self._transaction.begin()
        sql = insert_sql(type(row)) + " on conflict do nothing"
        if await connection.execute(sql, *_values(stored)) != "INSERT 0 1":
            return None
        await self._log_moved(type(row), [stored.__dict__])
        self._transaction.audit_log.record_insert(stored)
        return stored

    async def insert_many(self, table: type[Table], rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert many rows, each a mapping with the same columns. `reject_too_large` checks a record before."""
        if not rows:
            return
        if moving_columns(table) and "id" not in rows[0]:
            rows = [{"id": uuid7(), **row} for row in rows]
        await self._transaction.defer(Statement(insert_many_sql(table, tuple(rows[0])), [rows]))
        await self._log_moved(table, rows)

    async def insert_many_or_ignore(self, table: type[Table], rows: Sequence[Mapping[str, Any]]) -> set[UUID]:
        """Insert many rows, except those that violate a unique constraint. Returns the ids of the inserted rows."""
        if not rows:
            return set()
        connection = await self._transaction.begin()
        sql = insert_many_sql(table, tuple(rows[0])) + " on conflict do nothing returning id"
        inserted = {record["id"] for record in await connection.fetch(sql, rows)}
        await self._log_moved(table, [row for row in rows if row.get("id") in inserted])
        return inserted

    async def update(self, row: Row, **changes: Any) -> Row:
        """Change columns of a row that was read with `for_update=True`. Returns the row as stored.

        Columns that already have their value do not change, so neither does the version. Raises RecordTooLarge.
        """
        before = {name: getattr(row, name) for name in changes}
        changes = {name: value for name, value in changes.items() if not json.json_equal(before[name], value)}
        if not changes:
            return row
        audited: Changes = {name: [before[name], value] for name, value in changes.items()}
        if isinstance(row, Versioned):
            changes |= {"version": row.version + 1, "updated_at": self.now}
        stored = row.replace(**changes)
        reject_too_large(stored, row)
        connection = await self._transaction.begin()
        await connection.execute(update_sql(type(row), tuple(changes)), row.id, *changes.values())
        self._transaction.audit_log.record("updated", row, audited)
        return stored

    async def update_many(self, table: type[Table], rows: Sequence[Mapping[str, Any]]) -> None:
        """Change columns of many rows. Each mapping has the row's id and the same columns.

        `reject_too_large` checks a record before.
        """
        if rows:
            columns = tuple(name for name in rows[0] if name != "id")
            await self._transaction.defer(Statement(update_many_sql(table, columns), [rows]))

    # SQL

    async def select(self, query: Query[Result], **values: Any) -> list[Result]:
        """Return the rows of a query that neither locks nor writes. It begins no transaction."""
        connection = await self._transaction.connection()
        return [query.build(record) for record in await connection.fetch(query.sql, *query.bind(values))]

    async def fetch(self, query: Query[Result], **values: Any) -> list[Result]:
        """Return the rows of a query that locks or writes."""
        connection = await self._transaction.begin()
        return [query.build(record) for record in await connection.fetch(query.sql, *query.bind(values))]

    async def fetch_row(self, query: Query[Result], **values: Any) -> Result:
        """Return the only row of a query, for example of aggregates. Raises LookupError if there is none."""
        connection = await self._transaction.begin()
        record = await connection.fetchrow(query.sql, *query.bind(values))
        if record is None:
            raise LookupError("the query returned no row")
        row: Result = query.build(record)
        return row

    async def execute(self, command: Command, **values: Any) -> int:
        """Run a statement and return the number of rows that it affected."""
        connection = await self._transaction.begin()
        tag = await connection.execute(command.sql, *command.bind(values))
        count = tag.rpartition(" ")[2]
        return int(count) if count.isdigit() else 0

    async def defer(self, command: Command, **values: Any) -> None:
        """Write rows that nothing else in this transaction reads or writes, in the round trip of a later statement."""
        await self._transaction.defer(Statement(command.sql, command.bind(values)))

    @asynccontextmanager
    async def trial(self) -> AsyncIterator[None]:
        """Undo at the end of the block whatever it writes, publishes and audits. Constraints are checked before."""
        transaction = self._transaction
        connection = await transaction.begin()
        events, entries = transaction.outbox.events, transaction.audit_log.entries
        published, audited = len(events), len(entries)
        await connection.execute("savepoint trial")
        try:
            yield
            await transaction.begin()  # sends the deferred writes
        finally:
            transaction.drop_deferred()
            await connection.execute("rollback to savepoint trial; release savepoint trial")
            del events[published:], entries[audited:]

    # Events, audit log, versions

    def publish(self, event: Event, *, cause: IncomingEvent | None = None) -> None:
        """Publish a fact, in order: it is written to the outbox of this transaction.

        Lock the record first (`for_update=True`), or its events may be in another order than its changes. `cause` is
        the event of a batch that led to this event, which continues its trace.

        Raises PayloadTooLarge if Kafka would reject the event, and publishes nothing then. A batch publishes an item's
        event before it writes anything of the item, so that it can refuse the item alone.
        """
        traceparent = cause.envelope.traceparent if cause else self._transaction.traceparent
        self._transaction.outbox.add(event, traceparent)

    def audit(self, action: str, table: type[Table], id: UUID, changes: Changes) -> None:
        """Add a change that was made by SQL to the audit log. `insert` and `update` do so themselves."""
        self._transaction.audit_log.add(action, table, id, changes)

    def check_version(self, row: Versioned, versions: Collection[int] | None) -> None:
        """Raise VersionMismatch unless the record has a version that the client has seen (If-Match)."""
        if versions is not None and row.version not in versions:
            raise VersionMismatch(f"The record is at version {row.version}.", version=row.version)

    async def _log_moved(self, table: type[Table], rows: Sequence[Mapping[str, Any]]) -> None:
        """Record under which persons rows were recorded, for those of merged persons."""
        for column in moving_columns(table):
            named = [(row["id"], row[column]) for row in rows if row.get(column) is not None]
            if named:
                ids, persons = map(list, zip(*named, strict=True))
                await self._transaction.defer(Statement(log_moved_sql(table, column), [ids, persons]))

    def _as_stored(self, row: Row) -> Row:
        technical: dict[str, Any] = {"tenant_id": self.tenant.id}
        if isinstance(row, Versioned):
            technical |= {"created_at": self.now, "updated_at": self.now}
        return row.replace(**technical)


def _values(row: Table) -> list[Any]:
    return [row.__dict__[name] for name in column_names(type(row))]
