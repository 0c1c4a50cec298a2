"""Programs, their members, and the ledger of points.

The ledger is double entry: each entry moves points between two buckets, so the sum over all buckets is always
zero. A wallet is the sum of its entries, stored beside them so that the database can reject an overdraft.
"""

from datetime import datetime
from decimal import Decimal
from typing import ClassVar
from uuid import UUID

from sqlalchemy import text

from chassis import Person, Versioned, belongs_to, bigint, check, choice, document, exact_sum, index, timestamp, unique
from services.loyalty.base import Base
from services.loyalty.points.rules.vocabulary import (
    EarningRuleKind,
    Enrolment,
    FromBucket,
    MembershipState,
    ProgramKind,
    ProgramState,
    RedemptionState,
    RefundPolicy,
    Rounding,
    RuleReference,
    ToBucket,
)


class Program(Versioned, Base, table=True):
    """A program that customers can join and earn points in."""

    __tablename__ = "program"
    __table_args__ = (
        check("pending_days", "pending_days between 0 and 365"),
        check("expiry_months", "expiry_months between 1 and 120"),
    )
    audited: ClassVar[bool] = True

    name: str
    kind: ProgramKind = choice(ProgramKind, "kind")
    currency: str
    timezone: str
    enrolment: Enrolment = choice(Enrolment, "enrolment")
    refund_policy: RefundPolicy = choice(RefundPolicy, "refund_policy", default="debt")
    pending_days: int = 0
    """Days after the purchase during which points cannot be spent yet."""
    expiry_months: int | None = None
    """Months during which points can be spent, or None if they never expire."""
    state: ProgramState = choice(ProgramState, "state", default="active")


class EarningRule(Base, table=True):
    """A version of an earning rule, active for purchases made in [valid_from, valid_to).

    A version is never changed, because the points that were earned under it refer to it.
    """

    __tablename__ = "earning_rule"
    __table_args__ = (
        belongs_to("program_id", "program"),
        unique("rule_id", "version"),
        index("program_id"),
        check("points", "points > 0"),
        check("per_minor", "per_minor > 0"),
        check("validity", "valid_from <= valid_to"),
    )
    audited: ClassVar[bool] = True

    program_id: UUID
    rule_id: UUID
    version: int
    kind: EarningRuleKind = choice(EarningRuleKind, "kind")
    points: int = bigint()
    per_minor: int = bigint()
    rounding: Rounding = choice(Rounding, "rounding", default="full_steps")
    valid_from: datetime | None = timestamp(nullable=True)
    valid_to: datetime | None = timestamp(nullable=True)
    created_at: datetime = timestamp()


class Membership(Versioned, Base, table=True):
    """A customer's membership in a program. At most one is current. A customer who left may join again.

    If two members are merged, one of their memberships is merged into the other, which has all points then.
    """

    __tablename__ = "membership"
    __table_args__ = (
        belongs_to("program_id", "program"),
        index(
            "program_id",
            "customer_id",
            name="uq_membership_current",
            unique=True,
            postgresql_where=text("state = 'active'"),
        ),
        index("customer_id"),
        index("joined_at", "id"),
    )
    persons: ClassVar[tuple[Person, ...]] = (Person(merge="own", erase="own"),)

    program_id: UUID
    customer_id: UUID
    state: MembershipState = choice(MembershipState, "state", default="active")
    joined_at: datetime = timestamp()
    merged_into: UUID | None = None
    """The membership that has the points of this one, and answers for it."""
    debt_moved: Decimal = exact_sum(default=Decimal(0), sa_column_kwargs={"server_default": "0"})
    """The debt that moved to that membership, and returns with an undo unless it is paid."""


class Wallet(Base, table=True):
    """A membership's points by bucket, under the membership's id. Lock it before moving points.

    Each entry, lot and redemption is a single figure. A bucket is a sum of them, and has no limit.
    """

    __tablename__ = "wallet"
    __table_args__ = (
        belongs_to("id", "membership"),
        check("never_negative", "pending >= 0 and available >= 0 and reserved >= 0 and debt >= 0"),
        check("debt_is_paid_first", "available = 0 or debt = 0"),
        index("due_at", name="ix_wallet_due", postgresql_where=text("due_at is not null")),
    )

    version: int = bigint(default=0, sa_column_kwargs={"server_default": "0"})
    """The number of the membership's published events. Those before the upgrade that added it do not count."""
    pending: Decimal = exact_sum(default=Decimal(0))
    available: Decimal = exact_sum(default=Decimal(0))
    reserved: Decimal = exact_sum(default=Decimal(0))
    debt: Decimal = exact_sum(default=Decimal(0))
    due_at: datetime | None = timestamp(nullable=True)
    """The next time at which points activate or expire, or a hold ends. It can be too early, but never too late."""
    settled_at: datetime | None = timestamp(nullable=True)
    """The time up to which due effects were applied when points last moved."""
    merged_into: UUID | None = None
    """The same as that of the membership: an account that is opened under this id is that of the other."""


class PointsEntry(Base, table=True):
    """Points that moved between two buckets of a wallet, and why. Append-only."""

    __tablename__ = "points_entry"
    __table_args__ = (
        belongs_to("membership_id", "wallet"),
        # The natural key: a fact that is delivered again under a new event id moves no points again.
        index(
            "membership_id",
            "source_type",
            "source_id",
            "kind",
            "rule_id",
            "from_bucket",
            "to_bucket",
            name="uq_points_entry_natural",
            unique=True,
            postgresql_nulls_not_distinct=True,
        ),
        check("points", "points > 0"),
        check("moves", "from_bucket <> to_bucket"),
    )

    membership_id: UUID
    kind: str
    from_bucket: FromBucket = choice(FromBucket, "from_bucket")
    to_bucket: ToBucket = choice(ToBucket, "to_bucket")
    points: int = bigint()
    source_type: str
    source_id: str
    rule_id: UUID | None
    rule_version: int | None
    occurred_at: datetime = timestamp()
    recorded_at: datetime = timestamp()


class Lot(Base, table=True):
    """Points that were credited together: their state, and the period in which they can be spent.

    The difference, original - pending - remaining - expired, was spent, reversed, or restored to another lot.
    """

    __tablename__ = "lot"
    __table_args__ = (
        belongs_to("membership_id", "wallet"),
        check("never_negative", "pending >= 0 and remaining >= 0 and expired >= 0"),
        check("never_more", "pending + remaining + expired <= original"),
        check("lives", "activates_at < expires_at"),
        index("membership_id", "activates_at", "id", name="ix_lot_pending", postgresql_where=text("pending > 0")),
        index(
            "membership_id",
            "expires_at",
            "activates_at",
            "id",
            name="ix_lot_spend_order",
            postgresql_where=text("remaining > 0"),
        ),
        index("membership_id", "source_id"),
    )

    membership_id: UUID
    source_id: UUID
    """The purchase or the adjustment that credited the points."""
    original: int = bigint()
    pending: int = bigint(default=0)
    remaining: int = bigint()
    expired: int = bigint(default=0)
    activates_at: datetime = timestamp()
    expires_at: datetime | None = timestamp(nullable=True)


class PointsAdjustment(Base, table=True):
    """Points that staff gave or took, and why. Append-only."""

    __tablename__ = "points_adjustment"
    __table_args__ = (
        belongs_to("membership_id", "wallet"),
        check("points", "points <> 0"),
        index("membership_id"),
    )

    membership_id: UUID
    points: int = bigint()
    reason: str
    actor: str
    created_at: datetime = timestamp()


class Redemption(Versioned, Base, table=True):
    """Points that a member spends. They are held until they are captured or released, or the hold ends."""

    __tablename__ = "redemption"
    __table_args__ = (
        belongs_to("membership_id", "wallet"),
        check("points", "points > 0"),
        check("a_hold_ends", "state <> 'reserved' or hold_ends_at is not null"),
        index("membership_id", "hold_ends_at", name="ix_redemption_held", postgresql_where=text("state = 'reserved'")),
        index("created_at", "id"),
        index("membership_id", "created_at", "id"),
    )

    membership_id: UUID
    points: int = bigint()
    state: RedemptionState = choice(RedemptionState, "state")
    hold_ends_at: datetime | None = timestamp(nullable=True)
    order_reference: str | None = None
    """The client's own number of the order for which points are spent."""


class LotAllocation(Base, table=True):
    """The points that a redemption took from a lot. Released points return to it and keep its expiry."""

    __tablename__ = "lot_allocation"
    __table_args__ = (
        belongs_to("redemption_id", "redemption"),
        belongs_to("lot_id", "lot"),
        unique("redemption_id", "lot_id"),
        check("points", "points > 0"),
    )

    redemption_id: UUID
    lot_id: UUID
    points: int = bigint()


class KnownRefund(Base, table=True):
    """A refund that was received, under its own id. It may be received before its purchase, and then waits."""

    __tablename__ = "told_refund"
    __table_args__ = (index("purchase_id"),)

    purchase_id: UUID
    amount_minor: int = bigint()
    refunded_at: datetime = timestamp()


class EarnBasis(Base, table=True):
    """The amount on which a membership earned for a purchase, and the rules. Refunds are computed from it."""

    __tablename__ = "earn_basis"
    __table_args__ = (
        belongs_to("membership_id", "wallet"),
        unique("membership_id", "purchase_id"),
        index("purchase_id"),
    )
    persons: ClassVar[tuple[Person, ...]] = (
        Person(
            merge="keep",
            merge_reason="It is the id under which the purchase came in, by which an undo finds its points.",
            erase="keep",
            erase_reason="The ledger stays complete. Without the customer's record, the id leads to no person.",
        ),
    )

    membership_id: UUID
    customer_id: UUID | None = None
    """The customer of the purchase's event, or None for purchases before the upgrade that added it."""
    purchase_id: UUID
    purchased_at: datetime = timestamp()
    eligible_minor: int = bigint()
    rules: list[RuleReference] = document()
