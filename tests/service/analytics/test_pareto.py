"""Pareto: the figures are exact, in any order of the facts."""

import random
from typing import Any

import pytest

from chassis.types.ids import uuid7
from tests.support.analytics import gini_of, read_figures
from tests.support.facts import purchase_recorded
from tests.support.service import ServiceUnderTest


async def pareto(analytics: ServiceUnderTest, **params: str) -> dict[str, Any]:
    return await read_figures(analytics, "pareto", **params)


async def test_without_facts_every_figure_is_zero(analytics: ServiceUnderTest) -> None:
    figures = await pareto(analytics)
    assert (figures["customers"], figures["revenue"], figures["gini"], figures["deciles"]) == (0, "0.00", 0.0, [])
    assert (figures["top_20_percent_share"], figures["customers_for_80_percent"]) == (0.0, 0)
    assert figures["currency"] == "EUR"  # the tenant's currency


async def test_ten_customers_of_known_revenue(analytics: ServiceUnderTest) -> None:
    euros = [100, 50, 20, 10, 10, 4, 3, 2, 1, 0]
    await analytics.deliver([purchase_recorded(f"{amount}.00") for amount in euros])
    figures = await pareto(analytics)
    assert (figures["customers"], figures["revenue"]) == (10, "200.00")
    assert (figures["top_10_percent_share"], figures["top_20_percent_share"]) == (0.5, 0.75)
    assert figures["customers_for_80_percent"] == 3
    assert figures["gini"] == gini_of(amount * 100 for amount in euros)
    assert [decile["revenue"] for decile in figures["deciles"]] == [f"{amount}.00" for amount in euros]
    assert sum(decile["share"] for decile in figures["deciles"]) == pytest.approx(1)


async def test_facts_delivered_twice_and_out_of_order_count_once(analytics: ServiceUnderTest) -> None:
    rng = random.Random(4)
    buyers = [uuid7() for _ in range(7)]
    facts = [
        purchase_recorded(f"{n}.{n:02d}", buyers[n % 7], at=f"2026-01-{n % 28 + 1:02d}T10:00:00Z") for n in range(40)
    ]
    # Delivered again under a new event id, in other batches, in another order.
    again = [dict(fact) for fact in facts]
    rng.shuffle(again)
    for start in range(0, 40, 7):
        await analytics.deliver([*facts[start : start + 7], *again[start : start + 3]])
        await analytics.deliver(again[start : start + 7])
    figures = await pareto(analytics)
    cents = sum(n * 100 + n for n in range(40))
    assert (figures["customers"], figures["revenue"]) == (7, f"{cents // 100}.{cents % 100:02d}")
    rows = await analytics.rows("select sum(purchases) as purchases from customer_value")
    assert rows[0]["purchases"] == 40
    as_of = await pareto(analytics, as_of="2100-01-01T00:00:00Z")
    assert {**as_of, "as_of": None} == {**figures, "as_of": None}  # the sums equal the facts


async def test_as_of_counts_earlier_purchases_only(analytics: ServiceUnderTest) -> None:
    buyer = uuid7()
    await analytics.deliver(
        purchase_recorded("1.00", buyer, at="2026-01-01T00:00:00Z"),
        purchase_recorded("2.00", at="2026-02-01T00:00:00Z"),
    )
    assert (await pareto(analytics, as_of="2025-12-31T23:59:59Z"))["customers"] == 0
    assert (await pareto(analytics, as_of="2026-01-01T00:00:00Z"))["revenue"] == "1.00"
    assert (await pareto(analytics, as_of="2026-02-01T01:00:00+01:00"))["revenue"] == "3.00"


async def test_currencies_are_never_added_up(analytics: ServiceUnderTest) -> None:
    await analytics.deliver(purchase_recorded("1.00"), purchase_recorded("500", currency="JPY"))
    assert (await pareto(analytics))["revenue"] == "1.00"
    assert (await pareto(analytics, currency="JPY"))["revenue"] == "500"


@pytest.mark.parametrize("params", [{"currency": "XYZ"}, {"as_of": "yesterday"}, {"as_of": "2026-01-32"}])
async def test_invalid_parameters_return_422(analytics: ServiceUnderTest, params: dict[str, str]) -> None:
    assert (await analytics.get("/v1/analytics/pareto", **params)).status_code == 422
