"""Completeness: what a comparison of the services' tallies concludes, and when it waits."""

import pytest

from chassis import Caller, ServiceStatus
from chassis.core.telemetry import Metrics
from chassis.messaging.tallies import Tallies
from gateway.proxy.completeness import Completeness
from gateway.proxy.readings import Readings

PURCHASE = "interactions.purchase_recorded.v1"


def tallies(published: int = 0, applied: int | None = None) -> Tallies:
    """Return the tallies of a service that has published purchases, or applied them for its feature points."""
    day = {"type": PURCHASE, "day": "2026-05-01"}
    return Tallies.model_validate(
        {
            "published": [day | {"feature": "", "events": published, "hash": published}] if published else [],
            "applied": [day | {"feature": "points", "events": applied, "hash": applied}] if applied else [],
            "handled": [] if applied is None else [("points", PURCHASE)],
        }
    )


def status(applied: int = 10, lag: int = 0, dead_letters: int = 0) -> ServiceStatus:
    return ServiceStatus(
        up=True,
        outbox_pending=0,
        outbox_oldest_seconds=0,
        consumer_lag=lag,
        dead_letters=dead_letters,
        gauges={},
        published=0,
        applied=applied,
    )


class Scripted(Readings):
    """Readings that a test has written down. The last of each kind is repeated."""

    def __init__(self, applied: list[int | None], statuses: list[ServiceStatus | None]) -> None:
        self.applied, self.states = applied, statuses

    async def statuses(self, _: Caller) -> dict[str, ServiceStatus | None]:
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        return {"interactions": status(), "loyalty": state}

    async def tallies(self, *_: object) -> dict[str, Tallies | None]:
        applied = self.applied.pop(0) if len(self.applied) > 1 else self.applied[0]
        return {"interactions": tallies(published=3), "loyalty": None if applied is None else tallies(applied=applied)}


@pytest.mark.parametrize(
    ("applied", "statuses", "complete"),
    [
        ([3], [status()], True),
        ([2], [status()], False),
        ([0], [status()], False),
        ([2, 3], [status(lag=1), status(lag=1), status(applied=11)], True),
        ([2, 2], [status(lag=1), status(lag=1), status(applied=11)], False),
        ([2], [status(lag=1)], None),
        ([3], [status(dead_letters=1)], False),
        ([3], [None], None),
        ([None], [status()], None),
    ],
    ids=[
        "all is applied",
        "an event is missing",
        "every event is missing",
        "the event was on its way",
        "the reader has passed its end and the event is missing",
        "the reader does not catch up in time",
        "a dead letter",
        "a service without a status",
        "a service without tallies",
    ],
)
async def test_a_comparison(
    applied: list[int | None], statuses: list[ServiceStatus | None], complete: bool | None
) -> None:
    completeness = Completeness(Scripted(applied, statuses), Metrics())
    assert completeness.latest.complete is None
    assert (await completeness.compare(wait_seconds=1.2)).complete is complete
    assert completeness.latest.compared_at is not None
