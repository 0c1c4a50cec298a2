"""Announce warranties that are about to end, and maintenance that is due.

The row remembers the announced date, in the transaction of the event. So a date is announced once, whichever worker
runs the task and however often, and a new date is announced again.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from chassis import Command, Feature, Query, Work
from services.customers.sales.assets.events import AssetMaintenanceDue, AssetWarrantyEnding
from services.customers.sales.queries.named import today
from services.customers.sales.rules.catalogue import WARRANTY_NOTICE_DAYS

feature = Feature("assets")

BATCH_SIZE = 500


@dataclass(frozen=True, slots=True)
class DueAsset:
    """An asset of which an event is due, and its date."""

    asset_id: UUID
    customer_id: UUID
    product_id: UUID
    sku: str
    due: date


@feature.periodic(every=timedelta(minutes=5))
async def announce_ending_warranties(work: Work) -> bool:
    """Announce warranties that end within the notice. One that has already ended is not announced."""
    day = today(work)
    until = day + timedelta(days=WARRANTY_NOTICE_DAYS)
    due = await work.fetch(_LOCK_ENDING_WARRANTIES, today=day, until=until, batch_size=BATCH_SIZE)
    for asset in due:
        work.publish(AssetWarrantyEnding.from_row(asset, warranty_until=asset.due))
    await work.execute(_MARK_WARRANTIES, ids=[asset.asset_id for asset in due])
    return len(due) == BATCH_SIZE


@feature.periodic(every=timedelta(minutes=5))
async def announce_due_maintenance(work: Work) -> bool:
    """Announce maintenance that is due, also if it was due before the asset was recorded."""
    due = await work.fetch(_LOCK_DUE_MAINTENANCE, today=today(work), batch_size=BATCH_SIZE)
    for asset in due:
        work.publish(AssetMaintenanceDue.from_row(asset, due_on=asset.due))
    await work.execute(_MARK_MAINTENANCE, ids=[asset.asset_id for asset in due])
    return len(due) == BATCH_SIZE


# A row that another transaction has locked is skipped. The next run sees what it has become.
_LOCK_ENDING_WARRANTIES = Query(
    DueAsset,
    """
    select asset.id as asset_id, customer_id, product_id, sku, warranty_until as due
    from asset join product on product.id = product_id
    where warranty_until between :today and :until and warranty_until is distinct from warranty_announced
        and asset.state = 'in_use'
    order by warranty_until, asset.id limit :batch_size for no key update of asset skip locked
    """,
)
_LOCK_DUE_MAINTENANCE = Query(
    DueAsset,
    """
    select asset.id as asset_id, customer_id, product_id, sku, next_maintenance_on as due
    from asset join product on product.id = product_id
    where next_maintenance_on <= :today and next_maintenance_on is distinct from maintenance_announced
        and asset.state = 'in_use'
    order by next_maintenance_on, asset.id limit :batch_size for no key update of asset skip locked
    """,
)
_MARK_WARRANTIES = Command("update asset set warranty_announced = warranty_until where id = any(:ids)")
_MARK_MAINTENANCE = Command("update asset set maintenance_announced = next_maintenance_on where id = any(:ids)")
