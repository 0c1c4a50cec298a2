"""Dead letters: events that a feature could not apply, kept with their reason until they are applied again."""

from uuid import UUID

import asyncpg

from chassis.core.events import Envelope
from chassis.core.telemetry import Metrics
from chassis.db.statements import Command, Record
from chassis.db.tables import SCHEMA
from chassis.messaging.records import KafkaRecord, stored_columns
from chassis.types.ids import uuid7

ENVELOPE_UNREADABLE = "*"
"""The feature of a dead letter whose envelope cannot be read, so that its feature is unknown."""


class DeadLetters:
    """The dead letters of a service."""

    def __init__(self, pool: asyncpg.Pool, metrics: Metrics) -> None:
        self._pool = pool
        self._metrics = metrics

    async def find(self, id: UUID) -> Record:
        """Return a dead letter. Raises LookupError if it does not exist."""
        row = await self._pool.fetchrow(f"select * from {SCHEMA}.dead_letter where id = $1", id)
        if row is None:
            raise LookupError("the dead letter does not exist")
        return row

    async def add(
        self, record: KafkaRecord, feature: str, envelope: Envelope | None, reason: str, attempts: int
    ) -> None:
        """Store an event, once for each feature, and note that the feature is done with it."""
        await self._pool.execute(
            _ADD,
            uuid7(),
            envelope.tenant if envelope else None,
            feature,
            envelope.id if envelope else None,
            envelope.type if envelope else None,
            *stored_columns(record),
            reason,
            attempts,
        )
        self._metrics.dead_lettered.labels(feature).inc()

    async def record_failure(self, id: UUID, reason: str) -> None:
        """Store why a dead letter could not be applied again."""
        await self._pool.execute(
            f"update {SCHEMA}.dead_letter set attempts = attempts + 1, reason = $2 where id = $1", id, reason
        )


def reason_of(error: Exception) -> str:
    """Return an error as a reason."""
    return f"{type(error).__name__}: {error}".replace("\0", "")[:2000]


DELETE_LETTER = Command(f"delete from {SCHEMA}.dead_letter where id = :id")
_ADD = f"""
    with seen as (
        insert into {SCHEMA}.inbox (tenant_id, event_id, feature, type)
        select $2, $4, $3, $5 where $4::uuid is not null on conflict do nothing
    )
    insert into {SCHEMA}.dead_letter
        (id, tenant_id, feature, event_id, type, topic, partition, record_offset, key, headers, value, reason, attempts)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10::jsonb, $11, $12, $13)
    on conflict do nothing
"""
