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
from chassis.types.limits import (
    AMOUNT_DECIMALS,
    AMOUNT_DIGITS,
    MAX_MINOR,
    PRICE_DECIMALS,
    PRICE_DIGITS,
    QUANTITY_DECIMALS,
    QUANTITY_DIGITS,
)
from chassis.types.rows import construct


def _pattern(whole: int, decimals: int, sign: str = "") -> str:
    return rf"^{sign}[0-9]{{1,{whole}}}(\.[0-9]{{1,{decimals}}})?$"


AMOUNT_PATTERN = _pattern(AMOUNT_DIGITS, AMOUNT_DECIMALS, "-?")
POSITIVE_AMOUNT_PATTERN = _pattern(AMOUNT_DIGITS, AMOUNT_DECIMALS)
SUM_PATTERN = rf"^-?[0-9]+(\.[0-9]{{1,{AMOUNT_DECIMALS}}})?$"
_AMOUNT = re.compile(AMOUNT_PATTERN)


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
DecimalText = Annotated[str, Field(pattern=r"^-?[0-9]+(\.[0-9]+)?$", examples=["12.5"])]
"""A decimal of any size in a response."""
_DECIMAL_STRING = "decimal string, in the unit of its currency"
Amount = Annotated[str, Field(pattern=AMOUNT_PATTERN, examples=["12.34"], description=_DECIMAL_STRING)]
AmountSum = Annotated[str, Field(pattern=SUM_PATTERN, examples=["1234.56"], description=_DECIMAL_STRING)]
"""A sum of amounts, which has any number of digits."""
AmountText = Annotated[str, Field(pattern=AMOUNT_PATTERN, examples=["12.34"]), BeforeValidator(_require_text)]
"""An amount of a request whose currency is given beside it."""


def decimal_string(whole: int, decimals: int, *, example: str, at_most: Decimal | None = None) -> tuple[Any, ...]:
    """Return the validators of a decimal that a request sends as a string, with so many digits on either side.

    It is a string in the API's document too, so that no client loses digits in a float.
    """
    pattern = _pattern(whole, decimals)
    matches = re.compile(pattern).fullmatch
    form = f'a decimal is expected, such as "{example}", of at most {whole} digits and {decimals} decimals'

    def parse(value: Any) -> Decimal:
        if not isinstance(value, str):
            raise invalid(WRONG_TYPE, f'a decimal string is expected, such as "{example}", not a number')
        if not matches(value):
            raise invalid(WRONG_FORMAT, form)
        number = Decimal(value)
        if at_most is not None and number > at_most:
            raise invalid(TOO_LARGE, f"must be at most {at_most}")
        return number

    return PlainValidator(parse), WithJsonSchema({"type": "string", "pattern": pattern, "examples": [example]})


UnitPrice = Annotated[Decimal, *decimal_string(PRICE_DIGITS, PRICE_DECIMALS, example="2.50")]
"""A price per unit, with up to six decimals."""
Quantity = Annotated[Decimal, *decimal_string(QUANTITY_DIGITS, QUANTITY_DECIMALS, example="2")]
UnitPriceText = Annotated[str, Field(pattern=_pattern(PRICE_DIGITS, PRICE_DECIMALS), examples=["2.50"])]
"""A price per unit in a response or an event."""
QuantityText = Annotated[str, Field(pattern=_pattern(QUANTITY_DIGITS, QUANTITY_DECIMALS), examples=["2"])]
"""A quantity in a response or an event."""


def minor_from_text(amount: str, currency: str) -> int:
    """Return the amount in minor units, exactly.

    Raises PydanticCustomError, a ValueError with a code: the text is not a decimal, has more decimals than its
    currency, or exceeds MAX_MINOR.
    """
    if not _AMOUNT.fullmatch(amount):
        raise invalid(NOT_AN_AMOUNT, 'a decimal is expected, such as "12.50"')
    scaled = Decimal(amount).scaleb(MINOR_DIGITS[require_known_currency(currency)])
    if scaled != scaled.to_integral_value():
        raise invalid(NOT_AN_AMOUNT, f"{currency} has at most {MINOR_DIGITS[currency]} decimals")
    minor = int(scaled)
    if abs(minor) > MAX_MINOR:
        raise invalid(TOO_LARGE, f"must be at most {text_from_minor(MAX_MINOR, currency)}")
    return minor


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


class MoneySum(BaseModel):
    """A sum of amounts in a currency. It has no limit."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    amount: AmountSum
    """A decimal string, in the unit of its currency."""
    currency: Currency
    """The currency, by its ISO 4217 code."""

    @classmethod
    def of(cls, minor: int, currency: str) -> Self:
        """Return money from trusted minor units, without validation."""
        return construct(cls, {"amount": text_from_minor(minor, currency), "currency": currency})


class Money(MoneySum):
    """An amount in a currency, of at most 10^15 of its minor units, such as cents."""

    amount: Amount
    """A decimal string, in the unit of its currency."""

    @model_validator(mode="after")
    def _normalize_amount(self) -> Self:
        canonical = text_from_minor(minor_from_text(self.amount, self.currency), self.currency)
        object.__setattr__(self, "amount", canonical)
        return self

    @property
    def minor(self) -> int:
        """The amount in the currency's minor unit (cents of a euro)."""
        return minor_from_text(self.amount, self.currency)
