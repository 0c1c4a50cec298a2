"""What comes due by itself is told by these, whoever settles; and the refusal that all who take points share."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from chassis import Event, Problem


class NotEnoughPoints(Problem, status=409):
    """The member has fewer points than are wanted."""


class PointsActivated(Event, type="loyalty.points_activated.v1", key="customer_id"):
    """Pending points became due: `debt_paid` of them paid a debt, the rest can be spent."""

    customer_id: UUID
    membership_id: UUID
    lot_id: UUID
    points: int
    debt_paid: int
    available: int
    activated_at: datetime


class PointsExpired(Event, type="loyalty.points_expired.v1", key="customer_id"):
    """Points were not spent in their time."""

    customer_id: UUID
    membership_id: UUID
    lot_id: UUID
    points: int
    available: int
    expired_at: datetime


class PointsReleased(Event, type="loyalty.points_released.v1", key="customer_id"):
    """Held points came back: `debt_paid` of them paid a debt, `expired` were over by then, the rest can be spent."""

    customer_id: UUID
    membership_id: UUID
    redemption_id: UUID
    points: int
    debt_paid: int
    expired: int
    available: int
    reason: Literal["released", "expired"]
