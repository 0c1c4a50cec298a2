"""Commands of the gateway. They create, list and limit tenants and keys, revoke keys, and suspend and delete tenants.

No secret has a default.
"""

import asyncio
import secrets
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated
from uuid import UUID

import asyncpg
import httpx
import typer
from pydantic import ValidationError
from rich.table import Table

from chassis import NotFound, Problem, Tenant, TenantKind, UnitOfWork, uuid7
from chassis.cli.main import print_table, settings_for
from chassis.core.field_errors import field_errors
from chassis.core.identity import Caller, new_key_pair
from chassis.db.pool import connect, open_pool
from chassis.db.transaction import Transaction
from chassis.types.rows import construct
from gateway import contracts
from gateway.access import api_keys, delegation, queries, rules, tables, tenants
from gateway.access.key_cache import KeyCache
from gateway.events.listening import Account, GatewayRefused, Target, forward_events, send_sample
from gateway.events.rules.signatures import new_secret
from gateway.settings import Settings

ACTOR = "command"
MIN_SUSPENSION = timedelta(days=1)
"""How long a tenant must have been suspended before it can be deleted, so that a mistake is noticed."""
GATEWAY_URL = "http://127.0.0.1:8400"
NAME_OR_ID = "The tenant's name or id."
Rate = Annotated[float | None, typer.Option(min=0.001, help="Without it, the default of the gateway applies again.")]
tenant_commands = typer.Typer(help="Tenants: the companies that this Rapport serves.", no_args_is_help=True)
key_commands = typer.Typer(help="API keys.", no_args_is_help=True)
groups = {"tenants": tenant_commands, "keys": key_commands}


def env() -> None:
    """Replace each empty value of an .env.example by a new secret: `rapport env < .env.example > .env`."""
    private, public = new_key_pair()
    special = {
        "INTERNAL_TOKEN_PRIVATE_KEY": f"'{private}'",
        "INTERNAL_TOKEN_PUBLIC_KEY": f"'{public}'",
        "KAFKA_CLUSTER_ID": "r" + secrets.token_urlsafe(16)[1:],  # an id that begins with "-" would read as an option
    }
    for line in sys.stdin.read().splitlines():
        name, equals, value = line.partition("=")
        is_empty = bool(equals) and not value and not line.startswith("#")
        print(f"{name}={special.get(name) or secrets.token_urlsafe(24)}" if is_empty else line)


def listen(
    forward_to: Annotated[str, typer.Option(help="The receiver's URL, such as http://127.0.0.1:3000/hook.")],
    key: Annotated[str, typer.Option(envvar="RAPPORT_KEY", help="An API key with the scope events:read.")],
    url: Annotated[str, typer.Option(envvar="RAPPORT_URL", help="The gateway.")] = GATEWAY_URL,
    types: Annotated[str, typer.Option(help="Types of events, comma separated, such as loyalty.*.")] = "*",
    secret: Annotated[str | None, typer.Option(envvar="RAPPORT_WEBHOOK_SECRET", help="By default a new one.")] = None,
    once: Annotated[bool, typer.Option("--once", help="End after the first event.")] = False,
) -> None:
    """Forward new events to a receiver that is being written, signed as webhooks are, until Ctrl-C."""
    target = Target(forward_to, secret or new_secret())
    print(f"forwarding to {forward_to}; the receiver's secret is {target.secret}", flush=True)
    chosen = [type.strip() for type in types.split(",")]
    try:
        asyncio.run(forward_events(Account(url, key), target, chosen, once=once))
    except KeyboardInterrupt:
        raise typer.Exit(0) from None
    except (GatewayRefused, httpx.HTTPError, ValueError) as error:
        print(error, file=sys.stderr)
        raise typer.Exit(1) from None


def trigger(
    event: Annotated[str, typer.Argument(help="The type of the event, such as customers.customer_created.v1.")],
    endpoint: Annotated[str, typer.Option(help="The id of the webhook endpoint.")],
    key: Annotated[str, typer.Option(envvar="RAPPORT_KEY", help="An API key with both scopes of webhooks.")],
    url: Annotated[str, typer.Option(envvar="RAPPORT_URL", help="The gateway.")] = GATEWAY_URL,
) -> None:
    """Send a sample event to a webhook endpoint, and print the status of the response."""
    try:
        delivery = asyncio.run(send_sample(Account(url, key), endpoint, event))
    except (GatewayRefused, httpx.HTTPError) as error:
        print(error, file=sys.stderr)
        raise typer.Exit(1) from None
    print(f"{delivery['state']} {delivery['last_status'] or 'without a response'}")
    raise typer.Exit(0 if delivery["state"] == "delivered" else 1)


commands = (env, listen, trigger)


@tenant_commands.command("create")
def create_tenant(
    name: str,
    sandbox: Annotated[bool, typer.Option("--sandbox", help="Create a sandbox, for experiments.")] = False,
    timezone: Annotated[str, typer.Option(help="IANA name.")] = "UTC",
    currency: Annotated[str, typer.Option(help="ISO 4217 code.")] = "EUR",
    region: Annotated[str, typer.Option(help="Country of phone numbers without a country code.")] = "NL",
    clock: Annotated[
        str | None, typer.Option(help="The time at which the clock of a sandbox is frozen, such as 2026-01-01T00:00Z.")
    ] = None,
) -> None:
    """Create a tenant and print its id."""
    kind: TenantKind = "sandbox" if sandbox else "live"
    if clock is not None and not sandbox:
        print("Only a sandbox has a clock of its own: pass --sandbox as well.", file=sys.stderr)
        raise typer.Exit(2)
    try:
        facts = tenants.TenantUpdate(name=name, timezone=timezone, currency=currency, region=region)
        clock_at = tenants.SandboxStart.model_validate({"clock": clock} if clock else {}).clock
    except ValidationError as error:
        for item in field_errors(error.errors(), "body"):
            print(f"{item.pointer.lstrip('/')}: {item.detail}", file=sys.stderr)
        raise typer.Exit(2) from None
    tenant = Tenant(id=uuid7(), kind=kind, clock_at=clock_at, clock_runs_since=None, **facts.values())
    asyncio.run(_store_tenant(tenant))
    print(f"created the {tenant.kind} tenant {tenant.name}; next: rapport keys create --tenant ID", file=sys.stderr)
    print(tenant.id)


@tenant_commands.command("list")
def list_tenants() -> None:
    """List all tenants: name, id, kind, state, and the time to which a sandbox has set its clock."""
    table = Table("name", "id", "kind", "state", "clock")
    for tenant in asyncio.run(_list_tenants()):
        clock = tenant.clock_at.isoformat() if tenant.clock_at else ""
        table.add_row(tenant.name, str(tenant.id), tenant.kind, tenant.state, clock)
    print_table(table)


@tenant_commands.command("suspend")
def suspend_tenant(name: Annotated[str, typer.Argument(help=NAME_OR_ID)]) -> None:
    """Reject every request of a tenant, within a second. Its events are still applied."""
    _change_tenant(name, tenants.suspend_tenant, "suspended the tenant")


@tenant_commands.command("resume")
def resume_tenant(name: Annotated[str, typer.Argument(help=NAME_OR_ID)]) -> None:
    """Accept the requests of a suspended tenant again."""
    _change_tenant(name, tenants.resume_tenant, "resumed the tenant")


@tenant_commands.command("limit")
def limit_tenant(name: Annotated[str, typer.Argument(help=NAME_OR_ID)], requests_per_second: Rate = None) -> None:
    """Set the maximum rate of a tenant's requests. It holds within a second."""

    async def limit(work: UnitOfWork) -> None:
        await tenants.limit_tenant(work, requests_per_second)

    _change_tenant(name, limit, f"{_rate(requests_per_second)} for the tenant")


@tenant_commands.command("delete")
def delete_tenant(
    name: Annotated[str, typer.Argument(help=NAME_OR_ID)],
    yes: Annotated[bool, typer.Option("--yes", help="Confirm that everything of the tenant is deleted.")] = False,
    now: Annotated[bool, typer.Option("--now", help="Do not require that it has been suspended for a day.")] = False,
) -> None:
    """Delete a tenant and all of its rows in every service. This cannot be undone."""
    if not yes:
        print("Everything of the tenant is deleted in every service. Confirm by --yes.", file=sys.stderr)
        raise typer.Exit(2)

    async def delete(work: UnitOfWork) -> None:
        await tenants.delete_tenant(work, suspended_for=timedelta() if now else MIN_SUSPENSION)
        await api_keys.revoke_keys(work, await api_keys.all_keys(work))

    _change_tenant(name, delete, "the services are deleting the tenant")


@key_commands.command("create")
def create_key(
    tenant: Annotated[str, typer.Option(help="The tenant's name or id.")],
    scopes: Annotated[str | None, typer.Option(help="Scopes, comma separated.")] = None,
    all_scopes: Annotated[bool, typer.Option("--all-scopes", help="Grant every scope.")] = False,
    name: Annotated[str, typer.Option(help="The purpose of the key.")] = "created by command",
    days: Annotated[int | None, typer.Option(help="Days until it expires.")] = None,
) -> None:
    """Create an API key and print it. It is printed only once, because only its hash is stored."""
    known = contracts.scopes(_settings().contracts)
    chosen = list(known) if all_scopes else [scope.strip() for scope in (scopes or "").split(",") if scope.strip()]
    if not chosen:
        print(f"Pass --scopes or --all-scopes. The scopes are: {', '.join(known)}", file=sys.stderr)
        raise typer.Exit(2)
    expiry = {"expires_at": datetime.now(UTC) + timedelta(days=days)} if days else {}
    try:
        body = api_keys.ApiKeyCreate.model_validate({"name": name, "scopes": chosen, **expiry})
        owner, issued = asyncio.run(_issue_key(tenant, body))
    except (Problem, rules.TenantNotFound) as error:
        print(error, file=sys.stderr)
        raise typer.Exit(1) from None
    print(f"created the key {issued.id} of {owner.name}: {' '.join(issued.scopes)}", file=sys.stderr)
    print(issued.key)


async def create_sandbox() -> str:
    """Create a sandbox and a key of it with every scope. Returns the key."""
    facts = {"kind": "sandbox", "timezone": "UTC", "currency": "EUR", "region": "NL", "clock_at": None}
    tenant = Tenant.model_validate({"id": uuid7(), "name": "Sandbox", **facts})
    await _store_tenant(tenant)
    scopes = list(contracts.scopes(_settings().contracts))
    _, issued = await _issue_key(str(tenant.id), api_keys.ApiKeyCreate(name="quickstart", scopes=scopes))
    return issued.key


@key_commands.command("limit")
def limit_key(id: Annotated[UUID, typer.Argument(help="The key's id.")], requests_per_second: Rate = None) -> None:
    """Set the maximum rate of a key's requests. It holds within a second."""

    async def run() -> None:
        settings = _settings()
        async with await open_pool(settings.database_url, settings, size=1) as pool:
            credential = await KeyCache(pool).find(id)
            if credential is None:
                raise NotFound(f"No key has the id {id}.")
            tenant = credential.caller.tenant
            async with Transaction(pool, Caller(tenant, ACTOR, frozenset())) as transaction:
                await api_keys.limit_key(UnitOfWork(transaction), id, requests_per_second)
        print(f"{_rate(requests_per_second)} for the key {id} of {tenant.name}", file=sys.stderr)

    try:
        asyncio.run(run())
    except Problem as error:
        print(error, file=sys.stderr)
        raise typer.Exit(1) from None


def _rate(requests_per_second: float | None) -> str:
    return "the default rate" if requests_per_second is None else f"{requests_per_second:g} requests per second"


@key_commands.command("list")
def list_keys(
    tenant: Annotated[str, typer.Option(help=NAME_OR_ID)],
    revoked: Annotated[bool, typer.Option("--revoked", help="Include keys that were revoked.")] = False,
) -> None:
    """List the keys of a tenant, oldest first, without their secrets."""
    keys: list[tables.ApiKey] = []

    async def read(work: UnitOfWork) -> None:
        keys.extend(await work.find_all(tables.ApiKey))

    _change_tenant(tenant, read)
    table = Table("id", "name", "scopes", "created", "expires", "last used", "revoked")
    for key in keys:
        if revoked or key.revoked_at is None:
            times = (key.created_at, key.expires_at, key.last_used_at, key.revoked_at)
            shown = [f"{time:%Y-%m-%d %H:%M}" if time else "" for time in times]
            table.add_row(str(key.id), key.name, " ".join(key.scopes), *shown)
    print_table(table)


@key_commands.command("revoke")
def revoke_key(
    id: Annotated[UUID, typer.Argument(help="The id of the key, as `rapport keys list` shows it.")],
    tenant: Annotated[str, typer.Option(help=NAME_OR_ID)],
) -> None:
    """Revoke a key and every key that was issued through it. The next request with one of them is rejected."""

    async def revoke(work: UnitOfWork) -> None:
        await delegation.lock_keys(work)
        await work.get(tables.ApiKey, id)
        await api_keys.revoke_keys(work, await api_keys.issued_through(work, id), id)

    _change_tenant(tenant, revoke, f"revoked the key {id} and those that were issued through it:")


def _settings() -> Settings:
    return settings_for("gateway", Settings)


def _change_tenant(name: str, change: Callable[[UnitOfWork], Awaitable[None]], done: str = "") -> None:
    async def run() -> None:
        settings = _settings()
        tenant_id = await _find_tenant(settings, name)
        async with await open_pool(settings.database_url, settings, size=1) as pool:
            tenant = await _read_tenant(pool, tenant_id)
            async with Transaction(pool, Caller(tenant, ACTOR, frozenset())) as transaction:
                await change(UnitOfWork(transaction))
        if done:
            print(f"{done} {tenant.name} ({tenant.id})", file=sys.stderr)

    try:
        asyncio.run(run())
    except (Problem, rules.TenantNotFound, tenants.TenantStateConflict) as error:
        print(error, file=sys.stderr)
        raise typer.Exit(1) from None


async def _read_tenant(pool: asyncpg.Pool, id: UUID) -> Tenant:
    """Return a tenant's facts. Raises NotFound."""
    async with Transaction(pool, Caller(Tenant.unknown(id), ACTOR, frozenset()), writes=False) as reading:
        return construct(Tenant, await UnitOfWork(reading).get(tables.Tenant, id))


async def _list_tenants() -> list[rules.ListedTenant]:
    """Return all tenants. The API's login cannot read across tenants, so this uses the worker's."""
    settings = _settings()
    if settings.worker_database_url is None:
        print("Set WORKER_DATABASE_URL: only the worker's login may list tenants.", file=sys.stderr)
        raise typer.Exit(2)
    connection = await connect(settings.worker_database_url, settings)
    try:
        return await queries.list_tenants(connection)
    finally:
        await connection.close()


async def _store_tenant(tenant: Tenant) -> None:
    settings = _settings()
    async with (
        await open_pool(settings.database_url, settings, size=1) as pool,
        Transaction(pool, Caller(tenant, ACTOR, frozenset())) as transaction,
    ):
        await tenants.store_tenant(UnitOfWork(transaction))


async def _issue_key(name_or_id: str, body: api_keys.ApiKeyCreate) -> tuple[Tenant, api_keys.IssuedApiKey]:
    """Create a key and return it with its tenant. Raises TenantNotFound and Problem."""
    settings = _settings()
    tenant_id = await _find_tenant(settings, name_or_id)
    async with await open_pool(settings.database_url, settings, size=1) as pool:
        tenant = await _read_tenant(pool, tenant_id)
        async with Transaction(pool, Caller(tenant, ACTOR, frozenset())) as transaction:
            issued = await api_keys.issue_key(UnitOfWork(transaction), body, contracts.scopes(settings.contracts))
    return tenant, issued


async def _find_tenant(settings: Settings, name_or_id: str) -> UUID:
    """Return a tenant's id, by its name if the text is not an id. Raises TenantNotFound.

    The look-up by name reads across tenants, so it uses the worker's login: the API's must not be able to.
    """
    try:
        return UUID(name_or_id)
    except ValueError:
        pass
    if settings.worker_database_url is None:
        raise rules.TenantNotFound(
            "To find a tenant by its name, set WORKER_DATABASE_URL. Otherwise pass the tenant's id."
        )
    connection = await connect(settings.worker_database_url, settings)
    try:
        return rules.choose_tenant(name_or_id, await queries.find_tenants(connection, name_or_id))
    finally:
        await connection.close()
