"""Commands of the customers service: `rapport customers publish-contacts`."""

import asyncio
import sys
from collections.abc import AsyncIterator
from typing import Annotated
from uuid import UUID

import typer
from asyncpg import Pool

from chassis import Caller, Tenant, UnitOfWork
from chassis.cli.main import settings_for
from chassis.db.pool import open_pool
from chassis.db.transaction import Transaction
from chassis.messaging.republishing import wait_for_room
from chassis.messaging.tenants import ALL_TENANTS, tenant_from_row
from services.customers.people.customers.changes import publish_contacts
from services.customers.settings import Settings

ACTOR = "command"
CHUNK = 500
"""Customers of a transaction, which keeps them locked."""
Place = tuple[UUID, UUID]
"""A tenant and a customer."""
customer_commands = typer.Typer(help="Repair what other services know of customers.", no_args_is_help=True)
groups = {"customers": customer_commands}


@customer_commands.callback()
def customers() -> None:
    """Repair what other services know of customers."""


@customer_commands.command("publish-contacts")
def publish_all_contacts(
    tenant: Annotated[UUID | None, typer.Option(help="Only the customers of this tenant.")] = None,
    after: Annotated[
        str | None, typer.Option(help="Continue after this place: TENANT:CUSTOMER, as the command last printed it.")
    ] = None,
) -> None:
    """Publish the contact details of all customers, each as `customers.customer_updated.v1`.

    Needed once after an upgrade from a version whose events did not contain them. Repeating it does no harm. The place
    after each chunk is printed, so that an interrupted run can be continued.
    """
    tenants = asyncio.run(_publish(tenant, _place(after) if after else None))
    print(f"published the contact details of the customers of {tenants} tenants", file=sys.stderr)


def _place(text: str) -> Place:
    try:
        tenant, customer = map(UUID, text.split(":"))
    except ValueError:
        raise typer.BadParameter("--after must be TENANT:CUSTOMER, two ids") from None
    return tenant, customer


async def _publish(only: UUID | None, after: Place | None) -> int:
    """Publish the contact details of all customers that follow the place. Returns the number of their tenants."""
    settings = settings_for("customers", Settings)
    assert settings.worker_database_url is not None, "WORKER_DATABASE_URL is required"
    tenants = 0
    async with await open_pool(settings.worker_database_url, settings, size=1) as pool:
        for row in await pool.fetch(ALL_TENANTS):
            tenant = tenant_from_row(row)
            if only in (None, tenant.id) and (after is None or tenant.id >= after[0]):
                start = after[1] if after is not None and tenant.id == after[0] else None
                async for last in _publish_of(pool, tenant, start):
                    print(f"{tenant.id}:{last}")
                tenants += 1
    return tenants


async def _publish_of(pool: Pool, tenant: Tenant, after: UUID | None) -> AsyncIterator[UUID]:
    """Publish the contact details of a tenant's customers. Yields the last customer of each committed chunk."""
    while True:
        await wait_for_room(pool)
        async with Transaction(pool, Caller(tenant, ACTOR, frozenset())) as transaction:
            after = await publish_contacts(UnitOfWork(transaction), after, CHUNK)
        if after is None:
            return
        yield after
