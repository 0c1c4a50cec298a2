"""The status: its cost does not grow with the events that have piled up."""

import json
from typing import Any

import asyncpg
import pytest

from tests.support.service import ServiceUnderTest

ROWS = 60_000
PAGES = """
    select sum(pg_relation_size(name)) / 8192
    from unnest(array['chassis.outbox', 'chassis.dead_letter', 'chassis.backlog']::regclass[]) as name
"""
PILE_UP = (
    """
    insert into chassis.outbox (event_id, tenant_id, type, subject, time, actor, data)
    select uuidv7(), $1, 't', 's', now(), 'a', to_json(repeat('x', 200)) from generate_series(1, $2)
    """,
    """
    insert into chassis.dead_letter (id, tenant_id, feature, topic, partition, record_offset, headers, value, reason,
                                     attempts)
    select uuidv7(), $1, 'f', 't', 0, n, '[]', convert_to(repeat('x', 200), 'UTF8'), 'r', 1
    from generate_series(1, $2) as n
    """,
    """
    insert into chassis.backlog (tenant_id, topic, partition, record_offset, headers, value)
    select $1, 't', 0, n, '[]', convert_to(repeat('x', 200), 'UTF8') from generate_series(1, $2) as n
    """,
)


@pytest.mark.parametrize("function", ["counts", "tenant_counts"])
async def test_a_status_reads_a_limited_part_of_what_has_piled_up(customers: ServiceUnderTest, function: str) -> None:
    connection = await asyncpg.connect(str(customers.shared.running.settings.migration_database_url))
    rolled_back = connection.transaction()
    await rolled_back.start()
    try:
        for statement in PILE_UP:
            await connection.execute(statement, customers.tenant.id, ROWS)
        await connection.execute("select set_config('app.tenant', $1, true)", str(customers.tenant.id))
        counts = await connection.fetchrow(f"select * from chassis.{function}()")
        assert (counts["outbox_pending"], counts["dead_letters"], counts["backlog"]) == (10_000, 10_000, 10_000)
        read = await pages_read(connection, f"select * from chassis.{function}()")
        assert read < await connection.fetchval(PAGES) / 3
    finally:
        await rolled_back.rollback()
        await connection.close()


async def pages_read(connection: asyncpg.Connection, query: str) -> int:
    """Return how many pages PostgreSQL reads for a query, those of its functions included."""
    lines: list[Any] = await connection.fetch(f"explain (analyze, buffers, format json) {query}")
    plan = json.loads(lines[0][0])[0]["Plan"]
    return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])
