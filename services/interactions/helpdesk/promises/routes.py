"""The operations that create, read, change and list promises."""

from contextlib import suppress
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Depends
from fastapi import Query as Parameter

from chassis import (
    NOT_AFTER,
    REQUIRED,
    UNKNOWN_RECORD,
    Feature,
    IfMatch,
    Owned,
    Page,
    PageParams,
    PersonErased,
    Reference,
    ShortLine,
    TimeRange,
    UnitOfWork,
    ValidationFailed,
    VersionMismatch,
    Work,
    condition,
    current_person,
    equals,
    of_person,
    paginate,
    recorded_person,
    reject_erased,
    reject_future,
    time_range,
)
from services.interactions.helpdesk import tables
from services.interactions.helpdesk.promises.due import as_of, lock_open
from services.interactions.helpdesk.promises.events import PromiseMade, PromiseNotOpen, PromiseUpdated
from services.interactions.helpdesk.promises.schemas import Promise, PromiseCreate, PromiseUpdate
from services.interactions.helpdesk.queries.due import required_due_columns
from services.interactions.helpdesk.rules.promises import PromiseMaker, PromiseState, warning_at
from services.interactions.orders.tables import Purchase

feature = Feature("promises")
HIDDEN = ("owner_id", "team", "withdrawn_reason")
"""How a business organises its work is not for its customers."""
Sort = Literal["due_at", "-due_at", "created_at", "-created_at"]


@feature.post("/promises", scope="interactions:write", status_code=201, raises=[PersonErased])
async def make_promise(work: Work, body: PromiseCreate) -> Promise:
    """Record a promise to a customer. A due time that is over already makes it a broken promise."""
    await reject_erased(work, body.customer_id)
    await _check_maker(work, body)
    made_at = body.made_at or work.now
    reject_future(work, made_at, "/made_at")
    columns = body.values() | required_due_columns(work, body) | {"made_at": made_at}
    return Promise.from_row(as_of(work.now, await insert_promise(work, columns)))


@feature.get("/promises", scope="interactions:read", owner="customer_id", owner_hidden=HIDDEN)
async def list_promises(
    work: Work,
    params: PageParams,
    due_at: Annotated[TimeRange, Depends(time_range("due_at"))],
    customer_id: Annotated[UUID | None, Parameter(description="Only promises to this customer.")] = None,
    owner_id: Annotated[Reference | None, Parameter(description="Only promises of this agent.")] = None,
    team: Annotated[ShortLine | None, Parameter(description="Only promises of this team.")] = None,
    state: Annotated[list[PromiseState] | None, Parameter(description="Any of these states.")] = None,
    made_by_kind: Annotated[PromiseMaker | None, Parameter(description="Only those made by an agent, say.")] = None,
    made_by_id: Annotated[Reference | None, Parameter(description="Only those of this agent, case or order.")] = None,
    sort: Annotated[Sort, Parameter(description="Sort field; prefix with `-` for descending.")] = "due_at",
) -> Page[Promise]:
    """List promises, the next due first."""
    where = [*of_person(customer_id), *due_at.filters, *_in_states(state, work.now)]
    where += equals(owner_id=owner_id, team=team, made_by_kind=made_by_kind, made_by_id=made_by_id)

    def to_resource(row: tables.Promise) -> Promise:
        return Promise.from_row(as_of(work.now, row))

    return await paginate(work, params, tables.Promise, to_resource, sort=sort, where=where)


@feature.get(
    "/promises/{id:uuid}", scope="interactions:read", owner=Owned(tables.Promise, "customer_id"), owner_hidden=HIDDEN
)
async def read_promise(work: Work, id: UUID) -> Promise:
    """Return a promise."""
    return Promise.from_row(as_of(work.now, await work.get(tables.Promise, id)))


@feature.patch("/promises/{id:uuid}", scope="interactions:write", raises=[PromiseNotOpen, VersionMismatch])
async def update_promise(work: Work, id: UUID, body: PromiseUpdate, if_match: IfMatch) -> Promise:
    """Change the owner, the team or the warning of an open promise."""
    before = await lock_open(work, id, if_match)
    changes = {name: value for name, value in body.changes().items() if value != getattr(before, name)}
    if not changes:
        return Promise.from_row(before)
    if changes.get("owner_id", before.owner_id) is None and changes.get("team", before.team) is None:
        raise ValidationFailed.field("/owner_id", REQUIRED, "an owner_id or a team is expected")
    warning = {}
    if "warn_before_seconds" in changes:
        warning["warns_at"] = warning_at(before.due_at, changes["warn_before_seconds"])
    promise = await work.update(before, **changes, **warning)
    event = PromiseUpdated.from_row(
        promise, promise_id=id, customer_id=await recorded_person(work, promise), changed=sorted(changes)
    )
    work.publish(event)
    return Promise.from_row(promise)


async def insert_promise(work: UnitOfWork, columns: dict[str, Any], pointer: str = "") -> tables.Promise:
    """Insert a promise and publish it. Raises ValidationFailed unless its due time is after it was made.

    `pointer` is the place of the promise in the request.
    """
    due_at: datetime = columns["due_at"]
    if due_at <= columns["made_at"]:
        field = "due_at" if columns["by_when"] is None else "by_when"
        raise ValidationFailed.field(f"{pointer}/{field}", NOT_AFTER, "must be after the promise was made")
    warns_at = warning_at(due_at, columns["warn_before_seconds"])
    promise = await work.insert(tables.Promise(**columns, first_due_at=due_at, warns_at=warns_at))
    work.publish(PromiseMade.from_row(promise, promise_id=promise.id))
    return promise


async def _check_maker(work: UnitOfWork, body: PromiseCreate) -> None:
    """Raise ValidationFailed for an order or a case that is not one of the customer."""
    if body.made_by_kind == "agent":
        return
    maker: Purchase | tables.SupportCase | None = None
    with suppress(ValueError):  # an id of another form
        id, is_order = UUID(body.made_by_id), body.made_by_kind == "order"
        maker = await work.find(Purchase, id=id) if is_order else await work.find(tables.SupportCase, id=id)
    if maker is None or maker.customer_id != await current_person(work, body.customer_id):
        detail = f"the customer has no {body.made_by_kind} with this id"
        raise ValidationFailed.field("/made_by_id", UNKNOWN_RECORD, detail)


def _in_states(states: list[PromiseState] | None, now: datetime) -> list[Any]:
    """Return the condition that promises are in one of these states at a time."""
    if not states:
        return []
    state = "case when state = 'open' and due_at < :now then 'broken' else state end"
    return [condition(f"{state} = any(:states)", now=now, states=states)]
