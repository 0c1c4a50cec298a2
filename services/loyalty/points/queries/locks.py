"""Locks on purchases: transactions about the same purchase run in sequence."""

from collections.abc import Sequence
from uuid import UUID

from chassis import Command, Work


async def lock_purchases(work: Work, purchase_ids: Sequence[UUID]) -> None:
    """Serialize transactions on the same purchases, until the commit.

    Their shared Kafka key usually does this, but a dead letter can be replayed at any time. A purchase and its refund
    running concurrently would not see each other, and the points would never be reversed.
    """
    await work.execute(_LOCK_PURCHASES, purchase_ids=list(purchase_ids))


# Sorted, so that two transactions take the locks in the same order.
LOCK_PURCHASES = """
    select pg_advisory_xact_lock(hashtextextended('purchase ' || id, 0))
    from (select distinct unnest(:purchase_ids::uuid[]) as id order by id) as purchases
"""
_LOCK_PURCHASES = Command(LOCK_PURCHASES)
