"""The threads of replies, which may arrive before the records that they answer."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from chassis import Command, Query, UnitOfWork
from services.interactions.contact.rules.threads import RecordKey, named_thread, own_thread, thread_of_reply
from services.interactions.sources.queries import NewRecord


@dataclass(frozen=True, slots=True)
class _StoredThread:
    """The thread of a stored record."""

    id: UUID
    source: str
    source_id: str
    thread_id: UUID | None


async def join_threads(work: UnitOfWork, records: Sequence[NewRecord]) -> None:
    """Set the threads of new records, and move the replies to them that have arrived before.

    Replies of a source run in sequence: two that are unknown to each other would leave a thread in two parts.
    """
    tenant = work.tenant.id
    answered: dict[RecordKey, RecordKey] = {}
    for record in records:
        name = record.columns["thread"]
        own = own_thread(tenant, *record.key) if name is None else named_thread(tenant, record.source, name)
        record.columns["thread_id"] = own
        if record.columns["reply_to"] is not None:
            answered.setdefault(record.key, (record.source, record.columns["reply_to"]))
    if not answered:
        return
    await work.execute(_LOCK_THREADS, sources=sorted({source for source, _ in answered}))
    threads = {record.key: record.columns["thread_id"] for record in records if record.key not in answered}
    threads |= await _stored_threads(work, [key for key in answered.values() if key not in answered])
    moved: dict[UUID, UUID] = {}
    for record in records:
        if record.key in answered:
            thread = record.columns["thread_id"] = thread_of_reply(tenant, record.key, answered, threads)
            moved[own_thread(tenant, *record.key)] = thread
    await work.execute(_MOVE_REPLIES, threads=list(moved), targets=list(moved.values()))


async def _stored_threads(work: UnitOfWork, keys: Sequence[RecordKey]) -> dict[RecordKey, UUID]:
    """Return the threads of stored records. One of a version without threads begins its own."""
    sources, source_ids = [source for source, _ in keys], [source_id for _, source_id in keys]
    stored = await work.fetch(_STORED_THREADS, sources=sources, source_ids=source_ids)
    without = [row for row in stored if row.thread_id is None]
    if without:
        threads = [own_thread(work.tenant.id, row.source, row.source_id) for row in without]
        await work.execute(_BEGIN_THREADS, ids=[row.id for row in without], threads=threads)
    return {
        (row.source, row.source_id): row.thread_id or own_thread(work.tenant.id, row.source, row.source_id)
        for row in stored
    }


_LOCK_THREADS = Command(
    """
    select pg_advisory_xact_lock(hashtextextended('threads ' || current_setting('app.tenant') || ' ' || source, 0))
    from unnest(:sources::text[]) as source
    """
)
# A look-up for each key by the unique index, as in sources/queries.py.
_STORED_THREADS = Query(
    _StoredThread,
    """
    select stored.id, stored.source, stored.source_id, stored.thread_id
    from unnest(:sources::text[], :source_ids::text[]) as sent(source, source_id),
    lateral (
        select id, source, source_id, thread_id from touch_point as stored
        where (stored.source, stored.source_id) >= (sent.source, sent.source_id)
        order by stored.source, stored.source_id limit 1
    ) as stored
    where stored.source = sent.source and stored.source_id = sent.source_id
    """,
)
_BEGIN_THREADS = Command(
    """
    update touch_point set thread_id = begun.thread_id
    from unnest(:ids::uuid[], :threads::uuid[]) as begun(id, thread_id)
    where touch_point.id = begun.id and touch_point.thread_id is null
    """
)
_MOVE_REPLIES = Command(
    """
    update touch_point set thread_id = moved.target
    from unnest(:threads::uuid[], :targets::uuid[]) as moved(thread_id, target)
    where touch_point.thread_id = moved.thread_id and moved.target <> moved.thread_id
    """
)
