"""Sandbox clocks in the whole system: a year of a frequency program in a minute, compared with plain Python."""

from calendar import monthrange
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.support.facts import a_customer, a_program, a_purchase, a_rule
from tests.support.stack import RunningStack, Visitor, a_sandbox

START = datetime(2026, 1, 5, 10, tzinfo=UTC)
WEEKS = 52
PENDING = timedelta(days=14)
EXPIRY_MONTHS = 3


@pytest.fixture
async def sandbox(stack: RunningStack) -> AsyncIterator[Visitor]:
    one = a_sandbox(stack, START.isoformat())
    yield one
    await one.close()


async def advance(sandbox: Visitor, duration: str) -> None:
    """Move the clock and wait until everything has followed it."""
    moved = await sandbox.request("POST", "/v1/sandbox/clock", json={"advance": duration})
    assert moved.status_code == 200, moved.text
    clock = (await sandbox.request("GET", "/v1/sandbox/clock?wait_seconds=30")).json()
    assert clock["settled"], clock
    assert clock["now"] == moved.json()["now"]


@dataclass
class Lot:
    """The points of a purchase, as the page of the program explains them."""

    points: int
    activates: datetime
    expires: datetime

    @classmethod
    def of(cls, points: int, bought: datetime) -> "Lot":
        begins = bought + PENDING
        years, month = divmod(begins.month - 1 + EXPIRY_MONTHS, 12)
        day = min(begins.day, monthrange(begins.year + years, month + 1)[1])
        return cls(points, begins, begins.replace(year=begins.year + years, month=month + 1, day=day))


def expected(lots: list[Lot], now: datetime) -> tuple[int, int]:
    """Return the available and the pending points."""
    available = sum(lot.points for lot in lots if lot.activates <= now < lot.expires)
    return available, sum(lot.points for lot in lots if now < lot.activates)


def spend(lots: list[Lot], points: int, now: datetime) -> None:
    """Take points from the lots that expire first."""
    for lot in lots:
        if lot.activates <= now < lot.expires:
            part = min(points, lot.points)
            lot.points -= part
            points -= part


async def opened(sandbox: Visitor) -> str:
    """Open the program, and return the id of a customer."""
    fields = {"timezone": "UTC", "pending_days": PENDING.days}
    expiry = {"expiry_policy": "rolling_months", "expiry_months": EXPIRY_MONTHS}
    program = (await sandbox.request("POST", "/v1/programs", json=a_program(**fields, **expiry))).json()
    await sandbox.request("POST", f"/v1/programs/{program['id']}/earning-rules", json=a_rule())
    return str((await sandbox.request("POST", "/v1/customers", json=a_customer())).json()["id"])


async def reserve(sandbox: Visitor, membership: str, key: str) -> str:
    body = {"points": 5, "mode": "reserve", "expires_in_seconds": 3600}
    headers = {"Idempotency-Key": key}
    path = f"/v1/memberships/{membership}/redemptions"
    return str((await sandbox.request("POST", path, json=body, headers=headers)).json()["id"])


async def entries(sandbox: Visitor, membership: str, kind: str) -> list[dict[str, Any]]:
    page = await sandbox.request("GET", f"/v1/memberships/{membership}/entries?kind={kind}&limit=200")
    items: list[dict[str, Any]] = page.json()["items"]
    return items


@pytest.mark.slow
async def test_a_year_of_a_frequency_program_passes_in_a_minute(sandbox: Visitor) -> None:
    customer, now, lots, membership = await opened(sandbox), START, [], ""
    for week in range(WEEKS):
        lines = [{"sku": "tea", "quantity": "1", "amount": f"{10 + week}.00"}]
        bought = a_purchase(customer, purchased_at=now.isoformat(), lines=lines)
        assert (await sandbox.request("POST", "/v1/purchases", json=bought)).status_code == 201
        lots.append(Lot.of(10 + week, now))
        if week == 20:  # a hold that is never captured ends by itself
            forgotten = await reserve(sandbox, membership, "forgotten")
        if week == 30:
            paid = await reserve(sandbox, membership, "paid")
            await sandbox.request("POST", f"/v1/redemptions/{paid}/capture", headers={"Idempotency-Key": "capture"})
            spend(lots, 5, now)
        await advance(sandbox, "P7D")
        now += timedelta(days=7)
        (member,) = (await sandbox.request("GET", f"/v1/memberships?customer_id={customer}")).json()["items"]
        membership, balance = member["id"], member["balance"]
        assert (balance["available"], balance["pending"]) == expected(lots, now), now
    assert (await sandbox.request("GET", f"/v1/redemptions/{forgotten}")).json()["state"] == "expired"
    expired = await entries(sandbox, membership, "expire")
    assert sum(entry["points"] for entry in expired) == sum(lot.points for lot in lots if lot.expires <= now)
    assert {entry["occurred_at"] for entry in expired} == {
        lot.expires.isoformat().replace("+00:00", "Z") for lot in lots if lot.expires <= now
    }
    assert (await sandbox.request("GET", "/v1/ledger/verify")).json()["differences"] == []
    figures = (await sandbox.request("GET", "/v1/analytics/pareto?currency=EUR")).json()
    assert datetime.fromisoformat(figures["as_of"]) == START + timedelta(weeks=WEEKS)
