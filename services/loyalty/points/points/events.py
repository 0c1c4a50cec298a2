"""The events that this feature reads, and those that it publishes."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from chassis import IncomingEvent, Money
from services.loyalty.points.queries.events import NoPoints, Points, PointsEvent


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


class PointsEarned(PointsEvent, type="loyalty.points_earned.v1", partition_key="customer_id"):
    """A purchase earned points under one rule. `debt_paid` of them paid a debt. The rest can be spent in
    [activates_at, expires_at) and is pending until then."""

    purchase_id: UUID
    rule_id: UUID
    rule_version: int
    debt_paid: NoPoints
    earned_at: datetime
    activates_at: datetime
    expires_at: datetime | None


class PointsReversed(PointsEvent, type="loyalty.points_reversed.v1", partition_key="customer_id"):
    """A refund reversed points of one rule. `taken` of them were pending, available or expired. The rest is a debt."""

    purchase_id: UUID
    refund_id: UUID
    rule_id: UUID
    rule_version: int
    taken: Points
    from_pending: NoPoints
    from_available: Points
    from_expired: NoPoints
    owed: NoPoints
    debt: Annotated[int, Field(description="The same as `balance.debt`.", examples=[0])]
    refunded_at: datetime
