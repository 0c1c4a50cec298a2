"""Disabling of endpoints: by request, because an endpoint responds with 410, or because it has failed for days."""

from datetime import datetime
from uuid import UUID

from chassis import Event, UnitOfWork
from chassis.core.clock import clock
from gateway.events import tables
from gateway.events.planning import announce_endpoint
from gateway.events.rules.retries import DisabledReason


class WebhookEndpointDisabled(Event, type="gateway.webhook_endpoint_disabled.v1", partition_key="endpoint_id"):
    """A webhook endpoint was disabled: on request, because it responded with 410, or after five days of failures.

    Events that occur from now on are not planned for it. When it is enabled again, recover them from the feed.
    """

    endpoint_id: UUID
    """The webhook endpoint."""
    reason: DisabledReason
    """Why the endpoint was disabled."""
    disabled_at: datetime
    """When it was disabled."""
    failing_since: datetime | None
    """When the failures began, or null."""


async def disable_endpoint(
    work: UnitOfWork, endpoint: tables.WebhookEndpoint, reason: DisabledReason, failing_since: datetime | None = None
) -> tables.WebhookEndpoint:
    """Disable an endpoint that is locked and enabled, and announce it. Returns the changed endpoint."""
    now = clock.now()
    changed = await work.update(endpoint, state="disabled", disabled_reason=reason, disabled_at=now)
    work.publish(
        WebhookEndpointDisabled(endpoint_id=endpoint.id, reason=reason, disabled_at=now, failing_since=failing_since)
    )
    await announce_endpoint(work, endpoint.id)
    return changed
