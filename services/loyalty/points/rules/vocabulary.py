"""The closed vocabularies of this area. Tables, schemas and events use these."""

from typing import Literal

from typing_extensions import TypeAliasType, TypedDict

ProgramKind = TypeAliasType("ProgramKind", Literal["frequency", "club", "agent"])
ProgramState = TypeAliasType("ProgramState", Literal["active", "closed"])
Enrolment = TypeAliasType("Enrolment", Literal["open", "on_purchase", "invitation", "fee"])
"""How customers become members: on request, with their first purchase, by invitation, or for a fee."""
ExpiryPolicy = TypeAliasType("ExpiryPolicy", Literal["none", "rolling_months"])
RefundPolicy = TypeAliasType("RefundPolicy", Literal["debt", "within_balance", "only_pending"])
"""The policy for refunds of purchases whose points are already spent: they become a debt, or are waived, or only points
that are still pending are reversed at all."""
EarningRuleKind = TypeAliasType("EarningRuleKind", Literal["per_amount"])
Rounding = TypeAliasType("Rounding", Literal["full_steps", "proportional"])
"""How a rule rounds down: points for each full step of `per`, or a share of the points for a share of a step."""
MembershipState = TypeAliasType("MembershipState", Literal["active", "left", "merged"])
RedemptionMode = TypeAliasType("RedemptionMode", Literal["reserve", "capture"])
RedemptionState = TypeAliasType("RedemptionState", Literal["reserved", "captured", "released", "expired"])

ReferenceType = TypeAliasType(
    "ReferenceType", Literal["purchase", "refund", "redemption", "adjustment", "lot", "merge"]
)
"""The kinds of records that move points."""
LedgerEntryKind = TypeAliasType(
    "LedgerEntryKind",
    Literal["earn", "activate", "expire", "adjust", "reserve", "capture", "release", "reverse", "transfer"],
)
FromBucket = TypeAliasType(
    "FromBucket", Literal["issued", "pending", "available", "reserved", "debt", "expired", "adjusted", "transferred"]
)
ToBucket = TypeAliasType(
    "ToBucket",
    Literal["pending", "available", "reserved", "debt", "redeemed", "expired", "reversed", "adjusted", "transferred"],
)
WalletBucket = Literal["pending", "available", "reserved", "debt"]
WALLET_BUCKETS = ("pending", "available", "reserved", "debt")
"""The buckets of a wallet. Every other bucket is where points come from or where they go."""


class RuleReference(TypedDict):
    """A version of an earning rule, as an earn basis stores it."""

    rule_id: str
    version: int
