"""Moves of points, the effects of time, and reversals, as plain values."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from typing_extensions import TypedDict

from services.loyalty.points.rules.vocabulary import FromBucket, ToBucket

DueKind = Literal["activated", "expired", "released"]
DueKey = tuple[datetime, int, datetime, UUID]
"""The order of due effects: by time, then activations, expiries and ends of holds. Equal ones in spend order."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why points move. The ledger's natural key: a reason moves points between the same two buckets at most once."""

    kind: str
    source_type: str
    source_id: UUID
    at: datetime
    rule_id: UUID | None = None
    rule_version: int | None = None


@dataclass(frozen=True, slots=True)
class Move:
    """Points that moved between two buckets."""

    reason: Reason
    from_bucket: FromBucket
    to_bucket: ToBucket
    points: int


class Buckets(TypedDict):
    """The points of a wallet by bucket, as JSON."""

    pending: int
    available: int
    reserved: int
    debt: int


@dataclass(frozen=True, slots=True)
class DueEffect:
    """An effect of time alone, and the points of the wallet after it."""

    kind: DueKind
    at: datetime
    source_id: UUID
    points: int
    debt_paid: int
    expired: int
    balance: Buckets


@dataclass(frozen=True, slots=True)
class Reversal:
    """The points that a refund reversed, which were pending, available or expired, and the debt for the rest."""

    pending: int
    available: int
    expired: int
    debt_created: int

    @property
    def points(self) -> int:
        """All reversed points."""
        return self.pending + self.available + self.expired + self.debt_created
