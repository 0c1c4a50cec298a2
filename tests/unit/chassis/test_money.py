"""Money: amounts are parsed and written exactly, and other values are rejected."""

import re
from datetime import date
from decimal import Context, Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from chassis import Money
from chassis.types.currencies import MINOR_DIGITS, WITHDRAWN, require_currency_at, require_current_currency
from chassis.types.limits import AMOUNT_DECIMALS, AMOUNT_DIGITS, MAX_COUNT, MAX_MINOR
from chassis.types.money import AmountText, MoneySum, minor_from_text, round_to_minor, text_from_minor

ACCEPTED = Path(__file__).parents[2] / "data" / "currencies.txt"


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


@given(st.integers(-MAX_MINOR, MAX_MINOR), st.sampled_from(sorted(MINOR_DIGITS)))
def test_every_amount_survives_the_wire(minor: int, currency: str) -> None:
    money = Money.model_validate(Money.of(minor, currency).model_dump())
    assert money.minor == minor


@pytest.mark.parametrize("currency", sorted(MINOR_DIGITS))
def test_the_largest_amount_is_accepted_and_read_in_every_currency_and_no_larger_one(currency: str) -> None:
    for minor in (MAX_MINOR, -MAX_MINOR):
        text = TypeAdapter(AmountText).validate_python(text_from_minor(minor, currency))
        assert minor_from_text(text, currency) == minor
        assert Money.model_validate(Money.of(minor, currency).model_dump()).minor == minor
    for minor in (MAX_MINOR + 1, -MAX_MINOR - 1):
        with pytest.raises(ValueError, match=f"must be at most {text_from_minor(MAX_MINOR, currency)}"):
            Money(amount=text_from_minor(minor, currency), currency=currency)


@given(st.integers(-(10**40), 10**40), st.sampled_from(sorted(MINOR_DIGITS)))
def test_a_sum_has_any_size(minor: int, currency: str) -> None:
    total = MoneySum.model_validate(MoneySum.of(minor, currency).model_dump())
    assert Decimal(total.amount) == Decimal(minor).scaleb(-MINOR_DIGITS[currency], Context(prec=50))


def test_columns_and_json_hold_every_figure() -> None:
    largest = max(MAX_MINOR, MAX_COUNT)
    assert 9_000 * largest < 2**63  # a bigint
    assert largest < 2**53  # the integers that a JSON reader may keep as floats
    assert len(str(MAX_MINOR)) == AMOUNT_DIGITS
    assert max(MINOR_DIGITS.values()) == AMOUNT_DECIMALS


@given(st.text(alphabet="0123456789.-+eE \n,_٣NaIfn", max_size=20), st.sampled_from(["EUR", "JPY", "BHD", "CLF"]))
def test_a_text_is_exactly_its_amount_or_no_money(text: str, currency: str) -> None:
    digits = MINOR_DIGITS[currency]
    exact = re.fullmatch(r"-?[0-9]{1,16}(\.[0-9]{1,4})?", text) and Fraction(text) * 10**digits
    if exact is None or exact % 1 or abs(exact) > MAX_MINOR:
        with pytest.raises(ValueError, match=r"a decimal is expected|decimals|must be at most"):
            minor_from_text(text, currency)
    else:
        assert minor_from_text(text, currency) == exact


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
        {"amount": "12345678901234567890", "currency": "EUR"},
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


def test_an_amount_in_a_request_has_at_most_sixteen_digits_before_the_point() -> None:
    amounts = TypeAdapter(AmountText)
    assert (
        amounts.validate_python("9999999999999999.99") == "9999999999999999.99"
    )  # too large once its currency is known
    with pytest.raises(ValidationError):
        amounts.validate_python("10000000000000000")


def test_no_currency_that_was_ever_accepted_becomes_unreadable() -> None:
    accepted = dict(line.split() for line in ACCEPTED.read_text().splitlines())
    assert {code: str(digits) for code, digits in MINOR_DIGITS.items()} == accepted


@pytest.mark.parametrize(
    ("code", "on", "is_accepted"),
    [
        ("BGN", date(2025, 6, 1), True),
        ("BGN", date(2026, 3, 1), False),
        ("HRK", date(2022, 12, 31), True),
        ("HRK", date(2023, 3, 1), False),
        ("ANG", date(2025, 7, 1), True),  # still 30 June in Curaçao
        ("EUR", date(2199, 1, 1), True),
    ],
)
def test_a_withdrawn_currency_is_accepted_for_the_time_in_which_it_was_valid(
    code: str, on: date, is_accepted: bool
) -> None:
    if is_accepted:
        require_currency_at(code, on)
    else:
        with pytest.raises(ValueError, match=f"{code} was withdrawn on"):
            require_currency_at(code, on)


@pytest.mark.parametrize("code", sorted(WITHDRAWN))
def test_a_withdrawn_currency_is_readable_and_not_current(code: str) -> None:
    assert Money(amount="1", currency=code).currency == code
    with pytest.raises(ValueError, match="was withdrawn on"):
        require_current_currency(code)
