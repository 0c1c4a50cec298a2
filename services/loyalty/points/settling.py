"""Settling: due effects are published in time, even for members who do nothing.

It changes no result, because every operation that moves points settles the account first.
"""

from datetime import timedelta

from chassis import Feature, Query, Work
from services.loyalty.points import tables
from services.loyalty.points.queries.accounts import SETTLING_BATCH, save, settle_locked_account

feature = Feature("settling")

BATCH_SIZE = 100


@feature.periodic(every=timedelta(seconds=30))
async def settle_due_accounts(work: Work) -> bool:
    """Settle a batch of accounts that have something due. Returns whether there may be more.

    An account with many due effects takes several transactions, so that none of them locks it for long.
    """
    wallets = await work.fetch(_LOCK_DUE_WALLETS, now=work.now, limit=BATCH_SIZE)
    effects = 0
    for wallet in wallets:
        account = await settle_locked_account(work, wallet)
        effects += len(account.moves)
        await save(work, account)
        if effects >= SETTLING_BATCH:
            return True
    return len(wallets) == BATCH_SIZE


# A wallet that another transaction has locked is skipped: that transaction settles it.
_LOCK_DUE_WALLETS = Query(
    tables.Wallet, "select * from wallet where due_at <= :now order by id limit :limit for no key update skip locked"
)
