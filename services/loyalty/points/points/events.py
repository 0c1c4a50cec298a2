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
    """The purchase."""
    rule_id: UUID
    """The earning rule."""
    rule_version: int
    """The version of the earning rule."""
    debt_paid: NoPoints
    """The points that paid a debt."""
    earned_at: datetime
    """When the purchase was made."""
    activates_at: datetime
    """When the points can be spent."""
    expires_at: datetime | None
    """When it expires, or null if it does not."""


class PointsReversed(PointsEvent, type="loyalty.points_reversed.v1", partition_key="customer_id"):
    """A refund reversed points of one rule. `taken` of them were pending, available or expired. The rest is a debt."""

    purchase_id: UUID
    """The purchase."""
    refund_id: UUID
    """The refund."""
    rule_id: UUID
    """The earning rule."""
    rule_version: int
    """The version of the earning rule."""
    taken: Points
    """The points that were taken, from all buckets."""
    from_pending: NoPoints
    """The points that were taken before they became available."""
    from_available: Points
    """The points that were taken while they were available."""
    from_expired: NoPoints
    """The points that had expired already."""
    owed: NoPoints
    """The points that became a debt."""
    debt: Annotated[int, Field(description="The same as `balance.debt`.", examples=[0])]
    refunded_at: datetime
    """When the money was returned."""
