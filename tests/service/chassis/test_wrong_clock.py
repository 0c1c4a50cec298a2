"""A process with a wrong clock writes nothing, says so, and goes on when the clock is right again."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest

from chassis.core.clock import clock
from chassis.db.pool import compare_clocks
from chassis.messaging.dispatcher import TransientFailure
from chassis.types.ids import uuid7
from tests.support.facts import a_customer, purchase_recorded
from tests.support.loyalty import a_running_program, points_of
from tests.support.service import ServiceUnderTest

DAYS = 400 * 86_400


@contextmanager
def clock_ahead(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Set the clock of this process ahead of PostgreSQL's."""
    with monkeypatch.context() as patch:
        patch.setattr(clock, "_wall", lambda: time.time() + DAYS)
        yield


@pytest.mark.parametrize("compared", [True, False], ids=["at a comparison", "before the next comparison"])
async def test_requests_that_write_are_refused_and_others_served(
    customers: ServiceUnderTest, monkeypatch: pytest.MonkeyPatch, compared: bool
) -> None:
    with clock_ahead(monkeypatch):
        if compared:
            await compare_clocks(customers.shared.worker_pool)
        refused = await customers.post("/v1/customers", a_customer())
        assert (refused.status_code, refused.json()["code"]) == (503, "clock_unreliable")
        assert (await customers.get("/v1/customers")).json()["items"] == []
        assert "clock" in (await customers.get("/ready")).json()["waits_for"]
    await compare_clocks(customers.shared.worker_pool)
    assert (await customers.post("/v1/customers", a_customer())).status_code == 201
    assert "clock" not in (await customers.get("/ready")).json()["waits_for"]


async def test_events_wait_and_are_then_applied_at_the_right_time(
    loyalty: ServiceUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    await a_running_program(loyalty)
    customer = uuid7()
    with clock_ahead(monkeypatch), pytest.raises(TransientFailure):
        await loyalty.deliver(purchase_recorded("5.00", customer))
    assert await loyalty.rows("select * from points_entry") == []
    assert await loyalty.dead_letters() == []
    await loyalty.deliver(purchase_recorded("5.00", customer))
    assert await points_of(loyalty, customer) == 5
    (row,) = await loyalty.rows("select max(settled_at) as at from wallet")
    assert row["at"] - datetime.now(UTC) < timedelta(seconds=5)
