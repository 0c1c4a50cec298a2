"""Reads among very many records of interactions: `python -m benchmarks --records 10000000`.

The records are inserted by SQL, because a million requests would take longer than what they prepare.
"""

import itertools
import random
from collections.abc import Iterator, Mapping
from uuid import UUID

import asyncpg

from benchmarks.bars import Bar, at_most
from benchmarks.load import ask, at_a_rate
from benchmarks.report import table
from benchmarks.stand import Stand, say
from chassis.types import json

CUSTOMERS = 100_000
TALKATIVE = 60_000
"""Records of the customer whose timeline is read to page 1,000."""
PAGE, LATE = 50, 1_000
A_SECOND = 200
P99_MILLISECONDS = 10
A_CHUNK = 500_000


def bars_of(records: int) -> list[Bar]:
    """Return the bars with a number of records."""
    return [
        at_most(_figure(reading, records), P99_MILLISECONDS, "ms")
        for reading in ("timeline, page 1", f"timeline, page {LATE:,}")
    ]


async def measure(stand: Stand, records: int) -> tuple[str, Mapping[str, float]]:
    """Return a table of the latencies with this number of touch points, and the figures that have bars."""
    dice = random.Random(1)
    customers = [UUID(int=dice.getrandbits(128), version=4) for _ in range(CUSTOMERS)]
    await _insert_touch_points(stand, customers, records)
    cursor = await _cursor_of_a_late_page(stand, customers[0])
    readings: dict[str, Iterator[str]] = {
        "timeline, page 1": (f"/v1/timelines/{dice.choice(customers)}?limit={PAGE}" for _ in itertools.count()),
        f"timeline, page {LATE:,}": itertools.repeat(f"/v1/timelines/{customers[0]}?limit={PAGE}&cursor={cursor}"),
        "touch points of a channel": itertools.repeat(f"/v1/touch-points?channel=phone&limit={PAGE}"),
    }
    rows, figures = [], {}
    for reading, paths in readings.items():
        requests = (stand.gateway.request("GET", path) for path in paths)
        outcome = await at_a_rate(stand.gateway, requests, A_SECOND, stand.sizes.points_seconds)
        figures[_figure(reading, records)] = outcome.quantile(0.99)
        rows.append([reading, f"{outcome.quantile(0.5):.1f} / {outcome.quantile(0.99):.1f}"])
        say(" | ".join(rows[-1]))
    head = [f"{records:,} touch points, {A_SECOND} reads per second", "p50 / p99 ms"]
    return table(head, rows), figures


def _figure(reading: str, records: int) -> str:
    return f"{reading}, {records:,} records, p99"


async def _insert_touch_points(stand: Stand, customers: list[UUID], records: int) -> None:
    connection = await asyncpg.connect(stand.database("interactions"))
    try:
        for begin in range(0, records, A_CHUNK):
            end = min(begin + A_CHUNK, records)
            await connection.execute(_INSERT_TOUCH_POINTS, stand.tenant.id, customers, begin, end, TALKATIVE)
            say(f"{end:,} touch points")
        await connection.execute("vacuum analyze")
    finally:
        await connection.close()


async def _cursor_of_a_late_page(stand: Stand, customer: UUID) -> str:
    """Page to the late page, 200 records at a time."""
    cursor = ""
    for _ in range((LATE - 1) * PAGE // 200):
        path = f"/v1/timelines/{customer}?limit=200" + (f"&cursor={cursor}" if cursor else "")
        (answer,) = await ask(stand.gateway, [stand.gateway.request("GET", path)])
        cursor = json.loads(answer)["next_cursor"]
    return cursor


_INSERT_TOUCH_POINTS = """
    insert into touch_point (
        tenant_id, customer_id, source, source_id, channel, direction, subject, body, agent_id, occurred_at,
        content_hash, recorded_at
    )
    select $1::uuid,
        ($2::uuid[])[case when number < $5 then 1 else 1 + (number * 7919 % cardinality($2::uuid[])) end],
        'bench', number::text, (array['email', 'phone', 'chat', 'store'])[1 + number % 4],
        (array['inbound', 'outbound'])[1 + number % 2], 'Question ' || number, 'Asked when the parcel arrives.',
        'agent-' || number % 50, timestamptz '2020-01-01T00:00:00Z' + number * interval '10 seconds',
        '', now()
    from generate_series($3::bigint, $4::bigint - 1) as each(number)
"""
