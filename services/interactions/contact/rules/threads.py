"""Threads: contacts that answer each other.

A record that answers none begins a thread of its own, whose id follows from the tenant, the source and the source's id.
So the thread of a reply is known before the record that it answers arrives.
"""

from collections.abc import Mapping
from uuid import UUID, uuid5

RecordKey = tuple[str, str]
"""The source of a record, and the source's id of it."""
_OF_RECORDS = UUID("0f5c1b0e-5d0a-5b52-9a55-4f7f3b6f3a10")
_OF_NAMES = UUID("6f1d9a3c-2a77-5c0e-8a35-0c1b7f0de6a2")


def own_thread(tenant: UUID, source: str, source_id: str) -> UUID:
    """Return the thread that a record begins."""
    return uuid5(_OF_RECORDS, f"{tenant}\0{source}\0{source_id}")


def named_thread(tenant: UUID, source: str, name: str) -> UUID:
    """Return the thread to which a source gives a name of its own."""
    return uuid5(_OF_NAMES, f"{tenant}\0{source}\0{name}")


def thread_of_reply(
    tenant: UUID, key: RecordKey, answered: Mapping[RecordKey, RecordKey], threads: Mapping[RecordKey, UUID]
) -> UUID:
    """Return the thread of a record that answers another.

    `answered` has the records that new ones answer, and `threads` the threads of those that are known. Records that
    answer each other in a circle belong to the thread of the smallest key among them.
    """
    path = [key]
    while (parent := answered.get(path[-1])) is not None:
        if parent in path:
            return own_thread(tenant, *min(path[path.index(parent) :]))
        path.append(parent)
    return threads.get(path[-1]) or own_thread(tenant, *path[-1])
