"""Pareto: exact, whatever way the facts came."""

import random
from typing import Any

import pytest

from chassis.ids import uuid7
from tests.support.facts import bought
from tests.support.service import ServiceUnderTest
from tests.unit.analytics.test_rules import gini_of


async def pareto(analytics: ServiceUnderTest, **params: str) -> dict[str, Any]:
    answer = await analytics.get("/v1/analytics/pareto", **params)
    assert answer.status_code == 200, answer.text
    figures: dict[str, Any] = answer.json()
    return figures


async def test_before_there_is_data_everything_is_nothing(analytics: ServiceUnderTest) -> None:
    figures = await pareto(analytics)
    assert (figures["customers"], figures["revenue"], figures["gini"], figures["deciles"]) == (0, "0.00", 0.0, [])
    assert (figures["top_20_percent_share"], figures["customers_for_80_percent"]) == (0.0, 0)
    assert figures["currency"] == "EUR"  # the tenant's own


async def test_ten_customers_of_known_revenue(analytics: ServiceUnderTest) -> None:
    euros = [100, 50, 20, 10, 10, 4, 3, 2, 1, 0]
    await analytics.deliver([bought(f"{amount}.00") for amount in euros])
    figures = await pareto(analytics)
    assert (figures["customers"], figures["revenue"]) == (10, "200.00")
    assert (figures["top_10_percent_share"], figures["top_20_percent_share"]) == (0.5, 0.75)
    assert figures["customers_for_80_percent"] == 3
    assert figures["gini"] == gini_of([amount * 100 for amount in euros])
    assert [decile["revenue"] for decile in figures["deciles"]] == [f"{amount}.00" for amount in euros]
    assert sum(decile["share"] for decile in figures["deciles"]) == pytest.approx(1)


async def test_twice_and_in_any_order_is_once(analytics: ServiceUnderTest) -> None:
    shuffled = random.Random(4)
    buyers = [uuid7() for _ in range(7)]
    facts = [bought(f"{n}.{n:02d}", buyers[n % 7], at=f"2026-01-{n % 28 + 1:02d}T10:00:00Z") for n in range(40)]
    # Told again under a new event id, cut anew, in another order.
    again = [dict(fact) for fact in facts]
    shuffled.shuffle(again)
    for start in range(0, 40, 7):
        await analytics.deliver([*facts[start : start + 7], *again[start : start + 3]])
        await analytics.deliver(again[start : start + 7])
    figures = await pareto(analytics)
    cents = sum(n * 100 + n for n in range(40))
    assert (figures["customers"], figures["revenue"]) == (7, f"{cents // 100}.{cents % 100:02d}")
    rows = await analytics.rows("select sum(purchases) as purchases from customer_value")
    assert rows[0]["purchases"] == 40
    as_of = await pareto(analytics, as_of="2100-01-01T00:00:00Z")
    assert {**as_of, "as_of": None} == {**figures, "as_of": None}  # the sums are what the facts say


async def test_as_of_counts_what_had_been_bought_by_then(analytics: ServiceUnderTest) -> None:
    buyer = uuid7()
    await analytics.deliver(bought("1.00", buyer, at="2026-01-01T00:00:00Z"), bought("2.00", at="2026-02-01T00:00:00Z"))
    assert (await pareto(analytics, as_of="2025-12-31T23:59:59Z"))["customers"] == 0
    assert (await pareto(analytics, as_of="2026-01-01T00:00:00Z"))["revenue"] == "1.00"
    assert (await pareto(analytics, as_of="2026-02-01T01:00:00+01:00"))["revenue"] == "3.00"


async def test_currencies_are_never_added_up(analytics: ServiceUnderTest) -> None:
    await analytics.deliver(bought("1.00"), bought("500", currency="JPY"))
    assert (await pareto(analytics))["revenue"] == "1.00"
    assert (await pareto(analytics, currency="JPY"))["revenue"] == "500"


@pytest.mark.parametrize("params", [{"currency": "XYZ"}, {"as_of": "yesterday"}, {"as_of": "2026-01-01"}, {"top": "5"}])
async def test_a_question_that_makes_no_sense_is_refused(analytics: ServiceUnderTest, params: dict[str, str]) -> None:
    assert (await analytics.get("/v1/analytics/pareto", **params)).status_code == 400
