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
    """When the points change."""
    points: int
    """The number of points."""


class PointsBalance(Resource, row=Account, computed=("as_of", "activating", "expiring")):
    """A membership's points at a time."""

    version: int = Field(description="Version of the membership's last event that the points include.")
    pending: int
    """Points that cannot be spent yet."""
    available: int
    """Points that can be spent."""
    reserved: int
    """Points that are held for redemptions."""
    debt: int
    """Points that the member owes."""
    as_of: datetime
    """The time of the balance."""
    activating: list[PointsDue] = Field(
        description="When the pending points become available: the next 100 times.",
    )
    expiring: list[PointsDue] = Field(
        description="When the available points expire: the next 100 times. Points that never expire are omitted.",
    )


class LedgerEntry(Resource, row=tables.PointsEntry):
    """Points that moved between two buckets, and why."""

    id: UUID
    """Identifies the entry."""
    kind: LedgerEntryKind
    """The kind of movement."""
    from_bucket: FromBucket
    """The bucket that the points left."""
    to_bucket: ToBucket
    """The bucket that the points entered."""
    points: int
    """The number of points."""
    source_type: str
    """The kind of record that caused the movement."""
    source_id: str
    """The record that caused the movement."""
    rule_id: UUID | None
    """The earning rule, or null."""
    rule_version: int | None
    """The version of the earning rule, or null."""
    occurred_at: datetime
    """When the points moved. A purchase moves them at its own time."""
    recorded_at: datetime
    """When the movement was recorded."""
