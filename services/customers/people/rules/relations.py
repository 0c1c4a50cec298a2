"""The kinds of relations between customers, each with its inverse.

A kind says what the related customer is to the customer: the guardian, the employer, a contact.
"""

from dataclasses import dataclass
from typing import Literal, cast
from uuid import UUID

from typing_extensions import TypeAliasType

RelationKind = TypeAliasType(
    "RelationKind",
    Literal[
        "account",
        "contact",
        "household_member",
        "spouse",
        "referred_by",
        "referred",
        "guardian",
        "ward",
        "employer",
        "employee",
        "parent_account",
        "subsidiary",
    ],
)
StoredKind = TypeAliasType(
    "StoredKind",
    Literal["account", "household_member", "spouse", "referred_by", "guardian", "employer", "parent_account"],
)
End = Literal["customer", "related"]


@dataclass(frozen=True, slots=True)
class KindRule:
    """A kind as it is stored."""

    inverse: RelationKind
    """The kind that reads from the other customer. A symmetric kind is its own."""
    acyclic: bool = False
    """If true, no chain of such relations leads back to its beginning."""
    ignores_periods: bool = False
    """If true, relations that have ended count in chains too."""
    persons: tuple[End, ...] = ()
    """The ends that must be persons."""


KINDS: dict[StoredKind, KindRule] = {
    "account": KindRule("contact", persons=("customer",)),
    "household_member": KindRule("household_member", persons=("customer", "related")),
    "spouse": KindRule("spouse", persons=("customer", "related")),
    "referred_by": KindRule("referred", acyclic=True, ignores_periods=True),
    "guardian": KindRule("ward", acyclic=True, persons=("customer", "related")),
    "employer": KindRule("employee", persons=("customer",)),
    "parent_account": KindRule("subsidiary", acyclic=True),
}
INVERSES: dict[RelationKind, StoredKind] = {
    rule.inverse: kind for kind, rule in KINDS.items() if rule.inverse not in KINDS
}
"""The stored kind of each kind that is stored from the other end."""


def is_symmetric(kind: StoredKind) -> bool:
    """Return whether a kind reads the same from both ends."""
    return KINDS[kind].inverse == kind


def orient(customer_id: UUID, related_customer_id: UUID, kind: RelationKind) -> tuple[UUID, UUID, StoredKind]:
    """Return a relation as it is stored: its customer, the related customer, and the kind."""
    if kind in INVERSES:
        return related_customer_id, customer_id, INVERSES[kind]
    stored = cast(StoredKind, kind)
    if is_symmetric(stored) and related_customer_id < customer_id:
        return related_customer_id, customer_id, stored
    return customer_id, related_customer_id, stored
