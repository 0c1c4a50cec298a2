"""Money: amounts are parsed and written exactly, and other values are rejected."""

import re
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from chassis import Money
from chassis.types.money import MINOR_DIGITS, minor_from_text, round_to_minor, text_from_minor


@pytest.mark.parametrize(
    ("case", "minor", "currency", "text"),
    [
        ("two decimals", 1234, "EUR", "12.34"),
        ("less than a unit", -5, "EUR", "-0.05"),
        ("no decimals", 1234, "JPY", "1234"),
        ("three decimals", 1234, "BHD", "1.234"),
    ],
)
def test_text_and_minor_units_are_one_another(case: str, minor: int, currency: str, text: str) -> None:
    assert text_from_minor(minor, currency) == text
    assert minor_from_text(text, currency) == minor


@given(st.integers(-(10**15), 10**15), st.sampled_from(sorted(MINOR_DIGITS)))
def test_every_amount_survives_the_wire(minor: int, currency: str) -> None:
    if abs(minor) < 10 ** (12 + MINOR_DIGITS[currency]):
        money = Money.model_validate(Money.of(minor, currency).model_dump())
        assert money.minor == minor


@given(st.text(alphabet="0123456789.-+eE \n,_٣NaIfn", max_size=20), st.sampled_from(["EUR", "JPY", "BHD", "CLF"]))
def test_a_text_is_exactly_its_amount_or_no_money(text: str, currency: str) -> None:
    digits = MINOR_DIGITS[currency]
    if not re.fullmatch(r"-?[0-9]{1,12}(\.[0-9]{1,4})?", text) or Fraction(text) * 10**digits % 1:
        with pytest.raises(ValueError, match=r"not a decimal amount|decimals"):
            minor_from_text(text, currency)
    else:
        assert minor_from_text(text, currency) == Fraction(text) * 10**digits


@given(st.decimals(-(10**12), 10**12, places=9), st.sampled_from(["EUR", "JPY", "BHD", "CLF"]))
def test_an_amount_is_rounded_to_the_nearest_unit_and_a_half_away_from_zero(value: Decimal, currency: str) -> None:
    exact = Fraction(value) * 10 ** MINOR_DIGITS[currency]
    away = 1 if exact >= 0 else -1
    assert round_to_minor(value, currency) == away * int(abs(exact) + Fraction(1, 2))


@pytest.mark.parametrize(
    "wrong",
    [
        {"amount": 12.34, "currency": "EUR"},
        {"amount": 12, "currency": "EUR"},
        {"amount": "12.345", "currency": "EUR"},
        {"amount": "1e3", "currency": "EUR"},
        {"amount": "12,34", "currency": "EUR"},
        {"amount": "1234567890123", "currency": "EUR"},
        {"amount": "١٢", "currency": "EUR"},
        {"amount": "12.34", "currency": "XYZ"},
        {"amount": "12.34", "currency": "XAU"},
        {"amount": "12.34", "currency": "eur"},
        {"amount": "12.34", "currency": "EUR", "tenant_id": "x"},
    ],
)
def test_what_is_no_money_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Money.model_validate(wrong)


def test_half_a_cent_is_rounded_away_from_zero() -> None:
    assert [round_to_minor(Decimal(text), "EUR") for text in ("0.005", "0.004999", "-0.005", "2.675")] == [
        1,
        0,
        -1,
        268,
    ]
