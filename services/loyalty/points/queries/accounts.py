"""Members' accounts: opened under a lock and settled, read without a lock, and saved."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from chassis import NotFound, Query, Work, uuid7
from services.loyalty.points import tables
from services.loyalty.points.queries import lots
from services.loyalty.points.queries.events import (
    PointsActivated,
    PointsEvent,
    PointsExpired,
    PointsReleased,
    publish_points,
)
from services.loyalty.points.queries.lots import DueRow, WalletRow, to_due_key, to_hold, to_lot, to_points_by_time
from services.loyalty.points.rules.account import JOINED_VERSION, Account
from services.loyalty.points.rules.lots import DISTANT_PAST, FIRST_SPENT, LAST_SPENT, Lot
from services.loyalty.points.rules.moves import DueEffect, DueKind, Move
from services.loyalty.points.rules.vocabulary import ReferenceType

SETTLING_BATCH = 500
"""Due effects of an account that are applied at once. They are written before the next are loaded."""
SPENDABLE_LOTS = 50
"""Lots that are loaded at first to take points from."""
MAX_DUE_TIMES = 100


@dataclass(frozen=True, slots=True)
class Balance:
    """An account as settled now, and its points by the next times at which they activate and expire."""

    account: Account
    activating: Counter[datetime]
    expiring: Counter[datetime]


@dataclass(frozen=True, slots=True)
class MemberRow:
    """The keys of a member's events."""

    membership_id: UUID
    customer_id: UUID
    program_id: UUID


async def open_account(work: Work, membership_id: UUID) -> Account:
    """Lock and settle a member's account. Raises NotFound.

    It contains the lots and holds that were due, and no others: load those that the operation needs.
    """
    # A statement of its own: only a later statement sees what the previous owner of the lock has committed.
    wallet = await work.get(tables.Wallet, membership_id, for_update=True)
    (account,) = await open_accounts(work, [wallet])
    return account


async def open_accounts(work: Work, wallets: Sequence[WalletRow | tables.Wallet]) -> list[Account]:
    """Return the settled accounts of wallets that this transaction has locked."""
    accounts = [_to_account(wallet) for wallet in wallets]
    due = accounts
    while due := await settle_batch(work, due):
        await save(work, *due)
        for account in due:
            account.unload()
    return accounts


def open_new_account(work: Work, membership_id: UUID) -> Account:
    """Return the account of a membership that this transaction has inserted."""
    account = Account(membership_id, JOINED_VERSION)
    account.settle(work.now)
    return account


async def settle_batch(work: Work, accounts: Sequence[Account]) -> list[Account]:
    """Apply a batch of due effects to each account, and mark the holds that ended. Returns those that have more.

    Save and unload these before the next batch, because it is read from what is stored.
    """
    due = [account.membership_id for account in accounts if account.is_due(work.now)]
    loaded = {row.id: row for row in await lots.select_due(work, due, SETTLING_BATCH)}
    for account in accounts:
        _settle(work, account, loaded.get(account.membership_id))
    ended = [effect.source_id for account in accounts for effect in account.due_effects if effect.kind == "released"]
    holds = await work.fetch(_EXPIRE_HOLDS, redemption_ids=ended, now=work.now) if ended else []
    references = {hold.id: hold.order_reference for hold in holds}
    await publish_due_effects(work, *accounts, order_references=references)
    return [account for account in accounts if account.is_due(work.now)]


async def settle_locked_account(work: Work, wallet: tables.Wallet) -> Account:
    """Return the account of a wallet that this transaction has locked, with a single batch of due effects applied."""
    account = _to_account(wallet)
    await settle_batch(work, [account])
    return account


async def load_purchase_lots(work: Work, account: Account, purchase_id: UUID) -> None:
    """Load every lot of a purchase, even if it is used up."""
    account.load(await lots.select_purchase_lots(work, account.membership_id, purchase_id))


async def load_hold(work: Work, account: Account, redemption_id: UUID) -> None:
    """Load a hold, and the lots that its points came from."""
    row = await lots.select_hold(work, account.membership_id, redemption_id)
    account.load(map(to_lot, row.lots), map(to_hold, row.holds))
    account.rest_due_at = row.rest_due_at


async def load_spendable_lots(work: Work, account: Account, points: int) -> None:
    """Load lots in the order of spending until they contain `points`, which is at most the available balance."""
    limit = SPENDABLE_LOTS
    while account.spendable_points() < points and account.spendable_through != LAST_SPENT:
        first = await lots.select_spendable_lots(work, account.membership_id, limit)
        account.load(first)
        account.spendable_through = first[-1].spend_order if len(first) == limit else LAST_SPENT
        limit *= 4


async def read_accounts(work: Work, membership_ids: Sequence[UUID]) -> dict[UUID, Account]:
    """Return accounts by membership id, as settled now, without locking or saving them."""
    wallets = await work.select(_WALLETS, membership_ids=list(membership_ids))
    accounts = {wallet.id: _to_account(wallet) for wallet in wallets}
    due = [account.membership_id for account in accounts.values() if account.is_due(work.now)]
    # A single statement is a single snapshot: a wallet and its lots must not be read on two sides of a commit.
    loaded = {row.id: row for row in await lots.select_due(work, due, None)}
    accounts |= {id: _to_account(row) for id, row in loaded.items()}
    for account in accounts.values():
        _settle_to_read(work, account, loaded.get(account.membership_id))
    return accounts


async def read_balance(work: Work, membership_id: UUID) -> Balance:
    """Return a member's points as settled now, without locking or saving them. Raises NotFound."""
    rows = await lots.select_balance(work, membership_id, MAX_DUE_TIMES)
    if rows and rows[0].merged_into is not None:
        return await read_balance(work, rows[0].merged_into)
    if not rows:
        raise NotFound
    account = _to_account(rows[0])
    _settle_to_read(work, account, rows[0])
    activating, expiring = (Counter(to_points_by_time(times)) for times in (rows[0].activating, rows[0].expiring))
    for lot in account.lots.values():
        if lot.expires_at is not None and lot.expires_at > work.now:
            expiring[lot.expires_at] += account.returned_points(lot)
    return Balance(account, activating, expiring)


async def save(work: Work, *accounts: Account) -> None:
    """Write the changes of accounts since they were opened: entries, lots and wallets."""
    await publish_due_effects(work, *accounts)
    moved = [account for account in accounts if account.has_changed]
    await work.insert_many(
        tables.PointsEntry, [_entry_row(work, account, move) for account in moved for move in account.moves]
    )
    await work.insert_many(tables.Lot, [_lot_row(account, lot) for account in moved for lot in account.new_lots()])
    await work.update_many(tables.Lot, [_lot_changes(lot) for account in moved for lot in account.changed_lots()])
    await work.update_many(tables.Wallet, [_wallet_changes(account) for account in moved])


async def publish_due_effects(
    work: Work, *accounts: Account, order_references: Mapping[UUID, str | None] | None = None
) -> None:
    """Publish the effects of time that have not been published yet. `order_references` are those of ended holds."""
    ids = [account.membership_id for account in accounts if account.due_effects]
    members = {row.membership_id: row for row in await work.select(_MEMBERS, membership_ids=ids)} if ids else {}
    for account in accounts:
        for effect in account.due_effects:
            _publish_due_effect(work, account, members[account.membership_id], effect, order_references or {})
        account.due_effects.clear()


# Reading


def _settle(work: Work, account: Account, row: DueRow | None) -> None:
    """Apply the effects that were loaded, or none if nothing is due."""
    if row is None:
        account.settle(work.now)
        return
    through = to_due_key(row.last) if row.last else None
    account.load(map(to_lot, row.lots), map(to_hold, row.holds))
    account.rest_due_at = through[0] if through else row.rest_due_at
    account.settle(work.now, through)


def _settle_to_read(work: Work, account: Account, row: DueRow | None) -> None:
    """Apply the effects that were loaded. The version is that of the last event that they will publish."""
    _settle(work, account, row)
    account.version += len(account.due_effects)


def _to_account(wallet: WalletRow | tables.Wallet) -> Account:
    return Account(
        membership_id=wallet.id,
        version=wallet.version,
        pending=int(wallet.pending),
        available=int(wallet.available),
        reserved=int(wallet.reserved),
        debt=int(wallet.debt),
        due_at=wallet.due_at,
        rest_due_at=wallet.due_at,
        settled_at=wallet.settled_at or DISTANT_PAST,
        spendable_through=FIRST_SPENT,
    )


_WALLETS = Query(
    WalletRow,
    """
    select id, version, pending, available, reserved, debt, due_at, settled_at from wallet
    where id = any(:membership_ids)
    """,
)
_MEMBERS = Query(
    MemberRow,
    "select id as membership_id, customer_id, program_id from membership where id = any(:membership_ids)",
)


# Writing


@dataclass(frozen=True, slots=True)
class EndedHoldRow:
    """A hold that ended, and the order for which points were held."""

    id: UUID
    order_reference: str | None


_EXPIRE_HOLDS = Query(
    EndedHoldRow,
    """
    update redemption set state = 'expired', version = version + 1, updated_at = :now
    where id = any(:redemption_ids) returning id, order_reference
    """,
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
        "version": account.version,
        "pending": account.pending,
        "available": account.available,
        "reserved": account.reserved,
        "debt": account.debt,
        "due_at": account.next_due(),
        "settled_at": account.settled_at,
    }


_EVENTS: dict[DueKind, type[PointsEvent]] = {
    "activated": PointsActivated,
    "expired": PointsExpired,
    "released": PointsReleased,
}


def _publish_due_effect(
    work: Work, account: Account, member: MemberRow, effect: DueEffect, order_references: Mapping[UUID, str | None]
) -> None:
    id = effect.source_id
    reference: tuple[ReferenceType, UUID] = ("lot", id)
    fields: dict[str, Any] = {"lot_id": id, f"{effect.kind}_at": effect.at}
    if effect.kind == "released":
        reference = ("redemption", id)
        fields = {"redemption_id": id, "order_reference": order_references[id], "reason": "expired"}
    publish_points(
        work,
        _EVENTS[effect.kind],
        effect,
        account=account,
        member=member,
        reference=reference,
        balance=effect.balance,
        occurred_at=effect.at,
        **fields,
    )
