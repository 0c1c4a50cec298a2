"""Customer figures: sums are exact, and averages are rounded half up like all money."""

import pytest

from chassis.types.ids import uuid7
from tests.support.analytics import purchase_refunded, read_figures
from tests.support.facts import purchase_recorded
from tests.support.service import ServiceUnderTest

REFUNDED_AT = "2026-03-05T00:00:00Z"


@pytest.mark.parametrize(
    ("case", "currency", "amounts", "refund", "average"),
    [
        ("half a cent", "EUR", ["0.10", "0.15"], None, "0.13"),
        ("half a yen", "JPY", ["1", "0"], None, "1"),
        ("a negative half is rounded away from zero", "EUR", ["0.10", "0.15"], "0.50", "-0.13"),
        ("beyond a float's integers", "EUR", ["9999999999999.99"] * 11, None, "9999999999999.99"),
    ],
)
async def test_averages_are_exact_and_rounded_half_up(
    analytics: ServiceUnderTest, case: str, currency: str, amounts: list[str], refund: str | None, average: str
) -> None:
    buyer = uuid7()
    await analytics.deliver([purchase_recorded(amount, buyer, currency=currency) for amount in amounts])
    if refund is not None:
        await analytics.deliver(purchase_refunded(refund, buyer, REFUNDED_AT))
    (figures,) = (await read_figures(analytics, f"customers/{buyer}"))["sums"]
    assert figures["average"] == average
