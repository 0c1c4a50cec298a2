"""What a purchase amounts to."""

from decimal import Decimal

import pytest

from services.interactions.rules import BadLine, LineFigures, line_minor, total_minor


def figures(
    quantity: str, price: str | None = None, discount: str | None = None, amount: str | None = None
) -> LineFigures:
    return LineFigures(Decimal(quantity), None if price is None else Decimal(price), discount, amount)


@pytest.mark.parametrize(
    ("case", "line", "minor"),
    [
        ("price by quantity", figures("2", "2.50"), 500),
        ("half a cent goes up", figures("1", "2.675"), 268),
        ("a tenth of a cent", figures("5", "0.001"), 1),
        ("by weight", figures("0.125", "19.99"), 250),
        ("less a discount", figures("3", "1.00", "0.50"), 250),
        ("only what it came to", figures("3", amount="2.50"), 250),
        ("both, and they agree", figures("2", "2.50", amount="5.00"), 500),
        ("a coupon's line of nothing", figures("0"), 0),
        ("quantity 0 with an amount counts", figures("0", amount="1.00"), 100),
        ("a return", figures("1", amount="-1.00"), -100),
    ],
)
def test_a_line_comes_to(case: str, line: LineFigures, minor: int) -> None:
    assert line_minor(line, "EUR") == minor


@pytest.mark.parametrize(
    ("case", "line", "place"),
    [
        ("both, and they differ", figures("2", "2.50", amount="5.01"), "amount"),
        ("a discount of more than the price", figures("1", "1.00", "1.01"), "discount"),
        ("a discount of nothing", figures("1", discount="1.00"), "discount"),
        ("a tenth of a cent as a total", figures("1", amount="1.001"), "amount"),
    ],
)
def test_a_line_that_does_not_add_up_is_pointed_to(case: str, line: LineFigures, place: str) -> None:
    with pytest.raises(BadLine) as refused:
        line_minor(line, "EUR")
    assert refused.value.place == place


def test_a_total_beyond_reason_is_refused() -> None:
    assert total_minor([10**15]) == 10**15
    with pytest.raises(BadLine):
        total_minor([10**15, 1])
