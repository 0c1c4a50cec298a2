"""Publish events again from the archive, with their ids and in their order. Inboxes discard those that were applied."""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from chassis.db.tables import SCHEMA
from chassis.types.ids import first_uuid7_at

BATCH_SIZE = 1_000
MAX_OUTBOX_ROWS = 2_000
"""More events are published again only while the outbox has fewer rows, so that new events hardly wait."""
PAUSE_SECONDS = 0.05


@dataclass(frozen=True)
class Selection:
    """The events to publish again. None and an empty collection select all."""

    since: datetime | None = None
    tenant: UUID | None = None
    types: Collection[str] = ()
    ids: Collection[UUID] | None = None


async def wait_for_room(connection: asyncpg.Connection | asyncpg.Pool) -> None:
    """Wait until the relay has published most of the outbox, so that new events need not wait behind many others."""
    while await connection.fetchval(_IS_FULL):  # noqa: ASYNC110 - the relay is another process
        await asyncio.sleep(PAUSE_SECONDS)


async def republish(connection: asyncpg.Connection, selection: Selection) -> int:
    """Write published events into the outbox again. Returns their number. The connection has the worker's login."""
    last = await connection.fetchval(f"select coalesce(max(position), 0) from {SCHEMA}.published_event")
    total = position = 0
    while position < last:
        await wait_for_room(connection)
        row = await connection.fetchrow(_REPUBLISH, position, last, *_conditions(selection), BATCH_SIZE)
        assert row is not None
        total += row["events"]
        position = row["position"] or last
    return total


def _conditions(selection: Selection) -> list[object]:
    return [
        None if selection.since is None else first_uuid7_at(selection.since),
        selection.tenant,
        list(selection.types) or None,
        None if selection.ids is None else list(selection.ids),
    ]


_IS_FULL = f"select count(*) >= {MAX_OUTBOX_ROWS} from (select from {SCHEMA}.outbox limit {MAX_OUTBOX_ROWS}) as row"
_REPUBLISH = f"""
    with chosen as materialized (
        select * from {SCHEMA}.published_event
        where position > $1 and position <= $2 and ($3::uuid is null or event_id >= $3)
          and ($4::uuid is null or tenant_id = $4) and ($5::text[] is null or type = any($5))
          and ($6::uuid[] is null or event_id = any($6))
        order by position limit $7
    ), again as (
        insert into {SCHEMA}.outbox
            (event_id, tenant_id, type, subject, time, actor, traceparent, data, size, sequence)
        select event_id, tenant_id, type, subject, time, actor, traceparent, data, octet_length(data::text), seq
        from chosen order by position
    )
    select count(*) as events, max(position) as position from chosen
"""
