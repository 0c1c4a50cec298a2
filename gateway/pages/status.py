"""Status: the state of every service in a single response. A tenant reads its own counts, the operator those of all."""

from datetime import datetime
from typing import Annotated

from fastapi import Query as Parameter
from typing_extensions import TypeAliasType

from chassis import Feature, Resource, Running, ServiceStatus, Work
from chassis.core.identity import OPERATOR_CALLER
from gateway.proxy.readings import Statuses, is_quiet
from gateway.proxy.reverse_proxy import ReverseProxy

feature = Feature("status")

COMPARISON_SECONDS = 10.0
"""How long a comparison on request waits for events that are on their way."""


Gauges = TypeAliasType("Gauges", dict[str, int])
"""Counts of a service by name."""


class ServiceState(Resource):
    """The state of a service. Everything but `up` is null while it is unavailable.

    The counts are those of the tenant's events and records, up to 10,000. `consumer_lag` counts the events of all
    tenants, and is null unless the operator reads it.
    """

    up: bool
    """True if the service responds."""
    version: str | None
    """The version of its code."""
    outbox_pending: int | None
    """Events that are stored and not published yet."""
    outbox_oldest_seconds: float | None
    """The age of the oldest of them, in seconds."""
    consumer_lag: int | None
    """Events of all tenants that the service has not read yet. Only the operator reads it."""
    dead_letters: int | None
    """Events that a feature could not apply."""
    gauges: Gauges | None
    """Further counts by name."""


class Status(Resource):
    """The state of the system.

    `drained` means that two consecutive readings found no waiting event of the tenant in any outbox and no consumer
    behind, and that nothing was published or applied between them. Events of other tenants can delay it. A single
    reading could miss an event on its way from service to service, so it is null unless the request asks for it, or a
    single reading shows that events are pending.

    `complete` means that at `compared_at`, every event of the two days before had been applied by every feature that
    reads it, for all tenants. It is false if events are missing or are dead letters, and null before the first
    comparison, or if a service was unavailable or behind. `drained` does not imply it, because lost events do not wait.
    """

    drained: bool | None
    """True if all events have been applied everywhere. Null if that is not known."""
    complete: bool | None
    """True if no event was lost. Null if that is not known."""
    compared_at: datetime | None
    """When published and applied events were last compared, or null."""
    services: dict[str, ServiceState]
    """The state of each service by its name."""


@feature.get("/status", scope="status:read")
async def read_status(
    work: Work,
    running: Running,
    drained: Annotated[bool, Parameter(description="Also find out whether all events have been applied.")] = False,
    complete: Annotated[bool, Parameter(description="Compare published with applied events now.")] = False,
) -> Status:
    """Return the state of every service, and on request whether all events have been applied everywhere."""
    proxy = running.outer_app
    assert isinstance(proxy, ReverseProxy)
    reading: Statuses = await proxy.readings.statuses(work.caller)
    result: bool | None = None if is_quiet(reading) else False
    if drained:
        result, reading = await proxy.readings.is_drained(work.caller, reading)
    comparison = await proxy.completeness.compare(COMPARISON_SECONDS) if complete else proxy.completeness.latest
    shows_lag = work.caller == OPERATOR_CALLER
    return Status(
        drained=result,
        complete=comparison.complete,
        compared_at=comparison.compared_at,
        services={name: _state(status, shows_lag) for name, status in reading.items()},
    )


def _state(status: ServiceStatus | None, shows_lag: bool) -> ServiceState:
    if status is None:
        return _UNAVAILABLE
    return ServiceState.from_row(status if shows_lag else status.model_copy(update={"consumer_lag": None}))


_UNAVAILABLE = ServiceState(
    up=False,
    version=None,
    outbox_pending=None,
    outbox_oldest_seconds=None,
    consumer_lag=None,
    dead_letters=None,
    gauges=None,
)
