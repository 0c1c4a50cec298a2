"""Customers: what analytics knows of one of them."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel

from chassis import Feature, Work
from chassis.money import text_from_minor
from services.analytics.model import CustomerValue

feature = Feature("customer-figures")


class CustomerSum(BaseModel):
    """A customer's purchases in one currency, refunds taken off."""

    currency: str
    purchases: int
    revenue: str
    average: str | None
    first_at: datetime | None
    last_at: datetime | None


class CustomerFigures(BaseModel):
    """What analytics knows of one customer; no sums, for one it has never heard of."""

    customer_id: UUID
    sums: list[CustomerSum]


@feature.get("/analytics/customers/{customer_id:uuid}", scope="analytics:read")
async def read_customer_figures(work: Work, customer_id: UUID) -> CustomerFigures:
    """A customer's purchases, currency by currency."""
    rows = await work.all(CustomerValue, order_by="currency", customer_id=customer_id)
    return CustomerFigures(customer_id=customer_id, sums=[_sum_of(row) for row in rows])


def _sum_of(row: CustomerValue) -> CustomerSum:
    average = None if row.purchases == 0 else text_from_minor(round(row.revenue_minor / row.purchases), row.currency)
    return CustomerSum(
        currency=row.currency,
        purchases=row.purchases,
        revenue=text_from_minor(row.revenue_minor, row.currency),
        average=average,
        first_at=row.first_at,
        last_at=row.last_at,
    )
