"""Member balances: the points of each membership, as loyalty announces them, so that an agent card shows them.

Every event about points has the balance after it and the version of the membership. The highest version holds, so the
order of arrival does not matter.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel

from chassis import Command, Feature, IncomingEvent, Work
from services.interactions.overview import tables

feature = Feature("member-balances")


class Points(BaseModel):
    """The points of a membership by bucket."""

    pending: int
    available: int
    reserved: int
    debt: int


class BalanceChanged(IncomingEvent):
    """The fields that every event about a membership has."""

    membership_id: UUID
    customer_id: UUID
    program_id: UUID | None = None
    version: int = 0
    occurred_at: datetime | None = None
    balance: Points | None = None
    """The points after the event. Events of the first release lack it, and are passed over."""


class MemberJoined(BalanceChanged, type="loyalty.member_joined.v1"):
    """A customer became a member."""


class PointsEarned(BalanceChanged, type="loyalty.points_earned.v1"):
    """A purchase earned points."""


class PointsActivated(BalanceChanged, type="loyalty.points_activated.v1"):
    """Pending points can be spent."""


class PointsReserved(BalanceChanged, type="loyalty.points_reserved.v1"):
    """A redemption holds points."""


class PointsRedeemed(BalanceChanged, type="loyalty.points_redeemed.v1"):
    """Points were spent."""


class PointsReleased(BalanceChanged, type="loyalty.points_released.v1"):
    """A redemption released its points."""


class PointsReversed(BalanceChanged, type="loyalty.points_reversed.v1"):
    """A refund reversed points."""


class PointsExpired(BalanceChanged, type="loyalty.points_expired.v1"):
    """Points expired."""


class PointsAdjusted(BalanceChanged, type="loyalty.points_adjusted.v1"):
    """An employee adjusted points."""


class PointsTransferred(BalanceChanged, type="loyalty.points_transferred.v1"):
    """A merge transferred points."""


async def store_balances(work: Work, changes: Sequence[BalanceChanged]) -> None:
    """Store the last balance of each membership. A late event changes nothing."""
    last: dict[UUID, BalanceChanged] = {}
    for change in (each for each in changes if each.balance is not None):
        stored = last.get(change.membership_id)
        if stored is None or change.version > stored.version:
            last[change.membership_id] = change
    stored_now = await work.insert_many_or_ignore(tables.MemberBalance, [_to_columns(last[id]) for id in sorted(last)])
    known = [_to_columns(last[id]) for id in sorted(last.keys() - stored_now)]
    if known:
        await work.execute(_UPDATE, **{name: [row[name] for row in known] for name in _UPDATED})


for change in (
    MemberJoined,
    PointsEarned,
    PointsActivated,
    PointsReserved,
    PointsRedeemed,
    PointsReleased,
    PointsReversed,
    PointsExpired,
    PointsAdjusted,
    PointsTransferred,
):
    feature.on_batch(change)(store_balances)


def _to_columns(change: BalanceChanged) -> dict[str, Any]:
    return {
        "id": change.membership_id,
        "customer_id": change.customer_id,
        "program_id": change.program_id,
        "version": change.version,
        **(change.balance.model_dump() if change.balance else {}),
        "as_of": change.occurred_at,
    }


_UPDATED = ("id", "version", "pending", "available", "reserved", "debt", "as_of")
# The customer of a stored membership stays: a merge moves it.
_UPDATE = Command(
    """
    update member_balance as stored
    set version = sent.version, pending = sent.pending, available = sent.available, reserved = sent.reserved,
        debt = sent.debt, as_of = sent.as_of
    from unnest(
        :id::uuid[], :version::bigint[], :pending::bigint[], :available::bigint[], :reserved::bigint[],
        :debt::bigint[], :as_of::timestamptz[]
    ) as sent(id, version, pending, available, reserved, debt, as_of)
    where stored.id = sent.id and stored.version < sent.version
    """
)
