"""The operations on duplicates, and on searches for them."""

from typing import Annotated
from uuid import UUID

from fastapi import Query as Parameter
from fastapi import Response

from chassis import (
    UNKNOWN_RECORD,
    Accepted,
    Feature,
    FieldCode,
    IfMatch,
    JobNotInState,
    NotFound,
    Page,
    PageParams,
    PersonErased,
    Query,
    UnitOfWork,
    Upserted,
    ValidationFailed,
    VersionMismatch,
    Work,
    cancel_job,
    condition,
    equals,
    of_person,
    paginate,
)
from services.customers.base import Job
from services.customers.lifecycle import tables
from services.customers.lifecycle.duplicates import searching, starting
from services.customers.lifecycle.duplicates.events import DuplicateFound
from services.customers.lifecycle.duplicates.schemas import (
    Duplicate,
    DuplicateCreate,
    DuplicateMerged,
    DuplicateSearch,
    DuplicateUpdate,
    Score,
)
from services.customers.lifecycle.rules.duplicates import DuplicateState
from services.customers.people.rules import likeness
from services.customers.people.tables import Customer

feature = Feature("duplicates").include(searching.feature, starting.feature)
SAME_PAIR = FieldCode("duplicate_of_itself", "Both ids are of the same customer.", "Send the id of another customer.")


@feature.post("/duplicate-searches", scope="customers:write")
async def start_duplicate_search(work: Work, response: Response) -> Accepted[DuplicateSearch]:
    """Search for duplicates among the records that are new, or have changed since they were compared.

    A running search is returned instead of a new search. A record that changes meanwhile may wait for the next search.
    After the first, searches also begin by themselves, within an hour of a change, unless the last one was cancelled.
    """
    job = await starting.start_or_find(work)
    response.headers["Location"] = f"/v1/duplicate-searches/{job.id}"
    return Accepted(_search(job))


@feature.get("/duplicate-searches", scope="customers:read")
async def list_duplicate_searches(work: Work, params: PageParams) -> Page[DuplicateSearch]:
    """List the searches for duplicates, newest first."""
    return await paginate(work, params, Job, _search, sort="-created_at", where=equals(kind=searching.KIND))


@feature.get("/duplicate-searches/{id:uuid}", scope="customers:read")
async def read_duplicate_search(work: Work, id: UUID) -> DuplicateSearch:
    """Return a search for duplicates, and its progress."""
    return _search(await _get(work, id))


@feature.post("/duplicate-searches/{id:uuid}/cancel", scope="customers:write", raises=[JobNotInState])
async def cancel_duplicate_search(work: Work, id: UUID) -> DuplicateSearch:
    """End a search. The pairs that it has found stay, and the next search goes on with the other records."""
    return _search(await cancel_job(work, await _get(work, id, for_update=True)))


@feature.get("/duplicates", scope="customers:read")
async def list_duplicates(
    work: Work,
    params: PageParams,
    state: Annotated[list[DuplicateState] | None, Parameter(description="Any of these states.")] = None,
    customer_id: Annotated[UUID | None, Parameter(description="Only pairs with this customer.")] = None,
    min_score: Annotated[Score | None, Parameter(description="Only pairs with at least this score.")] = None,
) -> Page[Duplicate]:
    """List pairs of possible duplicates, the most probable first.

    Open pairs with a record that is archived, or merged into a third record, are left out.
    """
    where = [*equals(state=state), condition(_BOTH_ARE_CURRENT)]
    if customer_id is not None:
        (first,), (second,) = of_person(customer_id, "first_id"), of_person(customer_id, "second_id")
        where.append(condition(f"({first.text} or {second.text})", **first.values))
    if min_score is not None:
        where.append(condition("score >= :min_score", min_score=min_score))
    return await paginate(work, params, tables.Duplicate, Duplicate, sort="-score", where=where)


@feature.post("/duplicates", scope="customers:write", raises=[PersonErased])
async def report_duplicate(work: Work, body: DuplicateCreate) -> Upserted[Duplicate]:
    """Report two records that may be of the same customer. A pair that is known is returned as it is.

    No search removes a reported pair. For a record that was merged, its survivor is reported.
    """
    found = [await _customer(work, name, getattr(body, name)) for name in ("customer_id", "other_customer_id")]
    first, second = sorted(found, key=lambda customer: customer.id)
    if first.id == second.id:
        raise ValidationFailed.field("/other_customer_id", SAME_PAIR, "is the same customer")
    evidence = likeness.compare(likeness.traits_of(first), likeness.traits_of(second))
    row = tables.Duplicate(
        first_id=first.id,
        second_id=second.id,
        score=likeness.score(likeness.total(evidence)),
        evidence=evidence,
        reported_by=work.actor,
    )
    stored = await work.insert_or_ignore(row)
    if stored is not None:
        work.publish(DuplicateFound.of(stored))
        return Upserted(Duplicate.from_row(stored), created=True)
    (known,) = await work.fetch(_PAIR, first_id=first.id, second_id=second.id)
    return Upserted(Duplicate.from_row(known), created=False)


async def _customer(work: UnitOfWork, name: str, id: UUID) -> Customer:
    try:
        return await work.get(Customer, id)
    except NotFound:
        raise ValidationFailed.field(f"/{name}", UNKNOWN_RECORD, "the customer does not exist") from None


@feature.get("/duplicates/{id:uuid}", scope="customers:read")
async def read_duplicate(work: Work, id: UUID) -> Duplicate:
    """Return a pair of possible duplicates."""
    return Duplicate.from_row(await work.get(tables.Duplicate, id))


@feature.patch("/duplicates/{id:uuid}", scope="customers:write", raises=[DuplicateMerged, VersionMismatch])
async def update_duplicate(work: Work, id: UUID, body: DuplicateUpdate, if_match: IfMatch) -> Duplicate:
    """Decide that the records of a pair are of two customers, or withdraw that. A merge closes the pair by itself."""
    row = await work.get(tables.Duplicate, id, for_update=True)
    work.check_version(row, if_match)
    if row.state == "merged" and body.state is not None:
        raise DuplicateMerged
    return Duplicate.from_row(await work.update(row, **body.changes()))


async def _get(work: UnitOfWork, id: UUID, *, for_update: bool = False) -> Job:
    job = await work.find(Job, for_update=for_update, id=id, kind=searching.KIND)
    if job is None:
        raise NotFound(f"No search for duplicates has the id {id}.")
    return job


def _search(job: Job) -> DuplicateSearch:
    return DuplicateSearch.model_construct(
        id=job.id,
        state=job.state,
        compared=job.done,
        total=job.total,
        found=(job.cursor or {}).get("found", 0),
        actor=job.actor,
        created_at=job.created_at,
        finished_at=job.finished_at,
    )


_PAIR = Query(
    tables.Duplicate, "select * from duplicate where first_id = :first_id and second_id = :second_id for no key update"
)
_BOTH_ARE_CURRENT = """
    (state <> 'open' or not exists (
        select from customer where customer.id in (first_id, second_id)
            and (merged_into is not null or archived_at is not null or erased_at is not null)
    ))
"""
