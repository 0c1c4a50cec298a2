"""Plans that PostgreSQL makes while a table is small, and keeps when it has grown."""

import pytest

from chassis import Table
from services.interactions.model import Purchase, Refund, TouchPoint
from services.interactions.operations import standing_of
from tests.support.service import ServiceUnderTest


@pytest.mark.parametrize("table", [Purchase, Refund, TouchPoint])
async def test_what_stands_is_found_by_the_whole_key_also_in_an_empty_table(
    interactions: ServiceUnderTest, table: type[Table]
) -> None:
    async with interactions.shared.pool.acquire() as connection, connection.transaction():
        await connection.execute(f"set local app.tenant = '{interactions.tenant.id}'")
        lines = await connection.fetch(f"explain {standing_of(table)}", ["till"], ["1"])
    plan = "\n".join(line[0] for line in lines)
    assert "(ROW(source, source_id) >= ROW(asked.source, asked.source_id))" in plan, plan
    assert "Sort" not in plan, plan
