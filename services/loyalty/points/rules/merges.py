"""Where the memberships of merged customers belong. Plain values in, plain values out."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from services.loyalty.points.rules.vocabulary import MembershipState


@dataclass(frozen=True, slots=True)
class Member:
    """A membership of a customer whom merges connect with others. `person_id` is the customer who joined."""

    id: UUID
    program_id: UUID
    customer_id: UUID
    person_id: UUID
    state: MembershipState
    joined_at: datetime
    merged_into: UUID | None
    debt_moved: int


@dataclass(frozen=True, slots=True)
class PlacedMember:
    """A membership that changes: its customer now, and the membership with its points."""

    id: UUID
    customer_id: UUID
    state: MembershipState
    merged_into: UUID | None
    former_merged_into: UUID | None
    debt_moved: int


@dataclass(slots=True)
class Placement:
    """Where the memberships in a program belong."""

    main_of: dict[UUID, UUID] = field(default_factory=dict)
    """The membership that has the points of a customer."""
    person_of: dict[UUID, UUID] = field(default_factory=dict)
    """The customer who joined, by membership."""
    changes: list[PlacedMember] = field(default_factory=list)
    """The memberships that must be written."""

    def customer_of(self, membership_id: UUID) -> UUID:
        """Return the customer to whom a membership belongs."""
        by_change = {change.id: change.customer_id for change in self.changes}
        by_main = {membership: customer for customer, membership in self.main_of.items()}
        return by_change.get(membership_id) or by_main.get(membership_id) or self.person_of[membership_id]


def place_members(members: Sequence[Member], targets: Mapping[UUID, UUID]) -> Placement:
    """Return where the memberships in a program belong after merges or undos.

    A customer has the points in the membership that he or she joined, or else in that of the first merged customer who
    joined. The others are merged into it.
    """
    placement = Placement(person_of={member.id: member.person_id for member in members})
    current: dict[UUID, list[Member]] = defaultdict(list)
    for member in members:
        if member.state != "left":
            current[targets[member.person_id]].append(member)
    for customer, group in current.items():
        main = min(group, key=lambda member: (member.person_id != customer, member.joined_at, member.id))
        placement.main_of[customer] = main.id
    for member in members:
        customer = targets[member.person_id]
        main_id = placement.main_of.get(customer)
        merged_into = None if member.state == "left" or main_id == member.id else main_id
        state: MembershipState = "left" if member.state == "left" else "active" if merged_into is None else "merged"
        if (customer, state, merged_into) != (member.customer_id, member.state, member.merged_into):
            placement.changes.append(
                PlacedMember(member.id, customer, state, merged_into, member.merged_into, member.debt_moved)
            )
    return placement
