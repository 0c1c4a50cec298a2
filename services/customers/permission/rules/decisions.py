"""Which of a customer's decisions counts, also after a merge."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, Protocol, TypeVar
from uuid import UUID

from typing_extensions import TypeAliasType

ConsentDecision = TypeAliasType("ConsentDecision", Literal["granted", "withdrawn", "pending"])
PermissionReason = TypeAliasType(
    "PermissionReason",
    Literal["granted", "withdrawn", "never_asked", "not_active", "expired", "pending", "retired"],
)
NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Decision:
    """A decision of a customer, its time, and when a grant expires."""

    granted: bool
    decided_at: datetime
    expires_at: datetime | None = None


class Receipt(Protocol):
    """A receipt of a decision, for a purpose on a channel."""

    @property
    def id(self) -> UUID:
        """Identifies the receipt."""

    @property
    def decision(self) -> ConsentDecision:
        """The decision."""

    @property
    def decided_at(self) -> datetime:
        """When the customer decided."""

    @property
    def expires_at(self) -> datetime | None:
        """When a grant or a request ends, or None."""


ReceiptT = TypeVar("ReceiptT", bound=Receipt)


def effective_decision(decisions: Sequence[Decision]) -> int | None:
    """Return the index of the decision that counts: the latest, and on a tie the stricter. None if empty.

    A withdrawal is stricter than a grant, and a grant that expires is stricter than one that lasts longer.
    """
    return max(range(len(decisions)), key=lambda at: _strictness(decisions[at], at), default=None)


def _strictness(decision: Decision, index: int) -> tuple[datetime, bool, float, int]:
    expires = decision.expires_at or NEVER
    return decision.decided_at, not decision.granted, -expires.timestamp(), index


def effective_receipt(receipts: Iterable[ReceiptT], at: datetime | None = None) -> ReceiptT | None:
    """Return the receipt that decides at a time, of those for a purpose on a channel. A pending receipt never does."""
    decided = [each for each in receipts if each.decision != "pending" and (at is None or each.decided_at <= at)]
    index = effective_decision(
        [Decision(each.decision == "granted", each.decided_at, each.expires_at) for each in decided]
    )
    return None if index is None else decided[index]


def has_expired(receipt: Receipt, at: datetime) -> bool:
    """Return whether a receipt no longer has an effect at a time."""
    return receipt.expires_at is not None and receipt.expires_at <= at


def permission(receipts: Iterable[ReceiptT], at: datetime) -> tuple[PermissionReason, ReceiptT | None]:
    """Return whether a contact is permitted at a time, by its reason, and the receipt that decides.

    Contact is permitted by the reason `granted` alone.
    """
    receipts = list(receipts)
    receipt = effective_receipt(receipts, at)
    if receipt is None:
        asked = [each for each in receipts if each.decision == "pending" and each.decided_at <= at]
        open_requests = [each for each in asked if not has_expired(each, at)]
        return ("pending", open_requests[-1]) if open_requests else ("never_asked", None)
    if receipt.decision == "granted" and has_expired(receipt, at):
        return "expired", receipt
    return receipt.decision, receipt


def may_confirm(pending: Receipt, receipts: Iterable[Receipt], at: datetime) -> bool:
    """Return whether a pending receipt may become a grant.

    It expires, and a withdrawal since the request cancels it. `receipts` are those of its purpose and channel.
    """
    withdrawn = (each.decided_at for each in receipts if each.decision == "withdrawn")
    return not has_expired(pending, at) and all(decided_at < pending.decided_at for decided_at in withdrawn)
