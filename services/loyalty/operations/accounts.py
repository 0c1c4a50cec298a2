"""Members' accounts: opened under a lock and settled, read without one, and saved."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from chassis import Event, NotFound, Work, uuid7
from services.loyalty.account import EVER, Account, Hold, Lot, Settled
from services.loyalty.model import Lot as LotRow
from services.loyalty.model import PointsEntry, Wallet
from services.loyalty.operations.facts import PointsActivated, PointsExpired, PointsReleased


async def open_account(work: Work, membership_id: UUID, *, purchase_id: UUID | None = None) -> Account:
    """A member's account, locked and settled; with the lots of a purchase also when they are used up.

    Raises NotFound.
    """
    await work.get(Wallet, membership_id, lock=True)
    (account,) = await _load(work, [membership_id], purchase_id)
    await _settle(work, [account])
    return account


async def open_accounts_to_credit(work: Work, membership_ids: Sequence[UUID]) -> list[Account]:
    """Accounts, locked in the order of their ids and settled; lots and holds only of those that had something due."""
    locked = await work.fetch(
        "select id, pending, available, reserved, debt, due_at, settled_at from wallet where id = any($1) order by id "
        "for no key update",
        membership_ids,
    )
    due = [row["id"] for row in locked if row["due_at"] is not None and row["due_at"] <= work.now]
    accounts = [
        Account(
            membership_id=row["id"],
            pending=row["pending"],
            available=row["available"],
            reserved=row["reserved"],
            debt=row["debt"],
            due_at=row["due_at"],
            settled_at=row["settled_at"] or EVER,
            whole=False,
        )
        for row in locked
        if row["id"] not in due
    ]
    accounts += await _load(work, due)
    await _settle(work, accounts)
    return accounts


async def read_account(work: Work, membership_id: UUID) -> Account:
    """A member's account as it is by now, to be looked at: nothing is locked and nothing saved. Raises NotFound."""
    found = await _load(work, [membership_id])
    if not found:
        raise NotFound
    found[0].settle(work.now)
    return found[0]


async def save(work: Work, *accounts: Account) -> None:
    """Writes what has happened to accounts since they were opened: entries, lots, wallets, and the ends of holds."""
    await announce(work, *accounts)
    moved = [account for account in accounts if account.moves or account.next_due() != account.due_at]
    await work.insert_all(PointsEntry, [entry for account in moved for entry in _entries(work, account)])
    await work.insert_all(LotRow, [_lot_row(account, lot) for account in moved for lot in account.new_lots()])
    changed = [lot for account in moved for lot in account.changed_lots()]
    if changed:
        await work.execute(
            "update lot set pending = now.pending, remaining = now.remaining, expired = now.expired "
            "from unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::bigint[]) as now(id, pending, remaining, expired) "
            "where lot.id = now.id",
            [lot.id for lot in changed],
            *(list(column) for column in zip(*(lot.state for lot in changed), strict=True)),
        )
    if moved:
        await work.execute(
            "update wallet set pending = now.pending, available = now.available, reserved = now.reserved, "
            "debt = now.debt, due_at = now.due_at, settled_at = now.settled_at from unnest($1::uuid[], $2::bigint[], "
            "$3::bigint[], $4::bigint[], $5::bigint[], $6::timestamptz[], $7::timestamptz[]) "
            "as now(id, pending, available, reserved, debt, due_at, settled_at) "
            "where wallet.id = now.id",
            [account.membership_id for account in moved],
            [account.pending for account in moved],
            [account.available for account in moved],
            [account.reserved for account in moved],
            [account.debt for account in moved],
            [account.next_due() for account in moved],
            [account.settled_at for account in moved],
        )


async def _load(work: Work, membership_ids: Sequence[UUID], purchase_id: UUID | None = None) -> list[Account]:
    """Accounts with every lot and hold that can still change, each by one statement and so at one moment."""
    if not membership_ids:
        return []
    found = await work.fetch(_ACCOUNT, membership_ids, purchase_id)
    return [_account_of(row) for row in found]


_ACCOUNT = """
    select wallet.id, pending, available, reserved, debt, due_at, settled_at,
           array(
               select json_build_object(
                   'id', lot.id, 'source_id', source_id, 'original', original, 'activates_at', activates_at,
                   'expires_at', expires_at, 'pending', lot.pending, 'remaining', remaining, 'expired', expired)
               from lot where lot.id = any(array(
                   select id from lot as open where open.membership_id = wallet.id and open.pending + open.remaining > 0
                   union select id from lot as own where own.membership_id = wallet.id and own.source_id = $2
                   union select lot_id from lot_allocation join redemption on redemption.id = redemption_id
                         where redemption.membership_id = wallet.id and state = 'reserved'
               ))
           ) as lots,
           array(
               select json_build_object('id', redemption.id, 'ends_at', hold_ends_at, 'taken', array(
                   select json_build_array(lot_id, lot_allocation.points) from lot_allocation
                   where redemption_id = redemption.id
               ))
               from redemption where redemption.membership_id = wallet.id and state = 'reserved'
           ) as holds
    from wallet where wallet.id = any($1) order by wallet.id
"""


def _account_of(row: Mapping[str, Any]) -> Account:
    lots = [
        Lot(
            id=UUID(lot["id"]),
            source_id=UUID(lot["source_id"]),
            original=lot["original"],
            activates_at=datetime.fromisoformat(lot["activates_at"]),
            expires_at=datetime.fromisoformat(lot["expires_at"]) if lot["expires_at"] else None,
            pending=lot["pending"],
            remaining=lot["remaining"],
            expired=lot["expired"],
        )
        for lot in row["lots"]
    ]
    holds = [
        Hold(
            id=UUID(hold["id"]),
            ends_at=datetime.fromisoformat(hold["ends_at"]),
            taken=tuple((UUID(lot_id), points) for lot_id, points in hold["taken"]),
        )
        for hold in row["holds"]
    ]
    return Account(
        membership_id=row["id"],
        pending=row["pending"],
        available=row["available"],
        reserved=row["reserved"],
        debt=row["debt"],
        due_at=row["due_at"],
        settled_at=row["settled_at"] or EVER,
        lots={lot.id: lot for lot in lots},
        holds={hold.id: hold for hold in holds},
    )


async def _settle(work: Work, accounts: Sequence[Account]) -> None:
    """Applies what is due by now, and marks the holds that are over by it."""
    for account in accounts:
        account.settle(work.now)
    over = [one.source_id for account in accounts for one in account.settled if one.what == "released"]
    if over:
        await work.execute(
            "update redemption set state = 'expired', version = version + 1, updated_at = $2 where id = any($1)",
            over,
            work.now,
        )
    await announce(work, *accounts)


async def announce(work: Work, *accounts: Account) -> None:
    """Publishes what came due by itself, once."""
    news = [(account, one) for account in accounts for one in account.settled]
    if news:
        members = await work.fetch(
            "select id, customer_id from membership where id = any($1)", [account.membership_id for account, _ in news]
        )
        customers = {member["id"]: member["customer_id"] for member in members}
        for account, one in news:
            work.publish(_event_of(customers[account.membership_id], account.membership_id, one))
    for account in accounts:
        account.settled.clear()


def _event_of(customer_id: UUID, membership_id: UUID, one: Settled) -> Event:
    if one.what == "activated":
        return PointsActivated(
            customer_id=customer_id,
            membership_id=membership_id,
            lot_id=one.source_id,
            points=one.points,
            debt_paid=one.debt_paid,
            available=one.available,
            activated_at=one.at,
        )
    if one.what == "expired":
        return PointsExpired(
            customer_id=customer_id,
            membership_id=membership_id,
            lot_id=one.source_id,
            points=one.points,
            available=one.available,
            expired_at=one.at,
        )
    return PointsReleased(
        customer_id=customer_id,
        membership_id=membership_id,
        redemption_id=one.source_id,
        points=one.points,
        debt_paid=one.debt_paid,
        expired=one.expired,
        available=one.available,
        reason="expired",
    )


def _entries(work: Work, account: Account) -> list[dict[str, Any]]:
    return [
        {
            "id": uuid7(),
            "membership_id": account.membership_id,
            "kind": move.reason.kind,
            "from_bucket": move.from_bucket,
            "to_bucket": move.to_bucket,
            "points": move.points,
            "source_type": move.reason.source_type,
            "source_id": str(move.reason.source_id),
            "rule_id": move.reason.rule_id,
            "rule_version": move.reason.rule_version,
            "occurred_at": move.reason.at,
            "recorded_at": work.now,
        }
        for move in account.moves
    ]


def _lot_row(account: Account, lot: Lot) -> dict[str, Any]:
    return {
        "id": lot.id,
        "membership_id": account.membership_id,
        "source_id": lot.source_id,
        "original": lot.original,
        "pending": lot.pending,
        "remaining": lot.remaining,
        "expired": lot.expired,
        "activates_at": lot.activates_at,
        "expires_at": lot.expires_at,
    }
