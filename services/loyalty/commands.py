"""Commands of the loyalty service: `rapport loyalty undo-expiry`."""

import asyncio
import sys
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated
from uuid import UUID

import typer
from asyncpg import Pool
from pydantic import TypeAdapter, ValidationError
from rich.console import Console
from rich.table import Table

from chassis import LATEST, Caller, Instant, Tenant, UnitOfWork
from chassis.cli.main import settings_for
from chassis.db.pool import open_pool
from chassis.db.transaction import Transaction
from chassis.messaging.tenants import ALL_TENANTS, tenant_from_row
from services.loyalty.points.adjustments import restore_expired_points
from services.loyalty.points.queries.lots import Period, select_members_to_restore
from services.loyalty.settings import Settings

ACTOR = "command"
loyalty_commands = typer.Typer(help="Repair the points of members.", no_args_is_help=True)
groups = {"loyalty": loyalty_commands}


@loyalty_commands.callback()
def loyalty() -> None:
    """Repair the points of members."""


@loyalty_commands.command("undo-expiry")
def undo_expiry(
    tenant: Annotated[str, typer.Option(help="The tenant's name or id.")],
    since: Annotated[str, typer.Option(help="Only expiries that were recorded from this time on: RFC 3339.")],
    reason: Annotated[str, typer.Option(help="The reason, which the adjustments and the audit log contain.")],
    until: Annotated[str | None, typer.Option(help="Only expiries that were recorded before this time.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show the points; change nothing.")] = False,
) -> None:
    """Restore points that a clock which was ahead let expire: those whose expiry is still to come.

    Each expiry is undone once, by an adjustment. Times are those of the clock that recorded the expiries.
    """
    recorded = Period(_moment("--since", since), _moment("--until", until) if until else LATEST)
    table = Table("membership", "points")
    members, points = asyncio.run(_undo(tenant, recorded, reason, table, dry_run=dry_run))
    if members:
        Console(width=None if sys.stdout.isatty() else 120).print(table)
    print(f"{'would restore' if dry_run else 'restored'} {points} points of {members} members", file=sys.stderr)


def _moment(option: str, text: str) -> datetime:
    try:
        moment: datetime = TypeAdapter(Instant).validate_python(text)
    except ValidationError:
        raise typer.BadParameter(f"{option} must be a time with an offset, such as 2026-01-31T10:00:00Z") from None
    return moment


async def _undo(name_or_id: str, recorded: Period, reason: str, table: Table, *, dry_run: bool) -> tuple[int, int]:
    """Restore the points, or only list them. Returns the number of members and points."""
    settings = settings_for("loyalty", Settings)
    assert settings.worker_database_url is not None, "WORKER_DATABASE_URL is required"
    members = total = 0
    async with await open_pool(settings.worker_database_url, settings, size=1) as pool:
        caller = Caller(await _find_tenant(pool, name_or_id), ACTOR, frozenset())
        async with Transaction(pool, caller, writes=False) as reading:
            affected = await select_members_to_restore(UnitOfWork(reading), recorded)
        for member in affected:
            points = member.points
            if not dry_run:
                points = sum([part async for part in _restore(pool, caller, member.membership_id, recorded, reason)])
            table.add_row(str(member.membership_id), str(points))
            members, total = members + 1, total + points
    return members, total


async def _restore(
    pool: Pool, caller: Caller, membership_id: UUID, recorded: Period, reason: str
) -> AsyncIterator[int]:
    """Restore the points of a member, in a transaction for each batch. Yields how many it restored."""
    while True:
        async with Transaction(pool, caller) as transaction:
            points = await restore_expired_points(UnitOfWork(transaction), membership_id, recorded, reason)
        if points is None:
            return
        yield points


async def _find_tenant(pool: Pool, name_or_id: str) -> Tenant:
    tenants = [tenant_from_row(row) for row in await pool.fetch(ALL_TENANTS)]
    chosen = [tenant for tenant in tenants if name_or_id in (tenant.name, str(tenant.id))]
    if len(chosen) != 1:
        problem = "no tenant has" if not chosen else "several tenants have"
        print(f"{problem} the name or id {name_or_id}", file=sys.stderr)
        raise typer.Exit(1)
    return chosen[0]
