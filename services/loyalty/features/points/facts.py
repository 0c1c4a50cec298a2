"""What points read, and what they publish."""

from datetime import datetime
from uuid import UUID

from chassis import Event, Incoming, Money


class PurchaseRecorded(Incoming, type="interactions.purchase_recorded.v1"):
    """A customer bought something."""

    purchase_id: UUID
    customer_id: UUID
    purchased_at: datetime
    total: Money


class PointsEarned(Event, type="loyalty.points_earned.v1", key="customer_id"):
    """A purchase earned points under one rule. `debt_paid` of them paid a debt; the rest can be spent in
    [activates_at, expires_at), and until then is pending."""

    customer_id: UUID
    membership_id: UUID
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


class PurchaseRefunded(Incoming, type="interactions.purchase_refunded.v1"):
    """Money went back for a purchase."""

    refund_id: UUID
    purchase_id: UUID
    refunded_at: datetime
    amount: Money


class PointsReversed(Event, type="loyalty.points_reversed.v1", key="customer_id"):
    """A refund took back points of one rule: `taken` of pending, available and expired ones; the rest is owed now."""

    customer_id: UUID
    membership_id: UUID
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
