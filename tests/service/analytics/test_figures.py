"""Cohorts, retention, RFM, lifetime value: small cases computed by hand, and CDNOW against its published numbers."""

import csv
import gzip
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from chassis.types.ids import uuid7
from tests.support.analytics import purchase_refunded, read_figures
from tests.support.facts import purchase_recorded
from tests.support.service import ServiceUnderTest

CDNOW = Path(__file__).parents[2] / "data" / "cdnow_master.csv.gz"


async def test_refund_is_subtracted_whether_it_arrives_before_or_after_its_purchase(
    analytics: ServiceUnderTest,
) -> None:
    buyer, early_refunded = uuid7(), uuid7()
    refund = purchase_refunded("4.00", early_refunded, "2026-03-05T00:00:00Z")
    await analytics.deliver(refund)
    assert (await read_figures(analytics, "pareto"))["customers"] == 0  # a refund alone does not make a customer
    await analytics.deliver(purchase_recorded("10.00", buyer), purchase_recorded("10.00", early_refunded), refund)
    same_id = refund["data"]["refund_id"]
    await analytics.deliver(purchase_refunded("1.00", buyer, "2026-03-05T00:00:00Z", refund_id=same_id))
    figures = await read_figures(analytics, "pareto")
    assert (figures["customers"], figures["revenue"]) == (2, "16.00")
    before = await read_figures(analytics, "pareto", as_of="2026-03-04T00:00:00Z")
    assert before["revenue"] == "20.00"
    customer = await read_figures(analytics, f"customers/{early_refunded}")
    assert [(each["purchases"], each["revenue"], each["average"]) for each in customer["sums"]] == [(1, "6.00", "6.00")]
    assert (await read_figures(analytics, f"customers/{uuid7()}"))["sums"] == []


async def test_cohorts_of_a_small_case(analytics: ServiceUnderTest) -> None:
    early, late = uuid7(), uuid7()
    for customer, at in (
        (early, "2026-01-31T22:59:59Z"),  # still January in Amsterdam
        (late, "2026-01-31T23:00:00Z"),  # February there
        (early, "2026-03-10T10:00:00Z"),
        (early, "2026-03-11T10:00:00Z"),
    ):
        await analytics.deliver(purchase_recorded("1.00", customer, at=at))
    cohorts = (await read_figures(analytics, "cohorts"))["cohorts"]
    assert [(each["month"], each["size"], each["active"], each["partial_from"]) for each in cohorts] == [
        ("2026-01", 1, [1, 0, 1], None),
        ("2026-02", 1, [1, 0], None),
    ]
    in_utc = (await read_figures(analytics, "cohorts", timezone="UTC"))["cohorts"]
    assert [(each["month"], each["size"]) for each in in_utc] == [("2026-01", 2)]
    partial = (await read_figures(analytics, "cohorts", as_of="2026-03-10T12:00:00Z"))["cohorts"]
    assert [each["partial_from"] for each in partial] == [2, 1]
    # An older purchase moves its customer into another cohort.
    await analytics.deliver(purchase_recorded("1.00", late, at="2025-12-24T10:00:00Z"))
    assert [each["month"] for each in (await read_figures(analytics, "cohorts"))["cohorts"]] == ["2025-12", "2026-01"]


async def test_retention_of_a_small_case(analytics: ServiceUnderTest) -> None:
    kept, lost, new = uuid7(), uuid7(), uuid7()
    for customer, at in ((kept, "2025-01"), (lost, "2025-01"), (kept, "2025-12"), (new, "2025-12")):
        await analytics.deliver(purchase_recorded("1.00", customer, at=f"{at}-15T10:00:00Z"))
    period = {"from": "2025-02-01T00:00:00Z", "to": "2026-02-01T00:00:00Z"}
    figures = await read_figures(analytics, "retention", **period)
    assert (figures["at_start"], figures["at_end"], figures["new"], figures["rate"]) == (2, 2, 1, 0.5)
    empty = {"from": "2020-01-01T00:00:00Z", "to": "2020-02-01T00:00:00Z"}
    assert (await read_figures(analytics, "retention", **empty))["rate"] is None
    wrong = {"from": period["to"], "to": period["from"]}
    assert (await analytics.get("/v1/analytics/retention", **wrong)).status_code == 422
    assert (await analytics.get("/v1/analytics/retention")).status_code == 422


async def test_rfm_of_a_small_case(analytics: ServiceUnderTest) -> None:
    for rank in range(1, 6):
        customer = uuid7()
        await analytics.deliver(
            [purchase_recorded(f"{rank}.00", customer, at=f"2026-0{rank}-01T00:00:00Z") for _ in range(rank)]
        )
    cells = (await read_figures(analytics, "rfm"))["cells"]
    assert [(cell["recency"], cell["frequency"], cell["monetary"], cell["revenue"]) for cell in cells] == [
        (rank, rank, rank, f"{rank * rank}.00") for rank in range(5, 0, -1)
    ]
    assert [cell["segment"] for cell in cells][0::4] == ["champions", "hibernating"]


@pytest.mark.parametrize(
    ("case", "terms", "value"),
    [
        ("an athlete's shoes", {"average_value": "2300", "purchases_per_period": "2", "periods": 48}, "220800.00"),
        ("a company", {"average_value": "50000.00", "purchases_per_period": "1", "periods": 48}, "2400000.00"),
        ("margin", {"average_value": "100", "purchases_per_period": "1", "periods": 2, "margin": "0.5"}, "100.00"),
        (
            "retention",
            {"average_value": "100", "purchases_per_period": "1", "periods": 3, "retention": "0.5"},
            "175.00",
        ),
        (
            "discount",
            {"average_value": "110", "purchases_per_period": "1", "periods": 2, "discount_rate": "0.1"},
            "210.00",
        ),
        (
            "the largest terms",
            {"average_value": "999999999999", "purchases_per_period": "999999999999", "periods": 1200},
            "1199999999997600000000001200.00",
        ),
        (
            "acquisition cost",
            {"average_value": "10", "purchases_per_period": "1", "periods": 1, "acquisition_cost": "25"},
            "-15.00",
        ),
    ],
)
async def test_simple_lifetime_values(
    analytics: ServiceUnderTest, case: str, terms: dict[str, Any], value: str
) -> None:
    response = await analytics.post("/v1/analytics/clv/simple", terms)
    assert (response.status_code, response.json()["value"]) == (200, value)
    assert response.json()["inputs"]["periods"] == terms["periods"]
    assert "acquisition_cost" in response.json()["formula"]


@pytest.mark.parametrize(
    "terms",
    [
        {},
        {"average_value": "1", "purchases_per_period": "1", "periods": 0},
        {"average_value": "1", "purchases_per_period": "1", "periods": 1.5},
        {"average_value": "-1", "purchases_per_period": "1", "periods": 1},
        {"average_value": "1", "purchases_per_period": "1", "periods": 1, "margin": "1.5"},
        {"average_value": "NaN", "purchases_per_period": "1", "periods": 1},
    ],
)
async def test_invalid_clv_terms_return_422(analytics: ServiceUnderTest, terms: dict[str, Any]) -> None:
    assert (await analytics.post("/v1/analytics/clv/simple", terms)).status_code == 422


async def test_cdnow_matches_its_published_figures(running_analytics: ServiceUnderTest) -> None:
    analytics = await running_analytics.for_new_tenant(currency="USD", timezone="UTC")
    facts = []
    with gzip.open(CDNOW, "rt", newline="") as file:
        for number, row in enumerate(csv.DictReader(file)):
            customer, amount = UUID(int=int(row["customer_id"])), f"{float(row['dollar_value']):.2f}"
            at = f"{row['date']}T12:00:00Z"
            facts.append(
                purchase_recorded(amount, customer, at=at, currency="USD", purchase_id=UUID(int=10**9 + number))
            )
    for start in range(0, len(facts), 1_000):
        await analytics.deliver(facts[start : start + 1_000])
    all_customers = await read_figures(analytics, "pareto")
    assert (all_customers["customers"], all_customers["revenue"]) == (23_570, "2500315.63")
    assert round(all_customers["top_10_percent_share"], 4) == 0.5094
    assert round(all_customers["top_20_percent_share"], 4) == 0.6778
    assert round(all_customers["gini"], 5) == 0.63457
    repeat_buyers = await read_figures(analytics, "pareto", population="repeat")
    assert round(repeat_buyers["customers"] / all_customers["customers"], 4) == 0.4886
    first = (await read_figures(analytics, "cohorts"))["cohorts"][0]
    assert (first["month"], first["size"], first["active"][:3]) == ("1997-01", 7_846, [7_846, 1_157, 964])
