"""Customer lifetime value by the simple formula, from averages that the caller states."""

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field, StrictInt

from chassis import PRICE_DECIMALS, PRICE_DIGITS, DecimalText, Feature, RequestBody, Resource, Work, decimal_string
from services.analytics.value import rules

feature = Feature("clv")

Rate = Annotated[Decimal, *decimal_string(1, 10, example="0.8", at_most=Decimal(1))]
Figure = Annotated[Decimal, *decimal_string(PRICE_DIGITS, PRICE_DECIMALS, example="2300.00")]


class SimpleClvRequest(RequestBody):
    """Averages of a customer. The caller chooses the length of a period: a month, a year."""

    example = {
        "average_value": "20.00",
        "purchases_per_period": "12",
        "periods": 5,
        "margin": "0.3",
        "retention": "0.8",
    }

    average_value: Figure
    """The average amount of a purchase."""
    purchases_per_period: Figure
    """The average number of purchases in a period."""
    periods: Annotated[StrictInt, Field(ge=1, le=1200)]
    """For how many periods the customer buys."""
    margin: Rate | None = None
    """The share of revenue that is profit. Default: 1."""
    retention: Rate | None = None
    """The share of customers that remain from a period to the next. Default: 1."""
    discount_rate: Rate | None = None
    """The interest of a period. Default: 0."""
    acquisition_cost: Figure | None = None
    """The cost of winning the customer. Default: 0."""


class ClvInputs(Resource):
    """The terms of the computation, defaults included."""

    average_value: DecimalText
    """The average amount of a purchase."""
    purchases_per_period: DecimalText
    """The average number of purchases in a period."""
    periods: int
    """The number of periods."""
    margin: DecimalText
    """The share of revenue that is profit."""
    retention: DecimalText
    """The share of customers that remain from a period to the next."""
    discount_rate: DecimalText
    """The interest of a period."""
    acquisition_cost: DecimalText
    """The cost of winning the customer."""


class SimpleClv(Resource):
    """The value, with the formula and the terms of its computation."""

    value: DecimalText
    """The value of the customer, in the unit of the averages."""
    formula: str
    """The formula of the value."""
    inputs: ClvInputs
    """The terms of the formula."""
    version: Literal["1"]
    """The version of the formula."""


@feature.post("/analytics/clv/simple", scope="analytics:read")
async def compute_simple_clv(work: Work, body: SimpleClvRequest) -> SimpleClv:
    """Compute average value x purchases per period x periods, with the margin, retention, discount and cost given."""
    terms = rules.ClvTerms(**body.model_dump(exclude_none=True))
    texts = {name: format(getattr(terms, name), "f") for name in ClvInputs.model_fields if name != "periods"}
    return SimpleClv(
        value=format(rules.simple_clv(terms), "f"),
        formula=rules.CLV_FORMULA,
        inputs=ClvInputs.from_row(terms, **texts),
        version="1",
    )
