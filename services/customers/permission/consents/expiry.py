"""Grants that expire: each publishes an event, once."""

from collections import defaultdict
from datetime import timedelta
from uuid import UUID

from chassis import Feature, Query, UnitOfWork
from services.customers.people.tables import Customer
from services.customers.permission import tables
from services.customers.permission.queries import ConsentExpired
from services.customers.permission.rules import decisions

feature = Feature("consents")
BATCH_SIZE = 200
Place = tuple[UUID, str, str]


@feature.periodic(timedelta(minutes=1))
async def expire_grants(work: UnitOfWork) -> bool:
    """Publish that grants have expired, except those that a later decision has replaced."""
    due = await work.fetch(_DUE, now=work.now, most=BATCH_SIZE)
    rows = await work.fetch(_LOCK_CUSTOMERS, ids=list({row.customer_id for row in due}))
    customers = {row.id: row for row in rows}
    receipts: dict[Place, list[tables.ConsentReceipt]] = defaultdict(list)
    for receipt in await work.fetch(_RECEIPTS, customers=list(customers)):
        receipts[receipt.customer_id, receipt.purpose, receipt.channel].append(receipt)
    effective = {row.id: row for row in map(decisions.effective_receipt, receipts.values()) if row is not None}
    for id in await work.fetch(_DELETE, ids=[row.id for row in due]):
        if id in effective:
            _publish(work, effective[id], customers)
    return len(due) == BATCH_SIZE


def _publish(work: UnitOfWork, receipt: tables.ConsentReceipt, customers: dict[UUID, Customer]) -> None:
    external_ids = customers[receipt.customer_id].external_ids
    work.publish(ConsentExpired.from_row(receipt, receipt_id=receipt.id, external_ids=external_ids))


_DUE = Query(
    tables.ConsentExpiry,
    "select * from consent_expiry where expires_at <= :now order by expires_at, id limit :most",
)
# The customers are locked first, as by every operation that records a receipt. Of two workers, the second waits here,
# and deletes nothing.
_LOCK_CUSTOMERS = Query(Customer, "select * from customer where id = any(:ids::uuid[]) order by id for no key update")
_RECEIPTS = Query(
    tables.ConsentReceipt,
    "select * from consent_receipt where customer_id = any(:customers::uuid[]) order by recorded_at, id",
)
_DELETE = Query(UUID, "delete from consent_expiry where id = any(:ids::uuid[]) returning id")
