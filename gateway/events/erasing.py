"""Erasing the texts of events about persons, and of the responses of receivers, from the feed and the deliveries."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from chassis import Command, Feature, Query, UnitOfWork, json
from chassis.core.redaction import redact
from gateway import contracts
from gateway.events import tables
from gateway.settings import Settings

feature = Feature("erased-events")

BATCH_SIZE = 1_000


@dataclass(frozen=True, slots=True)
class StoredData:
    """The data of an event in the feed."""

    position: int
    type: str
    data: str


@feature.erases(tables.FeedEvent)
async def erase_texts_of_events(work: UnitOfWork, ids: Sequence[UUID]) -> int:
    """Remove the texts of the events about persons. Returns the number of events that had some."""
    changed, after = 0, 0
    while True:
        events = await work.fetch(_OF_SUBJECTS, subjects=[str(id) for id in ids], after=after, limit=BATCH_SIZE)
        redacted = {}
        for event in events:
            data = json.loads(event.data)
            without = redact(data, _schema_of(event.type))
            if without != data:
                redacted[event.position] = json.dumps_str(without)
        if redacted:
            await work.execute(_REDACT, positions=list(redacted), data=list(redacted.values()))
        changed += len(redacted)
        if len(events) < BATCH_SIZE:
            return changed
        after = events[-1].position


@feature.erases(tables.DeliveryAttempt)
async def erase_responses_of_receivers(work: UnitOfWork, ids: Sequence[UUID]) -> int:
    """Remove the responses of receivers to events about persons. Returns the number of attempts."""
    return await work.execute(_ERASE_RESPONSES, subjects=[str(id) for id in ids])


def _schema_of(type: str) -> Mapping[str, Any]:
    """Return the schema of an event, or nothing for a type that is no longer published."""
    folder = Settings.model_fields["contracts"].default
    return contracts.event_schema(folder, type) if type in contracts.event_types(folder) else {}


_OF_SUBJECTS = Query(
    StoredData,
    """
    select position, type, data from feed_event
    where subject = any(:subjects) and position > :after order by position limit :limit
    """,
)
_REDACT = Command(
    """
    update feed_event set data = redacted.data
    from unnest(:positions::bigint[], :data::text[]) as redacted(position, data)
    where feed_event.position = redacted.position
    """
)
_ERASE_RESPONSES = Command(
    """
    update delivery_attempt set response = '', error = null
    where (response <> '' or error is not null) and delivery_id in (
        select delivery.id from delivery join feed_event on feed_event.id = event_id
        where feed_event.subject = any(:subjects)
    )
    """
)
