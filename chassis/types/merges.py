"""Merges of persons, and where the rows of each person belong. Plain values in, plain values out."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class MergeRecord:
    """A merge of one person into another. Merges that name the same person are numbered in their order."""

    id: UUID
    merged_id: UUID
    survivor_id: UUID
    number: int
    undone: bool


def targets_of(merges: Iterable[MergeRecord]) -> dict[UUID, UUID]:
    """Return the person to whom the rows of each person belong, for every person that a merge names.

    A merged person cannot take part in another merge. So a merge that is followed by another of its merged person has
    been undone, even if the news of that has not arrived. This also excludes cycles.
    """
    merges = list(merges)
    latest: dict[UUID, int] = {}
    for merge in merges:
        for id in (merge.merged_id, merge.survivor_id):
            latest[id] = max(merge.number, latest.get(id, 0))
    next_of = {
        merge.merged_id: merge.survivor_id
        for merge in merges
        if not merge.undone and merge.number == latest[merge.merged_id]
    }
    return {id: _last(next_of, id) for id in latest}


def _last(next_of: dict[UUID, UUID], id: UUID) -> UUID:
    while id in next_of:
        id = next_of[id]
    return id
