"""Events that several features publish, and the problem of every feature that takes points."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from chassis import Event, Problem


class InsufficientPoints(Problem, status=409):
    """The member has fewer points than the request needs.

    `available` is how many can be spent now. Pending and reserved points do not count.
    """


class MemberEvent(Event):
    """The keys of every event about a member."""

    customer_id: UUID
    membership_id: UUID


class MemberJoined(MemberEvent, type="loyalty.member_joined.v1", partition_key="customer_id"):
    """A customer became a member of a program."""

    program_id: UUID
    joined_at: datetime


class PointsActivated(MemberEvent, type="loyalty.points_activated.v1", partition_key="customer_id"):
    """Pending points became available. `debt_paid` of them paid a debt. The rest can be spent."""

    lot_id: UUID
    points: int
    debt_paid: int
    available: int
    activated_at: datetime


class PointsExpired(MemberEvent, type="loyalty.points_expired.v1", partition_key="customer_id"):
    """Points expired unspent."""

    lot_id: UUID
    points: int
    available: int
    expired_at: datetime


class PointsReleased(MemberEvent, type="loyalty.points_released.v1", partition_key="customer_id"):
    """Held points were returned. `debt_paid` paid a debt, and `expired` expired at once. The rest can be spent."""

    redemption_id: UUID
    points: int
    debt_paid: int
    expired: int
    available: int
    reason: Literal["released", "expired"]
