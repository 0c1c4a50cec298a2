"""The end of a promise: it is done, in time or late, or it is withdrawn."""

from typing import Any
from uuid import UUID

from chassis import Feature, IfMatch, PersonErased, UnitOfWork, VersionMismatch, Work, recorded_person
from services.interactions.contact.queries.messages import request_message
from services.interactions.helpdesk import tables
from services.interactions.helpdesk.promises.due import break_overdue, lock_open, lock_promise
from services.interactions.helpdesk.promises.events import PromiseKept, PromiseNotOpen, PromiseWithdrawn
from services.interactions.helpdesk.promises.routes import insert_promise
from services.interactions.helpdesk.promises.schemas import (
    Promise,
    PromiseReplacementCreate,
    PromiseWithdrawRequest,
)
from services.interactions.helpdesk.queries.due import required_due_columns

feature = Feature("promises")


@feature.post("/promises/{id:uuid}/keep", scope="interactions:write", raises=[PromiseNotOpen, VersionMismatch])
async def keep_promise(work: Work, id: UUID, if_match: IfMatch) -> Promise:
    """Record that a promise is done now. After its due time it stays broken, and `done_at` says when it was done."""
    promise = await lock_promise(work, id, if_match)
    if promise.state == "open":
        promise = await work.update(promise, state="kept", done_at=work.now, warns_at=None)
        customer_id = await recorded_person(work, promise)
        work.publish(PromiseKept.from_row(promise, promise_id=id, customer_id=customer_id, kept_at=work.now))
        return Promise.from_row(promise)
    if promise.state != "broken" or promise.done_at is not None:
        raise PromiseNotOpen(f"The promise is {promise.state}.", state=promise.state)
    await break_overdue(work, [id])
    return Promise.from_row(await work.update(promise, done_at=work.now))


@feature.post(
    "/promises/{id:uuid}/withdraw", scope="interactions:write", raises=[PersonErased, PromiseNotOpen, VersionMismatch]
)
async def withdraw_promise(work: Work, id: UUID, body: PromiseWithdrawRequest, if_match: IfMatch) -> Promise:
    """Withdraw an open promise, with the reason. Its replacement and the message to the customer belong to it."""
    promise = await lock_open(work, id, if_match)
    customer_id = await recorded_person(work, promise)
    replacement = None
    if body.replacement is not None:
        columns = {"customer_id": customer_id, **_replacement_columns(work, promise, body.replacement)}
        replacement = (await insert_promise(work, columns, "/replacement")).id
    promise = await work.update(
        promise,
        state="withdrawn",
        withdrawn_at=work.now,
        withdrawn_reason=body.reason,
        replaced_by_id=replacement,
        warns_at=None,
    )
    work.publish(PromiseWithdrawn.from_row(promise, promise_id=id, customer_id=customer_id))
    if body.message is not None:
        message = {**body.message.values(), "customer_id": customer_id, "purpose": None}
        await request_message(work, **message, cause_kind="promise", cause_id=id)
    return Promise.from_row(promise)


def _replacement_columns(work: UnitOfWork, promise: tables.Promise, body: PromiseReplacementCreate) -> dict[str, Any]:
    """Return the columns of a promise that replaces another. Raises ValidationFailed unless it has a due time."""
    copied = ("made_by_kind", "made_by_id", "what", "owner_id", "team", "warn_before_seconds")
    stated = {name: value for name, value in body.values().items() if value is not None}
    timezone = {"timezone": body.timezone or promise.timezone}
    due = required_due_columns(work, body.model_copy(update=timezone), "/replacement")
    return {name: getattr(promise, name) for name in copied} | stated | due | {"made_at": work.now}
