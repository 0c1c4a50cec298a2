"""Migrations of customers: records of former releases are found like records of today."""

from pathlib import Path

import asyncpg

from chassis.db.migrations import migrate
from chassis.messaging.tenants import tenant_from_row
from chassis.service import load
from chassis.types import json
from local.data_dir import DataDir
from tests.support.restored import beside, restore
from tests.support.service import ServiceUnderTest, settings_of

COPY_OF_A_CUSTOMER = """
    insert into customer select (jsonb_populate_record(customer, $1::text::jsonb)).* from customer
    where family_name = 'Lovelace'
"""
STREET, STRASSE = "kunde@straße.de", "kunde@strasse.de"


async def test_names_and_addresses_of_a_former_release_are_found(database: DataDir, tmp_path: Path) -> None:
    service, data_dir = load("customers"), beside(database, tmp_path)
    await restore(data_dir, service, "0.1.0")
    settings = settings_of(data_dir, service)
    await add_customer(str(settings.migration_database_url), "Sørby", STREET)
    await add_customer(str(settings.migration_database_url), "Sorby", STRASSE)
    await migrate(settings, service.name, service.migrations)

    tested = ServiceUnderTest(service, data_dir)
    async with tested.running():
        (row,) = await tested.shared.worker_pool.fetch("select * from chassis.tenant")
        tenant = tested.for_tenant(tenant_from_row(row))
        assert await given_names(tenant, q="lovelase") == ["Ada"]
        assert sorted(await given_names(tenant, q="sorby")) == ["Sorby", "Sørby"]
        assert await given_names(tenant, email=STREET) == ["Sørby"]
        assert await given_names(tenant, email=STRASSE) == ["Sorby"]
        assert await given_names(tenant, email="ADA@example.com") == ["Ada"]


async def add_customer(url: str, given_name: str, address: str) -> None:
    """Insert a customer as release 0.1.0 stored it: its addresses were case-folded, so ß was ss."""
    connection = await asyncpg.connect(url)
    try:
        id = await connection.fetchval("select uuidv7()")
        changes = {
            "id": str(id),
            "given_name": given_name,
            "family_name": None,
            "search_name": given_name.lower(),
            "emails": [{"address": address, "label": None}],
        }
        await connection.execute(COPY_OF_A_CUSTOMER, json.dumps_str(changes))
        await connection.execute(
            "insert into contact_point (tenant_id, customer_id, kind, normal) "
            "select tenant_id, id, 'email', $2 from customer where id = $1",
            id,
            address.casefold(),
        )
    finally:
        await connection.close()


async def given_names(customers: ServiceUnderTest, **params: str) -> list[str]:
    return [one["given_name"] for one in (await customers.get("/v1/customers", **params)).json()["items"]]
