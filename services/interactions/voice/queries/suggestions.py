"""Suggestions: locked with their original, and the number of their voters.

Each voter of a suggestion and of its duplicates counts once, also after two customers were merged.
"""

from uuid import UUID

from chassis import Query, UnitOfWork
from services.interactions.voice import tables


async def lock_original(work: UnitOfWork, id: UUID) -> tables.Suggestion:
    """Lock and return a suggestion, or the original that it is a duplicate of. Raises NotFound."""
    suggestion = await work.get(tables.Suggestion, id, for_update=True)
    while suggestion.duplicate_of_id is not None:
        suggestion = await work.get(tables.Suggestion, suggestion.duplicate_of_id, for_update=True)
    return suggestion


async def recount(work: UnitOfWork, original_id: UUID) -> int:
    """Count the voters of a locked original and of its duplicates, and store the number. A change is a version."""
    return await work.fetch_row(_RECOUNT, original=original_id)


_RECOUNT = Query(
    int,
    """
    update suggestion set votes = counted.votes,
        version = version + case when suggestion.votes = counted.votes then 0 else 1 end
    from (
        select count(distinct coalesce(suggestion_vote.customer_id::text, voter)) as votes
        from suggestion_vote join suggestion as voted on voted.id = suggestion_vote.suggestion_id
        where voted.id = :original or voted.duplicate_of_id = :original
    ) as counted
    where id = :original and duplicate_of_id is null
    returning suggestion.votes
    """,
)
