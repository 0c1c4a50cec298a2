"""The steps of an erasure: begin, ask again, record answers, complete."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from chassis import Command, Query, UnitOfWork
from chassis.core.clock import clock
from chassis.db.tables import TECHNICAL
from services.customers.lifecycle import tables
from services.customers.lifecycle.erasures.events import CustomerErased, ErasureAnswered, ErasureCertified
from services.customers.lifecycle.queries import block
from services.customers.lifecycle.rules.erasing import missing_answers, retry_delay
from services.customers.people.customers.changes import identities_of
from services.customers.people.tables import Customer

BATCH_SIZE = 10
WORDS = 1_000


async def begin_due(work: UnitOfWork) -> int:
    """Begin the erasures whose grace period has ended. Returns their number."""
    due = await work.fetch(_DUE, now=work.now, limit=BATCH_SIZE)
    for erasure in due:
        await begin(work, erasure)
    return len(due)


async def begin(work: UnitOfWork, erasure: tables.Erasure) -> tables.Erasure:
    """Close the customer's record and those that were merged into it, and ask every service to erase them.

    If the customer was merged into another meanwhile, the other is the same person, and is erased.
    """
    customer = await work.get(Customer, erasure.customer_id, for_update=True)
    ids = await work.fetch(_CLOSE, id=customer.id, now=work.now)
    if erasure.block:
        records = await work.fetch(_LOCK, ids=ids)
        await block(work, erasure.id, erasure.actor, {each for record in records for each in identities_of(record)})
    closed = {"state": "erasing", "customer_ids": [str(id) for id in sorted(ids)], "started_at": work.now}
    return await _ask(work, erasure, **closed)


async def ask_again(work: UnitOfWork) -> int:
    """Ask the services once more whose answers are overdue. Returns the number of erasures."""
    overdue = await work.fetch(_OVERDUE, now=clock.now(), limit=BATCH_SIZE)
    for erasure in overdue:
        await _ask(work, erasure)
    return len(overdue)


async def record_answer(work: UnitOfWork, answer: ErasureAnswered) -> None:
    """Store the answer of a service, and complete the erasure with the last one."""
    erasure = await work.find(tables.Erasure, for_update=True, id=answer.erasure_id)
    if erasure is None:
        return
    service = answer.envelope.type.partition(".")[0]
    await work.execute(
        _STORE_ANSWER,
        erasure_id=erasure.id,
        service=service,
        tables=[table.model_dump() for table in answer.tables],
        completed_at=answer.completed_at,
    )
    if service == "customers":  # in a transaction of its own, because it keeps names from being written meanwhile
        while await work.fetch_row(_REMOVE_UNUSED_WORDS, most=WORDS) == WORDS:
            pass
    answers = await work.find_all(tables.ErasureAnswer, erasure_id=erasure.id)
    if erasure.state == "erasing" and not missing_answers([row.service for row in answers]):
        erasure = await work.update(erasure, state="completed", retry_at=None, completed_at=work.now)
        work.publish(ErasureCertified.from_row(erasure, erasure_id=erasure.id))


async def erase_customers(work: UnitOfWork, ids: Sequence[UUID]) -> int:
    """Clear every field of customers but their id, kind and stage. Returns the number of records that were cleared."""
    cleared = 0
    for customer in await work.fetch(_LOCK, ids=list(ids)):
        blank = Customer(
            kind=customer.kind,
            state="erased",
            lifecycle=customer.lifecycle,
            merged_into=customer.merged_into,
            erased_at=customer.erased_at or work.now,
        )
        content = {name: value for name, value in blank.model_dump().items() if name not in TECHNICAL}
        if any(getattr(customer, name) != value for name, value in content.items()):
            technical = {"id": customer.id, "version": customer.version + 1, "updated_at": work.now}
            await work.update_many(Customer, [content | technical])
            cleared += 1
    return cleared


async def _ask(work: UnitOfWork, erasure: tables.Erasure, **changes: Any) -> tables.Erasure:
    attempts = erasure.attempts + 1
    retry_at = clock.now() + retry_delay(attempts)
    erasure = await work.update(erasure, attempts=attempts, retry_at=retry_at, **changes)
    work.publish(
        CustomerErased.from_row(erasure, erasure_id=erasure.id, erased_at=erasure.started_at, attempt=attempts)
    )
    return erasure


_DUE = Query(
    tables.Erasure,
    """
    select * from erasure where state = 'requested' and due_at <= :now
    order by due_at limit :limit for no key update skip locked
    """,
)
_OVERDUE = Query(
    tables.Erasure,
    """
    select * from erasure where state = 'erasing' and retry_at <= :now
    order by retry_at limit :limit for no key update skip locked
    """,
)
_CLOSE = Query(
    UUID,
    """
    with recursive merged(id) as (
        select :id::uuid
        union
        select customer.id from customer join merged on merged_into = merged.id
    )
    update customer set state = 'erased', erased_at = :now where id in (select id from merged) returning id
    """,
)
_REMOVE_UNUSED_WORDS = Query(int, "select remove_unused_words(:most)")
_LOCK = Query(Customer, "select * from customer where id = any(:ids) order by id for no key update")
_STORE_ANSWER = Command(
    """
    insert into erasure_answer (erasure_id, service, tables, completed_at)
    values (:erasure_id, :service, :tables, :completed_at)
    on conflict (tenant_id, erasure_id, service) do update
    set tables = excluded.tables, completed_at = excluded.completed_at
    """
)
