"""Money: integer minor units inside, a decimal string and a currency on the wire. Never a float."""

import re
from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Annotated, Self

from iso4217 import Currency as Iso4217
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

# Twelve digits before the point keep every amount, in the minor unit of any currency, far inside a bigint.
AMOUNT_PATTERN = r"^-?[0-9]{1,12}(\.[0-9]{1,4})?$"
_AMOUNT = re.compile(AMOUNT_PATTERN)

MINOR_DIGITS: Mapping[str, int] = {unit.code: unit.exponent for unit in Iso4217 if unit.exponent is not None}
"""Digits after the decimal point by currency code; what has no minor unit (gold, test codes) is no money here."""


def _known(code: str) -> str:
    if code not in MINOR_DIGITS:
        raise ValueError("not a currency of ISO 4217")
    return code


Currency = Annotated[
    str, Field(pattern=r"^[A-Z]{3}$", examples=["EUR"], description="ISO 4217 code"), AfterValidator(_known)
]
Amount = Annotated[
    str, Field(pattern=AMOUNT_PATTERN, examples=["12.34"], description="decimal string, in the unit of its currency")
]


def minor_from_text(amount: str, currency: str) -> int:
    """The amount in minor units, exactly.

    Raises ValueError when it is no decimal, or has more decimals than its currency knows.
    """
    if not _AMOUNT.fullmatch(amount):
        raise ValueError("not a decimal amount")
    scaled = Decimal(amount).scaleb(MINOR_DIGITS[_known(currency)])
    if scaled != scaled.to_integral_value():
        raise ValueError(f"{currency} has {MINOR_DIGITS[currency]} decimals")
    return int(scaled)


def text_from_minor(minor: int, currency: str) -> str:
    """The decimal string of an amount in minor units: 1234 EUR cents are "12.34"."""
    digits = MINOR_DIGITS[currency]
    if digits == 0:
        return str(minor)
    whole, fraction = divmod(abs(minor), 10**digits)
    return f"{'-' if minor < 0 else ''}{whole}.{fraction:0{digits}d}"


def round_to_minor(value: Decimal, currency: str) -> int:
    """A decimal amount in the currency's unit, rounded half up (away from zero) to its minor unit."""
    return int(value.scaleb(MINOR_DIGITS[currency]).to_integral_value(ROUND_HALF_UP))


class Money(BaseModel):
    """An amount of one currency."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    amount: Amount
    currency: Currency

    @model_validator(mode="after")
    def _exact(self) -> Self:
        canonical = text_from_minor(minor_from_text(self.amount, self.currency), self.currency)
        object.__setattr__(self, "amount", canonical)
        return self

    @classmethod
    def of(cls, minor: int, currency: str) -> "Money":
        """Money from minor units that are known to be good: no validation."""
        return cls.model_construct(amount=text_from_minor(minor, currency), currency=currency)

    @property
    def minor(self) -> int:
        """The amount in the currency's minor unit (cents of a euro)."""
        return minor_from_text(self.amount, self.currency)
