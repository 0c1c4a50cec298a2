"""Joining a program, on request or by a purchase."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from chassis import Work
from services.loyalty.points import tables
from services.loyalty.points.queries.events import MemberJoined, PointsByBucket
from services.loyalty.points.rules.account import JOINED_VERSION

_EMPTY_WALLET = {"version": JOINED_VERSION, "pending": 0, "available": 0, "reserved": 0, "debt": 0}


@dataclass(frozen=True, slots=True)
class Joining:
    """A customer who joins a program, and the time from which the customer is a member."""

    program_id: UUID
    customer_id: UUID
    joined_at: datetime


async def join(work: Work, joinings: Sequence[Joining]) -> list[tables.Membership]:
    """Insert memberships, each with an empty wallet, and return them as stored.

    If a concurrent transaction inserts the same membership, the unique constraint fails and the retry finds it.
    """
    members = [
        tables.Membership(
            tenant_id=work.tenant.id,
            program_id=joining.program_id,
            customer_id=joining.customer_id,
            joined_at=joining.joined_at,
            created_at=work.now,
            updated_at=work.now,
        )
        for joining in joinings
    ]
    await work.insert_many(tables.Membership, [member.model_dump() for member in members])
    await work.insert_many(tables.Wallet, [{"id": member.id, **_EMPTY_WALLET} for member in members])
    for member in members:
        event = MemberJoined.from_row(
            member,
            membership_id=member.id,
            version=JOINED_VERSION,
            occurred_at=member.joined_at,
            balance=PointsByBucket.from_row(_EMPTY_WALLET),
        )
        work.publish(event)
    return members
