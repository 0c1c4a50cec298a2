"""Warnings and breaches: what time alone changes of clocks, announced once.

A sweep considers only due times that passed more than a minute ago. A step counts from the start of its transaction,
so one that is still being recorded may prevent a breach, which must not have been announced by then.
"""

from datetime import timedelta

from chassis import Feature, Query, Work
from services.interactions.helpdesk import tables
from services.interactions.helpdesk.queries.clocks import clock_of, columns_of, publish_news

feature = Feature("clocks")

BATCH_SIZE = 1_000
GRACE = timedelta(minutes=1)
"""Longer than a transaction of a request may take."""


@feature.periodic(every=timedelta(seconds=30))
async def sweep_clocks(work: Work) -> bool:
    """Settle a batch of the clocks that are due for a warning or a breach."""
    until = work.now - GRACE
    rows = await work.fetch(_LOCK_DUE, until=until, batch_size=BATCH_SIZE)
    changes = []
    for row in rows:
        columns = columns_of(clock_of(row).settle(until))
        changes.append({"id": row.id, **{name: columns[name] for name in SETTLED}})
        publish_news(work, row, row.replace(**columns))
    await work.update_many(tables.SlaClock, changes)
    return len(rows) == BATCH_SIZE


SETTLED = ("state", "active_us", "due_at", "due_order", "attention_at", "thresholds", "warned", "breached_at")
"""The columns that time alone changes."""

# A clock that another transaction has locked is skipped: its case is being changed, and that settles it.
_LOCK_DUE = Query(
    tables.SlaClock,
    """
    select * from sla_clock where state = 'running' and attention_at <= :until
    order by attention_at, id limit :batch_size for no key update skip locked
    """,
)
