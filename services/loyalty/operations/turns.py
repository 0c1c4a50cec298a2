"""What is told of one purchase takes turns: the purchase itself, told again, and each of its refunds."""

from collections.abc import Sequence
from uuid import UUID

from chassis import Work


async def take_turns(work: Work, purchase_ids: Sequence[UUID]) -> None:
    """Waits for transactions about the same purchases to end.

    They come one after the other by themselves, for they have one Kafka key; but a dead letter may be replayed at any
    moment, and a purchase and its refund that do not see one another would both leave the points alone.
    """
    await work.execute(
        "select pg_advisory_xact_lock(hashtextextended('purchase ' || id, 0)) "
        "from (select distinct unnest($1::uuid[]) as id order by id) as told",
        list(purchase_ids),
    )
