"""Permission to contact a customer: which of the customer's decisions counts, as the customers service defines it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal
from uuid import UUID

ConsentDecisionKind = Literal["granted", "withdrawn", "pending"]
PermissionReason = Literal["granted", "withdrawn", "never_asked", "not_active", "expired", "pending"]
NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Decision:
    """A decision of a customer for a purpose on a channel."""

    receipt_id: UUID
    decision: ConsentDecisionKind
    decided_at: datetime
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class Permission:
    """Whether a contact is allowed, the receipt that decides it, and the reason."""

    allowed: bool
    receipt_id: UUID | None
    reason: PermissionReason


def permission(decisions: Iterable[Decision], at: datetime, *, is_active: bool) -> Permission:
    """Return the permission at a time by the decisions for a purpose on a channel, in any order.

    The latest decision counts, and on a tie the strictest: a withdrawal, then the grant that ends first. A pending
    decision permits nothing.
    """
    known = [each for each in decisions if each.decided_at <= at]
    decided = max((each for each in known if each.decision != "pending"), key=_strictness, default=None)
    reason: PermissionReason = "never_asked"
    receipt = decided
    if decided is None:
        receipt = max((each for each in known if not _has_expired(each, at)), key=_strictness, default=None)
        reason = "never_asked" if receipt is None else "pending"
    elif decided.decision == "withdrawn":
        reason = "withdrawn"
    else:
        reason = "expired" if _has_expired(decided, at) else "granted"
    if not is_active:
        reason = "not_active"
    return Permission(reason == "granted", None if receipt is None else receipt.receipt_id, reason)


def _strictness(decision: Decision) -> tuple[datetime, bool, float, UUID]:
    expires = decision.expires_at or NEVER
    return decision.decided_at, decision.decision == "withdrawn", -expires.timestamp(), decision.receipt_id


def _has_expired(decision: Decision, at: datetime) -> bool:
    return decision.expires_at is not None and decision.expires_at <= at
