"""Work per event: an operation on a member costs the same with a few open lots and with thousands of them."""

from collections import Counter
from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from chassis.messaging.periodic import run_once
from chassis.types.ids import uuid7
from services.loyalty.points import settling
from services.loyalty.points.queries import accounts
from tests.support.facts import purchase_recorded
from tests.support.loyalty import a_running_program, act, buckets, is_sound, membership_path, on, redeem, refunded
from tests.support.round_trips import statements
from tests.support.rows_read import rows_read
from tests.support.service import ServiceUnderTest

MANY = 2_000
EXPIRING = {"expiry_policy": "rolling_months", "expiry_months": 12}
TODAY = "2026-03-20"


@dataclass
class Buyer:
    """A member with a lot for each of its purchases."""

    id: UUID
    purchases: list[UUID]
    path: str


async def a_buyer(loyalty: ServiceUnderTest, number: int, *, at_once: bool = False) -> Buyer:
    """Create a member who bought for ten euros so many times, each minute or all at once."""
    id, purchases = uuid7(), [uuid7() for _ in range(number)]
    first = datetime(2026, 3, 1, tzinfo=UTC)
    for begin in range(0, number, 500):
        await loyalty.deliver(
            [
                purchase_recorded(
                    "10.00", id, purchase_id=purchase, at=str(first + timedelta(minutes=0 if at_once else minute))
                )
                for minute, purchase in enumerate(purchases[begin : begin + 500], begin)
            ]
        )
    return Buyer(id, purchases, await membership_path(loyalty, id))


async def cost(loyalty: ServiceUnderTest, operation: Awaitable[object]) -> tuple[int, int]:
    """Return the round trips of an operation, and the lots and entries that PostgreSQL reads for it."""
    with statements() as sent:
        await operation
    return len(sent), sum([await rows_read(loyalty, sent, table) for table in ("lot", "points_entry")])


async def test_a_refund_costs_the_same_with_ten_and_with_thousands_of_open_lots(loyalty: ServiceUnderTest) -> None:
    await a_running_program(loyalty, **EXPIRING)
    today = await on(loyalty, TODAY)
    few, many = await a_buyer(today, 10), await a_buyer(today, MANY)
    await loyalty.as_owner("analyze")
    await today.deliver(refunded("1.00", few.purchases[0], few.id))  # prepares the statements
    costs = []
    for buyer in (few, many):
        middle = len(buyer.purchases) // 2
        one = await cost(today, today.deliver(refunded("4.00", buyer.purchases[middle], buyer.id)))
        batch = [refunded("1.00", purchase, buyer.id) for purchase in buyer.purchases[-4:]]
        costs.append((one, await cost(today, today.deliver(batch))))
    assert costs[0] == costs[1]
    assert await is_sound(today)


@pytest.mark.nightly  # beside other tests, their rows in the same tables may lead PostgreSQL to another plan
async def test_every_operation_costs_the_same_with_hundreds_and_with_thousands_of_open_lots(
    loyalty: ServiceUnderTest,
) -> None:
    await a_running_program(loyalty, **EXPIRING)
    today = await on(loyalty, TODAY)
    buyers = [await a_buyer(today, number) for number in (200, MANY)]
    await loyalty.as_owner("analyze")
    for buyer in buyers:
        assert (await redeem(today, buyer.path, 1, "capture")).status_code == 201  # prepares the statements
    costs = [await costs_of_operations(today, buyer) for buyer in buyers]
    assert costs[0] == costs[1]
    assert await is_sound(today)


async def costs_of_operations(loyalty: ServiceUnderTest, buyer: Buyer) -> dict[str, tuple[int, int]]:
    """Return the cost of each operation on a member."""
    path = buyer.path
    held = [await redeem(loyalty, path, 15) for _ in range(2)]

    async def adjust(points: int) -> None:
        body = {"points": points, "reason": "test"}
        await loyalty.post(f"{path}/adjustments", body, idempotency_key=str(uuid7()))

    return {
        "earn": await cost(loyalty, loyalty.deliver(purchase_recorded("10.00", buyer.id, at=f"{TODAY}T09:00:00Z"))),
        "refund of spent points": await cost(loyalty, loyalty.deliver(refunded("10.00", buyer.purchases[0], buyer.id))),
        "hold": await cost(loyalty, redeem(loyalty, path, 25)),
        "spend": await cost(loyalty, redeem(loyalty, path, 25, "capture")),
        "capture": await cost(loyalty, act(loyalty, held[0], "capture")),
        "release": await cost(loyalty, act(loyalty, held[1], "release")),
        "give": await cost(loyalty, adjust(25)),
        "take": await cost(loyalty, adjust(-25)),
        "read the balance": await cost(loyalty, loyalty.get(f"{path}/balance")),
        "read the membership": await cost(loyalty, loyalty.get(path)),
    }


async def test_lots_that_expire_at_one_moment_are_settled_in_batches(
    loyalty: ServiceUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between two batches the balance is right, and so it is if an operation settles the rest."""
    monkeypatch.setattr(accounts, "SETTLING_BATCH", 100)
    monkeypatch.setattr(settling, "SETTLING_BATCH", 100)
    await a_running_program(loyalty, **EXPIRING)
    buyer = await a_buyer(await on(loyalty, TODAY), 450, at_once=True)
    await loyalty.published()
    later = await on(loyalty, "2027-03-02")
    (task,) = [task for task in later.service.tasks if task.feature == "settling"]
    for expired in (100, 200):
        assert await run_once(later.shared.worker_pool, task, later.tenant)
        assert await buckets(later, buyer.path) == (0, 0, 0)
        assert (await later.get(f"{buyer.path}/balance")).json()["expiring"] == []
        assert await loyalty.rows("select available from wallet") == [{"available": 4_500 - 10 * expired}]
        assert await is_sound(later)
    assert (await redeem(later, buyer.path, 1)).json()["available"] == 0
    await later.deliver(purchase_recorded("3.00", buyer.id, at="2027-03-02T09:00:00Z"))
    assert await buckets(later, buyer.path) == (3, 0, 0)
    kinds = Counter(event.type for event in await loyalty.published())
    assert kinds == {"loyalty.points_expired.v1": 450, "loyalty.points_earned.v1": 1}
    assert await is_sound(later)


async def test_a_balance_shows_the_next_hundred_times_at_which_points_expire(loyalty: ServiceUnderTest) -> None:
    await a_running_program(loyalty, **EXPIRING)
    buyer = await a_buyer(await on(loyalty, TODAY), 150)
    balance = (await (await on(loyalty, TODAY)).get(f"{buyer.path}/balance")).json()
    assert balance["available"] == 1_500
    assert len(balance["expiring"]) == 100
    assert balance["expiring"][0] == {"at": "2027-03-01T00:00:00Z", "points": 10}
    assert balance["expiring"][-1] == {"at": "2027-03-01T01:39:00Z", "points": 10}
