"""The events that this feature reads, and those that it publishes."""

from datetime import datetime
from uuid import UUID

from chassis import IncomingEvent, Money
from services.loyalty.points.queries.events import MemberEvent


class PurchaseRecorded(IncomingEvent, type="interactions.purchase_recorded.v1"):
    """A customer bought something."""

    purchase_id: UUID
    customer_id: UUID
    purchased_at: datetime
    total: Money


class PurchaseRefunded(IncomingEvent, type="interactions.purchase_refunded.v1"):
    """Money was returned for a purchase."""

    refund_id: UUID
    purchase_id: UUID
    refunded_at: datetime
    amount: Money


class PointsEarned(MemberEvent, type="loyalty.points_earned.v1", partition_key="customer_id"):
    """A purchase earned points under one rule. `debt_paid` of them paid a debt. The rest can be spent in
    [activates_at, expires_at) and is pending until then."""

    program_id: UUID
    purchase_id: UUID
    rule_id: UUID
    rule_version: int
    points: int
    debt_paid: int
    available: int
    earned_at: datetime
    activates_at: datetime
    expires_at: datetime | None


class PointsReversed(MemberEvent, type="loyalty.points_reversed.v1", partition_key="customer_id"):
    """A refund reversed points of one rule. `taken` of them were pending, available or expired. The rest is a debt."""

    program_id: UUID
    purchase_id: UUID
    refund_id: UUID
    rule_id: UUID
    rule_version: int
    points: int
    taken: int
    from_pending: int
    from_available: int
    from_expired: int
    owed: int
    available: int
    debt: int
    refunded_at: datetime
