"""Erasing buyers: purchases, refunds and their steps stay with their figures, and lose texts that may name a person.

Names of goods, the numbers that other systems gave the records, and references to proofs and parcels are removed.
Stores, channels, articles, and the staff who took a step stay.
"""

from collections.abc import Sequence
from uuid import UUID

from chassis import Command, Feature, Work
from services.interactions.orders import tables

feature = Feature("erased-buyers")


@feature.erases(tables.Purchase)
async def anonymise_purchases(work: Work, ids: Sequence[UUID]) -> int:
    """Remove the texts of persons' purchases. Returns the number of purchases that had some."""
    return await work.execute(_ANONYMISE_PURCHASES, ids=list(ids))


@feature.erases(tables.Refund)
async def anonymise_refunds(work: Work, ids: Sequence[UUID]) -> int:
    """Remove the numbers of persons' refunds. Returns the number of refunds that had one."""
    return await work.execute(_ANONYMISE_REFUNDS, ids=list(ids))


@feature.erases(tables.PurchaseStatusChange)
async def anonymise_status_changes(work: Work, ids: Sequence[UUID]) -> int:
    """Remove the references of the steps of persons' orders. Returns the number of steps that had some."""
    return await work.execute(_ANONYMISE_STATUS_CHANGES, ids=list(ids))


_ANONYMISE_PURCHASES = Command(
    """
    update purchase set source_id = id::text, content_hash = '', lines = (
        select jsonb_agg(line || '{"name": null}' order by number)
        from jsonb_array_elements(lines) with ordinality as each(line, number)
    )
    where customer_id = any(:ids) and content_hash <> ''
    """
)
_ANONYMISE_REFUNDS = Command(
    """
    update refund set source_id = id::text, content_hash = ''
    where customer_id = any(:ids) and content_hash <> ''
    """
)
_ANONYMISE_STATUS_CHANGES = Command(
    """
    update purchase_status_change set source_id = id::text, content_hash = '', evidence = null, tracking = null
    where customer_id = any(:ids) and content_hash <> ''
    """
)
