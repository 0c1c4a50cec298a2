"""The kinds of relations between customers, each with its inverse.

A kind says what the related customer is to the customer: the guardian, the employer, a contact.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Literal, Protocol, cast
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


class Link(Protocol):
    """A relation as it is stored."""

    id: UUID
    customer_id: UUID
    related_customer_id: UUID
    valid_from: date | None
    valid_to: date | None


def closes_cycle(link: Link, others: Iterable[Link], rule: KindRule) -> bool:
    """Return whether a chain of other relations of the kind leads from the related customer back to the customer.

    Relations that are never valid on a day of the new one are not in chains, unless the kind ignores periods.
    """
    related: dict[UUID, list[UUID]] = defaultdict(list)
    for other in others:
        if other.id != link.id and (rule.ignores_periods or _overlap(link, other)):
            related[other.customer_id].append(other.related_customer_id)
    seen, open_ends = {link.related_customer_id}, [link.related_customer_id]
    while open_ends:
        new = [id for id in related[open_ends.pop()] if id not in seen]
        seen.update(new)
        open_ends += new
    return link.customer_id in seen


def _overlap(one: Link, other: Link) -> bool:
    begins = (one.valid_from or date.min) <= (other.valid_to or date.max)
    return begins and (other.valid_from or date.min) <= (one.valid_to or date.max)
