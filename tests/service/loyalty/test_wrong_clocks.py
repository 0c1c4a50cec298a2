"""Wrong clocks: a clock that was ahead dates nothing that follows, and what it let expire can be restored."""

import asyncio
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from chassis.types.ids import uuid7
from tests.support import commands
from tests.support.facts import purchase_recorded
from tests.support.loyalty import a_running_program, act, buckets, is_sound, membership_path, on, redeem, refunded
from tests.support.service import ServiceUnderTest

EXPIRING = {"expiry_policy": "rolling_months", "expiry_months": 12}
TODAY, AHEAD = "2026-03-20", "2027-04-24"


@dataclass
class Mishap:
    """A member who had a hundred points until loyalty's clock was 400 days ahead for a moment."""

    today: ServiceUnderTest
    customer: UUID
    purchases: list[UUID]
    path: str


async def a_mishap(loyalty: ServiceUnderTest) -> Mishap:
    """Let a member buy for a hundred euros, ten of which by the wrong clock."""
    await a_running_program(loyalty, **EXPIRING)
    today, ahead = await on(loyalty, TODAY), await on(loyalty, AHEAD)
    customer, purchases = uuid7(), [uuid7() for _ in range(10)]
    facts = [purchase_recorded("10.00", customer, purchase_id=id, at=f"{TODAY}T09:00:00Z") for id in purchases]
    await today.deliver(facts[:9])
    await ahead.deliver(facts[9])
    today = await on(loyalty, TODAY)
    await loyalty.published()
    return Mishap(today, customer, purchases, await membership_path(today, customer))


async def undo(mishap: Mishap, *options: str) -> commands.Finished:
    """Run the command that restores expired points, as an operator does when the clock is right again."""
    words = ["loyalty", "undo-expiry", "--tenant", str(mishap.today.tenant.id), "--since", f"{AHEAD}T00:00:00Z"]
    words += ["--reason", "The clock was ahead.", *options]
    return await asyncio.to_thread(commands.run, words, mishap.today.data_dir.root)


async def test_what_follows_a_clock_that_was_ahead_is_dated_by_the_right_clock(loyalty: ServiceUnderTest) -> None:
    mishap = await a_mishap(loyalty)
    today, path = mishap.today, mishap.path
    assert await buckets(today, path) == (0, 0, 0)
    await today.deliver([purchase_recorded("10.00", mishap.customer, at=f"{TODAY}T10:00:00Z") for _ in range(10)])
    assert await buckets(today, path) == (100, 0, 0)
    held = (await redeem(today, path, 30, expires_in_seconds=60)).json()
    assert held["hold_ends_at"] == f"{TODAY}T12:01:00Z"
    gift = await today.post(f"{path}/adjustments", {"points": 500, "reason": "sorry"}, idempotency_key="gift")
    assert gift.status_code == 201
    balance = (await today.get(f"{path}/balance")).json()
    assert balance["expiring"][-1] == {"at": "2027-03-20T12:00:00Z", "points": 500}
    (wallet,) = await loyalty.rows("select settled_at from wallet")
    assert f"{wallet['settled_at']:%F %T}" == f"{TODAY} 12:00:00"
    assert await is_sound(today)


async def test_expiries_by_a_clock_that_was_ahead_are_undone_once(loyalty: ServiceUnderTest) -> None:
    mishap = await a_mishap(loyalty)
    shown = await undo(mishap, "--dry-run")
    assert (shown.code, shown.errors.strip()) == (0, "would restore 100 points of 1 members"), shown.output
    assert await buckets(mishap.today, mishap.path) == (0, 0, 0)
    for expected in ("restored 100 points of 1 members", "restored 0 points of 0 members"):
        done = await undo(mishap)
        assert (done.code, done.errors.strip()) == (0, expected), done.output
        assert await buckets(mishap.today, mishap.path) == (100, 0, 0)
        assert await is_sound(mishap.today)
    adjustments = (await mishap.today.get(f"{mishap.path}/adjustments")).json()["items"]
    assert {(item["points"], item["reason"], item["actor"]) for item in adjustments} == {
        (10, "The clock was ahead.", "command")
    }
    entries = (await mishap.today.get(f"{mishap.path}/entries", limit=200)).json()["items"]
    undone = {entry["source_id"] for entry in entries if entry["kind"] == "adjust"}
    assert undone == {entry["id"] for entry in entries if entry["kind"] == "expire"} == {a["id"] for a in adjustments}
    published = [event.data["available"] for event in await loyalty.published()]
    assert published == [10 * number for number in range(1, 11)]
    audited = await loyalty.rows("select count(*) from chassis.audit where action = 'restored'")
    assert audited == [{"count": 10}]


async def test_restored_points_expire_at_the_time_of_their_lot_and_are_reversed_with_their_purchase(
    loyalty: ServiceUnderTest,
) -> None:
    mishap = await a_mishap(loyalty)
    await mishap.today.deliver(refunded("4.00", mishap.purchases[0], mishap.customer))  # of points that are expired
    assert (await undo(mishap)).errors.strip() == "restored 96 points of 1 members"
    balance = (await mishap.today.get(f"{mishap.path}/balance")).json()
    assert balance["expiring"] == [{"at": "2027-03-20T09:00:00Z", "points": 96}]
    for purchase in mishap.purchases[:2]:
        await mishap.today.deliver(refunded("6.00", purchase, mishap.customer))
    assert await buckets(mishap.today, mishap.path) == (84, 0, 0)
    later = await on(loyalty, "2027-03-21")
    await later.run_periodic_tasks()
    assert await buckets(later, mishap.path) == (0, 0, 0)
    assert await is_sound(later)


async def test_held_points_that_a_clock_ahead_let_expire_are_restored(loyalty: ServiceUnderTest) -> None:
    """One hold ended by the wrong clock and its points expired. Another was longer, and is released afterwards."""
    await a_running_program(loyalty, **EXPIRING)
    today, customer = await on(loyalty, TODAY), uuid7()
    purchases: list[Any] = [purchase_recorded(amount, customer, at=f"{TODAY}T09:00:00Z") for amount in ("5.00", "9.00")]
    await today.deliver(purchases)
    path = await membership_path(today, customer)
    held = [await redeem(today, path, 6, expires_in_seconds=seconds) for seconds in (60, 2_592_000)]
    await loyalty.rows("update redemption set hold_ends_at = '2027-04-01' where hold_ends_at < '2026-04-01'")
    await loyalty.rows("update redemption set hold_ends_at = '2028-04-01' where hold_ends_at < '2027-01-01'")
    await (await on(loyalty, AHEAD)).run_periodic_tasks()
    today = await on(loyalty, TODAY)
    assert await buckets(today, path) == (0, 6, 0)
    assert (await undo(Mishap(today, customer, [], path))).errors.strip() == "restored 8 points of 1 members"
    assert await buckets(today, path) == (8, 6, 0)
    assert (await act(today, held[1], "release")).json()["state"] == "released"
    assert await buckets(today, path) == (14, 0, 0)
    later = await on(loyalty, "2027-03-21")
    await later.run_periodic_tasks()
    assert await buckets(later, path) == (0, 0, 0)
    assert await is_sound(later)


async def test_the_command_names_what_is_wrong_with_its_options(loyalty: ServiceUnderTest) -> None:
    mishap = await a_mishap(loyalty)
    assert "--until must be a time" in (await undo(mishap, "--until", "2027")).errors
    mishap.today.tenant = mishap.today.tenant.model_copy(update={"id": uuid7()})
    unknown = await undo(mishap)
    assert (unknown.code, unknown.errors.startswith("no tenant has the name or id")) == (1, True)
