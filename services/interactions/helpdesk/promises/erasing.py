"""Erasing customers: promises to them lose their texts and stay for the rates. Those not due yet are withdrawn."""

from collections.abc import Sequence
from uuid import UUID

from chassis import Command, Feature, Work
from services.interactions.helpdesk import tables

feature = Feature("promises")


@feature.erases(tables.Promise)
async def anonymise_promises(work: Work, ids: Sequence[UUID]) -> int:
    """Remove the texts of promises to persons. Returns the number of promises that had one."""
    return await work.execute(_ANONYMISE, ids=list(ids), now=work.now)


_ANONYMISE = Command(
    """
    update promise set what = '', withdrawn_reason = null, warns_at = null, version = version + 1, updated_at = :now,
        state = case when state = 'open' and due_at >= :now then 'withdrawn' else state end,
        withdrawn_at = case when state = 'open' and due_at >= :now then :now else withdrawn_at end
    where customer_id = any(:ids) and what <> ''
    """
)
