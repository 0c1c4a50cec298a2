"""Cohorts, retention, RFM, lifetime value: small cases by hand, and CDNOW by its published numbers."""

import csv
import gzip
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from chassis.ids import uuid7
from tests.support.facts import bought
from tests.support.service import ServiceUnderTest

CDNOW = Path(__file__).parents[2] / "data" / "cdnow_master.csv.gz"


async def ask(analytics: ServiceUnderTest, path: str, **params: str) -> dict[str, Any]:
    answer = await analytics.get(f"/v1/analytics/{path}", **params)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def refunded(amount: str, customer: object, at: str, **fields: Any) -> dict[str, Any]:
    data = {
        "refund_id": str(uuid7()),
        "purchase_id": str(uuid7()),
        "customer_id": str(customer),
        "refunded_at": at,
        "amount": {"amount": amount, "currency": "EUR"},
    }
    return {"type": "interactions.purchase_refunded.v1", "key": customer, "data": data | fields}


async def test_a_refund_takes_the_same_path_backwards_before_or_after(analytics: ServiceUnderTest) -> None:
    one, other = uuid7(), uuid7()
    back = refunded("4.00", other, "2026-03-05T00:00:00Z")
    await analytics.deliver(back)
    assert (await ask(analytics, "pareto"))["customers"] == 0  # a refund alone makes nobody a customer
    await analytics.deliver(bought("10.00", one), bought("10.00", other), back)
    await analytics.deliver(refunded("1.00", one, "2026-03-05T00:00:00Z", refund_id=back["data"]["refund_id"]))
    figures = await ask(analytics, "pareto")
    assert (figures["customers"], figures["revenue"]) == (2, "16.00")
    before = await ask(analytics, "pareto", as_of="2026-03-04T00:00:00Z")
    assert before["revenue"] == "20.00"
    mine = await ask(analytics, f"customers/{other}")
    assert [(one["purchases"], one["revenue"], one["average"]) for one in mine["sums"]] == [(1, "6.00", "6.00")]
    assert (await ask(analytics, f"customers/{uuid7()}"))["sums"] == []


async def test_cohorts_by_hand(analytics: ServiceUnderTest) -> None:
    early, late = uuid7(), uuid7()
    for customer, at in (
        (early, "2026-01-31T22:59:59Z"),  # still January in Amsterdam
        (late, "2026-01-31T23:00:00Z"),  # February there
        (early, "2026-03-10T10:00:00Z"),
        (early, "2026-03-11T10:00:00Z"),
    ):
        await analytics.deliver(bought("1.00", customer, at=at))
    cohorts = (await ask(analytics, "cohorts"))["cohorts"]
    assert [(one["month"], one["size"], one["active"], one["partial_from"]) for one in cohorts] == [
        ("2026-01", 1, [1, 0, 1], None),
        ("2026-02", 1, [1, 0], None),
    ]
    in_utc = (await ask(analytics, "cohorts", timezone="UTC"))["cohorts"]
    assert [(one["month"], one["size"]) for one in in_utc] == [("2026-01", 2)]
    partial = (await ask(analytics, "cohorts", as_of="2026-03-10T12:00:00Z"))["cohorts"]
    assert [one["partial_from"] for one in partial] == [2, 1]
    # An older purchase moves its customer into another cohort.
    await analytics.deliver(bought("1.00", late, at="2025-12-24T10:00:00Z"))
    assert [one["month"] for one in (await ask(analytics, "cohorts"))["cohorts"]] == ["2025-12", "2026-01"]


async def test_retention_by_hand(analytics: ServiceUnderTest) -> None:
    kept, lost, new = uuid7(), uuid7(), uuid7()
    for customer, at in ((kept, "2025-01"), (lost, "2025-01"), (kept, "2025-12"), (new, "2025-12")):
        await analytics.deliver(bought("1.00", customer, at=f"{at}-15T10:00:00Z"))
    period = {"from": "2025-02-01T00:00:00Z", "to": "2026-02-01T00:00:00Z"}
    figures = await ask(analytics, "retention", **period)
    assert (figures["at_start"], figures["at_end"], figures["new"], figures["rate"]) == (2, 2, 1, 0.5)
    empty = {"from": "2020-01-01T00:00:00Z", "to": "2020-02-01T00:00:00Z"}
    assert (await ask(analytics, "retention", **empty))["rate"] is None
    wrong = {"from": period["to"], "to": period["from"]}
    assert (await analytics.get("/v1/analytics/retention", **wrong)).status_code == 422
    assert (await analytics.get("/v1/analytics/retention")).status_code == 400


async def test_rfm_by_hand(analytics: ServiceUnderTest) -> None:
    for rank in range(1, 6):
        customer = uuid7()
        await analytics.deliver([bought(f"{rank}.00", customer, at=f"2026-0{rank}-01T00:00:00Z") for _ in range(rank)])
    cells = (await ask(analytics, "rfm"))["cells"]
    assert [(one["recency"], one["frequency"], one["monetary"], one["revenue"]) for one in cells] == [
        (rank, rank, rank, f"{rank * rank}.00") for rank in range(5, 0, -1)
    ]
    assert [one["segment"] for one in cells][0::4] == ["champions", "hibernating"]


@pytest.mark.parametrize(
    ("case", "terms", "value"),
    [
        ("an athlete's shoes", {"average_value": "2300", "purchases_per_period": 2, "periods": 48}, "220800.00"),
        ("a company", {"average_value": "50000.00", "purchases_per_period": "1", "periods": 48}, "2400000.00"),
        ("margin", {"average_value": "100", "purchases_per_period": 1, "periods": 2, "margin": "0.5"}, "100.00"),
        ("retention", {"average_value": "100", "purchases_per_period": 1, "periods": 3, "retention": 0.5}, "175.00"),
        ("discount", {"average_value": "110", "purchases_per_period": 1, "periods": 2, "discount_rate": 0.1}, "210.00"),
        (
            "what it cost to win",
            {"average_value": "10", "purchases_per_period": 1, "periods": 1, "acquisition_cost": "25"},
            "-15.00",
        ),
    ],
)
async def test_simple_lifetime_values(
    analytics: ServiceUnderTest, case: str, terms: dict[str, Any], value: str
) -> None:
    answer = await analytics.post("/v1/analytics/clv/simple", terms)
    assert (answer.status_code, answer.json()["value"]) == (200, value)
    assert answer.json()["inputs"]["periods"] == terms["periods"]
    assert "acquisition_cost" in answer.json()["formula"]


@pytest.mark.parametrize(
    "terms",
    [
        {},
        {"average_value": "1", "purchases_per_period": 1, "periods": 0},
        {"average_value": "1", "purchases_per_period": 1, "periods": 1.5},
        {"average_value": "-1", "purchases_per_period": 1, "periods": 1},
        {"average_value": "1", "purchases_per_period": 1, "periods": 1, "margin": "1.5"},
        {"average_value": "NaN", "purchases_per_period": 1, "periods": 1},
    ],
)
async def test_terms_that_make_no_sense_are_refused(analytics: ServiceUnderTest, terms: dict[str, Any]) -> None:
    assert (await analytics.post("/v1/analytics/clv/simple", terms)).status_code == 422


async def test_cdnow_by_its_published_numbers(running_analytics: ServiceUnderTest) -> None:
    analytics = await running_analytics.for_new_tenant(currency="USD", timezone="UTC")
    facts = []
    with gzip.open(CDNOW, "rt", newline="") as file:
        for number, row in enumerate(csv.DictReader(file)):
            customer, amount = UUID(int=int(row["customer_id"])), f"{float(row['dollar_value']):.2f}"
            at = f"{row['date']}T12:00:00Z"
            facts.append(bought(amount, customer, at=at, currency="USD", purchase_id=UUID(int=10**9 + number)))
    for start in range(0, len(facts), 1_000):
        await analytics.deliver(facts[start : start + 1_000])
    everybody = await ask(analytics, "pareto")
    assert (everybody["customers"], everybody["revenue"]) == (23_570, "2500315.63")
    assert round(everybody["top_10_percent_share"], 4) == 0.5094
    assert round(everybody["top_20_percent_share"], 4) == 0.6778
    assert round(everybody["gini"], 5) == 0.63457
    repeaters = await ask(analytics, "pareto", population="repeat")
    assert round(repeaters["customers"] / everybody["customers"], 4) == 0.4886
    first = (await ask(analytics, "cohorts"))["cohorts"][0]
    assert (first["month"], first["size"], first["active"][:3]) == ("1997-01", 7_846, [7_846, 1_157, 964])
