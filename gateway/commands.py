"""Commands of the gateway: the first tenant and the first key come from here, never from a default secret."""

import asyncio
import secrets
import sys
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal
from uuid import UUID

import typer
from pydantic import ValidationError

from chassis.command import settings_for
from chassis.database import open_pool
from chassis.identity import Caller, new_key_pair
from chassis.ids import uuid7
from chassis.problems import Problem
from chassis.tenants import tenant_of
from chassis.work import Work, transaction
from gateway import contracts
from gateway.features import api_keys, tenants
from gateway.model import TenantRecord
from gateway.settings import Settings

ACTOR = "command"
tenant_commands = typer.Typer(help="Tenants: the companies that this Rapport serves.", no_args_is_help=True)
key_commands = typer.Typer(help="API keys.", no_args_is_help=True)
groups = {"tenants": tenant_commands, "keys": key_commands}


def env() -> None:
    """Give each empty value of an .env.example a new secret: `rapport env < .env.example > .env`."""
    private, public = new_key_pair()
    made = {
        "INTERNAL_TOKEN_PRIVATE_KEY": f"'{private}'",
        "INTERNAL_TOKEN_PUBLIC_KEY": f"'{public}'",
        "KAFKA_CLUSTER_ID": "r" + secrets.token_urlsafe(16)[1:],  # one that begins with "-" would read as an option
    }
    for line in sys.stdin.read().splitlines():
        name, equals, value = line.partition("=")
        is_empty = bool(equals) and not value and not line.startswith("#")
        print(f"{name}={made.get(name) or secrets.token_urlsafe(24)}" if is_empty else line)


commands = (env,)


@tenant_commands.command("create")
def create_tenant(
    name: str,
    sandbox: Annotated[bool, typer.Option("--sandbox", help="A sandbox, for trying things out.")] = False,
    timezone: Annotated[str, typer.Option(help="IANA name.")] = "UTC",
    currency: Annotated[str, typer.Option(help="ISO 4217 code.")] = "EUR",
    region: Annotated[str, typer.Option(help="The country that phone numbers are read for.")] = "NL",
) -> None:
    """Make a tenant; its id goes to standard output."""
    kind: Literal["live", "sandbox"] = "sandbox" if sandbox else "live"
    try:
        facts = tenants.TenantPatch(name=name, timezone=timezone, currency=currency, region=region)
    except ValidationError as error:
        for wrong in error.errors():
            print(f"{wrong['loc'][0]}: {wrong['msg'].removeprefix('Value error, ')}", file=sys.stderr)
        raise typer.Exit(2) from None
    print(asyncio.run(_create_tenant(kind, facts)))


@key_commands.command("create")
def create_key(
    tenant: Annotated[UUID, typer.Option(help="The tenant's id.")],
    scopes: Annotated[str | None, typer.Option(help="Scopes, comma separated.")] = None,
    all_scopes: Annotated[bool, typer.Option("--all-scopes", help="Every scope there is.")] = False,
    name: Annotated[str, typer.Option(help="What it is for.")] = "made by command",
    days: Annotated[int | None, typer.Option(help="Days until it expires.")] = None,
) -> None:
    """Make a key; it goes to standard output, once, and is stored as a hash only."""
    settings = _settings()
    known = contracts.scopes(settings.contracts)
    wanted = list(known) if all_scopes else [one.strip() for one in (scopes or "").split(",") if one.strip()]
    if not wanted:
        print(f"Name --scopes or --all-scopes. There are: {', '.join(known)}", file=sys.stderr)
        raise typer.Exit(2)
    expires_at = datetime.now(UTC) + timedelta(days=days) if days else None
    try:
        print(asyncio.run(_create_key(tenant, api_keys.NewKey(name=name, scopes=wanted, expires_at=expires_at))))
    except Problem as problem:
        print(problem.detail, file=sys.stderr)
        raise typer.Exit(1) from None


def _settings() -> Settings:
    return settings_for("gateway", Settings)


async def _create_tenant(kind: Literal["live", "sandbox"], facts: tenants.TenantPatch) -> UUID:
    settings = _settings()
    pool = await open_pool(settings.database_url, settings, size=1)
    async with pool:
        caller = Caller(tenants.blank(uuid7(), kind), ACTOR, frozenset())
        async with transaction(Work(pool, caller)) as work:
            tenant = await tenants.create(work, kind, facts.name or "", facts)
        print(f"made the {kind} tenant {tenant.name}", file=sys.stderr)
        return tenant.id


async def _create_key(tenant_id: UUID, wanted: api_keys.NewKey) -> str:
    settings = _settings()
    pool = await open_pool(settings.database_url, settings, size=1)
    async with pool:
        blank = Caller(tenants.blank(tenant_id, "live"), ACTOR, frozenset())
        async with transaction(Work(pool, blank, writes=False)) as work:
            tenant = await work.get(TenantRecord, tenant_id)
        caller = Caller(tenant_of(vars(tenant)), ACTOR, frozenset())
        async with transaction(Work(pool, caller)) as work:
            issued = await api_keys.issue(work, wanted, contracts.scopes(settings.contracts))
    print(f"made the key {issued.id} of {tenant.name}: {' '.join(issued.scopes)}", file=sys.stderr)
    return issued.key
