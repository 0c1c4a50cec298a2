"""The relations that rows name: created with their chunk, if the related customers are known by then."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from pydantic import ConfigDict

from chassis import Fields, Problem, Query, UnitOfWork, current_person_sql
from services.customers.people.queries.relations import WantedRelation, relate_many
from services.customers.people.relations import RelationCreate, RelationFields
from services.customers.people.rules.relations import StoredKind
from services.customers.transfer.imports.batches import Batch
from services.customers.transfer.imports.plans import RowRefused
from services.customers.transfer.rules.relations import FOREIGN_SOURCE, PARTS, Named, own_id


class _OfCells(RelationFields):
    kind: StoredKind
    source: str
    id: str


class _RowOfCells(Fields):
    relations: list[_OfCells]


class _Line(Fields):
    model_config = ConfigDict(extra="forbid")

    relations: list[RelationCreate] | None


def relations_of_cells(values: list[dict[str, Any]]) -> list[Named]:
    """Return the relations that the cells of a row name. Raises ValidationError."""
    relations = _RowOfCells.model_validate({"relations": values}).relations
    return [Named(each.kind, each.source, _normal(each.source, each.id), **_parts(each)) for each in relations]


def _normal(source: str, id: str) -> str:
    """Return an id in the form in which it is stored."""
    return str(own_id(id) or id) if source == FOREIGN_SOURCE else id


def relations_of_line(values: Any) -> list[Named]:
    """Return the relations in a line of JSON, as an export writes them. Raises ValidationError."""
    relations = _Line.model_validate({"relations": values}).relations or []
    return [Named(each.kind, FOREIGN_SOURCE, str(each.related_customer_id), **_parts(each)) for each in relations]


def _parts(fields: RelationFields) -> dict[str, Any]:
    return {name: getattr(fields, name) for name in PARTS}


@dataclass(frozen=True, slots=True)
class _Known:
    source: str
    external_id: str
    customer_id: UUID


@dataclass
class Related:
    """What became of relations, by the numbers of their rows."""

    created: dict[int, list[str]] = field(default_factory=dict)
    """The ids of new relations."""
    refused: dict[int, RowRefused] = field(default_factory=dict)
    unknown: dict[int, list[Named]] = field(default_factory=dict)
    """Relations to customers that are not known."""


async def relate_rows(work: UnitOfWork, batch: Batch, *, defers: bool) -> None:
    """Relate the customers of rows to those that they name. `defers` keeps those that are not known for later."""
    rows = {
        number: (outcome[1], named)
        for number, named in batch.relations.items()
        if not isinstance(outcome := batch.outcomes[number], Problem)
    }
    related = await relate(work, rows)
    if defers:
        batch.deferred = related.unknown
    else:
        batch.unrelated |= unknown_customers(related)
    batch.unrelated |= related.refused
    batch.relation_ids = related.created
    for number in related.created:
        _note_change(batch, number)


def _note_change(batch: Batch, number: int) -> None:
    outcome = batch.outcomes[number]
    if not isinstance(outcome, Problem) and outcome[0] == "unchanged":
        batch.outcomes[number] = ("updated", outcome[1])


async def relate(work: UnitOfWork, rows: Mapping[int, tuple[UUID, list[Named]]]) -> Related:
    """Create the relations of customers that rows name, unless they exist."""
    related = Related()
    known = await _known(work, [each for _, named in rows.values() for each in named])
    wanted: list[tuple[int, Named, WantedRelation]] = []
    for number, (customer_id, named) in rows.items():
        for each in named:
            other = known.get((each.source, each.id))
            if other is None:
                related.unknown.setdefault(number, []).append(each)
                continue
            relation = WantedRelation(customer_id, other, each.kind, each.role, each.valid_from, each.valid_to)
            wanted.append((number, each, relation))
    results = await relate_many(work, [relation for _, _, relation in wanted])
    for (number, each, _), result in zip(wanted, results, strict=True):
        if isinstance(result, Problem):
            related.refused[number] = _refusal(each, *_why(result))
        elif result is not None:
            related.created.setdefault(number, []).append(str(result.id))
    return related


def unknown_customers(related: Related) -> dict[int, RowRefused]:
    """Return why rows are imported without their relations to customers that are not known."""
    return {
        number: _refusal(named[-1], "unknown_record", f"no customer has the id {named[-1].id} of {named[-1].source}")
        for number, named in related.unknown.items()
    }


def _why(problem: Problem) -> tuple[str, str]:
    """Return the code and the reason of a problem."""
    for error in problem.errors:
        return str(error.code), error.detail
    return problem.code, problem.detail


def _refusal(named: Named, code: str, reason: str) -> RowRefused:
    return RowRefused(code, f"relations.{named.kind}.{named.source}", f"is imported without this relation: {reason}")


async def _known(work: UnitOfWork, named: list[Named]) -> dict[tuple[str, str], UUID]:
    """Return the customers that relations name: by our own ids, or else by external ids."""
    if not named:
        return {}
    keys = sorted({(each.source, each.id) for each in named})
    rows = await work.fetch(_BY_EXTERNAL_ID, sources=[source for source, _ in keys], ids=[id for _, id in keys])
    own = [id for id in (own_id(id) for source, id in keys if source == FOREIGN_SOURCE) if id is not None]
    rows += await work.fetch(_BY_OWN_ID, source=FOREIGN_SOURCE, ids=own)
    return {(row.source, row.external_id): row.customer_id for row in rows}


_BY_EXTERNAL_ID = Query(
    _Known,
    """
    select source, external_id, customer_id from external_id
    join unnest(:sources::text[], :ids::text[]) as named(source, external_id) using (source, external_id)
    """,
)
_BY_OWN_ID = Query(
    _Known,
    f"""
    select :source::text as source, named.id::text as external_id, customer.id as customer_id
    from unnest(:ids::uuid[]) as named(id)
    cross join lateral (select {current_person_sql("named.id")} as id offset 0) as person
    join customer on customer.id = person.id
    where customer.erased_at is null
    """,
)
