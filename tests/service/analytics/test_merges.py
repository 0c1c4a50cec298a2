"""Merged customers: every figure is as if there had always been a single customer, and an undo restores them."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from hypothesis import strategies as st

from chassis.types.ids import uuid7
from tests.support.analytics import purchase_refunded, read_figures
from tests.support.facts import purchase_recorded
from tests.support.merge_histories import examples_of, merge_histories
from tests.support.merges import customers_merged, merge_undone
from tests.support.service import ServiceUnderTest

PEOPLE = 4


async def sums_of(analytics: ServiceUnderTest, customer: UUID) -> tuple[int, str]:
    sums = (await read_figures(analytics, f"customers/{customer}"))["sums"]
    return (sums[0]["purchases"], sums[0]["revenue"]) if sums else (0, "0.00")


async def test_the_figures_of_both_are_one_customers(analytics: ServiceUnderTest) -> None:
    survivor, merged, merge_id = uuid7(), uuid7(), uuid7()
    await analytics.deliver(
        purchase_recorded("10.00", survivor, at="2026-03-10T10:00:00Z"),
        purchase_recorded("5.00", merged, at="2026-02-10T10:00:00Z"),
        purchase_refunded("1.00", merged, "2026-02-11T10:00:00Z"),
    )
    await analytics.deliver(customers_merged(survivor, merged, merge_id=merge_id))
    await analytics.deliver(purchase_recorded("2.00", merged, at="2026-04-10T10:00:00Z"))
    assert await sums_of(analytics, survivor) == await sums_of(analytics, merged) == (3, "16.00")
    cohorts = (await read_figures(analytics, "cohorts"))["cohorts"]
    assert [(cohort["month"], cohort["size"]) for cohort in cohorts if cohort["size"]] == [("2026-02", 1)]
    assert (await read_figures(analytics, "pareto"))["customers"] == 1
    assert await analytics.rebuild(repair=False) == 0
    await analytics.deliver(merge_undone(survivor, merged, merge_id=merge_id))
    assert (await sums_of(analytics, survivor), await sums_of(analytics, merged)) == ((1, "10.00"), (2, "6.00"))
    assert await analytics.rebuild(repair=False) == 0


@dataclass
class History:
    """Facts in any order of delivery, and the customer to whom each person leads after all of them."""

    facts: list[dict[str, Any]]
    leads_to: dict[UUID, UUID]


@st.composite
def histories(draw: st.DrawFn) -> History:
    """Return facts of a few people, and merges and undos that customers could have published."""
    people = [uuid7() for _ in range(PEOPLE)]
    person = st.sampled_from(people)
    facts: list[dict[str, Any]] = []
    for _ in range(draw(st.integers(1, 8))):
        facts.append(purchase_recorded(f"{draw(st.integers(1, 50))}.00", draw(person), id=uuid7()))
    for _ in range(draw(st.integers(0, 3))):
        facts.append(purchase_refunded("1.00", draw(person), "2026-03-12T10:00:00Z") | {"id": uuid7()})
    merges = draw(merge_histories(people, most=6))
    facts += merges.events
    repeats = draw(st.lists(st.sampled_from(facts), max_size=4))
    return History(list(draw(st.permutations([*facts, *repeats]))), merges.leads_to)


def expected(history: History) -> dict[UUID, tuple[int, int]]:
    """Return purchases and revenue by customer, computed in plain Python from all facts."""
    sums: dict[UUID, tuple[int, int]] = {}
    for fact in {fact["id"]: fact for fact in history.facts}.values():
        data = fact["data"]
        if fact["type"].startswith("interactions."):
            is_purchase = "total" in data
            amount = int(data["total" if is_purchase else "amount"]["amount"].partition(".")[0])
            target = history.leads_to[UUID(data["customer_id"])]
            purchases, revenue = sums.get(target, (0, 0))
            sums[target] = (purchases + is_purchase, revenue + (amount if is_purchase else -amount))
    return sums


async def test_any_order_of_facts_merges_and_undos_gives_the_same_figures(analytics: ServiceUnderTest) -> None:
    for history in examples_of(histories()):
        tenant = await analytics.for_new_tenant()
        for fact in history.facts:
            await tenant.deliver(fact)
        rows = await tenant.rows("select customer_id, purchases, revenue_minor from customer_value")
        stored = {row["customer_id"]: (row["purchases"], int(row["revenue_minor"]) // 100) for row in rows}
        assert stored == expected(history), history
        assert await tenant.rebuild(repair=False) == 0
