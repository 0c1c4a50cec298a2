"""Refunds: money is net of them, and counts of customers and purchases are not. Every definition says so."""

from typing import Any
from uuid import UUID

import pytest

from chassis.types.ids import uuid7
from tests.support.analytics import purchase_refunded, read_figures
from tests.support.facts import purchase_recorded
from tests.support.service import ServiceUnderTest

PERIOD = {"from": "2026-03-01T00:00:00Z", "to": "2026-04-01T00:00:00Z"}


async def buy_and_refund(analytics: ServiceUnderTest) -> UUID:
    """Record a purchase that is fully refunded two days later."""
    buyer = uuid7()
    await analytics.deliver(
        purchase_recorded("10.00", buyer, at="2026-03-10T10:00:00Z"),
        purchase_refunded("10.00", buyer, "2026-03-12T10:00:00Z"),
    )
    return buyer


async def test_customer_figures_count_a_refunded_purchase(analytics: ServiceUnderTest) -> None:
    buyer = await buy_and_refund(analytics)
    (figures,) = (await read_figures(analytics, f"customers/{buyer}"))["sums"]
    assert (figures["purchases"], figures["revenue"], figures["average"]) == (1, "0.00", "0.00")
    assert figures["first_at"] == figures["last_at"] == "2026-03-10T10:00:00Z"


@pytest.mark.parametrize("as_of", [{}, {"as_of": "2026-03-31T00:00:00Z"}])
async def test_pareto_counts_the_customer_and_no_revenue(analytics: ServiceUnderTest, as_of: dict[str, str]) -> None:
    await buy_and_refund(analytics)
    figures = await read_figures(analytics, "pareto", **as_of)
    assert (figures["customers"], figures["revenue"], figures["customers_for_80_percent"]) == (1, "0.00", 0)


async def test_pareto_before_the_refund_counts_the_revenue(analytics: ServiceUnderTest) -> None:
    await buy_and_refund(analytics)
    assert (await read_figures(analytics, "pareto", as_of="2026-03-11T00:00:00Z"))["revenue"] == "10.00"


async def test_rfm_counts_the_purchase_and_no_revenue(analytics: ServiceUnderTest) -> None:
    await buy_and_refund(analytics)
    await analytics.deliver(purchase_recorded("5.00", at="2026-03-01T10:00:00Z"))
    cells = (await read_figures(analytics, "rfm"))["cells"]
    assert [(cell["recency"], cell["frequency"], cell["monetary"], cell["revenue"]) for cell in cells] == [
        (5, 5, 3, "0.00"),
        (3, 5, 5, "5.00"),
    ]


async def test_cohorts_and_retention_count_the_customer(analytics: ServiceUnderTest) -> None:
    await buy_and_refund(analytics)
    (cohort,) = (await read_figures(analytics, "cohorts"))["cohorts"]
    assert (cohort["month"], cohort["size"], cohort["active"]) == ("2026-03", 1, [1])
    retention = await read_figures(analytics, "retention", **PERIOD)
    assert (retention["at_start"], retention["at_end"], retention["new"]) == (0, 1, 1)


@pytest.mark.parametrize(
    ("figure", "params"),
    [("pareto", {}), ("rfm", {}), ("cohorts", {}), ("retention", PERIOD), (f"customers/{uuid7()}", {})],
    ids=["pareto", "rfm", "cohorts", "retention", "customers"],  # the same in every process of a test run
)
async def test_every_definition_says_whether_refunds_are_subtracted(
    analytics: ServiceUnderTest, figure: str, params: dict[str, Any]
) -> None:
    assert "even if" in (await read_figures(analytics, figure, **params))["definition"]
