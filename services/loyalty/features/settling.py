"""Settling: what comes due by itself is told in time, also of members who do nothing.

It changes no result: whoever moves points settles the account first.
"""

from chassis import Feature, Work
from services.loyalty.operations import open_account, save

feature = Feature("settling")

PORTION = 100


@feature.chore
async def settle_what_is_due(work: Work) -> bool:
    """Settles the accounts that have something due, a portion at a time; those that somebody works on are theirs."""
    due = await work.fetch(
        "select id from wallet where due_at <= $1 order by id limit $2 for no key update skip locked",
        work.now,
        PORTION,
    )
    for row in due:
        await save(work, await open_account(work, row["id"]))
    return len(due) == PORTION
