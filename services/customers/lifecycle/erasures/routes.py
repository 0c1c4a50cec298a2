"""The operations on erasures, and the task that carries them out."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, cast
from uuid import UUID

from fastapi import Query as Parameter
from fastapi import Request, Response

from chassis import (
    UNKNOWN_RECORD,
    Accepted,
    Feature,
    NotFound,
    Page,
    PageParams,
    PersonErased,
    Query,
    Running,
    ValidationFailed,
    Work,
    equals,
    paginate,
)
from services.customers.lifecycle import tables
from services.customers.lifecycle.erasures import saga
from services.customers.lifecycle.erasures.certificate import CertificatePage, certificate_of, page_of, prefers_page
from services.customers.lifecycle.erasures.events import (
    ANSWERS,
    ErasureAlreadyRequested,
    ErasureNotCancellable,
    ErasureNotCompleted,
)
from services.customers.lifecycle.erasures.schemas import (
    ErasedRows,
    Erasure,
    ErasureAnswer,
    ErasureCertificate,
    ErasureCreate,
)
from services.customers.lifecycle.rules.erasing import DEFAULT_GRACE_DAYS, ErasureState, missing_answers
from services.customers.people.tables import Customer
from services.customers.settings import Settings

feature = Feature("erasures")
feature.erases(Customer)(saga.erase_customers)
for answer in ANSWERS:
    feature.on(answer)(saga.record_answer)


@feature.post("/erasures", scope="customers:erase", raises=[ErasureAlreadyRequested, PersonErased])
async def request_erasure(work: Work, response: Response, body: ErasureCreate) -> Accepted[Erasure]:
    """Erase a customer in every service, once a grace period has passed. It can be cancelled until then.

    Purchases and points stay without anything personal, so that figures of the past stay right. Holds of points are
    released, and memberships end.
    """
    try:
        customer = await work.get(Customer, body.customer_id, for_update=True)
    except NotFound:
        raise ValidationFailed.field("/customer_id", UNKNOWN_RECORD, "the customer does not exist") from None
    open_erasures = await work.fetch(_OPEN, customer_id=customer.id)
    if open_erasures:
        raise ErasureAlreadyRequested(erasure_id=str(open_erasures[0].id))
    days = DEFAULT_GRACE_DAYS if body.grace_days is None else body.grace_days
    row = tables.Erasure(
        customer_id=customer.id,
        reason=body.reason,
        requested_by=body.requested_by,
        block=body.block,
        actor=work.actor,
        due_at=work.now + timedelta(days=days),
    )
    row = await work.insert(row)
    if days == 0:
        row = await saga.begin(work, row)
    response.headers["Location"] = f"/v1/erasures/{row.id}"
    return Accepted(_to_erasure(row, []))


@feature.get("/erasures", scope="customers:read")
async def list_erasures(
    work: Work,
    params: PageParams,
    customer_id: Annotated[UUID | None, Parameter(description="Only those of this customer.")] = None,
    state: Annotated[list[ErasureState] | None, Parameter(description="Any of these states.")] = None,
) -> Page[Erasure]:
    """List erasures with their progress, newest first."""
    where = equals(customer_id=customer_id, state=state)
    page = await paginate(work, params, tables.Erasure, _as_stored, sort="-created_at", where=where)
    answers = await work.select(_ANSWERS, ids=[row.id for row in page.items])
    items = [_to_erasure(row, [each for each in answers if each.erasure_id == row.id]) for row in page.items]
    return Page.model_construct(items=items, next_cursor=page.next_cursor)


@feature.get("/erasures/{id:uuid}", scope="customers:read")
async def read_erasure(work: Work, id: UUID) -> Erasure:
    """Return an erasure with the answers of the services so far."""
    row = await work.get(tables.Erasure, id)
    return _to_erasure(row, await work.find_all(tables.ErasureAnswer, erasure_id=id))


@feature.post("/erasures/{id:uuid}/cancel", scope="customers:erase", raises=[ErasureNotCancellable])
async def cancel_erasure(work: Work, id: UUID) -> Erasure:
    """Cancel an erasure in its grace period."""
    row = await work.get(tables.Erasure, id, for_update=True)
    if row.state != "requested":
        raise ErasureNotCancellable(f"The erasure is {row.state}.")
    return _to_erasure(await work.update(row, state="cancelled", cancelled_at=work.now), [])


@feature.get("/erasures/{id:uuid}/certificate", scope="customers:read", raises=[ErasureNotCompleted])
async def read_erasure_certificate(
    work: Work, running: Running, request: Request, id: UUID
) -> ErasureCertificate | CertificatePage:
    """Return the certificate of a completed erasure: the rows by service and table, and the copies that remain.

    With `Accept: text/html`, it is a page.
    """
    row = await work.get(tables.Erasure, id)
    answers = await work.find_all(tables.ErasureAnswer, erasure_id=id)
    if row.state != "completed":
        missing = missing_answers([answer.service for answer in answers])
        raise ErasureNotCompleted(f"The erasure is {row.state}.", missing=missing)
    certificate = certificate_of(row, _to_answers(answers), cast(Settings, running.settings))
    return page_of(certificate) if prefers_page(request) else certificate


@feature.periodic(every=timedelta(seconds=30))
async def carry_out_erasures(work: Work) -> bool:
    """Begin erasures that are due, and ask services again that have not answered. Returns whether there may be more."""
    return saga.BATCH_SIZE in (await saga.begin_due(work), await saga.ask_again(work))


def _as_stored(row: tables.Erasure) -> tables.Erasure:
    return row


def _to_answers(rows: Sequence[tables.ErasureAnswer]) -> list[ErasureAnswer]:
    return [
        ErasureAnswer.from_row(
            row, tables=[ErasedRows.model_construct(**rows_of_table) for rows_of_table in row.tables]
        )
        for row in sorted(rows, key=lambda row: row.service)
    ]


def _to_erasure(row: tables.Erasure, answers: Sequence[tables.ErasureAnswer]) -> Erasure:
    has_begun = row.state in ("erasing", "completed")
    missing = missing_answers([answer.service for answer in answers]) if has_begun else []
    return Erasure.from_row(
        row, answers=_to_answers(answers), missing=missing, overdue=bool(missing) and row.attempts > 1
    )


_OPEN = Query(
    tables.Erasure,
    "select * from erasure where customer_id = :customer_id and state in ('requested', 'erasing')",
)
_ANSWERS = Query(tables.ErasureAnswer, "select * from erasure_answer where erasure_id = any(:ids)")
