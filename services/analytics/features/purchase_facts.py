"""Purchase facts: every purchase and refund as it was told, and each customer's sums, exact at every commit.

The facts that are new are found by their key, and only those go into the sums, in one statement: a purchase that is
told again, or late, or out of order, leaves the same sums.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from chassis import Feature, Incoming, Money, Work

feature = Feature("purchase-facts")


class PurchaseRecorded(Incoming, type="interactions.purchase_recorded.v1"):
    """A customer bought something."""

    purchase_id: UUID
    customer_id: UUID
    purchased_at: datetime
    total: Money


class PurchaseRefunded(Incoming, type="interactions.purchase_refunded.v1"):
    """Money went back for a purchase."""

    refund_id: UUID
    customer_id: UUID
    refunded_at: datetime
    amount: Money


@feature.on_batch(PurchaseRecorded)
async def sum_up_purchases(work: Work, purchases: Sequence[PurchaseRecorded]) -> None:
    """Keeps the facts and adds the new ones to their customers' sums."""
    await work.execute(
        """
        with told as (
            select distinct on (id) id, customer_id, purchased_at, currency, revenue_minor
            from unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::text[], $5::bigint[])
                as purchase(id, customer_id, purchased_at, currency, revenue_minor)
        ), new as (
            insert into purchase_fact (id, customer_id, purchased_at, currency, revenue_minor)
            select * from told order by id
            on conflict do nothing
            returning customer_id, purchased_at, currency, revenue_minor
        )
        insert into customer_value (currency, customer_id, purchases, revenue_minor, first_at, last_at)
        select currency, customer_id, count(*), sum(revenue_minor), min(purchased_at), max(purchased_at)
        from new group by currency, customer_id
        order by currency, customer_id -- two writers take the rows in one order
        on conflict (tenant_id, currency, customer_id) do update set
            purchases = customer_value.purchases + excluded.purchases,
            revenue_minor = customer_value.revenue_minor + excluded.revenue_minor,
            first_at = least(customer_value.first_at, excluded.first_at),
            last_at = greatest(customer_value.last_at, excluded.last_at)
        """,
        [purchase.purchase_id for purchase in purchases],
        [purchase.customer_id for purchase in purchases],
        [purchase.purchased_at for purchase in purchases],
        [purchase.total.currency for purchase in purchases],
        [purchase.total.minor for purchase in purchases],
    )


@feature.on_batch(PurchaseRefunded)
async def take_refunds_off(work: Work, refunds: Sequence[PurchaseRefunded]) -> None:
    """Keeps the facts and takes the new ones off their customers' sums; a refund may come before its purchase."""
    await work.execute(
        """
        with told as (
            select distinct on (id) id, customer_id, refunded_at, currency, amount_minor
            from unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::text[], $5::bigint[])
                as refund(id, customer_id, refunded_at, currency, amount_minor)
        ), new as (
            insert into refund_fact (id, customer_id, refunded_at, currency, amount_minor)
            select * from told order by id
            on conflict do nothing
            returning customer_id, currency, amount_minor
        )
        insert into customer_value (currency, customer_id, purchases, revenue_minor)
        select currency, customer_id, 0, -sum(amount_minor) from new group by currency, customer_id
        order by currency, customer_id
        on conflict (tenant_id, currency, customer_id) do update set
            revenue_minor = customer_value.revenue_minor + excluded.revenue_minor
        """,
        [refund.refund_id for refund in refunds],
        [refund.customer_id for refund in refunds],
        [refund.refunded_at for refund in refunds],
        [refund.amount.currency for refund in refunds],
        [refund.amount.minor for refund in refunds],
    )


PORTION = 50_000


@feature.rebuild
async def rebuild_customer_sums(work: Work, repair: bool) -> int:
    """Compares each customer's sums with their facts, by one statement and so at one moment, and repairs them.

    Only what differs is written. It is computed again for that: facts may have come in between, and none can while
    the table is locked.
    """
    differing = await work.fetch(
        f"""
        select currency, customer_id
        from ({_RECOMPUTED.format(where="true")}) as facts
        full join customer_value using (currency, customer_id)
        where (facts.purchases, facts.revenue_minor, facts.first_at, facts.last_at) is distinct from
              (customer_value.purchases, customer_value.revenue_minor, customer_value.first_at, customer_value.last_at)
        limit $1
        """,
        PORTION,
    )
    if repair and differing:
        customers = sorted({row["customer_id"] for row in differing})
        await work.execute("lock table customer_value in share row exclusive mode")
        await work.execute("delete from customer_value where customer_id = any($1)", customers)
        await work.execute(
            "insert into customer_value (currency, customer_id, purchases, revenue_minor, first_at, last_at) "
            + _RECOMPUTED.format(where="customer_id = any($1)"),
            customers,
        )
    return len(differing)


_RECOMPUTED = """
    select currency, customer_id, count(purchased_at) as purchases, sum(minor)::bigint as revenue_minor,
           min(purchased_at) as first_at, max(purchased_at) as last_at
    from (
        select currency, customer_id, revenue_minor as minor, purchased_at from purchase_fact where {where}
        union all
        select currency, customer_id, -amount_minor, null from refund_fact where {where}
    ) as told group by currency, customer_id
"""
