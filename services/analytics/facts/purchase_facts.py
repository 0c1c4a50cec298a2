"""Purchase facts: every purchase and refund as it was received, and each customer's sums, exact at every commit.

One statement stores the facts of a batch and adds those that are new, by their key, to the sums. So a purchase that is
delivered again, late, or out of order leaves the same sums.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from chassis import (
    SCHEMA,
    Command,
    Feature,
    IncomingEvent,
    Money,
    Moves,
    Query,
    Work,
    current_person_sql,
)
from services.analytics.facts import tables

feature = Feature("purchase-facts")


class PurchaseRecorded(IncomingEvent, type="interactions.purchase_recorded.v1"):
    """A customer made a purchase."""

    purchase_id: UUID
    customer_id: UUID
    purchased_at: datetime
    total: Money


class PurchaseRefunded(IncomingEvent, type="interactions.purchase_refunded.v1"):
    """Money for a purchase was paid back."""

    refund_id: UUID
    customer_id: UUID
    refunded_at: datetime
    amount: Money


@feature.on_batch(PurchaseRecorded, of_erased=True)
async def apply_purchases(work: Work, purchases: Sequence[PurchaseRecorded]) -> None:
    """Store the facts, and add new facts to their customers' sums."""
    await work.execute(
        _APPLY_PURCHASES,
        ids=[purchase.purchase_id for purchase in purchases],
        customers=[purchase.customer_id for purchase in purchases],
        times=[purchase.purchased_at for purchase in purchases],
        currencies=[purchase.total.currency for purchase in purchases],
        amounts=[purchase.total.minor for purchase in purchases],
    )


@feature.on_batch(PurchaseRefunded, of_erased=True)
async def apply_refunds(work: Work, refunds: Sequence[PurchaseRefunded]) -> None:
    """Store the facts, and subtract new facts from their customers' sums. A refund may precede its purchase."""
    await work.execute(
        _APPLY_REFUNDS,
        ids=[refund.refund_id for refund in refunds],
        customers=[refund.customer_id for refund in refunds],
        times=[refund.refunded_at for refund in refunds],
        currencies=[refund.amount.currency for refund in refunds],
        amounts=[refund.amount.minor for refund in refunds],
    )


@feature.moves(tables.CustomerValue)
async def compute_sums_of_merged(work: Work, moved: Moves) -> None:
    """Compute the sums of merged customers and of their survivors again, from the facts that have moved."""
    customers = sorted(moved.changed | {moved.targets[id] for id in moved.changed})
    # A statement of its own: the next one sees the facts whose transactions held the sums until now. If a concurrent
    # transaction inserts a sum first, the unique constraint fails and the handler runs again.
    await work.execute(_LOCK_SUMS_OF, customers=customers)
    await work.execute(_DELETE_SUMS, customers=customers)
    await work.execute(_INSERT_SUMS, customers=customers)


MAX_DIFFERENCES = 50_000
"""Maximum sums that a transaction of a rebuild repairs."""


@feature.rebuild
async def rebuild_customer_sums(work: Work, repair: bool) -> int:
    """Compare each customer's sums with their facts in a single statement, hence in one snapshot, and repair the sums.

    Only sums that differ are written. They are computed again under a lock that keeps new facts out, because facts may
    have arrived since the comparison.
    """
    differing = await work.fetch(_FIND_DIFFERENCES, limit=MAX_DIFFERENCES)
    if repair and differing:
        customers = sorted(set(differing))
        await work.execute(_LOCK_SUMS)
        await work.execute(_DELETE_SUMS, customers=customers)
        await work.execute(_INSERT_SUMS, customers=customers)
    return len(differing)


# A fact of a merged customer is the survivor's. The log has the customer of the event.
_RECEIVED = f"""
    received as (
        select distinct on (id)
            id, {current_person_sql("fact.person_id")} as customer_id, person_id, at, currency, minor
        from unnest(:ids::uuid[], :customers::uuid[], :times::timestamptz[], :currencies::text[], :amounts::bigint[])
            as fact(id, person_id, at, currency, minor)
    )
"""
_LOG_MOVED = f"""
    logged as (
        insert into {SCHEMA}.moved_row (table_name, column_name, row_id, original_id)
        select '{{table}}', 'customer_id', received.id, person_id from received join new using (id)
        where person_id <> received.customer_id
    )
"""
_ADD_NEW_TO_SUMS = """
    insert into customer_value (currency, customer_id, purchases, revenue_minor, first_at, last_at)
    select currency, customer_id, count(purchased_at), sum(minor), min(purchased_at), max(purchased_at)
    from new group by currency, customer_id
    order by currency, customer_id -- concurrent transactions lock the rows in one order
    on conflict (tenant_id, currency, customer_id) do update set
        purchases = customer_value.purchases + excluded.purchases,
        revenue_minor = customer_value.revenue_minor + excluded.revenue_minor,
        first_at = least(customer_value.first_at, excluded.first_at),
        last_at = greatest(customer_value.last_at, excluded.last_at)
"""
_APPLY_PURCHASES = Command(
    f"""
    with {_RECEIVED}, new as (
        insert into purchase_fact (id, customer_id, purchased_at, currency, revenue_minor)
        select id, customer_id, at, currency, minor from received order by id
        on conflict do nothing
        returning id, currency, customer_id, revenue_minor as minor, purchased_at
    ), {_LOG_MOVED.format(table="purchase_fact")}
    {_ADD_NEW_TO_SUMS}
    """
)
_APPLY_REFUNDS = Command(
    f"""
    with {_RECEIVED}, new as (
        insert into refund_fact (id, customer_id, refunded_at, currency, amount_minor)
        select id, customer_id, at, currency, minor from received order by id
        on conflict do nothing
        returning id, currency, customer_id, -amount_minor as minor, null::timestamptz as purchased_at
    ), {_LOG_MOVED.format(table="refund_fact")}
    {_ADD_NEW_TO_SUMS}
    """
)
_SUMS_FROM_FACTS = """
    select currency, customer_id, count(purchased_at) as purchases, sum(minor) as revenue_minor,
           min(purchased_at) as first_at, max(purchased_at) as last_at
    from (
        select currency, customer_id, revenue_minor as minor, purchased_at from purchase_fact where {where}
        union all
        select currency, customer_id, -amount_minor, null from refund_fact where {where}
    ) as fact group by currency, customer_id
"""
_FIND_DIFFERENCES = Query(
    UUID,
    f"""
    select customer_id
    from ({_SUMS_FROM_FACTS.format(where="true")}) as facts
    full join customer_value using (currency, customer_id)
    where (facts.purchases, facts.revenue_minor, facts.first_at, facts.last_at) is distinct from
          (customer_value.purchases, customer_value.revenue_minor, customer_value.first_at, customer_value.last_at)
    limit :limit
    """,
)
_LOCK_SUMS = Command("lock table customer_value in share row exclusive mode")
_LOCK_SUMS_OF = Command(
    """
    select from customer_value where customer_id = any(:customers) order by currency, customer_id for no key update
    """
)
_DELETE_SUMS = Command("delete from customer_value where customer_id = any(:customers)")
_INSERT_SUMS = Command(
    f"""
    insert into customer_value (currency, customer_id, purchases, revenue_minor, first_at, last_at)
    {_SUMS_FROM_FACTS.format(where="customer_id = any(:customers)")}
    """
)
