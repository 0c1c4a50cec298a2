"""Shopping histories: the items that a customer buys, how many of them, and on which days."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from chassis import DecimalText, Feature, MoneySum, Query, Resource, Work, current_person

feature = Feature("shopping-histories")

MAX_ITEMS = 200


@dataclass(frozen=True, slots=True)
class Total:
    """All purchases in a currency. The sums are in minor units."""

    currency: str
    purchases: int
    bought: Decimal
    refunded: Decimal
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True, slots=True)
class Item:
    """All lines of a sku in a currency."""

    sku: str
    currency: str
    name: str | None
    category: str | None
    purchases: int
    quantity: str
    amount: str
    last_at: datetime


class ShoppingTotal(Resource, row=Total, computed=("bought", "refunded")):
    """The totals of purchases in a currency."""

    currency: str
    """The currency, by its ISO 4217 code."""
    purchases: int
    """The number of purchases."""
    bought: MoneySum
    """The sum of the purchases."""
    refunded: MoneySum
    """The sum of the refunds."""
    first_at: datetime
    """When the first purchase was made."""
    last_at: datetime
    """When the last purchase was made."""


class ShoppingItem(Resource, row=Item, computed=("amount",)):
    """Purchases of an item, without deduction of refunds."""

    sku: str
    """The item, by the seller's number (stock keeping unit)."""
    name: str | None
    """The name of the item."""
    category: str | None
    """The category of the item."""
    purchases: int
    """The number of purchases of the item."""
    quantity: DecimalText
    """The purchased quantity: a decimal string."""
    amount: MoneySum
    """The amount of all lines of the item."""
    last_at: datetime
    """When the item was last purchased."""


class ShoppingDay(Resource):
    """Purchases on a day of the week, in the tenant's time zone. Monday is 1."""

    weekday: int
    """The day of the week, from 1 for Monday."""
    purchases: int
    """The number of purchases on this day of the week."""


class ShoppingHistory(Resource):
    """A customer's purchases: the totals, the two hundred items with the largest amounts, and the days."""

    customer_id: UUID
    """The customer."""
    totals: list[ShoppingTotal]
    """The totals, one per currency."""
    items: list[ShoppingItem]
    """The items with the largest amounts, at most 200."""
    weekdays: list[ShoppingDay]
    """The purchases by day of the week."""


@feature.get("/shopping-histories/{customer_id:uuid}", scope="interactions:read", owner="customer_id")
async def read_shopping_history(work: Work, customer_id: UUID) -> ShoppingHistory:
    """Return a summary of a customer's purchases. It is empty for an unknown customer."""
    customer_id = await current_person(work, customer_id)
    totals = await work.select(_TOTALS, customer_id=customer_id)
    items = await work.select(_ITEMS, customer_id=customer_id, max_items=MAX_ITEMS)
    weekdays = await work.select(_WEEKDAYS, customer_id=customer_id, timezone=work.tenant.timezone)
    return ShoppingHistory(
        customer_id=customer_id,
        totals=[_to_total(row) for row in totals],
        items=[_to_item(row) for row in items],
        weekdays=weekdays,
    )


def _to_total(row: Total) -> ShoppingTotal:
    bought, refunded = (MoneySum.of(int(minor), row.currency) for minor in (row.bought, row.refunded))
    return ShoppingTotal.from_row(row, bought=bought, refunded=refunded)


def _to_item(row: Item) -> ShoppingItem:
    return ShoppingItem.from_row(row, amount=MoneySum(amount=row.amount, currency=row.currency))


_TOTALS = Query(
    Total,
    """
    with refunds as (
        select currency, sum(amount_minor) as refunded
        from refund where customer_id = :customer_id group by currency
    )
    select currency, count(*) as purchases, sum(total_minor) as bought,
           coalesce(max(refunded), 0) as refunded, min(purchased_at) as first_at, max(purchased_at) as last_at
    from purchase left join refunds using (currency)
    where customer_id = :customer_id group by currency order by currency
    """,
)
_ITEMS = Query(
    Item,
    """
    select line.sku, currency, max(line.name) as name, max(line.category) as category,
           count(distinct purchase.id) as purchases, trim_scale(sum(line.quantity))::text as quantity,
           sum(line.amount)::text as amount, max(purchased_at) as last_at
    from purchase, jsonb_to_recordset(lines)
        as line(sku text, name text, category text, quantity numeric, amount numeric)
    where customer_id = :customer_id
    group by line.sku, currency order by sum(line.amount) desc, line.sku limit :max_items
    """,
)
_WEEKDAYS = Query(
    ShoppingDay,
    """
    select extract(isodow from purchased_at at time zone :timezone)::int as weekday, count(*) as purchases
    from purchase where customer_id = :customer_id group by 1 order by 1
    """,
)
