"""Votes: one for each customer and each member of staff, which can be withdrawn."""

from uuid import UUID

from chassis import (
    Command,
    Feature,
    Page,
    PageParams,
    PersonErased,
    UnitOfWork,
    Work,
    condition,
    current_person,
    paginate,
    reject_erased,
)
from services.interactions.voice import tables
from services.interactions.voice.queries.suggestions import lock_original, recount
from services.interactions.voice.rules.suggestions import voter_key
from services.interactions.voice.suggestions.events import SuggestionEnded
from services.interactions.voice.suggestions.schemas import SuggestionTally, SuggestionVote, SuggestionVoteRequest

feature = Feature("suggestions")


@feature.post(
    "/suggestions/{id:uuid}/vote",
    scope="interactions:write",
    raises=[PersonErased, SuggestionEnded],
    owner="customer_id",
)
async def vote_for_suggestion(work: Work, id: UUID, body: SuggestionVoteRequest) -> SuggestionTally:
    """Vote for a suggestion. A second vote of the same voter changes nothing."""
    original = await _lock_open(work, id)
    customer_id = body.customer_id
    if customer_id is not None:
        await reject_erased(work, customer_id)
        customer_id = await current_person(work, customer_id)
    vote = tables.SuggestionVote(
        suggestion_id=id,
        customer_id=customer_id,
        staff_id=body.staff_id,
        voter=voter_key(customer_id, body.staff_id),
        voted_at=work.now,
    )
    await work.insert_or_ignore(vote)
    votes = await recount(work, original.id)
    return SuggestionTally(suggestion_id=original.id, votes=votes, has_voted=True)


@feature.post(
    "/suggestions/{id:uuid}/withdraw-vote", scope="interactions:write", raises=[SuggestionEnded], owner="customer_id"
)
async def withdraw_vote(work: Work, id: UUID, body: SuggestionVoteRequest) -> SuggestionTally:
    """Withdraw a vote from a suggestion and from its duplicates. Without a vote nothing changes."""
    original = await _lock_open(work, id)
    customer_id = None if body.customer_id is None else await current_person(work, body.customer_id)
    await work.execute(_WITHDRAW, original=original.id, customer_id=customer_id, staff_id=body.staff_id)
    votes = await recount(work, original.id)
    return SuggestionTally(suggestion_id=original.id, votes=votes, has_voted=False)


@feature.get("/suggestions/{id:uuid}/votes", scope="interactions:read")
async def list_suggestion_votes(work: Work, id: UUID, params: PageParams) -> Page[SuggestionVote]:
    """List the votes for a suggestion and for its duplicates, oldest first.

    A voter of both has a vote for each, and counts once.
    """
    await work.get(tables.Suggestion, id)
    family = "suggestion_id = any(array(select id from suggestion where id = :id or duplicate_of_id = :id))"
    where = [condition(family, id=id)]
    return await paginate(work, params, tables.SuggestionVote, SuggestionVote, sort="voted_at", where=where)


async def _lock_open(work: UnitOfWork, id: UUID) -> tables.Suggestion:
    """Lock and return the original of a suggestion. Raises NotFound and SuggestionEnded."""
    original = await lock_original(work, id)
    if original.state in ("done", "declined"):
        raise SuggestionEnded(f"The suggestion is {original.state}.", state=original.state)
    return original


_WITHDRAW = Command(
    """
    delete from suggestion_vote using suggestion as voted
    where voted.id = suggestion_vote.suggestion_id and (voted.id = :original or voted.duplicate_of_id = :original)
        and (suggestion_vote.customer_id = :customer_id::uuid or suggestion_vote.staff_id = :staff_id::text)
    """
)
