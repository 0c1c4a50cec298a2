"""Relations to customers of later rows: kept in files until the last row is read, and created then.

Such a file has the rows of a chunk, with their cells. It is deleted together with the upload.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter

from chassis import JobFailed, JobRun, Problem, Query, UnitOfWork, current_person_sql, file_path, json
from chassis.core.files import FileNotStored
from services.customers.transfer import tables
from services.customers.transfer.imports.batches import Rows
from services.customers.transfer.imports.plans import RowRefused
from services.customers.transfer.imports.related import Related, relate, unknown_customers
from services.customers.transfer.queries import UPLOAD
from services.customers.transfer.rules.relations import Named


@dataclass(frozen=True, slots=True)
class DeferredRow:
    """A row whose relations have to wait."""

    number: int
    customer_id: UUID
    is_unchanged: bool
    """True if the row has changed nothing yet."""
    is_listed: bool
    """True if the row lacks another relation already, and is counted."""
    relations: list[Named]
    cells: list[str]


@dataclass(frozen=True, slots=True)
class Finished:
    """What became of the deferred rows of a chunk."""

    updated: int
    """Rows that have changed nothing but relations."""
    unrelated: int
    """Rows that lack a relation, and that were not counted before."""
    refused: dict[int, RowRefused]
    cells: dict[int, list[str]]


async def defer_rows(work: UnitOfWork, job: JobRun, rows: Rows, begin: int, cells: Mapping[int, list[str]]) -> None:
    """Store the relations of a chunk that have to wait. A repetition of the chunk replaces them, by their name."""
    deferred = [
        DeferredRow(number, outcome[1], outcome[0] == "unchanged", number in rows.unrelated, named, cells[number])
        for number, named in rows.deferred.items()
        if not isinstance(outcome := rows.outcomes[number], Problem)
    ]
    await job.files.write_whole(_path(work, job, begin), _ROWS.dump_json(deferred))


async def relate_deferred(work: UnitOfWork, job: JobRun, begin: int) -> Finished:
    """Create the relations of a chunk that had to wait. Raises JobFailed."""
    try:
        content = b"".join([piece async for piece in job.files.read(_path(work, job, begin))])
    except FileNotStored:
        raise JobFailed("file_not_stored", "The uploaded file is gone. Upload it again.") from None
    rows = {row.number: row for row in _ROWS.validate_json(content)}
    ids = [row.customer_id for row in rows.values()]
    current = {each.id: each.current_id for each in await work.fetch(_CURRENT, ids=ids)}
    named = {
        number: (current[row.customer_id], row.relations) for number, row in rows.items() if row.customer_id in current
    }
    related = await relate(work, named)
    await _note_relations(work, job, rows, related)
    refused = unknown_customers(related) | related.refused
    return Finished(
        updated=sum(rows[number].is_unchanged for number in related.created),
        unrelated=sum(not rows[number].is_listed for number in refused),
        refused=refused,
        cells={number: rows[number].cells for number in refused},
    )


async def _note_relations(work: UnitOfWork, job: JobRun, rows: Mapping[int, DeferredRow], related: Related) -> None:
    """Add the relations to the changes that a revert undoes."""
    created = sorted(related.created.items())
    customers = [rows[number].customer_id for number, _ in created]
    numbers = [number for number, _ in created]
    ids = [json.dumps_str(each) for _, each in created]
    noted = await work.fetch(_ADD_RELATIONS, job_id=job.id, customers=customers, numbers=numbers, ids=ids)
    new = [number for number in numbers if number not in set(noted)]
    if not new:
        return
    wanted = [rows[number].customer_id for number in new]
    versions = {each.id: each.version for each in await work.fetch(_VERSIONS, job_id=job.id, ids=wanted)}
    changes: list[dict[str, Any]] = [
        {
            "job_id": job.id,
            "row": number,
            "customer_id": rows[number].customer_id,
            "kind": "updated",
            "version": versions[rows[number].customer_id],
            "before": {},
            "relation_ids": related.created[number],
            "created_at": work.now,
        }
        for number in new
    ]
    await work.insert_many(tables.ImportChange, changes)


def _path(work: UnitOfWork, job: JobRun, begin: int) -> str:
    # The name begins like that of the upload, and so both are deleted together.
    return file_path(work.tenant.id, job.id, f"{UPLOAD}-relations/{begin:012}")


@dataclass(frozen=True, slots=True)
class _Current:
    """A record, and the record that answers for it since a merge."""

    id: UUID
    current_id: UUID


@dataclass(frozen=True, slots=True)
class _Versioned:
    """The version that a record had after its last change by the import, or else its version now."""

    id: UUID
    version: int


_ROWS = TypeAdapter(list[DeferredRow])
_CURRENT = Query(
    _Current,
    f"""
    select named.id, customer.id as current_id
    from unnest(:ids::uuid[]) as named(id)
    cross join lateral (select {current_person_sql("named.id")} as id offset 0) as person
    join customer on customer.id = person.id
    where customer.erased_at is null
    """,
)
_ADD_RELATIONS = Query(
    int,
    """
    update import_change set relation_ids = relation_ids || added.ids::jsonb
    from unnest(:customers::uuid[], :numbers::bigint[], :ids::text[]) as added(customer_id, number, ids)
    where job_id = :job_id and import_change.customer_id = added.customer_id and "row" = added.number
    returning "row"
    """,
)
_VERSIONS = Query(
    _Versioned,
    """
    select id, coalesce(
        (
            select import_change.version from import_change
            where job_id = :job_id and customer_id = customer.id order by "row" desc limit 1
        ),
        version
    ) as version
    from customer where id = any(:ids)
    """,
)
