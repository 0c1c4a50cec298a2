"""The rows of a chunk, and the relations that they name."""

from dataclasses import dataclass, field
from uuid import UUID

from chassis import Outcome, Problem, Query, UnitOfWork
from services.customers.people.customers.schemas import CustomerUpsert
from services.customers.people.customers.upserts import Applied
from services.customers.people.queries.relations import Pair, relate_many
from services.customers.transfer.imports.plans import RowRefused
from services.customers.transfer.rules.mapping import Named


@dataclass
class Rows:
    """What became of the rows of a chunk, by their number from 1."""

    outcomes: dict[int, Outcome] = field(default_factory=dict)
    """Rows that could be read."""
    refused: dict[int, RowRefused] = field(default_factory=dict)
    unrelated: dict[int, RowRefused] = field(default_factory=dict)
    """Rows that are imported without a relation."""


@dataclass
class Batch(Rows):
    """The customers in the rows of a chunk."""

    items: list[tuple[int, CustomerUpsert]] = field(default_factory=list)
    ids: dict[int, UUID] = field(default_factory=dict)
    relations: dict[int, list[Named]] = field(default_factory=dict)
    applied: dict[int, Applied] = field(default_factory=dict)
    relation_ids: dict[int, list[str]] = field(default_factory=dict)
    """The relations that rows have created."""


@dataclass(frozen=True, slots=True)
class _Known:
    source: str
    external_id: str
    customer_id: UUID


async def relate_rows(work: UnitOfWork, batch: Batch) -> None:
    """Relate the customers of rows to those that they name. Their file may come in any order, but after the others."""
    if not batch.relations:
        return
    keys = {(source, id) for named in batch.relations.values() for _, source, id in named}
    rows = await work.fetch(_KNOWN, sources=[source for source, _ in keys], ids=[id for _, id in keys])
    known = {(row.source, row.external_id): row.customer_id for row in rows}
    pairs: list[tuple[int, Named, Pair]] = []
    for number, named in batch.relations.items():
        outcome = batch.outcomes[number]
        if isinstance(outcome, Problem):
            continue
        for one in named:
            kind, source, id = one
            if (source, id) in known:
                pairs.append((number, one, (outcome[1], known[source, id], kind)))
            else:
                batch.unrelated[number] = _unrelated(one, "unknown_record", f"no customer has the id {id} of {source}")
    for (number, one, _), made in zip(pairs, await relate_many(work, [pair for _, _, pair in pairs]), strict=True):
        if isinstance(made, Problem):
            batch.unrelated[number] = _unrelated(one, *_why(made))
        elif made is not None:
            batch.relation_ids.setdefault(number, []).append(str(made.id))
            _note_change(batch.outcomes, number)


def _note_change(outcomes: dict[int, Outcome], number: int) -> None:
    outcome = outcomes[number]
    if not isinstance(outcome, Problem) and outcome[0] == "unchanged":
        outcomes[number] = ("updated", outcome[1])


def _why(problem: Problem) -> tuple[str, str]:
    """Return the code and the reason of a problem."""
    for error in problem.errors:
        return str(error.code), error.detail
    return problem.code, problem.detail


def _unrelated(named: Named, code: str, reason: str) -> RowRefused:
    kind, source, _ = named
    return RowRefused(code, f"relations.{kind}.{source}", f"is imported without this relation: {reason}")


_KNOWN = Query(
    _Known,
    """
    select source, external_id, customer_id from external_id
    join unnest(:sources::text[], :ids::text[]) as named(source, external_id) using (source, external_id)
    """,
)
