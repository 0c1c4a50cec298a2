"""Invitations of erased customers: they stay as figures, their links are no longer valid, and none is sent."""

from collections.abc import Sequence
from uuid import UUID

from chassis import Command, Feature, Work
from services.interactions.feedback import tables

feature = Feature("survey-invitations")


@feature.erases(tables.SurveyInvitation)
async def close_invitations(work: Work, ids: Sequence[UUID]) -> int:
    """Invalidate the links of persons and suppress their queued invitations. Returns the number of changes."""
    return await work.execute(_CLOSE, ids=list(ids))


_CLOSE = Command(
    """
    update survey_invitation set
        token_hash = null,
        state = case when state = 'queued' then 'suppressed' else state end,
        reason = case when state = 'queued' then 'customer_erased' else reason end
    where customer_id = any(:ids) and (token_hash is not null or state = 'queued')
    """
)
