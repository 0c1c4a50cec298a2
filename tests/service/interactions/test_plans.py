"""Query plans: a plan cached while a table is small remains fast after the table has grown."""

import pytest

from services.interactions.contact.tables import TouchPoint
from services.interactions.orders.tables import Purchase, Refund
from services.interactions.sources.queries import stored_query
from services.interactions.sources.tables import SourceRecord
from tests.support.service import ServiceUnderTest


@pytest.mark.parametrize("table", [Purchase, Refund, TouchPoint])
async def test_existing_records_are_found_by_the_whole_key_even_in_an_empty_table(
    interactions: ServiceUnderTest, table: type[SourceRecord]
) -> None:
    async with interactions.shared.running.pool.acquire() as connection, connection.transaction():
        await connection.execute(f"set local app.tenant = '{interactions.tenant.id}'")
        lines = await connection.fetch(f"explain {stored_query(table).sql}", ["till"], ["1"])
    plan = "\n".join(line[0] for line in lines)
    assert "(ROW(source, source_id) >= ROW(sent.source, sent.source_id))" in plan, plan
    assert "Sort" not in plan, plan
