"""Accounts in parts: lots that are loaded in small pieces move as if all of them were loaded at once."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from chassis.types.ids import uuid7
from services.loyalty.points.queries import accounts
from tests.support.disorder import SEED
from tests.support.facts import purchase_recorded
from tests.support.loyalty import a_running_program, act, is_sound, membership_path, on, redeem, refunded
from tests.support.service import ServiceUnderTest

FIRST = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize("number", range(4))
async def test_a_random_history_has_the_same_result_in_small_pieces(
    running_loyalty: ServiceUnderTest, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    print(f"RAPPORT_SEED={SEED}")
    results = []
    for settling_batch, spendable_lots in ((2, 1), (10_000, 10_000)):
        monkeypatch.setattr(accounts, "SETTLING_BATCH", settling_batch)
        monkeypatch.setattr(accounts, "SPENDABLE_LOTS", spendable_lots)
        results.append(await play(await running_loyalty.for_new_tenant(), random.Random(f"{SEED} {number}")))
    assert results[0] == results[1]


async def play(loyalty: ServiceUnderTest, rng: random.Random) -> list[Any]:
    """Let a member earn, hold, spend and return goods on some days. Return the answers, the wallet and the lots."""
    pending_days = rng.choice([0, 3])
    policy = rng.choice(["debt", "within_balance", "only_pending"])
    periods = {"pending_days": pending_days, "expiry_policy": "rolling_months", "expiry_months": 1}
    await a_running_program(loyalty, refund_policy=policy, **periods)
    customer, purchases, held = uuid7(), list[UUID](), list[httpx.Response]()
    answers: list[Any] = []
    for day in sorted(rng.randrange(60) for _ in range(12)):
        today = await on(loyalty, f"{FIRST + timedelta(days=day):%Y-%m-%d}")
        bought = [uuid7() for _ in range(rng.randint(1, 5))]
        moments = [FIRST + timedelta(days=day - rng.choice([0, 0, 9]), seconds=rng.randrange(40_000)) for _ in bought]
        amounts = [f"{rng.randint(1, 12)}.00" for _ in bought]
        await today.deliver(
            [
                purchase_recorded(amount, customer, purchase_id=id, at=str(moment))
                for amount, id, moment in zip(amounts, bought, moments, strict=True)
            ]
        )
        purchases += bought
        path = await membership_path(today, customer)
        for _ in range(rng.randint(0, 4)):
            action, points = rng.choice(["hold", "spend", "end", "refund", "take", "give"]), rng.randint(1, 25)
            if action in ("hold", "spend"):
                mode, seconds = ("reserve", rng.randint(1, 20) * 86_400) if action == "hold" else ("capture", None)
                answer = await redeem(today, path, points, mode, expires_in_seconds=seconds)
                held += [answer] if answer.status_code == 201 and action == "hold" else []
            elif action == "end" and held:
                answer = await act(today, held.pop(rng.randrange(len(held))), rng.choice(["capture", "release"]))
            elif action == "refund":
                await today.deliver(refunded(f"{points}.00", rng.choice(purchases), customer))
                continue
            else:
                body = {"points": points if action == "give" else -points, "reason": "test", "allow_debt": True}
                answer = await today.post(f"{path}/adjustments", body, idempotency_key=str(uuid7()))
            answers.append((day, action, points, answer.status_code))
        balance = (await today.get(f"{path}/balance")).json()
        answers.append(balance)
        assert await is_sound(today)
    wallet = await loyalty.rows("select pending, available, reserved, debt from wallet")
    order = "activates_at, original, pending, remaining, expired"
    answers += [wallet, await loyalty.rows(f"select {order}, expires_at from lot order by {order}")]
    assert await loyalty.dead_letters() == []
    return answers
