"""Customer figures: the sums of a customer's purchases."""

from datetime import datetime
from uuid import UUID

from chassis import AmountSum, Feature, Resource, Work, current_person, text_from_minor
from services.analytics.facts import tables
from services.analytics.facts.rules import divide

feature = Feature("customer-figures")

DEFINITION = (
    "The customer's purchases, per currency. purchases, first_at and last_at count purchases even if they were "
    "refunded. revenue is net of refunds. average = revenue / purchases, rounded half up; null without purchases."
)


class CustomerSum(Resource, row=tables.CustomerValue, computed=("revenue", "average")):
    """A customer's purchases in one currency. Revenue is net of refunds."""

    currency: str
    """The currency, by its ISO 4217 code."""
    purchases: int
    """The number of purchases."""
    revenue: AmountSum
    """The amount of all purchases, less refunds."""
    average: AmountSum | None
    """Revenue by purchases, or null without purchases."""
    first_at: datetime | None
    """The time of the first purchase, or null."""
    last_at: datetime | None
    """The time of the last purchase, or null."""


class CustomerFigures(Resource):
    """The figures of a customer, without sums if no purchase of the customer is known."""

    customer_id: UUID
    """The customer."""
    sums: list[CustomerSum]
    """The sums, one per currency."""
    definition: str
    """The definition of the figures."""


@feature.get("/analytics/customers/{customer_id:uuid}", scope="analytics:read")
async def read_customer_figures(work: Work, customer_id: UUID) -> CustomerFigures:
    """Return the sums of a customer's purchases, one per currency."""
    customer_id = await current_person(work, customer_id)
    rows = await work.find_all(tables.CustomerValue, order_by="currency", customer_id=customer_id)
    sums = [_customer_sum(row) for row in rows]
    return CustomerFigures(customer_id=customer_id, sums=sums, definition=DEFINITION)


def _customer_sum(row: tables.CustomerValue) -> CustomerSum:
    revenue = int(row.revenue_minor)
    average = divide(revenue, row.purchases) if row.purchases else None
    return CustomerSum.from_row(
        row,
        revenue=text_from_minor(revenue, row.currency),
        average=None if average is None else text_from_minor(average, row.currency),
    )
