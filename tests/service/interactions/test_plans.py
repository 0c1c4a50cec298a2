"""Query plans: they remain fast after a table has grown."""

import pytest

from chassis.types.ids import uuid7
from services.interactions.contact.tables import TouchPoint
from services.interactions.orders.tables import Purchase, Refund
from services.interactions.sources.queries import stored_query
from services.interactions.sources.tables import SourceRecord
from tests.support.round_trips import statements
from tests.support.rows_read import rows_read
from tests.support.service import ServiceUnderTest


@pytest.mark.parametrize("table", [Purchase, Refund, TouchPoint])
async def test_existing_records_are_found_by_the_whole_key_even_in_an_empty_table(
    interactions: ServiceUnderTest, table: type[SourceRecord]
) -> None:
    async with interactions.shared.running.pool.acquire() as connection, connection.transaction():
        await connection.execute(f"set local app.tenant = '{interactions.tenant.id}'")
        # An automatic analysis of the small table would make reading all of it the cheapest plan.
        await connection.execute("set local enable_seqscan = off")
        lines = await connection.fetch(f"explain {stored_query(table).sql}", ["till"], ["1"])
    plan = "\n".join(line[0] for line in lines)
    assert "(ROW(source, source_id) >= ROW(sent.source, sent.source_id))" in plan, plan
    assert "Sort" not in plan, plan


async def test_a_page_of_a_timeline_reads_only_its_own_records(interactions: ServiceUnderTest) -> None:
    customer = uuid7()
    touch_point = {"customer_id": str(customer), "source": "till", "channel": "store", "direction": "inbound"}
    items = [
        touch_point | {"source_id": str(number), "occurred_at": f"2026-03-01T{number // 60:02}:{number % 60:02}:00Z"}
        for number in range(900)
    ]
    await interactions.request("POST", "/v1/touch-points/batch", json={"items": items})
    await interactions.as_owner("analyze touch_point")
    first = (await interactions.get(f"/v1/timelines/{customer}", limit="200")).json()
    with statements() as sent:
        late = await interactions.get(f"/v1/timelines/{customer}", limit="10", cursor=first["next_cursor"])
    assert len(late.json()["items"]) == 10
    assert await rows_read(interactions, sent, "touch_point") <= 11
