"""Rows that are customers: stored by the rules of the batch, and related to those that they name."""

from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pydantic import ValidationError

from chassis import JobRun, Problem, Query, UnitOfWork, current_person_sql
from services.customers.people.customers.schemas import CustomerUpsert, ExternalReferenceCreate
from services.customers.people.customers.upserts import Applied, upsert_many
from services.customers.transfer import tables
from services.customers.transfer.imports.batches import Batch
from services.customers.transfer.imports.plans import NumberedRecords, Plan, RowRefused
from services.customers.transfer.imports.related import relate_rows, relations_of_cells, relations_of_line
from services.customers.transfer.queries import read_only_fields
from services.customers.transfer.rules.relations import FOREIGN_SOURCE


@dataclass(frozen=True, slots=True)
class _Existing:
    """A record of this tenant, and the record that answers for it since a merge."""

    id: UUID
    current_id: UUID


@dataclass(frozen=True, slots=True)
class _Versioned:
    """The version of a record."""

    id: UUID
    version: int


async def import_customers(
    work: UnitOfWork, job: JobRun, plan: Plan, records: NumberedRecords, *, is_last: bool
) -> Batch:
    """Create or change the customers in records, which have their numbers. No records follow the last ones."""
    batch = _batch_of(plan, records, job.parameters["kind"])
    await _name_foreign_records(work, batch)
    async with work.trial() if job.parameters["dry_run"] else nullcontext():
        batch.outcomes = await upsert_many(work, batch.items, ids=batch.ids, merges=True, applied=batch.applied)
        await relate_rows(work, batch, defers=not is_last and not job.parameters["dry_run"])
    if not job.parameters["dry_run"]:
        await _store_changes(work, job.id, batch)
    return batch


def _batch_of(plan: Plan, records: NumberedRecords, kind: str) -> Batch:
    batch = Batch()
    for number, record in records:
        try:
            values = {"kind": kind} | plan.values_of(record)
            named = values.pop("relations", None) or []
            relations = relations_of_cells(named) if plan.has_targets else relations_of_line(named)
            _add(batch, number, values if plan.has_targets else _without_read_only_fields(values))
        except ValidationError as error:
            batch.refused[number] = RowRefused.of(error)
            continue
        except RowRefused as refusal:
            batch.refused[number] = refusal
            continue
        if relations:
            batch.relations[number] = relations
    return batch


def _without_read_only_fields(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name not in read_only_fields()}


def _add(batch: Batch, number: int, values: dict[str, Any]) -> None:
    id = values.pop("id", None)
    try:
        own = None if id is None else UUID(id)
    except (ValueError, AttributeError, TypeError):
        raise RowRefused("wrong_format", "id", "is no id of a customer") from None
    batch.items.append((number, CustomerUpsert.model_validate(values)))
    if own is not None:
        batch.ids[number] = own


async def _name_foreign_records(work: UnitOfWork, batch: Batch) -> None:
    """Find the records that have the ids of rows now.

    Records of another tenant keep their id as an external id, so that their next import finds them.
    """
    if not batch.ids:
        return
    own = {row.id: row.current_id for row in await work.select(_EXISTING, ids=list(batch.ids.values()))}
    for position, (number, item) in enumerate(batch.items):
        id = batch.ids.get(number)
        if id in own:
            batch.ids[number] = own[id]
        elif id is not None:
            del batch.ids[number]
            reference = ExternalReferenceCreate.model_construct(source=FOREIGN_SOURCE, id=str(id))
            named = [*(item.external_ids or []), reference]
            batch.items[position] = (number, item.model_copy(update={"external_ids": named}))


async def _store_changes(work: UnitOfWork, job_id: UUID, batch: Batch) -> None:
    await _note_related(work, batch)
    rows = [
        {
            "job_id": job_id,
            "row": number,
            "customer_id": applied.customer_id,
            "kind": "created" if applied.is_new else "updated",
            "version": applied.version,
            "before": applied.before,
            "relation_ids": batch.relation_ids.get(number, []),
            "created_at": work.now,
        }
        for number, applied in batch.applied.items()
    ]
    await work.insert_many(tables.ImportChange, rows)


async def _note_related(work: UnitOfWork, batch: Batch) -> None:
    """Note a change also for rows that have changed nothing but relations."""
    related = {
        number: outcome[1]
        for number, outcome in batch.outcomes.items()
        if number in batch.relation_ids and number not in batch.applied and not isinstance(outcome, Problem)
    }
    if related:
        versions = {row.id: row.version for row in await work.fetch(_VERSIONS, ids=sorted(set(related.values())))}
        batch.applied |= {number: Applied(id, False, versions[id], {}) for number, id in related.items()}


_VERSIONS = Query(_Versioned, "select id, version from customer where id = any(:ids)")
_EXISTING = Query(
    _Existing, f"select id, {current_person_sql('customer.id')} as current_id from customer where id = any(:ids)"
)
