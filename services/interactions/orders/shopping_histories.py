"""Shopping histories: what a customer buys, how much, on which days and at which hours, and how often.

Days and hours are those of the tenant's time zone. A purchase that was refunded entirely is no visit: it does not count
for days, hours, gaps, and favourites.
"""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from pydantic import Field

from chassis import DecimalText, Feature, MoneySum, Query, Resource, Work, current_person
from services.interactions.orders.rules.amounts import plain
from services.interactions.orders.rules.rhythm import EXPECTATION_METHOD, rhythm

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
    refunded_quantity: str
    refunded: str
    last_at: datetime


class ShoppingTotal(Resource, row=Total, computed=("bought", "refunded", "net")):
    """The totals of purchases in a currency."""

    currency: str
    """The currency, by its ISO 4217 code."""
    purchases: int
    """The number of purchases."""
    bought: MoneySum
    """The sum of the purchases."""
    refunded: MoneySum
    """The sum of the refunds."""
    net: MoneySum
    """The sum of the purchases less that of the refunds."""
    first_at: datetime
    """When the first purchase was made."""
    last_at: datetime
    """When the last purchase was made."""


class ShoppingItem(Resource, row=Item, computed=("amount", "refunded")):
    """Purchases of an item, and the part of it that went back.

    A refund of an amount of a whole purchase belongs to no item: it is a part of the totals alone.
    """

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
    """The amount of all lines of the item, without deduction of refunds."""
    refunded_quantity: DecimalText
    """The quantity of the item that was refunded: a decimal string."""
    refunded: MoneySum
    """The amount that was refunded for lines of the item."""
    last_at: datetime
    """When the item was last purchased."""


class ShoppingDay(Resource):
    """Purchases on a day of the week, in the tenant's time zone. Monday is 1."""

    weekday: int
    """The day of the week, from 1 for Monday."""
    purchases: int
    """The number of purchases on this day of the week."""


class ShoppingHour(Resource):
    """Purchases in an hour of the day, in the tenant's time zone."""

    hour: int
    """The hour of the day, from 0 to 23."""
    purchases: int
    """The number of purchases in this hour."""


class ShoppingRhythm(Resource):
    """How often the customer buys. Several purchases on a day count as one visit."""

    days: int
    """The number of days with purchases."""
    average_gap_days: DecimalText | None
    """The average number of days between them, or null if there are fewer than two."""
    median_gap_days: DecimalText | None
    """The median number of days between them, or null if there are fewer than three."""
    next_expected_on: date | None
    """The day on which the next purchase is expected, or null if there are fewer than three days with purchases."""
    method: Annotated[str, Field(examples=[EXPECTATION_METHOD])]
    """How the expected day is computed."""


class ShoppingHistory(Resource):
    """A customer's purchases: the totals, the two hundred items with the largest amounts, and the habits."""

    customer_id: UUID
    """The customer."""
    totals: list[ShoppingTotal]
    """The totals, one per currency."""
    items: list[ShoppingItem]
    """The items with the largest amounts, at most 200."""
    weekdays: list[ShoppingDay]
    """The purchases by day of the week."""
    hours: list[ShoppingHour]
    """The purchases by hour of the day."""
    rhythm: ShoppingRhythm
    """How often the customer buys."""
    favourite_store: Annotated[str | None, Field(examples=["Amsterdam"])]
    """The store with the most purchases, and among equals the last visited. Null if no purchase names a store."""
    favourite_channel: Annotated[str | None, Field(examples=["web"])]
    """The channel with the most purchases, and among equals the last used. Null if no purchase names a channel."""


@feature.get("/shopping-histories/{customer_id:uuid}", scope="interactions:read", owner="customer_id")
async def read_shopping_history(work: Work, customer_id: UUID) -> ShoppingHistory:
    """Return a summary of a customer's purchases. It is empty for an unknown customer."""
    customer_id = await current_person(work, customer_id)
    totals = await work.select(_TOTALS, customer_id=customer_id)
    items = await work.select(_ITEMS, customer_id=customer_id, max_items=MAX_ITEMS)
    local = {"customer_id": customer_id, "timezone": work.tenant.timezone}
    stores = await work.select(_STORES, customer_id=customer_id)
    channels = await work.select(_CHANNELS, customer_id=customer_id)
    return ShoppingHistory(
        customer_id=customer_id,
        totals=[_to_total(row) for row in totals],
        items=[_to_item(row) for row in items],
        weekdays=await work.select(_WEEKDAYS, **local),
        hours=await work.select(_HOURS, **local),
        rhythm=_to_rhythm(await work.select(_DAYS, **local)),
        favourite_store=next(iter(stores), None),
        favourite_channel=next(iter(channels), None),
    )


def _to_total(row: Total) -> ShoppingTotal:
    minor = {"bought": row.bought, "refunded": row.refunded, "net": row.bought - row.refunded}
    return ShoppingTotal.from_row(row, **{name: MoneySum.of(int(each), row.currency) for name, each in minor.items()})


def _to_item(row: Item) -> ShoppingItem:
    amount, refunded = (MoneySum(amount=each, currency=row.currency) for each in (row.amount, row.refunded))
    return ShoppingItem.from_row(row, amount=amount, refunded=refunded)


def _to_rhythm(days: list[date]) -> ShoppingRhythm:
    found = rhythm(days)
    average, middle = (None if gap is None else plain(gap) for gap in (found.average_gap, found.median_gap))
    return ShoppingRhythm(
        days=found.days,
        average_gap_days=average,
        median_gap_days=middle,
        next_expected_on=found.next_expected_on,
        method=EXPECTATION_METHOD,
    )


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
    with bought as (
        select line.sku, currency, max(line.name) as name, max(line.category) as category,
               count(distinct purchase.id) as purchases, sum(line.quantity) as quantity,
               sum(line.amount) as amount, max(purchased_at) as last_at
        from purchase, jsonb_to_recordset(lines)
            as line(sku text, name text, category text, quantity numeric, amount numeric)
        where customer_id = :customer_id group by line.sku, currency
    ), refunded as (
        select line.sku, refund.currency, sum(part.quantity) as quantity, sum(part.amount) as amount
        from refund join purchase on purchase.id = refund.purchase_id,
            jsonb_to_recordset(refund.lines) as part(number int, quantity numeric, amount numeric),
            jsonb_to_recordset(purchase.lines) as line(number int, sku text)
        where refund.customer_id = :customer_id and line.number = part.number group by line.sku, refund.currency
    )
    select sku, currency, name, category, purchases, trim_scale(bought.quantity)::text as quantity,
           bought.amount::text as amount, last_at,
           trim_scale(coalesce(refunded.quantity, 0))::text as refunded_quantity,
           coalesce(refunded.amount, bought.amount * 0)::text as refunded
    from bought left join refunded using (sku, currency)
    order by bought.amount desc, sku limit :max_items
    """,
)
_KEPT = "customer_id = :customer_id and payment_status is distinct from 'refunded'"
_WEEKDAYS = Query(
    ShoppingDay,
    f"""
    select extract(isodow from purchased_at at time zone :timezone)::int as weekday, count(*) as purchases
    from purchase where {_KEPT} group by 1 order by 1
    """,
)
_HOURS = Query(
    ShoppingHour,
    f"""
    select extract(hour from purchased_at at time zone :timezone)::int as hour, count(*) as purchases
    from purchase where {_KEPT} group by 1 order by 1
    """,
)
_DAYS = Query(
    date, f"select distinct (purchased_at at time zone :timezone)::date from purchase where {_KEPT} order by 1"
)
_FAVOURITE = f"""
    select {{column}} from purchase where {_KEPT} and {{column}} is not null
    group by 1 order by count(*) desc, max(purchased_at) desc, 1 limit 1
"""
_STORES = Query(str, _FAVOURITE.format(column="store"))
_CHANNELS = Query(str, _FAVOURITE.format(column="channel"))
