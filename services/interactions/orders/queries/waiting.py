"""Records that are sent before their purchase: they wait for it, and are recorded soon after it.

A source that sends its records in any order names the purchase by its own id. A record that the purchase does not
allow stays, refused, with the reason.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

from chassis import Command, Problem, Query, RequestBody, Resource, RetryTransaction, SourceIdReused, UnitOfWork
from services.interactions.orders import tables
from services.interactions.sources.queries import SourceFields

Row = TypeVar("Row", bound=tables.WaitingRecord)
BATCH_SIZE = 100


class PurchaseReference(SourceFields, RequestBody):
    """A purchase by its source and the source's id of it."""


class NamedPurchase(SourceFields, Resource):
    """A purchase by its source and the source's id of it."""


@dataclass(frozen=True, slots=True)
class DueRecord:
    """A waiting record whose purchase has been recorded."""

    id: UUID
    wanted: dict[str, Any]
    actor: str | None
    purchase_id: UUID


@dataclass(frozen=True, slots=True)
class WaitingStatements:
    """The statements on a table of waiting records."""

    due: Query[DueRecord]
    """Selects the records whose purchase exists: `DUE`."""
    refuse: Command
    """Keeps a record with the reason of its refusal: `REFUSE`."""
    delete: Command
    """Deletes a record that was recorded: `DELETE`."""


Record = Callable[[UnitOfWork, tables.Purchase, DueRecord], Awaitable[object]]


async def find_purchase(work: UnitOfWork, named: SourceFields) -> tables.Purchase | None:
    """Return the purchase that a source names, or None."""
    return await work.find(tables.Purchase, source=named.source, source_id=named.source_id)


async def store_until_purchase(work: UnitOfWork, row: Row) -> Row:
    """Store a record until its purchase exists. Returns the stored one for a repeat. Raises SourceIdReused."""
    stored = await work.insert_or_ignore(row)
    if stored is not None:
        return stored
    existing = await work.find(type(row), source=row.source, source_id=row.source_id)
    if existing is None:
        raise RetryTransaction  # the worker has just recorded it, so the next attempt finds its purchase
    if existing.content_hash != row.content_hash:
        raise SourceIdReused
    return existing


async def record_due(work: UnitOfWork, statements: WaitingStatements, record: Record) -> bool:
    """Record the waiting records whose purchase exists, in the order in which they were sent.

    Returns whether there may be more.
    """
    due = await work.fetch(statements.due, batch_size=BATCH_SIZE)
    for each in due:
        try:
            await record(work, await work.get(tables.Purchase, each.purchase_id), each)
        except Problem as problem:
            await work.execute(statements.refuse, id=each.id, problem=f"{problem.code}: {problem.detail}")
        else:
            await work.execute(statements.delete, id=each.id)
    return len(due) == BATCH_SIZE


DUE = """
    select waiting.id, wanted, {actor} as actor, purchase.id as purchase_id
    from {table} as waiting
    join purchase on purchase.source = purchase_source and purchase.source_id = purchase_source_id
    where waiting.state = 'waiting' order by waiting.id limit :batch_size
    for no key update of waiting skip locked
"""
REFUSE = "update {table} set state = 'refused', problem = :problem where id = :id"
DELETE = "delete from {table} where id = :id"
