"""The job that undoes an import: created records are removed, updated ones get their former values back.

A record that has changed since the import is left alone, and so is a record to which others refer.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any
from uuid import UUID

from chassis import Chunk, Feature, JobRun, Query, UnitOfWork
from chassis.db.tables import Table
from services.customers.base import Base
from services.customers.customization.tables import CustomFieldValue
from services.customers.people.customers.undoing import remove_many, restore_many
from services.customers.people.customers.upserts import LOCK_BY_IDS
from services.customers.people.queries.relations import unrelate_many
from services.customers.people.tables import ContactPoint, Customer, ExternalId, Place, Relation
from services.customers.transfer import tables
from services.customers.transfer.imports.deal_reverts import undo_deals
from services.customers.transfer.rules.changes import Undoing, Undone, undoings_of

feature = Feature("imports")
RECORDS = 500
MAX_LISTED = 1_000
"""Records that were left alone and are listed. All of them are counted."""
_PARTS = (Customer, ContactPoint, CustomFieldValue, ExternalId, Place, tables.ImportChange)
_DERIVED = {"compared_record", "duplicate", "match_key"}
"""Tables of searches for duplicates, which are of a higher area. Without the record, its pairs mean nothing."""
_OWN = {table.__tablename__ for table in _PARTS} | _DERIVED
"""Tables whose rows belong to the record itself."""


@feature.job("import_revert")
async def revert_import(work: UnitOfWork, job: JobRun) -> Chunk:
    """Undo the changes of the next records."""
    after = UUID((job.cursor or {"after": str(UUID(int=0))})["after"])
    is_of_deals = job.parameters.get("record_kind") == "deal"
    query = _DEAL_CHANGES if is_of_deals else _CHANGES
    changes = await work.fetch(query, job_id=job.follows, after=after, most=RECORDS)
    undoings = undoings_of(changes)
    undone = await (undo_deals(work, undoings) if is_of_deals else _undo_customers(work, job, undoings))
    last = max(undoings, default=after)
    return Chunk(
        {"after": str(last)},
        done=len(undoings),
        is_last=len(undoings) < RECORDS,
        result=_result(job.result or {}, undoings, undone),
    )


async def _undo_customers(work: UnitOfWork, job: JobRun, undoings: dict[UUID, Undoing]) -> Undone:
    customers = {each.id: each for each in await work.fetch(LOCK_BY_IDS, ids=list(undoings))}
    kept = {id: "changed_since" for id, each in undoings.items() if _has_changed(customers.get(id), each)}
    created = [customers[id] for id, each in undoings.items() if each.removes and id not in kept]
    # A record may be at the end of relations whose row is undone later.
    related = await work.fetch(_OWN_RELATIONS, ids=list(undoings), job_id=job.follows)
    undone = [relation.id for relation in related]
    kept |= dict.fromkeys(await _in_use(work, [customer.id for customer in created], undone), "in_use")
    ended = {id for customer_id, each in undoings.items() if customer_id not in kept for id in each.relation_ids}
    gone = {customer.id for customer in created if customer.id not in kept}
    ended |= {each.id for each in related if each.customer_id in gone or each.related_customer_id in gone}
    await unrelate_many(work, sorted(ended & set(undone)))
    removed = [customer for customer in created if customer.id not in kept]
    restored = [(customers[id], each.values) for id, each in undoings.items() if not each.removes and id not in kept]
    refused = await restore_many(work, restored)
    await remove_many(work, removed)
    return Undone(len(removed), len(restored) - len(refused), kept | dict.fromkeys(refused, "values_refused"))


def _has_changed(customer: Customer | None, undoing: Undoing) -> bool:
    return customer is None or customer.version != undoing.version


async def _in_use(work: UnitOfWork, ids: list[UUID], undone: Sequence[UUID]) -> set[UUID]:
    """Return the records to which rows refer, except relations that are undone: decisions, assets and the like."""
    used: set[UUID] = set()
    for name, column in _references():
        used |= set(await work.fetch(stored_query(name, column), ids=ids, undone=list(undone)))
    return used


@cache
def stored_query(table: str, column: str) -> Query[UUID]:
    """Return the query for the customers whom rows of a table name."""
    return Query(UUID, f"select {column} from {table} where {column} = any(:ids) and id <> all(:undone)")


def _references() -> list[tuple[str, str]]:
    """Return every column that names a customer, with its table."""
    found = []
    for mapper in Base._sa_registry.mappers:
        table: type[Table] = mapper.class_
        if table.__tablename__ not in _OWN:
            found += [(str(table.__tablename__), person.column) for person in getattr(table, "persons", ())]
    return sorted(found)


def _result(result: dict[str, Any], undoings: dict[UUID, Undoing], undone: Undone) -> dict[str, Any]:
    listed = [
        {"customer_id": str(undoings[id].customer_id), "deal_id": _text(undoings[id].deal_id), "reason": reason}
        for id, reason in undone.kept.items()
    ]
    return {
        "removed": result.get("removed", 0) + undone.removed,
        "restored": result.get("restored", 0) + undone.restored,
        "kept_count": result.get("kept_count", 0) + len(undone.kept),
        "kept": [*result.get("kept", []), *listed][:MAX_LISTED],
    }


def _text(id: UUID | None) -> str | None:
    return None if id is None else str(id)


_OWN_RELATIONS = Query(
    Relation,
    """
    select relation.* from relation
    where version = 1 and (customer_id = any(:ids) or related_customer_id = any(:ids)) and exists (
        select from import_change as change
        where change.customer_id in (relation.customer_id, relation.related_customer_id)
            and change.job_id = :job_id and change.relation_ids @> to_jsonb(relation.id::text)
    )
    """,
)
"""The relations of records that the import has created, and that have not changed since."""
_CHANGES, _DEAL_CHANGES = [
    Query(
        tables.ImportChange,
        f"""
        select import_change.* from import_change
        where job_id = :job_id and {column} in (
            select distinct {column} from import_change where job_id = :job_id and {column} > :after
            order by {column} limit :most
        )
        order by {column}, "row"
        """,
    )
    for column in ("customer_id", "deal_id")
]
