"""Customer lifetime value, the simple way: from averages that somebody states."""

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from chassis import Feature, WholeNumber, Wire, Work
from services.analytics import rules

feature = Feature("clv")

Rate = Annotated[Decimal, Field(ge=0, le=1, max_digits=12, decimal_places=10, json_schema_extra={"examples": ["0.8"]})]
Figure = Annotated[Decimal, Field(ge=0, max_digits=18, decimal_places=6, json_schema_extra={"examples": ["2300.00"]})]


class NewSimpleClv(Wire):
    """Averages of a customer. A period is whatever the caller means by it: a month, a year."""

    average_value: Figure
    purchases_per_period: Figure
    periods: Annotated[WholeNumber, Field(ge=1, le=1200)]
    margin: Rate | None = None
    retention: Rate | None = None
    discount_rate: Rate | None = None
    acquisition_cost: Figure | None = None


class ClvInputs(BaseModel):
    """What the value was computed from, defaults filled in."""

    average_value: str
    purchases_per_period: str
    periods: int
    margin: str
    retention: str
    discount_rate: str
    acquisition_cost: str


class SimpleClv(BaseModel):
    """The value, and how it came about."""

    value: str
    formula: str
    inputs: ClvInputs
    version: Literal["1"]


@feature.post("/analytics/clv/simple", scope="analytics:read")
async def compute_simple_clv(work: Work, wanted: NewSimpleClv) -> SimpleClv:
    """Average value x purchases per period x periods; with margin, retention, discount and cost where given."""
    terms = rules.ClvTerms(**wanted.model_dump(exclude_none=True))
    inputs = {name: format(getattr(terms, name), "f") for name in ClvInputs.model_fields if name != "periods"}
    return SimpleClv(
        value=format(rules.simple_clv(terms), "f"),
        formula=rules.CLV_FORMULA,
        inputs=ClvInputs(**inputs, periods=terms.periods),
        version="1",
    )
