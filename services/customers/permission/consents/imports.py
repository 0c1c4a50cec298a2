"""Permissions that another system has recorded, with their original times."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from chassis import (
    IN_THE_FUTURE,
    UNKNOWN_RECORD,
    Batch,
    BatchResults,
    Feature,
    Outcome,
    Problem,
    Query,
    SourceIdReused,
    UnitOfWork,
    ValidationFailed,
    Work,
    batch_response,
    reject_too_large,
)
from services.customers.people.tables import Customer
from services.customers.permission import tables
from services.customers.permission.consents.schemas import ConsentImport
from services.customers.permission.queries import (
    consent_settings,
    is_repeat,
    require_known,
    store_receipts,
)

feature = Feature("consents")
Key = tuple[str, str]


@feature.post("/consents/batch", scope="customers:write", batch=True)
async def import_consents_batch(work: Work, batch: Batch[ConsentImport]) -> BatchResults:
    """Import up to a thousand receipts with the times at which the customers decided.

    A receipt that was imported before is `unchanged`. An imported grant never undoes a later withdrawal.
    """
    return batch_response(batch, await _import(work, batch.valid_items()))


async def _import(work: UnitOfWork, items: Sequence[tuple[int, ConsentImport]]) -> dict[int, Outcome]:
    rows = await work.fetch(_LOCK_CUSTOMERS, ids=list({item.customer_id for _, item in items}))
    customers = {customer.id: customer for customer in rows}
    stored = await _stored(work, [item for _, item in items])
    settings = await consent_settings(work)
    outcomes: dict[int, Outcome] = {}
    new: list[tables.ConsentReceipt] = []
    for index, item in items:
        try:
            receipt = tables.ConsentReceipt(**item.values(), actor=work.actor, recorded_at=work.now)
            known = stored.get((item.source, item.source_id))
            if known is not None:
                outcomes[index] = _repeat(receipt, known)
                continue
            _require_possible(work, receipt, customers, settings)
        except Problem as problem:
            outcomes[index] = problem
            continue
        outcomes[index] = ("created", receipt.id)
        stored[item.source, item.source_id] = receipt
        new.append(receipt)
    await store_receipts(work, customers, new)
    return outcomes


def _repeat(receipt: tables.ConsentReceipt, stored: tables.ConsentReceipt) -> Outcome:
    return ("unchanged", stored.id) if is_repeat(receipt, stored) else SourceIdReused(id=str(stored.id))


def _require_possible(
    work: UnitOfWork,
    receipt: tables.ConsentReceipt,
    customers: dict[UUID, Customer],
    settings: tables.ConsentSettings,
) -> None:
    """Raise a problem for a receipt that cannot be stored."""
    if receipt.customer_id not in customers:
        raise ValidationFailed.field("/customer_id", UNKNOWN_RECORD, "is the id of no customer")
    # A recorded decision lies in the past. One that is brought back to now would undo a withdrawal of a moment ago.
    if receipt.decided_at > work.now:
        raise ValidationFailed.field("/decided_at", IN_THE_FUTURE, "must not be in the future")
    require_known(settings, receipt)
    reject_too_large(receipt)


async def _stored(work: UnitOfWork, items: Iterable[ConsentImport]) -> dict[Key, tables.ConsentReceipt]:
    """Return the stored receipts that have the source ids of the items."""
    keys = {(item.source, item.source_id) for item in items}
    rows = await work.fetch(_BY_SOURCE_ID, sources=[source for source, _ in keys], ids=[id for _, id in keys])
    return {(row.source, row.source_id or ""): row for row in rows}


_LOCK_CUSTOMERS = Query(Customer, "select * from customer where id = any(:ids::uuid[]) order by id for no key update")
_BY_SOURCE_ID = Query(
    tables.ConsentReceipt,
    """
    select consent_receipt.* from consent_receipt
    join unnest(:sources::text[], :ids::text[]) as named(source, source_id) using (source, source_id)
    """,
)
