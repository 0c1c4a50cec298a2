"""Members' accounts: opened under a lock and settled, read without a lock, and saved."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from typing_extensions import TypedDict

from chassis import Command, NotFound, Query, Work, uuid7
from services.loyalty.points import tables
from services.loyalty.points.queries.events import MemberEvent, PointsActivated, PointsExpired, PointsReleased
from services.loyalty.points.rules.account import DISTANT_PAST, Account, DueEffect, Hold, Lot, Move


async def open_account(work: Work, membership_id: UUID, *, purchase_id: UUID | None = None) -> Account:
    """Lock and settle a member's account. Raises NotFound.

    It contains every lot and hold that can still change, and every lot of the purchase, even if it is used up.
    """
    # A statement of its own: only a later statement sees what the previous owner of the lock has committed.
    await work.get(tables.Wallet, membership_id, for_update=True)
    (account,) = await _load(work, [membership_id], purchase_id)
    await _settle(work, [account])
    return account


async def open_accounts_for_credit(work: Work, wallets: Sequence["WalletRow"]) -> list[Account]:
    """Settle the accounts of wallets that this transaction has locked.

    Lots and holds are loaded only for accounts that have something due. A credit needs them for nothing else.
    """
    accounts = await _to_accounts(work, wallets)
    await _settle(work, accounts)
    return accounts


def open_new_account(work: Work, membership_id: UUID) -> Account:
    """Return the account of a membership that this transaction has inserted."""
    account = Account(membership_id)
    account.settle(work.now)
    return account


async def read_account(work: Work, membership_id: UUID) -> Account:
    """Return a member's account as settled now, without locking or saving it. Raises NotFound."""
    accounts = await _load(work, [membership_id])
    if not accounts:
        raise NotFound
    accounts[0].settle(work.now)
    return accounts[0]


async def read_accounts(work: Work, membership_ids: Sequence[UUID]) -> dict[UUID, Account]:
    """Return accounts by membership id, as settled now, without locking or saving them."""
    accounts = await _to_accounts(work, await work.select(_WALLETS, membership_ids=list(membership_ids)))
    for account in accounts:
        account.settle(work.now)
    return {account.membership_id: account for account in accounts}


async def save(work: Work, *accounts: Account) -> None:
    """Write the changes of accounts since they were opened: entries, lots and wallets."""
    await publish_due_effects(work, *accounts)
    moved = [account for account in accounts if account.moves or account.next_due() != account.due_at]
    await work.insert_many(
        tables.PointsEntry, [_entry_row(work, account, move) for account in moved for move in account.moves]
    )
    await work.insert_many(tables.Lot, [_lot_row(account, lot) for account in moved for lot in account.new_lots()])
    await work.update_many(tables.Lot, [_lot_changes(lot) for account in moved for lot in account.changed_lots()])
    await work.update_many(tables.Wallet, [_wallet_changes(account) for account in moved])


async def publish_due_effects(work: Work, *accounts: Account) -> None:
    """Publish the effects of time that have not been published yet."""
    effects = [(account, effect) for account in accounts for effect in account.due_effects]
    if effects:
        membership_ids = [account.membership_id for account, _ in effects]
        members = {row.membership_id: row for row in await work.select(_MEMBERS, membership_ids=membership_ids)}
        for account, effect in effects:
            work.publish(_to_event(members[account.membership_id], effect))
    for account in accounts:
        account.due_effects.clear()


async def _settle(work: Work, accounts: Sequence[Account]) -> None:
    """Apply the effects that are due now, and mark the holds that they ended."""
    for account in accounts:
        account.settle(work.now)
    ended = [effect.source_id for account in accounts for effect in account.due_effects if effect.kind == "released"]
    if ended:
        await work.execute(_EXPIRE_HOLDS, redemption_ids=ended, now=work.now)
    await publish_due_effects(work, *accounts)


# Reading


@dataclass(frozen=True, slots=True)
class WalletRow:
    """A wallet."""

    id: UUID
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


class HoldDocument(TypedDict):
    """A hold, as JSON."""

    id: str
    ends_at: str
    allocations: list[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class AccountRow(WalletRow):
    """A wallet with every lot and hold that can still change."""

    lots: list[LotDocument]
    holds: list[HoldDocument]


@dataclass(frozen=True, slots=True)
class MemberRow:
    """The keys of a member's events."""

    customer_id: UUID
    membership_id: UUID


async def _load(work: Work, membership_ids: Sequence[UUID], purchase_id: UUID | None = None) -> list[Account]:
    if not membership_ids:
        return []
    rows = await work.select(_ACCOUNTS, membership_ids=list(membership_ids), purchase_id=purchase_id)
    return [_to_account(row, map(_to_lot, row.lots), map(_to_hold, row.holds), is_complete=True) for row in rows]


async def _to_accounts(work: Work, wallets: Sequence[WalletRow]) -> list[Account]:
    """Return the accounts of wallets, with lots and holds only if something is due."""
    due = [wallet.id for wallet in wallets if _is_due(wallet, work.now)]
    accounts = [_to_account(wallet, is_complete=False) for wallet in wallets if not _is_due(wallet, work.now)]
    return accounts + await _load(work, due)


def _is_due(wallet: WalletRow, now: datetime) -> bool:
    return wallet.due_at is not None and wallet.due_at <= now


def _to_account(
    wallet: WalletRow, lots: Iterable[Lot] = (), holds: Iterable[Hold] = (), *, is_complete: bool
) -> Account:
    return Account(
        membership_id=wallet.id,
        pending=int(wallet.pending),
        available=int(wallet.available),
        reserved=int(wallet.reserved),
        debt=int(wallet.debt),
        due_at=wallet.due_at,
        settled_at=wallet.settled_at or DISTANT_PAST,
        lots={lot.id: lot for lot in lots},
        holds={hold.id: hold for hold in holds},
        is_complete=is_complete,
    )


def _to_lot(document: LotDocument) -> Lot:
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
    )


def _to_hold(document: HoldDocument) -> Hold:
    return Hold(
        id=UUID(document["id"]),
        ends_at=datetime.fromisoformat(document["ends_at"]),
        allocations=tuple((UUID(lot_id), points) for lot_id, points in document["allocations"]),
    )


_WALLETS = Query(
    WalletRow,
    "select id, pending, available, reserved, debt, due_at, settled_at from wallet where id = any(:membership_ids)",
)

# A single statement is a single snapshot: a wallet and its lots must not be read on two sides of a concurrent commit.
_ACCOUNTS = Query(
    AccountRow,
    """
    select wallet.id, pending, available, reserved, debt, due_at, settled_at,
           array(
               select json_build_object(
                   'id', lot.id, 'source_id', source_id, 'original', original, 'activates_at', activates_at,
                   'expires_at', expires_at, 'pending', lot.pending, 'remaining', remaining, 'expired', expired)
               from lot where lot.id = any(array(
                   select id from lot as open where open.membership_id = wallet.id and open.pending + open.remaining > 0
                   union select id from lot as own where own.membership_id = wallet.id and own.source_id = :purchase_id
                   union select lot_id from lot_allocation join redemption on redemption.id = redemption_id
                         where redemption.membership_id = wallet.id and state = 'reserved'
               ))
           ) as lots,
           array(
               select json_build_object('id', redemption.id, 'ends_at', hold_ends_at, 'allocations', array(
                   select json_build_array(lot_id, lot_allocation.points) from lot_allocation
                   where redemption_id = redemption.id
               ))
               from redemption where redemption.membership_id = wallet.id and state = 'reserved'
           ) as holds
    from wallet where wallet.id = any(:membership_ids) order by wallet.id
    """,
)

_MEMBERS = Query(MemberRow, "select customer_id, id as membership_id from membership where id = any(:membership_ids)")


# Writing

_EXPIRE_HOLDS = Command(
    """
    update redemption set state = 'expired', version = version + 1, updated_at = :now
    where id = any(:redemption_ids)
    """
)


def _entry_row(work: Work, account: Account, move: Move) -> dict[str, object]:
    return {
        "id": uuid7(),
        "membership_id": account.membership_id,
        "kind": move.reason.kind,
        "from_bucket": move.from_bucket,
        "to_bucket": move.to_bucket,
        "points": move.points,
        "source_type": move.reason.source_type,
        "source_id": move.reason.source_id,
        "rule_id": move.reason.rule_id,
        "rule_version": move.reason.rule_version,
        "occurred_at": move.reason.at,
        "recorded_at": work.now,
    }


def _lot_row(account: Account, lot: Lot) -> dict[str, object]:
    return _lot_changes(lot) | {
        "membership_id": account.membership_id,
        "source_id": lot.source_id,
        "original": lot.original,
        "activates_at": lot.activates_at,
        "expires_at": lot.expires_at,
    }


def _lot_changes(lot: Lot) -> dict[str, object]:
    return {"id": lot.id, "pending": lot.pending, "remaining": lot.remaining, "expired": lot.expired}


def _wallet_changes(account: Account) -> dict[str, object]:
    return {
        "id": account.membership_id,
        "pending": account.pending,
        "available": account.available,
        "reserved": account.reserved,
        "debt": account.debt,
        "due_at": account.next_due(),
        "settled_at": account.settled_at,
    }


def _to_event(member: MemberRow, effect: DueEffect) -> MemberEvent:
    keys = {"customer_id": member.customer_id, "membership_id": member.membership_id}
    if effect.kind == "activated":
        return PointsActivated.from_row(effect, **keys, lot_id=effect.source_id, activated_at=effect.at)
    if effect.kind == "expired":
        return PointsExpired.from_row(effect, **keys, lot_id=effect.source_id, expired_at=effect.at)
    return PointsReleased.from_row(effect, **keys, redemption_id=effect.source_id, reason="expired")
