"""The operations on purchases."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from fastapi import Response

from chassis import Batch, BatchResults, Feature, Money, Problem, Work, results_of, shown
from services.interactions.features.purchases.recording import record_purchases
from services.interactions.features.purchases.wire import NewPurchase, Purchase
from services.interactions.model import Purchase as Row
from services.interactions.operations import SourceIdReused

feature = Feature("purchases")


@feature.post("/purchases", scope="interactions:write", status_code=201, refuses=[SourceIdReused], repeatable=True)
async def record_purchase(work: Work, wanted: NewPurchase, response: Response) -> Purchase:
    """Records a purchase; sent again, it answers 200 with what stands.

    A customer that is not known here yet is accepted: its record may still be on its way.
    """
    outcomes, new = await record_purchases(work, [(0, wanted)])
    outcome = outcomes[0]
    if isinstance(outcome, Problem):
        raise outcome
    if new:
        return purchase_of(new[0])
    response.status_code = 200
    return purchase_of(vars(await work.get(Row, outcome[1])))


@feature.post("/purchases/batch", scope="interactions:write", batch=True)
async def record_purchases_batch(work: Work, batch: Batch[NewPurchase]) -> BatchResults:
    """Records up to a thousand purchases; one that stands already is `unchanged`."""
    outcomes, _ = await record_purchases(work, batch.readable())
    return results_of(batch, outcomes)


@feature.get("/purchases/{id:uuid}", scope="interactions:read")
async def read_purchase(work: Work, id: UUID) -> Purchase:
    """One purchase with its lines."""
    return purchase_of(vars(await work.get(Row, id)))


def purchase_of(row: Mapping[str, Any]) -> Purchase:
    """The purchase as it is shown."""
    return shown(Purchase, row, total=Money.of(row["total_minor"], row["currency"]))
