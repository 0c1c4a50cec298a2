"""The records of a customer as a single list, and what other services announce for the agent card."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from chassis import Person, TableUnion, bigint, index, timestamp
from services.interactions.base import Base
from services.interactions.overview.rules import TimelineEntryKind


@dataclass(frozen=True, slots=True)
class TimelineRow:
    """A touch point, a purchase, or a refund, whose amount is negative."""

    id: UUID
    customer_id: UUID | None
    kind: TimelineEntryKind
    occurred_at: datetime
    channel: str | None
    direction: str | None
    subject: str | None
    amount_minor: int | None
    currency: str | None


timeline = TableUnion(
    TimelineRow,
    (
        """
        select id, customer_id, 'touch_point' as kind, occurred_at, channel, direction, subject,
               null::bigint as amount_minor, null::text as currency
        from touch_point
        """,
        """
        select id, customer_id, 'purchase' as kind, purchased_at as occurred_at, channel, null as direction,
               store as subject, total_minor as amount_minor, currency
        from purchase
        """,
        """
        select id, customer_id, 'refund' as kind, refunded_at as occurred_at, null as channel, null as direction,
               null as subject, -amount_minor as amount_minor, currency
        from refund
        """,
    ),
)


class MemberBalance(Base, table=True):
    """The points of a membership after the last event that loyalty published of it. The id is the membership's."""

    __tablename__ = "member_balance"
    __table_args__ = (index("customer_id"),)
    persons: ClassVar[tuple[Person, ...]] = (Person(),)

    customer_id: UUID
    program_id: UUID
    version: int = bigint()
    """Counts the events of the membership. An event with a lower version is late, and changes nothing."""
    pending: int = bigint()
    available: int = bigint()
    reserved: int = bigint()
    debt: int = bigint()
    as_of: datetime = timestamp()
    """When the last applied event happened."""
