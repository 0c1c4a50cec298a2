"""The operations on queues."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from chassis import (
    REQUIRED,
    UNKNOWN_RECORD,
    Feature,
    IfMatch,
    Page,
    PageParams,
    Problem,
    Query,
    RecordTooLarge,
    UnitOfWork,
    ValidationFailed,
    VersionMismatch,
    Work,
    equals,
    json,
    paginate,
)
from services.interactions.routing import tables
from services.interactions.routing.queries.locking import lock_routing
from services.interactions.routing.queues.schemas import Queue, QueueCreate, QueuedCase, QueueUpdate
from services.interactions.routing.rules.queues import has_overflow_cycle

feature = Feature("queues")

SETS = ("kinds", "categories", "priorities", "channels", "languages")
LISTS = (*SETS, "required_skills", "relaxations")


class QueueNameTaken(Problem, status=409):
    """Another queue already has this name.

    `queue_id` is that queue. Choose another name.
    """


class OverflowCycle(Problem, status=409):
    """Cases that overflow from this queue would return to it.

    `overflow_queue_id` is the queue that leads back. Choose one whose cases do not overflow to this queue.
    """


@feature.post("/queues", scope="interactions:configure", status_code=201, raises=[QueueNameTaken, RecordTooLarge])
async def create_queue(work: Work, body: QueueCreate) -> Queue:
    """Create a queue. Cases that are opened from now on enter it."""
    if work.is_retry:  # the unique constraint has found the name
        await _reject_taken_name(work, body.name)
    columns = _stored(body.values())
    await _check_overflow(work, columns)
    return Queue.from_row(await work.insert(tables.Queue(**columns)))


@feature.get("/queues", scope="interactions:read")
async def list_queues(work: Work, params: PageParams) -> Page[Queue]:
    """List queues in the order in which they are tried."""
    return await paginate(work, params, tables.Queue, Queue, sort="position")


@feature.get("/queues/{id:uuid}", scope="interactions:read")
async def read_queue(work: Work, id: UUID) -> Queue:
    """Return a queue."""
    return Queue.from_row(await work.get(tables.Queue, id))


@feature.patch(
    "/queues/{id:uuid}",
    scope="interactions:configure",
    raises=[OverflowCycle, QueueNameTaken, RecordTooLarge, VersionMismatch],
)
async def update_queue(work: Work, id: UUID, body: QueueUpdate, if_match: IfMatch) -> Queue:
    """Change the fields that are named. Skills, relaxations and overflow hold at once for the cases that wait."""
    await lock_routing(work)  # two changes that each lead to the other queue would close a circle
    before = await work.get(tables.Queue, id, for_update=True)
    work.check_version(before, if_match)
    values = _stored(body.changes())
    changes = {name: value for name, value in values.items() if not json.json_equal(value, getattr(before, name))}
    if not changes:
        return Queue.from_row(before)
    if "name" in changes:
        await _reject_taken_name(work, changes["name"])
    names = ("overflow_queue_id", "overflow_after_minutes")
    if changes.keys() & set(names):
        await _check_overflow(work, {name: getattr(before, name) for name in names} | changes, id)
    return Queue.from_row(await work.update(before, **changes))


@feature.get("/queues/{id:uuid}/cases", scope="interactions:read")
async def list_queued_cases(work: Work, id: UUID, params: PageParams) -> Page[QueuedCase]:
    """List the cases that wait in a queue in the order in which they get an agent: by priority, then the oldest."""
    await work.get(tables.Queue, id)

    def item(row: tables.QueuedCase) -> QueuedCase:
        return QueuedCase.from_row(row, waiting_seconds=int((work.now - row.queued_at).total_seconds()))

    return await paginate(work, params, tables.QueuedCase, item, sort="rank", where=equals(queue_id=id))


def _stored(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a body as they are stored: an absent list is empty, and no condition repeats a value."""
    stored = {name: list(value or ()) if name in LISTS else value for name, value in values.items()}
    return {name: list(dict.fromkeys(value)) if name in SETS else value for name, value in stored.items()}


async def _check_overflow(work: UnitOfWork, values: Mapping[str, Any], id: UUID | None = None) -> None:
    """Raise ValidationFailed for a half or unknown overflow, and OverflowCycle for one that leads back to the queue."""
    target, minutes = values["overflow_queue_id"], values["overflow_after_minutes"]
    if (target is None) != (minutes is None):
        missing = "overflow_queue_id" if target is None else "overflow_after_minutes"
        raise ValidationFailed.field(f"/{missing}", REQUIRED, "the queue and the minutes of an overflow go together")
    if target is None:
        return
    if await work.find(tables.Queue, id=target, for_update=True) is None:
        raise ValidationFailed.field("/overflow_queue_id", UNKNOWN_RECORD, "no queue has this id")
    overflow: dict[UUID, UUID | None] = {queue.id: queue.overflow_queue_id for queue in await work.fetch(_OVERFLOWING)}
    if id is not None and has_overflow_cycle(id, overflow | {id: target}):
        raise OverflowCycle(overflow_queue_id=str(target), pointer="/overflow_queue_id")


async def _reject_taken_name(work: UnitOfWork, name: str) -> None:
    holder = await work.find(tables.Queue, name=name)
    if holder is not None:
        raise QueueNameTaken(f"Another queue is called {name}.", queue_id=str(holder.id), pointer="/name")


_OVERFLOWING = Query(tables.Queue, "select * from routing_queue where overflow_queue_id is not null order by id")
