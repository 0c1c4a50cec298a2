"""The stored lots and holds of members: those that are due, those of a purchase, those that are spent first.

Each statement reads by an index, and no more rows than its operation changes. So its cost does not grow with the number
of a member's lots.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from typing_extensions import TypedDict

from chassis import Query, Work
from services.loyalty.points.rules.lots import Hold, Lot
from services.loyalty.points.rules.moves import DueKey


@dataclass(frozen=True, slots=True)
class WalletRow:
    """A wallet."""

    id: UUID
    version: int
    pending: Decimal
    available: Decimal
    reserved: Decimal
    debt: Decimal
    due_at: datetime | None
    settled_at: datetime | None


class LotDocument(TypedDict):
    """A lot, as JSON."""

    id: str
    source_id: str
    original: int
    activates_at: str
    expires_at: str | None
    pending: int
    remaining: int
    expired: int
    has_expired: bool


class HoldDocument(TypedDict):
    """A hold, as JSON."""

    id: str
    ends_at: str
    allocations: list[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class HoldRow:
    """A hold with its lots, and the next time at which any other lot or hold is due."""

    lots: list[LotDocument]
    holds: list[HoldDocument]
    rest_due_at: datetime | None


@dataclass(frozen=True, slots=True)
class DueRow(WalletRow):
    """A wallet with the lots and holds that are due, and the next time at which another is.

    `last` is the key of the last effect if there may be more.
    """

    lots: list[LotDocument]
    holds: list[HoldDocument]
    last: tuple[str, int, str, str] | None
    rest_due_at: datetime | None


@dataclass(frozen=True, slots=True)
class Period:
    """A half-open time [since, until)."""

    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class WrongExpiryRow:
    """Points of a lot that an entry let expire, although the lot expires later."""

    entry_id: UUID
    points: int
    lot: LotDocument


@dataclass(frozen=True, slots=True)
class MemberToRestoreRow:
    """How many points of a member expired before their time."""

    membership_id: UUID
    points: int


class TimeDocument(TypedDict):
    """Points that change at a time, as JSON."""

    at: str
    points: int


@dataclass(frozen=True, slots=True)
class BalanceRow(DueRow):
    """A wallet with what is due, and the points of its other lots by the time at which they become due."""

    merged_into: UUID | None
    """The membership that has the points of this one."""
    activating: list[TimeDocument]
    expiring: list[TimeDocument]


async def select_due(work: Work, membership_ids: Sequence[UUID], limit: int | None) -> list[DueRow]:
    """Return wallets with what is due, at most so many effects of each."""
    if not membership_ids:
        return []
    return await work.select(_DUE, membership_ids=list(membership_ids), now=work.now, limit=limit)


async def select_balance(work: Work, membership_id: UUID, times: int) -> list[BalanceRow]:
    """Return a wallet with what is due, and the next times at which points change, at most so many."""
    return await work.select(_BALANCE, membership_ids=[membership_id], now=work.now, limit=None, times=times)


async def select_purchase_lots(work: Work, membership_id: UUID, purchase_id: UUID) -> list[Lot]:
    """Return every lot of a purchase, even if it is used up."""
    return [
        to_lot(document)
        for document in await work.select(_PURCHASE_LOTS, membership_id=membership_id, purchase_id=purchase_id)
    ]


async def select_hold(work: Work, membership_id: UUID, redemption_id: UUID) -> HoldRow:
    """Return a hold with its lots."""
    (row,) = await work.select(_HOLD_WITH_LOTS, membership_id=membership_id, redemption_id=redemption_id, now=work.now)
    return row


async def select_wrong_expiries(work: Work, membership_id: UUID, recorded: Period, limit: int) -> list[WrongExpiryRow]:
    """Return the points of a member that expired before their time, by entry, at most so many and whole entries."""
    return await work.select(
        _WRONG_EXPIRIES,
        membership_id=membership_id,
        since=recorded.since,
        until=recorded.until,
        now=work.now,
        limit=limit,
    )


async def select_members_to_restore(work: Work, recorded: Period) -> list[MemberToRestoreRow]:
    """Return the members whose points expired before their time, with how many."""
    return await work.select(_MEMBERS_TO_RESTORE, since=recorded.since, until=recorded.until, now=work.now)


async def select_spendable_lots(work: Work, membership_id: UUID, limit: int) -> list[Lot]:
    """Return the first lots in the order of spending."""
    return [to_lot(document) for document in await work.select(_SPENDABLE, membership_id=membership_id, limit=limit)]


def to_lot(document: LotDocument) -> Lot:
    """Return a stored lot as a plain value."""
    expires_at = document["expires_at"]
    return Lot(
        id=UUID(document["id"]),
        source_id=UUID(document["source_id"]),
        original=document["original"],
        activates_at=datetime.fromisoformat(document["activates_at"]),
        expires_at=datetime.fromisoformat(expires_at) if expires_at else None,
        pending=document["pending"],
        remaining=document["remaining"],
        expired=document["expired"],
        has_expired=document["has_expired"],
    )


def to_hold(document: HoldDocument) -> Hold:
    """Return a stored hold as a plain value."""
    return Hold(
        id=UUID(document["id"]),
        ends_at=datetime.fromisoformat(document["ends_at"]),
        allocations=tuple((UUID(lot_id), points) for lot_id, points in document["allocations"]),
    )


def to_due_key(last: tuple[str, int, str, str]) -> DueKey:
    """Return the place of an effect in the order of due effects."""
    at, kind, order, id = last
    return datetime.fromisoformat(at), kind, datetime.fromisoformat(order), UUID(id)


def to_points_by_time(times: Sequence[TimeDocument]) -> dict[datetime, int]:
    """Return points by the time at which they change."""
    return {datetime.fromisoformat(time["at"]): time["points"] for time in times}


# SQL. A lot without points that can still be spent may have expired before: its entry says so. PostgreSQL could read
# every expiry of the tenant for an EXISTS here, but not for an aggregate.

_LOT = """
    json_build_object(
        'id', lot.id, 'source_id', lot.source_id, 'original', original, 'activates_at', activates_at,
        'expires_at', expires_at, 'pending', lot.pending, 'remaining', remaining, 'expired', expired,
        'has_expired', lot.pending + remaining = 0 and (
            select count(*) > 0 from points_entry as entry
            where entry.membership_id = lot.membership_id and source_type = 'lot' and entry.source_id = lot.id::text
            and kind = 'expire'))
"""

_HOLD = """
    json_build_object('id', redemption.id, 'ends_at', hold_ends_at, 'allocations', array(
        select json_build_array(lot_id, lot_allocation.points) from lot_allocation
        where redemption_id = redemption.id))
"""


def _rest_due_at(membership_id: str, holds: str = "true") -> str:
    """Return SQL for the next time at which a lot or a hold is due, of those that are not due yet."""
    return f"""
        least(
            (select activates_at from lot where membership_id = {membership_id} and lot.pending > 0
             and activates_at > :now order by activates_at limit 1),
            (select expires_at from lot where membership_id = {membership_id} and remaining > 0
             and expires_at > :now order by expires_at limit 1),
            (select hold_ends_at from redemption where membership_id = {membership_id} and state = 'reserved'
             and hold_ends_at > :now and {holds} order by hold_ends_at limit 1))
    """


_WALLETS_WITH_DUE = f"""
    select wallet.id, wallet.version, pending, available, reserved, debt, due_at, settled_at, due.last,
           array(select {_LOT} from lot where lot.id = any(due.lots || array(
               select lot_id from lot_allocation where redemption_id = any(due.holds)))) as lots,
           array(select {_HOLD} from redemption where redemption.id = any(due.holds)) as holds,
           {_rest_due_at("wallet.id")} as rest_due_at
           {{columns}}
    from wallet, lateral (
        select coalesce(array_agg(id) filter (where kind < 2), '{{{{}}}}') as lots,
               coalesce(array_agg(id) filter (where kind = 2), '{{{{}}}}') as holds,
               (array_agg(json_build_array(at, kind, tie, id) order by at, kind, tie, id))[:limit::int] as last
        from (
            (select 0 as kind, activates_at as at, activates_at as tie, lot.id from lot
             where membership_id = wallet.id and lot.pending > 0 and activates_at <= :now
             order by activates_at, lot.id limit :limit::int)
            union all
            (select 1, expires_at, activates_at, lot.id from lot
             where membership_id = wallet.id and remaining > 0 and expires_at <= :now
             order by expires_at, activates_at, lot.id limit :limit::int)
            union all
            (select 2, hold_ends_at, hold_ends_at, redemption.id from redemption
             where membership_id = wallet.id and state = 'reserved' and hold_ends_at <= :now
             order by hold_ends_at, redemption.id limit :limit::int)
            order by at, kind, tie, id limit :limit::int
        ) as effect
    ) as due
    where wallet.id = any(:membership_ids) order by wallet.id
"""

_DUE = Query(DueRow, _WALLETS_WITH_DUE.format(columns=""))

_BALANCE = Query(
    BalanceRow,
    _WALLETS_WITH_DUE.format(
        columns=""", wallet.merged_into,
           array(
               select json_build_object('at', activates_at, 'points', sum(lot.pending)) from lot
               where membership_id = wallet.id and lot.pending > 0 and activates_at > :now
               group by activates_at order by activates_at limit :times
           ) as activating,
           array(
               select json_build_object('at', expires_at, 'points', sum(remaining)) from lot
               where membership_id = wallet.id and remaining > 0 and expires_at > :now
               group by expires_at order by expires_at limit :times
           ) as expiring
        """
    ),
)

_PURCHASE_LOTS = Query(
    LotDocument, f"select {_LOT} from lot where membership_id = :membership_id and lot.source_id = :purchase_id"
)

_HOLD_WITH_LOTS = Query(
    HoldRow,
    f"""
    select array(select {_LOT} from lot where lot.id = any(array(
               select lot_id from lot_allocation where redemption_id = :redemption_id))) as lots,
           array(select {_HOLD} from redemption where redemption.id = :redemption_id) as holds,
           {_rest_due_at(":membership_id", holds="redemption.id <> :redemption_id")} as rest_due_at
    """,
)

_SPENDABLE = Query(
    LotDocument,
    f"""
    select {_LOT} from lot where membership_id = :membership_id and remaining > 0
    order by expires_at, activates_at, lot.id limit :limit
    """,
)

# A lot expires by an entry of its own, or held points expire when they are released. These entries were recorded
# within the period, by a clock that was ahead of the expiry of their lots, and no adjustment has undone them yet.
_WRONGLY_EXPIRED = """
    select entry.id as entry_id, entry.membership_id, entry.points, lot.id as lot_id
    from points_entry as entry join lot on lot.id = entry.source_id::uuid
    where entry.kind = 'expire' and {entries} and lot.expires_at > :now and lot.expired > 0
    union all
    select entry.id, entry.membership_id, lot_allocation.points, lot.id
    from points_entry as entry
    join lot_allocation on redemption_id = entry.source_id::uuid
    join lot on lot.id = lot_id and lot.expires_at <= entry.occurred_at
    where entry.kind = 'release' and entry.to_bucket = 'expired' and {entries}
    and lot.expires_at > :now and lot.expired > 0
"""
_RECORDED = """
    entry.recorded_at >= :since and entry.recorded_at < :until
    and not exists(select from points_adjustment where points_adjustment.id = entry.id)
"""

_WRONG_EXPIRIES = Query(
    WrongExpiryRow,
    f"""
    select entry_id, wrong.points, {_LOT} as lot
    from ({_WRONGLY_EXPIRED.format(entries=f"entry.membership_id = :membership_id and {_RECORDED}")}) as wrong
    join lot on lot.id = lot_id
    order by entry_id fetch first (:limit::int) rows with ties
    """,
)

_MEMBERS_TO_RESTORE = Query(
    MemberToRestoreRow,
    f"""
    select wrong.membership_id, sum(least(wrong.points, lot.expired))::bigint as points
    from ({_WRONGLY_EXPIRED.format(entries=_RECORDED)}) as wrong join lot on lot.id = lot_id
    group by wrong.membership_id order by wrong.membership_id
    """,
)
