"""How quantities and amounts are read where a currency stands beside them: exactly, and never from a float."""

from decimal import Decimal
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from chassis.money import AMOUNT_PATTERN


def _no_float(value: Any) -> Any:
    if not isinstance(value, str):
        raise ValueError("an amount is a decimal string, never a number")
    return value


def _plain_decimal(value: Any) -> Any:
    if isinstance(value, bool) or (isinstance(value, str) and not value.replace(".", "", 1).isdigit()):
        raise ValueError("a plain decimal is expected")
    return value


AmountText = Annotated[str, BeforeValidator(_no_float), Field(pattern=AMOUNT_PATTERN, examples=["12.34"])]
UnitPrice = Annotated[
    Decimal,
    BeforeValidator(_plain_decimal),
    BeforeValidator(_no_float),
    Field(ge=0, max_digits=18, decimal_places=6, json_schema_extra={"examples": ["2.50"]}),
]
Quantity = Annotated[
    Decimal,
    BeforeValidator(_plain_decimal),
    Field(ge=0, max_digits=12, decimal_places=3, json_schema_extra={"examples": ["2"]}),
]
