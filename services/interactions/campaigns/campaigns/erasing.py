"""Recipients of erased customers: they stay as figures, and those that wait get no message."""

from collections.abc import Sequence
from uuid import UUID

from chassis import Command, Feature, Work
from services.interactions.campaigns import tables

feature = Feature("campaigns")


@feature.erases(tables.CampaignRecipient)
async def close_recipients(work: Work, ids: Sequence[UUID]) -> int:
    """Suppress the waiting recipients of persons, and remove the hashes of their addresses and links."""
    return await work.execute(_CLOSE, ids=list(ids))


_CLOSE = Command(
    """
    update campaign_recipient set
        delivery_key = null,
        token_hash = null,
        state = case when state = 'planned' then 'suppressed' else state end,
        reason = case when state = 'planned' then 'customer_erased' else reason end
    where customer_id = any(:ids) and (delivery_key is not null or token_hash is not null or state = 'planned')
    """
)
