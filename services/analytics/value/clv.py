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

    average_value: Figure
    purchases_per_period: Figure
    periods: Annotated[StrictInt, Field(ge=1, le=1200)]
    margin: Rate | None = None
    retention: Rate | None = None
    discount_rate: Rate | None = None
    acquisition_cost: Figure | None = None


class ClvInputs(Resource):
    """The terms of the computation, defaults included."""

    average_value: DecimalText
    purchases_per_period: DecimalText
    periods: int
    margin: DecimalText
    retention: DecimalText
    discount_rate: DecimalText
    acquisition_cost: DecimalText


class SimpleClv(Resource):
    """The value, with the formula and the terms of its computation."""

    value: DecimalText
    formula: str
    inputs: ClvInputs
    version: Literal["1"]


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
