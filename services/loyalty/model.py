"""Every table of loyalty: programs, who takes part, and the ledger of points.

The ledger is double entry: each entry moves points from one bucket to another, so the sum over all buckets is zero
whatever happens. A wallet is the fold of its entries, kept beside them so that the database can refuse to overdraw it.
"""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import CheckConstraint, Column, ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from chassis import Table, Versioned, instant, new_registry, whole


class Owned(Table, registry=new_registry()):
    """What this service owns."""


class Program(Versioned, Owned, table=True):
    """Something that a customer can be a member of and earn points in."""

    __tablename__ = "program"
    __table_args__ = (
        CheckConstraint("kind in ('frequency', 'club', 'agent')", name="kind"),
        CheckConstraint("enrolment in ('open', 'on_purchase', 'invitation', 'fee')", name="enrolment"),
        CheckConstraint("state in ('active', 'closed')", name="state"),
        CheckConstraint("refund_policy in ('debt', 'within_balance', 'only_pending')", name="refund_policy"),
        CheckConstraint("pending_days between 0 and 365", name="pending_days"),
        CheckConstraint("expiry_months between 1 and 120", name="expiry_months"),
    )
    audited: ClassVar[bool] = True

    name: str
    kind: str
    currency: str
    timezone: str
    enrolment: str
    refund_policy: str = "debt"
    """What becomes of points that a refund asks for and that are spent: owed, let go, or only pending ones taken."""
    pending_days: int = 0
    """For how many days after the purchase points cannot be spent yet."""
    expiry_months: int | None = None
    """For how many months points can be spent; None for ever."""
    state: str = "active"


class EarningRule(Owned, table=True):
    """One version of how points are earned. A version is never changed: what was earned under it names it.

    It holds for purchases of the half-open time [valid_from, valid_to).
    """

    __tablename__ = "earning_rule"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "program_id"], ["program.tenant_id", "program.id"]),
        UniqueConstraint("tenant_id", "rule_id", "version"),
        Index(None, "tenant_id", "program_id"),
        CheckConstraint("kind in ('per_amount')", name="kind"),
        CheckConstraint("points > 0", name="points"),
        CheckConstraint("per_minor > 0", name="per_minor"),
        CheckConstraint("valid_from <= valid_to", name="validity"),
    )
    audited: ClassVar[bool] = True

    program_id: UUID
    rule_id: UUID
    version: int
    kind: str
    points: int = whole()
    per_minor: int = whole()
    valid_from: datetime | None = instant(nullable=True)
    valid_to: datetime | None = instant(nullable=True)
    created_at: datetime = instant()


class Membership(Versioned, Owned, table=True):
    """A customer's part in a program. One at a time; who left may join again."""

    __tablename__ = "membership"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "program_id"], ["program.tenant_id", "program.id"]),
        CheckConstraint("state in ('active', 'left')", name="state"),
        Index(
            "uq_membership_current",
            "tenant_id",
            "program_id",
            "customer_id",
            unique=True,
            postgresql_where=text("state <> 'left'"),
        ),
        Index(None, "tenant_id", "customer_id"),
    )

    program_id: UUID
    customer_id: UUID
    state: str = "active"
    joined_at: datetime = instant()


class Wallet(Owned, table=True):
    """A membership's points; the id is the membership's. Locked by whoever moves points."""

    __tablename__ = "wallet"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "id"], ["membership.tenant_id", "membership.id"]),
        CheckConstraint("pending >= 0 and available >= 0 and reserved >= 0 and debt >= 0", name="never_negative"),
        CheckConstraint("available = 0 or debt = 0", name="debt_is_paid_first"),
        Index("ix_wallet_due", "tenant_id", "due_at", postgresql_where=text("due_at is not null")),
    )

    pending: int = whole(default=0)
    available: int = whole(default=0)
    reserved: int = whole(default=0)
    debt: int = whole(default=0)
    due_at: datetime | None = instant(nullable=True)
    """When something comes due by itself: points activate or expire, or a hold ends."""
    settled_at: datetime | None = instant(nullable=True)
    """The moment at which points moved last; nobody moves them at an earlier one."""


class PointsEntry(Owned, table=True):
    """Points moved from one bucket of a wallet to another, and why. Append-only."""

    __tablename__ = "points_entry"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "membership_id"], ["wallet.tenant_id", "wallet.id"]),
        # The natural key: a fact that is told again under a new event id moves no points again.
        Index(
            "uq_points_entry_natural",
            "tenant_id",
            "membership_id",
            "source_type",
            "source_id",
            "kind",
            "rule_id",
            "from_bucket",
            "to_bucket",
            unique=True,
            postgresql_nulls_not_distinct=True,
        ),
        CheckConstraint("points > 0", name="points"),
        CheckConstraint("from_bucket <> to_bucket", name="moves"),
        CheckConstraint(
            "from_bucket in ('issued', 'pending', 'available', 'reserved', 'debt', 'expired', 'adjusted', "
            "'transferred')",
            name="from_bucket",
        ),
        CheckConstraint(
            "to_bucket in ('pending', 'available', 'reserved', 'debt', 'redeemed', 'expired', 'reversed', 'adjusted', "
            "'transferred')",
            name="to_bucket",
        ),
    )

    membership_id: UUID
    kind: str
    from_bucket: str
    to_bucket: str
    points: int = whole()
    source_type: str
    source_id: str
    rule_id: UUID | None
    rule_version: int | None
    occurred_at: datetime = instant()
    recorded_at: datetime = instant()


class Lot(Owned, table=True):
    """Points that came together: what became of them, from when and until when they can be spent.

    What was spent or reversed of them is the rest: original - pending - remaining - expired.
    """

    __tablename__ = "lot"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "membership_id"], ["wallet.tenant_id", "wallet.id"]),
        CheckConstraint("pending >= 0 and remaining >= 0 and expired >= 0", name="never_negative"),
        CheckConstraint("pending + remaining + expired <= original", name="never_more"),
        CheckConstraint("activates_at < expires_at", name="lives"),
        Index("ix_lot_open", "tenant_id", "membership_id", postgresql_where=text("pending + remaining > 0")),
        Index(None, "tenant_id", "membership_id", "source_id"),
    )

    membership_id: UUID
    source_id: UUID
    """The purchase or the adjustment that the points came from."""
    original: int = whole()
    pending: int = whole(default=0)
    remaining: int = whole()
    expired: int = whole(default=0)
    activates_at: datetime = instant()
    expires_at: datetime | None = instant(nullable=True)


class PointsAdjustment(Owned, table=True):
    """Points that staff gave or took, and why. Append-only."""

    __tablename__ = "points_adjustment"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "membership_id"], ["wallet.tenant_id", "wallet.id"]),
        CheckConstraint("points <> 0", name="points"),
        Index(None, "tenant_id", "membership_id"),
    )

    membership_id: UUID
    points: int = whole()
    reason: str
    actor: str
    created_at: datetime = instant()


class Redemption(Versioned, Owned, table=True):
    """Points that a member spends: held until they are captured or released, at the latest when the hold ends."""

    __tablename__ = "redemption"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "membership_id"], ["wallet.tenant_id", "wallet.id"]),
        CheckConstraint("points > 0", name="points"),
        CheckConstraint("state in ('reserved', 'captured', 'released', 'expired')", name="state"),
        CheckConstraint("state <> 'reserved' or hold_ends_at is not null", name="a_hold_ends"),
        Index(
            "ix_redemption_held",
            "tenant_id",
            "membership_id",
            "hold_ends_at",
            postgresql_where=text("state = 'reserved'"),
        ),
    )

    membership_id: UUID
    points: int = whole()
    state: str
    hold_ends_at: datetime | None = instant(nullable=True)


class LotAllocation(Owned, table=True):
    """What a redemption took of a lot: points that come back go back to it, with its own expiry."""

    __tablename__ = "lot_allocation"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "redemption_id"], ["redemption.tenant_id", "redemption.id"]),
        ForeignKeyConstraint(["tenant_id", "lot_id"], ["lot.tenant_id", "lot.id"]),
        UniqueConstraint("tenant_id", "redemption_id", "lot_id"),
        CheckConstraint("points > 0", name="points"),
    )

    redemption_id: UUID
    lot_id: UUID
    points: int = whole()


class ToldRefund(Owned, table=True):
    """A refund as it was told; the id is the refund's. It may be told before its purchase, and then waits here."""

    __tablename__ = "told_refund"
    __table_args__ = (Index(None, "tenant_id", "purchase_id"),)

    purchase_id: UUID
    amount_minor: int = whole()
    refunded_at: datetime = instant()


class EarnBasis(Owned, table=True):
    """What a purchase was worth to a membership, and under which rules: a refund is computed from this."""

    __tablename__ = "earn_basis"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "membership_id"], ["wallet.tenant_id", "wallet.id"]),
        UniqueConstraint("tenant_id", "membership_id", "purchase_id"),
        Index(None, "tenant_id", "purchase_id"),
    )

    membership_id: UUID
    purchase_id: UUID
    purchased_at: datetime = instant()
    eligible_minor: int = whole()
    rules: list[dict[str, Any]] = Field(sa_column=Column(JSONB, nullable=False))
