"""Which of a customer's decisions counts. Plain values in, plain values out."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from typing_extensions import TypeAliasType

ConsentPurpose = TypeAliasType(
    "ConsentPurpose", Literal["marketing", "newsletter", "survey", "service", "research", "personalisation"]
)
ConsentChannel = TypeAliasType("ConsentChannel", Literal["email", "phone", "sms", "post", "push", "chat", "social"])
ConsentDecision = TypeAliasType("ConsentDecision", Literal["granted", "withdrawn"])
PermissionReason = TypeAliasType("PermissionReason", Literal["granted", "withdrawn", "never_asked", "not_active"])


@dataclass(frozen=True, slots=True)
class Decision:
    """A decision of a customer, and its time."""

    granted: bool
    decided_at: datetime


def effective_decision(decisions: Sequence[Decision]) -> int | None:
    """Return the index of the decision that counts: the latest, and on a tie the stricter. None if empty."""
    indexes = range(len(decisions))
    return max(indexes, key=lambda at: (decisions[at].decided_at, not decisions[at].granted, at), default=None)
