"""Shopping histories: what a customer buys, how much, and on which days."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel

from chassis import Feature, Money, Work

feature = Feature("shopping-histories")

ITEMS = 200


class ShoppingTotal(BaseModel):
    """All purchases in one currency."""

    currency: str
    purchases: int
    bought: Money
    refunded: Money
    first_at: datetime
    last_at: datetime


class ShoppingItem(BaseModel):
    """What was bought of one thing, refunds not taken off."""

    sku: str
    name: str | None
    category: str | None
    purchases: int
    quantity: str
    amount: Money
    last_at: datetime


class ShoppingDay(BaseModel):
    """Purchases on one day of the week, in the tenant's time zone; Monday is 1."""

    weekday: int
    purchases: int


class ShoppingHistory(BaseModel):
    """What a customer buys: the totals, the two hundred things with the largest amounts, and the days."""

    customer_id: UUID
    totals: list[ShoppingTotal]
    items: list[ShoppingItem]
    weekdays: list[ShoppingDay]


@feature.get("/shopping-histories/{customer_id:uuid}", scope="interactions:read")
async def read_shopping_history(work: Work, customer_id: UUID) -> ShoppingHistory:
    """A customer's purchases, summed up; nothing, for one who is not known here."""
    totals = await work.fetch(_TOTALS, customer_id)
    items = await work.fetch(_ITEMS, customer_id, ITEMS)
    weekdays = await work.fetch(_WEEKDAYS, customer_id, work.tenant.timezone)
    return ShoppingHistory(
        customer_id=customer_id,
        totals=[
            ShoppingTotal(
                currency=row["currency"],
                purchases=row["purchases"],
                bought=Money.of(row["bought"], row["currency"]),
                refunded=Money.of(row["refunded"], row["currency"]),
                first_at=row["first_at"],
                last_at=row["last_at"],
            )
            for row in totals
        ],
        items=[
            ShoppingItem(
                sku=row["sku"],
                name=row["name"],
                category=row["category"],
                purchases=row["purchases"],
                quantity=row["quantity"],
                amount=Money(amount=row["amount"], currency=row["currency"]),
                last_at=row["last_at"],
            )
            for row in items
        ],
        weekdays=[ShoppingDay(weekday=row["weekday"], purchases=row["purchases"]) for row in weekdays],
    )


_TOTALS = """
    with gone as (
        select currency, sum(amount_minor)::bigint as refunded from refund where customer_id = $1 group by currency
    )
    select currency, count(*) as purchases, sum(total_minor)::bigint as bought,
           coalesce(max(refunded), 0)::bigint as refunded, min(purchased_at) as first_at, max(purchased_at) as last_at
    from purchase left join gone using (currency) where customer_id = $1 group by currency order by currency
"""
_ITEMS = """
    select line.sku, currency, max(line.name) as name, max(line.category) as category,
           count(distinct purchase.id) as purchases, trim_scale(sum(line.quantity))::text as quantity,
           sum(line.amount)::text as amount, max(purchased_at) as last_at
    from purchase, jsonb_to_recordset(lines)
        as line(sku text, name text, category text, quantity numeric, amount numeric)
    where customer_id = $1 group by line.sku, currency order by sum(line.amount) desc, line.sku limit $2
"""
_WEEKDAYS = """
    select extract(isodow from purchased_at at time zone $2)::int as weekday, count(*) as purchases
    from purchase where customer_id = $1 group by 1 order by 1
"""
