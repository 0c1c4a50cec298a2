"""Purchase rules: the amounts of a purchase and of its refunds."""

import random
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.types.limits import MAX_MINOR
from chassis.types.money import minor_from_text, text_from_minor
from services.interactions.orders.rules.amounts import (
    AmountExceeded,
    InvalidLine,
    LineFigures,
    LineState,
    PurchaseLineDocument,
    RefundLineDocument,
    line_minor,
    line_states,
    plain,
    refund_by_amount,
    refund_by_quantity,
    total_minor,
)
from services.interactions.sources.rules import content_hash


def figures(
    quantity: str, price: str | None = None, discount: str | None = None, amount: str | None = None
) -> LineFigures:
    return LineFigures(Decimal(quantity), None if price is None else Decimal(price), discount, amount)


@pytest.mark.parametrize(
    ("case", "line", "minor"),
    [
        ("price by quantity", figures("2", "2.50"), 500),
        ("half a cent is rounded up", figures("1", "2.675"), 268),
        ("a tenth of a cent", figures("5", "0.001"), 1),
        ("by weight", figures("0.125", "19.99"), 250),
        ("less a discount", figures("3", "1.00", "0.50"), 250),
        ("an amount alone", figures("3", amount="2.50"), 250),
        ("price and amount agree", figures("2", "2.50", amount="5.00"), 500),
        ("a free item", figures("1", amount="0.00"), 0),
        ("a unit price that was rounded down", figures("12", "0.83", amount="10.00"), 1000),
        ("a unit price that was rounded up", figures("12", "0.84", "0.08", "9.94"), 994),
        ("a unit price without its zeros", figures("3", "2.5", amount="7.49"), 749),
        ("a price of a thousandth is exact to a thousandth", figures("12", "0.833", amount="10.00"), 1000),
        ("quantity 0 with an amount counts", figures("0", amount="1.00"), 100),
        ("a return", figures("1", amount="-1.00"), -100),
        ("the largest amount", figures("1", amount="10000000000000.00"), MAX_MINOR),
        ("the largest return", figures("1", amount="-10000000000000.00"), -MAX_MINOR),
        ("the largest product", figures("999999999.999", "10000"), 999_999_999_999_000),
    ],
)
def test_the_amount_of_a_line(case: str, line: LineFigures, minor: int) -> None:
    assert line_minor(line, "EUR") == minor


@pytest.mark.parametrize(
    ("case", "line", "location"),
    [
        ("price and amount disagree", figures("2", "2.50", amount="5.02"), "amount"),
        ("a single price is not rounded", figures("1", "2.50", amount="2.51"), "amount"),
        ("more than the rounding of a thousandth", figures("12", "0.833", amount="10.01"), "amount"),
        ("a discount of more than the price", figures("1", "1.00", "1.01"), "discount"),
        ("a surcharge as a discount", figures("1", "1.00", "-0.50"), "discount"),
        ("neither price nor amount", figures("1"), "amount"),
        ("a discount without a price", figures("1", discount="1.00"), "amount"),
        ("a line of more than a total can be", figures("999999999", "999999999"), ""),
        ("a tenth of a cent as an amount", figures("1", amount="1.001"), "amount"),
        ("an amount above the limit", figures("1", amount="10000000000000.01"), "amount"),
        ("a negative amount below the limit", figures("1", amount="-10000000000000.01"), "amount"),
        ("a discount above the limit", figures("1", "1", "10000000000000.01"), "discount"),
    ],
)
def test_an_error_names_the_figure_that_does_not_add_up(case: str, line: LineFigures, location: str) -> None:
    with pytest.raises(InvalidLine) as refused:
        line_minor(line, "EUR")
    assert refused.value.location == location


def test_a_wrong_amount_is_rejected_with_the_allowed_range() -> None:
    with pytest.raises(InvalidLine, match=r"allows 9\.90 to 10\.02$"):
        line_minor(figures("12", "0.83", amount="10.03"), "EUR")
    with pytest.raises(InvalidLine, match=r"allows 5$"):
        line_minor(figures("1", "5", amount="6"), "JPY")


@pytest.mark.parametrize(
    ("amounts", "code"), [([MAX_MINOR, 1], "too_large"), ([100, -101], "negative_total"), ([-1], "negative_total")]
)
def test_a_total_has_limits(amounts: list[int], code: str) -> None:
    with pytest.raises(InvalidLine) as refused:
        total_minor(amounts, "EUR")
    assert refused.value.code == code


@pytest.mark.parametrize("amounts", [[MAX_MINOR], [MAX_MINOR, MAX_MINOR, -MAX_MINOR], [100, -100], [0]])
def test_a_total_lies_within_its_limits(amounts: list[int]) -> None:
    assert total_minor(amounts, "EUR") == sum(amounts)


def a_line(number: int, quantity: str, amount: str) -> PurchaseLineDocument:
    return {
        "number": number,
        "sku": "tea",
        "name": None,
        "category": None,
        "quantity": quantity,
        "unit_price": None,
        "discount": None,
        "amount": amount,
        "unit_cost": None,
    }


def test_the_state_of_a_line_sums_up_its_refunds() -> None:
    refunded: list[RefundLineDocument] = [
        {"number": 1, "quantity": "1", "amount": "3.33"},
        {"number": 2, "quantity": None, "amount": "1.00"},
        {"number": 1, "quantity": "0.5", "amount": "1.67"},
    ]
    states = line_states([a_line(1, "3", "10.00"), a_line(2, "1", "5.00")], refunded, "EUR")
    assert states == {
        1: LineState(1, Decimal(3), 1000, Decimal("1.5"), 500),
        2: LineState(2, Decimal(1), 500, Decimal(0), 100),
    }


minors = st.one_of(
    st.integers(-1000, 1000), st.integers(-MAX_MINOR, MAX_MINOR), st.sampled_from((MAX_MINOR, -MAX_MINOR))
)
quantities = st.one_of(st.integers(1, 5_000), st.integers(1, 10**12 // 8)).map(
    lambda thousandths: Decimal(thousandths) / 1000
)


@given(minors, st.lists(quantities, min_size=1, max_size=8))
def test_the_refunds_of_all_quantities_of_a_line_add_up_to_the_line(minor: int, parts: list[Decimal]) -> None:
    refunded_quantity, refunded = Decimal(0), 0
    for quantity in parts:
        state = LineState(1, sum(parts, Decimal(0)), minor, refunded_quantity, refunded)
        refunded += refund_by_quantity(state, quantity, "")
        refunded_quantity += quantity
        assert min(minor, 0) <= refunded <= max(minor, 0)
    assert refunded == minor
    with pytest.raises(AmountExceeded):
        refund_by_quantity(LineState(1, refunded_quantity, minor, refunded_quantity, refunded), Decimal("0.001"), "")


@given(minors, st.lists(st.tuples(quantities, st.one_of(st.none(), st.floats(-0.5, 1.5))), min_size=1, max_size=8))
def test_quantities_and_amounts_in_any_order_exhaust_a_line_and_never_exceed_it(
    minor: int, parts: list[tuple[Decimal, float | None]]
) -> None:
    """Each part is a quantity, or a share of what is left, which may be negative or more than all of it."""
    whole = sum((quantity for quantity, _ in parts), Decimal(0))
    state = LineState(1, whole, minor, Decimal(0), 0)
    for quantity, share in [*parts, (Decimal(0), 1.0)]:
        left = state.minor - state.refunded_minor
        try:
            if share is None:
                part, taken = refund_by_quantity(state, quantity, ""), quantity
            else:
                amount = left if share == 1.0 else int(left * Fraction(share))
                part, taken = refund_by_amount(state, text_from_minor(amount, "EUR"), "EUR", ""), Decimal(0)
        except (AmountExceeded, InvalidLine):
            continue
        state = LineState(1, whole, minor, state.refunded_quantity + taken, state.refunded_minor + part)
        assert min(minor, 0) <= state.refunded_minor <= max(minor, 0)
    assert state.refunded_minor == minor


@given(
    st.lists(
        st.tuples(minors, st.lists(quantities, min_size=1, max_size=4), st.randoms(use_true_random=False)),
        min_size=1,
        max_size=4,
    )
)
def test_the_refunds_of_a_purchase_in_any_parts_add_up_to_it(
    purchase: list[tuple[int, list[Decimal], random.Random]],
) -> None:
    """Each line is returned in parts of its own, in any of four refunds, which are stored as documents in between."""
    lines = [
        a_line(number, plain(sum(parts, Decimal(0))), text_from_minor(minor, "EUR"))
        for number, (minor, parts, _) in enumerate(purchase, 1)
    ]
    refunds = [(rng.randrange(4), number, part) for number, (_, parts, rng) in enumerate(purchase, 1) for part in parts]
    refunded: list[RefundLineDocument] = []
    for _, number, quantity in sorted(refunds, key=lambda refund: refund[0]):
        state = line_states(lines, refunded, "EUR")[number]
        amount = text_from_minor(refund_by_quantity(state, quantity, ""), "EUR")
        refunded.append({"number": number, "quantity": plain(quantity), "amount": amount})
    states = line_states(lines, refunded, "EUR").values()
    assert [(state.refunded_minor, state.refunded_quantity) for state in states] == [
        (minor, sum(parts, Decimal(0))) for minor, parts, _ in purchase
    ]
    total = sum(minor for minor, _, _ in purchase)
    assert sum(minor_from_text(part["amount"], "EUR") for part in refunded) == total
    for state in states:
        for excess in ("0.01", "-0.01"):
            with pytest.raises((AmountExceeded, InvalidLine)):
                refund_by_amount(state, excess, "EUR", "")


@pytest.mark.parametrize(
    ("case", "minor", "steps"),
    [
        ("a coupon on two", -100, [("1", -50), ("1", -50)]),
        ("a coupon on three", -100, [("1", -33), ("1", -34), ("1", -33)]),
        ("a cent on three", 1, [("1", 0), ("1", 1), ("1", 0)]),
        ("a negative cent on three", -1, [("1", 0), ("1", -1), ("1", 0)]),
        ("nothing on two", 0, [("1", 0), ("1", 0)]),
    ],
)
def test_parts_of_a_line_are_rounded_from_the_start(case: str, minor: int, steps: list[tuple[str, int]]) -> None:
    whole, state_quantity, refunded = sum((Decimal(step) for step, _ in steps), Decimal(0)), Decimal(0), 0
    for quantity, expected in steps:
        state = LineState(1, whole, minor, state_quantity, refunded)
        assert refund_by_quantity(state, Decimal(quantity), "") == expected
        state_quantity, refunded = state_quantity + Decimal(quantity), refunded + expected


def test_a_line_whose_refunds_exceed_it_gives_back_no_more() -> None:
    """Release 0.1.0 refunded more than the whole of a negative line."""
    state = LineState(1, Decimal(3), -100, Decimal(2), -150)
    with pytest.raises(AmountExceeded):
        refund_by_quantity(state, Decimal(1), "")
    assert refund_by_amount(state, "0.50", "EUR", "") == 50


@pytest.mark.parametrize(
    ("amount", "refunded", "outcome"),
    [
        ("6.00", 400, 600),
        ("6.01", 400, AmountExceeded),
        ("-0.01", 400, InvalidLine),
        ("-0.01", 1001, -1),
        ("0.01", 1001, AmountExceeded),
        ("-0.02", 1001, InvalidLine),
        ("1.001", 0, InvalidLine),
    ],
)
def test_a_refund_by_amount_is_limited_by_what_is_left(
    amount: str, refunded: int, outcome: int | type[Exception]
) -> None:
    state = LineState(1, Decimal(1), 1000, Decimal(0), refunded)
    if isinstance(outcome, int):
        assert refund_by_amount(state, amount, "EUR", "/lines/0/amount") == outcome
    else:
        with pytest.raises(outcome):
            refund_by_amount(state, amount, "EUR", "/lines/0/amount")


def test_contents_differ_in_values_and_in_types() -> None:
    contents = ({"quantity": "1"}, {"quantity": 1}, {"quantity": "2"}, {"amount": "1"})
    assert len({content_hash(content) for content in contents}) == 4
    assert content_hash({"quantity": "1"}) == content_hash({"quantity": "1"})
