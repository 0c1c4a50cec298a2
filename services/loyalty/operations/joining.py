"""Joining a program, by asking or by buying."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from chassis import Event, Work, uuid7
from chassis.statements import rows_of
from services.loyalty.model import Membership, Wallet


class MemberJoined(Event, type="loyalty.member_joined.v1", key="customer_id"):
    """A customer became a member of a program."""

    customer_id: UUID
    membership_id: UUID
    program_id: UUID
    joined_at: datetime


async def join(work: Work, joining: Sequence[tuple[UUID, UUID, datetime]]) -> list[Membership]:
    """Makes members, each with an empty wallet: (program, customer, since when).

    One that has joined meanwhile breaks the constraint; who then runs again finds the membership.
    """
    rows = [
        {
            "id": uuid7(),
            "version": 1,
            "created_at": work.now,
            "updated_at": work.now,
            "program_id": program_id,
            "customer_id": customer_id,
            "state": "active",
            "joined_at": joined_at,
        }
        for program_id, customer_id, joined_at in joining
    ]
    await work.insert_all(Membership, rows)
    empty = {"pending": 0, "available": 0, "reserved": 0, "debt": 0}
    await work.insert_all(Wallet, [{"id": row["id"], **empty} for row in rows])
    for row in rows:
        work.publish(
            MemberJoined(
                customer_id=row["customer_id"],
                membership_id=row["id"],
                program_id=row["program_id"],
                joined_at=row["joined_at"],
            )
        )
    return rows_of(Membership, [{"tenant_id": work.tenant.id, **row} for row in rows])
