"""The effects of time on de-selections: treatments begin after their notice, and expire."""

from datetime import timedelta

from chassis import Feature, Query, Work
from services.customers.lifecycle import tables
from services.customers.lifecycle.deselections.events import DeselectionEnded, DeselectionTookEffect
from services.customers.lifecycle.queries import find_end_in_force, insert_end
from services.customers.people.tables import Customer

feature = Feature("deselections")
BATCH_SIZE = 100


@feature.periodic(every=timedelta(minutes=1))
async def follow_deselections(work: Work) -> bool:
    """Let treatments take effect after their notice, and expire. Returns whether there may be more."""
    due = await work.fetch(_DUE, now=work.now, limit=BATCH_SIZE)
    for row in due:
        if row.expires_at <= work.now:
            row = await work.update(row, state="expired")
            work.publish(DeselectionEnded.from_row(row, deselection_id=row.id))
            continue
        row = await work.update(row, state="in_effect")
        work.publish(DeselectionTookEffect.from_row(row, deselection_id=row.id, ends_at=row.expires_at))
        if row.treatment == "end":
            customer = await work.get(Customer, row.customer_id, for_update=True)
            if await find_end_in_force(work, customer.id) is None:
                await insert_end(work, customer, reason="ended_by_us", ended_at=work.now)
    return len(due) == BATCH_SIZE


_DUE = Query(
    tables.Deselection,
    """
    select * from deselection
    where state in ('proposed', 'approved', 'in_effect', 'appealed')
        and least(expires_at, case when state = 'approved' then takes_effect_at end) <= :now
    order by id limit :limit for no key update skip locked
    """,
)
