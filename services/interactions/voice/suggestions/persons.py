"""Merged and erased customers: votes are counted again, and suggestions lose the texts of their author."""

from collections.abc import Sequence
from uuid import UUID

from chassis import Command, Feature, Moves, Query, Work
from services.interactions.voice import tables
from services.interactions.voice.queries.suggestions import lock_original, recount

feature = Feature("suggestions")


@feature.moves(tables.SuggestionVote)
async def recount_votes_of_merged_customers(work: Work, moved: Moves) -> None:
    """Count the voters of every suggestion for which a merged customer has voted. Two that are merged count once."""
    await _recount(work, await work.fetch(_VOTED, ids=list(moved.targets)))


@feature.erases(tables.SuggestionVote)
async def delete_votes(work: Work, ids: Sequence[UUID]) -> int:
    """Delete the votes of persons, and count the others. Returns the number of votes."""
    suggestions = await work.fetch(_VOTED, ids=list(ids))
    deleted = await work.execute(_DELETE_VOTES, ids=list(ids))
    await _recount(work, suggestions)
    return deleted


@feature.erases(tables.Suggestion)
async def anonymise_suggestions(work: Work, ids: Sequence[UUID]) -> int:
    """Remove the texts of persons' suggestions. Others may have voted for them, so they stay."""
    return await work.execute(_ANONYMISE, ids=list(ids), now=work.now)


async def _recount(work: Work, suggestions: Sequence[UUID]) -> None:
    for id in sorted(set(suggestions)):
        await recount(work, (await lock_original(work, id)).id)


_VOTED = Query(UUID, "select distinct suggestion_id from suggestion_vote where customer_id = any(:ids)")
_DELETE_VOTES = Command("delete from suggestion_vote where customer_id = any(:ids)")
_ANONYMISE = Command(
    """
    update suggestion set title = '', description = '', topic = null, answer = case when answer is not null then '' end,
        version = version + 1, updated_at = :now
    where customer_id = any(:ids) and title <> ''
    """
)
