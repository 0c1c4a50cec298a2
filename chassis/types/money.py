"""Money: integer minor units inside, a decimal string and a currency on the wire. Never a float."""

import re
from decimal import ROUND_HALF_UP, Decimal
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    WithJsonSchema,
    model_validator,
)

from chassis.types.codes import NOT_AN_AMOUNT, TOO_LARGE, WRONG_FORMAT, WRONG_TYPE, invalid
from chassis.types.currencies import MINOR_DIGITS, require_current_currency, require_known_currency

# A request is limited to twelve digits before the point, which keeps sums of many amounts inside a bigint. Whatever a
# bigint holds is read.
AMOUNT_PATTERN = r"^-?[0-9]{1,12}(\.[0-9]{1,4})?$"
POSITIVE_AMOUNT_PATTERN = r"^[0-9]{1,12}(\.[0-9]{1,4})?$"
STORED_AMOUNT_PATTERN = r"^-?[0-9]{1,19}(\.[0-9]{1,4})?$"
_AMOUNT = re.compile(STORED_AMOUNT_PATTERN)


def _require_text(value: Any) -> Any:
    if not isinstance(value, str):
        raise invalid(NOT_AN_AMOUNT, 'a decimal string is expected, such as "12.50", not a number')
    return value


CURRENCY_PATTERN = r"^[A-Z]{3}$"
_CODE = Field(pattern=CURRENCY_PATTERN, examples=["EUR"], description="ISO 4217 code")
Currency = Annotated[str, _CODE, AfterValidator(require_known_currency)]
"""A currency in use, or one that was withdrawn: amounts of the past are in it."""
CurrentCurrency = Annotated[str, _CODE, AfterValidator(require_current_currency)]
"""A currency in use."""
Amount = Annotated[
    str,
    Field(pattern=STORED_AMOUNT_PATTERN, examples=["12.34"], description="decimal string, in the unit of its currency"),
]
AmountText = Annotated[str, BeforeValidator(_require_text), Field(pattern=AMOUNT_PATTERN, examples=["12.34"])]
"""An amount of a request whose currency is given beside it."""


def decimal_string(whole: int, decimals: int, *, example: str, at_most: Decimal | None = None) -> tuple[Any, ...]:
    """Return the validators of a decimal that a request sends as a string, with so many digits on either side.

    It is a string in the API's document too, so that no client loses digits in a float.
    """
    pattern = rf"^[0-9]{{1,{whole}}}(\.[0-9]{{1,{decimals}}})?$"
    matches = re.compile(pattern).fullmatch

    def parse(value: Any) -> Decimal:
        if not isinstance(value, str):
            raise invalid(WRONG_TYPE, f'a decimal string is expected, such as "{example}", not a number')
        if not matches(value):
            raise invalid(WRONG_FORMAT, f'a decimal is expected, such as "{example}", of at most {decimals} decimals')
        number = Decimal(value)
        if at_most is not None and number > at_most:
            raise invalid(TOO_LARGE, f"must be at most {at_most}")
        return number

    return PlainValidator(parse), WithJsonSchema({"type": "string", "pattern": pattern, "examples": [example]})


UnitPrice = Annotated[Decimal, *decimal_string(12, 6, example="2.50")]
"""A price per unit, with up to six decimals."""
Quantity = Annotated[Decimal, *decimal_string(9, 3, example="2")]


def minor_from_text(amount: str, currency: str) -> int:
    """Return the amount in minor units, exactly.

    Raises ValueError if the text is not a decimal or has more decimals than its currency.
    """
    if not _AMOUNT.fullmatch(amount):
        raise invalid(NOT_AN_AMOUNT, 'a decimal is expected, such as "12.50"')
    scaled = Decimal(amount).scaleb(MINOR_DIGITS[require_known_currency(currency)])
    if scaled != scaled.to_integral_value():
        raise invalid(NOT_AN_AMOUNT, f"{currency} has at most {MINOR_DIGITS[currency]} decimals")
    return int(scaled)


def text_from_minor(minor: int, currency: str) -> str:
    """Return the decimal string of an amount in minor units: 1234 EUR cents are "12.34"."""
    digits = MINOR_DIGITS[currency]
    if digits == 0:
        return str(minor)
    whole, fraction = divmod(abs(minor), 10**digits)
    return f"{'-' if minor < 0 else ''}{whole}.{fraction:0{digits}d}"


def round_to_minor(value: Decimal, currency: str) -> int:
    """Return a decimal amount in minor units, rounded half up (away from zero)."""
    return int(value.scaleb(MINOR_DIGITS[currency]).to_integral_value(ROUND_HALF_UP))


class Money(BaseModel):
    """An amount in a currency."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    amount: Amount
    currency: Currency

    @model_validator(mode="after")
    def _normalize_amount(self) -> Self:
        canonical = text_from_minor(minor_from_text(self.amount, self.currency), self.currency)
        object.__setattr__(self, "amount", canonical)
        return self

    @classmethod
    def of(cls, minor: int, currency: str) -> "Money":
        """Return money from trusted minor units, without validation."""
        return cls.model_construct(amount=text_from_minor(minor, currency), currency=currency)

    @property
    def minor(self) -> int:
        """The amount in the currency's minor unit (cents of a euro)."""
        return minor_from_text(self.amount, self.currency)
