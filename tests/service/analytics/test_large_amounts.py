"""Large amounts and former currencies: whatever a purchase may contain, every figure counts it, exactly."""

import pytest

from chassis.types.ids import uuid7
from tests.support.analytics import gini_of, purchase_refunded, read_figures
from tests.support.facts import purchase_recorded
from tests.support.service import ServiceUnderTest

LARGEST = 10**15
"""The most minor units of a purchase."""


async def store_sums(analytics: ServiceUnderTest, count: int, minor: int) -> None:
    """Store purchases of as many customers, and their sums, as the events would have."""
    await analytics.rows(
        """
        with fact as (
            insert into purchase_fact (customer_id, purchased_at, currency, revenue_minor)
            select gen_random_uuid(), '2026-03-01', 'IRR', $2 from generate_series(1, $1)
            returning customer_id, purchased_at, currency, revenue_minor
        )
        insert into customer_value (customer_id, currency, purchases, revenue_minor, first_at, last_at)
        select customer_id, currency, 1, revenue_minor, purchased_at, purchased_at from fact
        """,
        count,
        minor,
    )


@pytest.mark.parametrize("params", [{}, {"as_of": "2026-12-31"}])
async def test_pareto_of_sums_beyond_a_bigint(analytics: ServiceUnderTest, params: dict[str, str]) -> None:
    await store_sums(analytics, 10_000, LARGEST)
    figures = await read_figures(analytics, "pareto", currency="IRR", **params)
    assert figures["revenue"] == f"{10_000 * LARGEST // 100}.00"
    assert (figures["top_20_percent_share"], figures["customers_for_80_percent"]) == (0.2, 8_000)
    assert {decile["revenue"] for decile in figures["deciles"]} == {f"{1_000 * LARGEST // 100}.00"}
    assert figures["gini"] == gini_of([LARGEST] * 10_000) == 0


async def test_rfm_of_sums_beyond_a_bigint(analytics: ServiceUnderTest) -> None:
    await store_sums(analytics, 10_000, LARGEST)
    (cell,) = (await read_figures(analytics, "rfm", currency="IRR"))["cells"]
    assert (cell["customers"], cell["revenue"]) == (10_000, f"{10_000 * LARGEST // 100}.00")


async def test_the_sums_of_a_customer_beyond_a_bigint(analytics: ServiceUnderTest) -> None:
    buyer, amount = uuid7(), f"{LARGEST // 100}.00"
    facts = [purchase_recorded(amount, buyer, currency="IRR") for _ in range(10_000)]
    for start in range(0, len(facts), 1_000):
        await analytics.deliver(facts[start : start + 1_000])
    assert await analytics.dead_letters() == []
    (figures,) = (await read_figures(analytics, f"customers/{buyer}"))["sums"]
    assert (figures["revenue"], figures["average"]) == (f"{10_000 * LARGEST // 100}.00", amount)
    assert await analytics.rebuild(repair=False) == 0
    refunds = [purchase_refunded(amount, buyer, "2026-03-02T00:00:00Z", currency="IRR") for _ in range(10_000)]
    await analytics.deliver(refunds)
    (figures,) = (await read_figures(analytics, f"customers/{buyer}"))["sums"]
    assert (figures["purchases"], figures["revenue"]) == (10_000, "0.00")


@pytest.mark.parametrize("currency", ["BGN", "HRK", "LTL"])
async def test_a_withdrawn_currency_has_figures(analytics: ServiceUnderTest, currency: str) -> None:
    buyer = uuid7()
    await analytics.deliver(purchase_recorded("12.34", buyer, currency=currency, at="2014-06-01T10:00:00Z"))
    assert (await read_figures(analytics, "pareto", currency=currency))["revenue"] == "12.34"
    (cell,) = (await read_figures(analytics, "rfm", currency=currency))["cells"]
    assert cell["revenue"] == "12.34"
    (figures,) = (await read_figures(analytics, f"customers/{buyer}"))["sums"]
    assert (figures["currency"], figures["revenue"]) == (currency, "12.34")
