"""RFM: equal customers have equal scores, and the best customers have 5."""

import random
from bisect import bisect_right
from typing import Any
from uuid import UUID

import pytest

from chassis.types.ids import uuid7
from tests.support.analytics import read_figures
from tests.support.facts import purchase_recorded
from tests.support.service import ServiceUnderTest

Scores = tuple[int, int, int]


async def cells(analytics: ServiceUnderTest) -> dict[Scores, tuple[int, str]]:
    """Return the number of customers and the segment of each combination of scores."""
    figures = await read_figures(analytics, "rfm")
    return {
        (cell["recency"], cell["frequency"], cell["monetary"]): (cell["customers"], cell["segment"])
        for cell in figures["cells"]
    }


def expected_cells(customers: dict[UUID, list[tuple[int, int]]]) -> dict[Scores, int]:
    """Return the number of customers per combination of scores, from the days and euros of their purchases."""
    columns: list[list[Any]] = [
        [max(day for day, _ in purchases) for purchases in customers.values()],
        [len(purchases) for purchases in customers.values()],
        [sum(euros for _, euros in purchases) for purchases in customers.values()],
    ]
    counted: dict[Scores, int] = {}
    for values in zip(*columns, strict=True):
        recency, frequency, monetary = (
            -(-5 * bisect_right(sorted(column), value) // len(column))
            for column, value in zip(columns, values, strict=True)
        )
        counted[recency, frequency, monetary] = counted.get((recency, frequency, monetary), 0) + 1
    return counted


async def test_equal_customers_share_the_best_cell(analytics: ServiceUnderTest) -> None:
    await analytics.deliver([purchase_recorded("100.00") for _ in range(10)])
    assert await cells(analytics) == {(5, 5, 5): (10, "champions")}


async def test_the_best_of_three_customers_has_the_score_five(analytics: ServiceUnderTest) -> None:
    for rank in range(1, 4):
        customer, at = uuid7(), f"2026-0{rank}-01T00:00:00Z"
        await analytics.deliver([purchase_recorded(f"{rank}.00", customer, at=at) for _ in range(rank)])
    assert await cells(analytics) == {
        (5, 5, 5): (1, "champions"),
        (4, 4, 4): (1, "champions"),
        (2, 2, 2): (1, "hibernating"),
    }


@pytest.mark.parametrize("customers", [1, 4, 5, 37])
async def test_scores_with_many_equal_values(analytics: ServiceUnderTest, customers: int) -> None:
    rng = random.Random(customers)
    bought = {
        uuid7(): [(rng.randint(1, 4), rng.randint(1, 3)) for _ in range(rng.randint(1, 3))] for _ in range(customers)
    }
    await analytics.deliver(
        [
            purchase_recorded(f"{euros}.00", customer, at=f"2026-03-0{day}T10:00:00Z")
            for customer, purchases in bought.items()
            for day, euros in purchases
        ]
    )
    assert {scores: count for scores, (count, _) in (await cells(analytics)).items()} == expected_cells(bought)
