"""Plans: a tenant that is much larger than PostgreSQL expects still gets its figures in time."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest

from tests.support.analytics import read_figures
from tests.support.service import ServiceUnderTest, settings_of

CUSTOMERS = 25_000


@asynccontextmanager
async def owner_of(analytics: ServiceUnderTest) -> AsyncIterator[asyncpg.Connection]:
    """Connect as the login that owns the tables."""
    settings = settings_of(analytics.data_dir, analytics.service)
    connection = await asyncpg.connect(str(settings.migration_database_url))
    try:
        yield connection
    finally:
        await connection.close()


TABLES = [("purchase_fact", "purchased_at", "revenue_minor"), ("refund_fact", "refunded_at", "amount_minor")]


@pytest.fixture
async def surprise(running_analytics: ServiceUnderTest) -> AsyncIterator[ServiceUnderTest]:
    """A tenant with many facts, while the statistics say that a tenant has a single one."""
    analytics = await running_analytics.for_new_tenant()
    async with owner_of(running_analytics) as owner:
        for table, at, amount in TABLES:
            columns = f"customer_id, {at}, currency, {amount}"
            await owner.execute(
                f"insert into {table} (tenant_id, {columns}) "
                "select gen_random_uuid(), gen_random_uuid(), '2026-03-01', 'USN', 100 from generate_series(1, 5000)"
            )
            await owner.execute(f"analyze {table}")
            await owner.execute(f"delete from {table} where currency = 'USN'")
            await analytics.rows(
                f"insert into {table} ({columns}) "
                "select md5((n / 2)::text)::uuid, '2026-01-01'::timestamptz + n * interval '1 minute', 'EUR', 100 "
                "from generate_series(2, $1::int * 2 + 1) as n",
                CUSTOMERS,
            )
        yield analytics


async def test_no_figure_joins_the_facts_row_by_row(surprise: ServiceUnderTest) -> None:
    rfm = await read_figures(surprise, "rfm")
    assert sum(cell["customers"] for cell in rfm["cells"]) == CUSTOMERS
    cohorts = await read_figures(surprise, "cohorts")
    assert sum(cohort["size"] for cohort in cohorts["cohorts"]) == CUSTOMERS
    retention = await read_figures(surprise, "retention", **{"from": "2026-01-15", "to": "2026-02-15"})
    assert retention["at_end"] == CUSTOMERS
    pareto = await read_figures(surprise, "pareto", as_of="2026-12-31")
    assert (pareto["customers"], pareto["revenue"]) == (CUSTOMERS, "0.00")
