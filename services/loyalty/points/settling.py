"""Settling: due effects are published in time, even for members who do nothing.

It changes no result, because every operation that moves points settles the account first.
"""

from datetime import timedelta
from uuid import UUID

from chassis import Feature, Query, Work
from services.loyalty.points.queries.accounts import open_account, save

feature = Feature("settling")

BATCH_SIZE = 100


@feature.periodic(every=timedelta(seconds=30))
async def settle_due_accounts(work: Work) -> bool:
    """Settle a batch of accounts that have something due. Returns whether there may be more."""
    membership_ids = await work.fetch(_LOCK_DUE_WALLETS, now=work.now, limit=BATCH_SIZE)
    for membership_id in membership_ids:
        await save(work, await open_account(work, membership_id))
    return len(membership_ids) == BATCH_SIZE


# A wallet that another transaction has locked is skipped: that transaction settles it.
_LOCK_DUE_WALLETS = Query(
    UUID, "select id from wallet where due_at <= :now order by id limit :limit for no key update skip locked"
)
