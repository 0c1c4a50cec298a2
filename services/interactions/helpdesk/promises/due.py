"""Due times: the warnings before them, and the promises that are broken after them.

A row remembers its warning and its break in the transaction of the event, so each is published once.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from chassis import Command, Feature, IfMatch, Query, RetryTransaction, UnitOfWork, Work, recorded_person
from services.interactions.helpdesk import tables
from services.interactions.helpdesk.promises.events import PromiseBroken, PromiseDueSoon, PromiseNotOpen
from services.interactions.helpdesk.rules.promises import state_at

feature = Feature("promises")

BATCH_SIZE = 200


def as_of(now: datetime, promise: tables.Promise) -> tables.Promise:
    """Return a promise as it is at a time: a broken one as the worker is going to store it."""
    if promise.state == state_at(promise.state, promise.due_at, now):
        return promise
    return promise.replace(
        state="broken",
        broken_at=promise.due_at,
        warns_at=None,
        version=promise.version + 1,
        updated_at=max(promise.due_at, promise.updated_at),
    )


async def lock_promise(work: UnitOfWork, id: UUID, if_match: IfMatch) -> tables.Promise:
    """Lock and return a promise as it is now. Raises NotFound and VersionMismatch."""
    promise = await work.get(tables.Promise, id, for_update=True)
    if promise.state == "broken" and work.now <= promise.due_at:
        raise RetryTransaction  # the worker has broken it since this request began, so the next attempt is late
    promise = as_of(work.now, promise)
    work.check_version(promise, if_match)
    return promise


async def lock_open(work: UnitOfWork, id: UUID, if_match: IfMatch) -> tables.Promise:
    """Lock and return an open promise. Raises NotFound, VersionMismatch and PromiseNotOpen."""
    promise = await lock_promise(work, id, if_match)
    if promise.state != "open":
        raise PromiseNotOpen(f"The promise is {promise.state}.", state=promise.state)
    return promise


async def break_overdue(work: UnitOfWork, ids: Sequence[UUID]) -> None:
    """Store that promises are broken, and publish it, unless that has happened already. The rows are locked."""
    for promise in await work.fetch(_BREAK, ids=list(ids), now=work.now):
        work.audit("updated", tables.Promise, promise.id, {"state": ["open", "broken"]})
        customer_id = await recorded_person(work, promise)
        work.publish(PromiseBroken.from_row(promise, promise_id=promise.id, customer_id=customer_id))


@feature.periodic(every=timedelta(seconds=15))
async def warn_of_promises(work: Work) -> bool:
    """Publish the warnings that are due. A promise that is broken already is not warned of."""
    promises = await work.fetch(_LOCK_SOON, now=work.now, batch_size=BATCH_SIZE)
    for promise in promises:
        customer_id = await recorded_person(work, promise)
        work.publish(PromiseDueSoon.from_row(promise, promise_id=promise.id, customer_id=customer_id))
    await work.execute(_MARK_WARNED, ids=[promise.id for promise in promises])
    return len(promises) == BATCH_SIZE


@feature.periodic(every=timedelta(seconds=15))
async def break_promises(work: Work) -> bool:
    """Announce the promises whose due time is over."""
    ids = await work.fetch(_LOCK_OVERDUE, now=work.now, batch_size=BATCH_SIZE)
    await break_overdue(work, ids)
    return len(ids) == BATCH_SIZE


# A row that another transaction has locked is skipped. The next run sees the result of that transaction.
_LOCK_SOON = Query(
    tables.Promise,
    """
    select * from promise where warns_at <= :now and due_at >= :now and state = 'open'
    order by warns_at, id limit :batch_size for no key update skip locked
    """,
)
_MARK_WARNED = Command("update promise set warns_at = null where id = any(:ids)")
_LOCK_OVERDUE = Query(
    UUID,
    """
    select id from promise where state = 'open' and due_at < :now
    order by due_at, id limit :batch_size for no key update skip locked
    """,
)
# As `as_of` returns them, so that a response does not depend on the worker.
_BREAK = Query(
    tables.Promise,
    """
    update promise set state = 'broken', broken_at = due_at, warns_at = null, version = version + 1,
        updated_at = greatest(due_at, updated_at)
    where id = any(:ids) and state = 'open' and due_at < :now returning *
    """,
)
