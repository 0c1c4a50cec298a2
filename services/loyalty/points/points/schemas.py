"""The responses about a member's points."""

from datetime import datetime
from uuid import UUID

from pydantic import Field

from chassis import Resource
from services.loyalty.points import tables
from services.loyalty.points.rules.account import Account
from services.loyalty.points.rules.vocabulary import FromBucket, LedgerEntryKind, ToBucket


class PointsDue(Resource):
    """Points that change at a time."""

    at: datetime
    points: int


class PointsBalance(Resource, row=Account, computed=("as_of", "activating", "expiring")):
    """A membership's points at a time."""

    pending: int
    available: int
    reserved: int
    debt: int
    as_of: datetime
    activating: list[PointsDue] = Field(
        description="When the pending points become available: the next 100 times.",
    )
    expiring: list[PointsDue] = Field(
        description="When the available points expire: the next 100 times. Points that never expire are omitted.",
    )


class LedgerEntry(Resource, row=tables.PointsEntry):
    """Points that moved between two buckets, and why."""

    id: UUID
    kind: LedgerEntryKind
    from_bucket: FromBucket
    to_bucket: ToBucket
    points: int
    source_type: str
    source_id: str
    rule_id: UUID | None
    rule_version: int | None
    occurred_at: datetime
    recorded_at: datetime
