"""The rules of deals: amounts of lines, discounts, stages and what they require."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.types.ids import uuid7
from services.customers.sales.rules import lines, pipelines
from services.customers.sales.rules.pipelines import StageKind


@pytest.mark.parametrize(
    ("case", "quantity", "unit_price", "list_price", "discount", "currency", "amounts"),
    [
        ("half a cent is rounded up", "3", "0.335", None, None, "EUR", (101, 0, 101)),
        ("a discount on the line", "2", "2.50", None, "1.00", "EUR", (500, 100, 400)),
        ("a price below the list price is a discount", "10", "9.00", "10.00", None, "EUR", (10000, 0, 9000)),
        ("a price above the list price is none", "1", "12.00", "10.00", None, "EUR", (1200, 0, 1200)),
        ("a currency without decimals", "3", "33.5", None, None, "JPY", (101, 0, 101)),
        ("a currency with three decimals", "1", "1.0005", None, "0.001", "KWD", (1001, 1, 1000)),
        ("nothing is sold", "0", "9.99", "9.99", None, "EUR", (0, 0, 0)),
    ],
)
def test_a_line_is_exact(
    case: str,
    quantity: str,
    unit_price: str,
    list_price: str | None,
    discount: str | None,
    currency: str,
    amounts: tuple[int, int, int],
) -> None:
    listed = None if list_price is None else Decimal(list_price)
    line = lines.line_amount(Decimal(quantity), Decimal(unit_price), listed, discount, currency)
    assert (line.gross, line.discount, line.net) == amounts


@pytest.mark.parametrize(
    ("case", "discount"), [("more than the price", "2.51"), ("negative", "-1"), ("too exact", "0.001")]
)
def test_a_discount_is_within_its_line(case: str, discount: str) -> None:
    with pytest.raises(lines.InvalidLine) as refusal:
        lines.line_amount(Decimal(1), Decimal("2.50"), None, discount, "EUR")
    assert refusal.value.location == "discount"


@given(st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 10**9)), max_size=5))
def test_a_percentage_is_never_below_the_discount(pairs: list[tuple[int, int]]) -> None:
    amounts = [lines.LineAmount(max(pair), 0, min(pair)) for pair in pairs]
    percent = lines.discount_percent(amounts)
    gross, net = sum(line.gross for line in amounts), sum(line.net for line in amounts)
    assert percent * gross >= 100 * (gross - net)
    assert (percent - Decimal("0.01")) * gross <= 100 * (gross - net)


@pytest.mark.parametrize(
    ("case", "percent", "limit", "approved", "state"),
    [
        ("no limit", "100", None, None, "within_limit"),
        ("the limit itself", "10.00", "10", None, "within_limit"),
        ("a little more", "10.01", "10", None, "needs_approval"),
        ("less than what was approved", "15.00", "10", "20.00", "approved"),
        ("more than what was approved", "20.01", "10", "20.00", "needs_approval"),
    ],
)
def test_a_discount_above_the_limit_needs_an_approval(
    case: str, percent: str, limit: str | None, approved: str | None, state: str
) -> None:
    optional = [None if value is None else Decimal(value) for value in (limit, approved)]
    assert lines.discount_state(Decimal(percent), *optional) == state


def test_a_salespersons_own_limit_counts_before_that_of_all() -> None:
    limits: list[lines.DiscountLimitDocument] = [{"actor": "user:a", "percent": "20"}]
    assert lines.discount_limit(limits, "5", "user:a") == 20
    assert lines.discount_limit(limits, "5", "user:b") == 5
    assert lines.discount_limit(limits, None, "user:b") is None


@dataclass(frozen=True)
class Stage:
    id: UUID
    kind: StageKind


STAGES = [Stage(uuid7(), kind) for kind in ("open", "open", "open", "won", "lost")]


@pytest.mark.parametrize(
    ("start", "end", "skips"),
    [(0, 1, False), (0, 2, True), (2, 0, False), (2, 3, False), (1, 3, True), (0, 4, False)],
)
def test_only_a_move_forward_skips_stages(start: int, end: int, skips: bool) -> None:
    assert pipelines.skips_stages(STAGES, STAGES[start].id, STAGES[end].id) is skips


@pytest.mark.parametrize(
    ("deal", "missing"),
    [
        ({"amount": 0, "lines": [1], "custom": {"size": 0}}, []),
        ({"amount": None, "lines": [], "custom": {"size": ""}}, ["/amount", "/lines", "/custom/size"]),
        ({}, ["/amount", "/lines", "/custom/size"]),
    ],
)
def test_required_fields_are_named_by_their_pointers(deal: dict[str, Any], missing: list[str]) -> None:
    assert pipelines.missing_fields(deal, ["amount", "lines", "custom.size"]) == missing


def test_a_weighted_amount_is_rounded_half_up() -> None:
    assert pipelines.weighted(1001, "0.5", "EUR") == 501
    assert pipelines.weighted(10**20 + 1, "1", "EUR") == 10**20 + 1
