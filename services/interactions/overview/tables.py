"""The view of all records of a customer."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from chassis import DatabaseView
from services.interactions.base import Base
from services.interactions.overview.rules import TimelineEntryKind


@dataclass(frozen=True, slots=True)
class TimelineRow:
    """A touch point, a purchase, or a refund, whose amount is negative."""

    tenant_id: UUID
    id: UUID
    customer_id: UUID | None
    kind: TimelineEntryKind
    occurred_at: datetime
    channel: str | None
    direction: str | None
    subject: str | None
    amount_minor: int | None
    currency: str | None


# The view has the rights of the role that queries it, so row-level security holds. Each part has its index in the order
# of the timeline.
timeline_entry = DatabaseView(
    "timeline_entry",
    TimelineRow,
    """
    create or replace view timeline_entry with (security_invoker = true) as
        select tenant_id, id, customer_id, 'touch_point' as kind, occurred_at, channel, direction, subject,
               null::bigint as amount_minor, null::text as currency
        from touch_point
        union all
        select tenant_id, id, customer_id, 'purchase', purchased_at, channel, null, store, total_minor, currency
        from purchase
        union all
        select tenant_id, id, customer_id, 'refund', refunded_at, null, null, null, -amount_minor, currency
        from refund
    """,
)
Base.metadata.info.setdefault("objects", []).append(timeline_entry)
