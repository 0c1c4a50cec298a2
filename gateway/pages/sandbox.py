"""The clock of a sandbox: its tenant freezes it and moves it forward, to try a year of a program in a minute.

A request follows at once, because its token carries the clock. Reactions and periodic tasks follow as soon as the
tenant's event has arrived. The clock never goes back (docs/decisions/0034-sandbox-clocks.md).
"""

import asyncio
import time
from datetime import UTC, datetime
from typing import Annotated

from fastapi import Query as Parameter
from pydantic import StrictBool

from chassis import (
    TOO_LARGE,
    Feature,
    FieldCode,
    Instant,
    Problem,
    RequestBody,
    Resource,
    Running,
    TenantFacts,
    UnitOfWork,
    ValidationFailed,
    Work,
)
from chassis.core.clock import clock
from chassis.db.transaction import Transaction
from chassis.types.durations import Duration, add_duration
from chassis.types.rows import construct
from gateway.access import tables
from gateway.access.tenants import set_clock
from gateway.proxy.readings import Statuses
from gateway.proxy.reverse_proxy import ReverseProxy

feature = Feature("sandbox")

LATEST_CLOCK = datetime(2100, 1, 1, tzinfo=UTC)
POLL_SECONDS = 0.1
NOT_ONE_CHANGE = FieldCode(
    "not_one_change",
    "The request has none or several of the changes that exclude one another.",
    "Send one of frozen_at, advance and frozen.",
)


class TenantIsLive(Problem, status=409):
    """The tenant is live, so its time is the real time.

    Only a sandbox has a clock of its own. Create a sandbox by `rapport tenants create NAME --sandbox`.
    """


class ClockPastThisTime(Problem, status=409):
    """The clock of the sandbox has already passed this time, and a clock never goes back.

    Points that have expired would not return. To begin earlier, create a new sandbox by
    `rapport tenants create NAME --sandbox --clock TIME`.
    """


class SandboxClockUpdate(RequestBody):
    """A change of the clock: one of these."""

    example = {"advance": "P7D"}

    frozen_at: Instant | None = None
    """Freezes the clock at this time, which it has not passed yet."""
    advance: Duration | None = None
    """Moves the clock forward by this ISO 8601 duration. A frozen clock stays frozen. Days and longer units are those
    of the tenant's calendar.
    """
    frozen: StrictBool | None = None
    """True freezes the clock where it is, and false lets it run on from there."""


class SandboxClock(Resource):
    """The clock of a sandbox, and whether the services have followed it.

    A service has followed once its reactions use the clock, and its periodic tasks, such as the expiry of points, have
    run with it. `settled` means that every service has followed, and that all events of the sandbox have been applied.
    """

    now: datetime
    """The time of the sandbox."""
    frozen: bool
    """Whether the clock is stopped at this time."""
    settled: bool
    """Whether every service has followed the clock, and all events of the sandbox have been applied."""
    services: dict[str, bool]
    """Whether each service has followed."""


@feature.get("/sandbox/clock", scope="tenants:read", raises=[TenantIsLive])
async def read_sandbox_clock(
    work: Work,
    running: Running,
    wait_seconds: Annotated[int, Parameter(ge=0, le=30, description="Wait this long for the clock to be settled.")] = 0,
) -> SandboxClock:
    """Return the clock of the sandbox, and whether the services have followed it."""
    _require_sandbox(work)
    proxy = running.outer_app
    assert isinstance(proxy, ReverseProxy)
    deadline = time.monotonic() + wait_seconds
    while True:
        statuses: Statuses = await proxy.readings.statuses(work.caller)
        is_drained, statuses = await proxy.readings.is_drained(work.caller, statuses)
        # This request's own token may be older than the last change, and its connection must not wait with it.
        async with Transaction(running.pool, work.caller, writes=False) as reading:
            stored = await UnitOfWork(reading).get(tables.Tenant, work.tenant.id)
        result = _clock(stored, statuses, is_drained=is_drained)
        if result.settled or time.monotonic() >= deadline:
            return result
        await asyncio.sleep(POLL_SECONDS)


@feature.post("/sandbox/clock", scope="tenants:write", raises=[TenantIsLive, ClockPastThisTime])
async def move_sandbox_clock(work: Work, running: Running, body: SandboxClockUpdate) -> SandboxClock:
    """Freeze the clock of the sandbox, move it forward, or let it run on. The services follow within moments."""
    _require_sandbox(work)
    changes = [name for name, value in body.values().items() if value is not None]
    if len(changes) != 1:
        raise ValidationFailed.field(
            f"/{changes[1]}" if changes else "", NOT_ONE_CHANGE, "send one of frozen_at, advance and frozen"
        )
    tenant = await work.get(tables.Tenant, work.tenant.id, for_update=True)
    moved_to, is_frozen = _moved(tenant, body)
    if moved_to > LATEST_CLOCK:
        raise ValidationFailed.field(f"/{changes[0]}", TOO_LARGE, f"the clock cannot pass {LATEST_CLOCK.date()}")
    if body.frozen != _is_frozen(tenant):
        tenant = await set_clock(work, tenant, moved_to, None if is_frozen else clock.now())
    services = dict.fromkeys([*_upstreams(running), "gateway"])
    return _clock(tenant, services, is_drained=False)


def _require_sandbox(work: UnitOfWork) -> None:
    if work.tenant.kind != "sandbox":
        raise TenantIsLive


def _moved(tenant: tables.Tenant, body: SandboxClockUpdate) -> tuple[datetime, bool]:
    """Return the time of the changed clock, and whether it is frozen. Raises ClockPastThisTime."""
    now, is_frozen = _facts(tenant).now(), _is_frozen(tenant)
    if body.frozen_at is not None:
        if body.frozen_at < now:
            raise ClockPastThisTime(f"The clock shows {now.isoformat()}.")
        return body.frozen_at, True
    if body.advance is not None:
        try:
            return add_duration(now, body.advance, tenant.timezone), is_frozen
        except OverflowError:
            return datetime.max.replace(tzinfo=UTC), is_frozen
    return now, bool(body.frozen)


def _clock(tenant: tables.Tenant, statuses: Statuses, *, is_drained: bool) -> SandboxClock:
    facts = _facts(tenant)
    settled = {name: status.settled_facts if status else None for name, status in statuses.items()}
    services = {name: known is not None and known.has_same_clock(facts) for name, known in settled.items()}
    return SandboxClock(
        now=facts.now(),
        frozen=_is_frozen(tenant),
        settled=is_drained and all(services.values()),
        services=services,
    )


def _facts(tenant: tables.Tenant) -> TenantFacts:
    return construct(TenantFacts, tenant)


def _is_frozen(tenant: tables.Tenant) -> bool:
    return tenant.clock_at is not None and tenant.clock_runs_since is None


def _upstreams(running: Running) -> list[str]:
    proxy = running.outer_app
    assert isinstance(proxy, ReverseProxy)
    return list(proxy.upstreams)
