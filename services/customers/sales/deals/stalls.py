"""Announce deals that have stalled. Each is announced once until it changes again."""

from datetime import timedelta

from chassis import Command, Feature, Query, Work
from services.customers.sales import tables
from services.customers.sales.deals.events import DealStalled
from services.customers.sales.queries.deals import amount_of

feature = Feature("deals")

BATCH_SIZE = 500


@feature.periodic(every=timedelta(minutes=5))
async def announce_stalled_deals(work: Work) -> bool:
    """Announce a batch of deals that have not changed for the days of their stage."""
    deals = await work.fetch(_LOCK_STALLED, now=work.now, batch_size=BATCH_SIZE)
    for deal in deals:
        event = DealStalled.from_row(deal, deal_id=deal.id, amount=amount_of(deal), stalled_at=deal.stalls_at)
        work.publish(event)
    await work.execute(_MARK, ids=[deal.id for deal in deals], now=work.now)
    return len(deals) == BATCH_SIZE


# A deal that another transaction has locked is skipped: that transaction may be changing it.
_LOCK_STALLED = Query(
    tables.Deal,
    """
    select * from deal where state = 'open' and stalls_at <= :now and stall_announced is null
    order by stalls_at, id limit :batch_size for no key update skip locked
    """,
)
_MARK = Command("update deal set stall_announced = :now where id = any(:ids)")
