"""The operations on assets."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends
from fastapi import Query as Parameter

from chassis import (
    Feature,
    IfMatch,
    Owned,
    Page,
    PageParams,
    Reference,
    TimeRange,
    UnitOfWork,
    VersionMismatch,
    Work,
    day_range,
    equals,
    json,
    of_person,
    paginate,
    reject_future,
    time_range,
)
from services.customers.sales import tables
from services.customers.sales.assets.events import AssetCreated, AssetUpdated, SerialNumberTaken
from services.customers.sales.assets.schemas import Asset, AssetCreate, AssetUpdate, MaintenanceCreate
from services.customers.sales.queries.named import ProductRetired, TimeSort, named_customer, named_product, today
from services.customers.sales.rules.catalogue import AssetState, add_months, asset_dates

feature = Feature("assets")


@feature.post("/assets", scope="customers:write", status_code=201, raises=[ProductRetired, SerialNumberTaken])
async def create_asset(work: Work, body: AssetCreate) -> Asset:
    """Record what a customer owns of a product. Dates that are left out follow from the product."""
    product = await named_product(work, body.product_id)
    if product.state == "retired":
        raise ProductRetired
    customer = await named_customer(work, body.customer_id)
    acquired_at = body.acquired_at or work.now
    reject_future(work, acquired_at, "/acquired_at")
    if work.is_retry:  # the unique constraint has found the serial number of another asset
        await _reject_taken_serial_number(work, body.product_id, body.serial_number)
    values = body.values() | {"customer_id": customer.id, "acquired_at": acquired_at}
    terms = {name: getattr(product, name) for name in ("warranty_months", "maintenance_interval_months")}
    values |= asset_dates(values, terms, acquired_at.astimezone(work.tenant.zone).date())
    asset = await work.insert(tables.Asset(**values))
    work.publish(AssetCreated.from_row(asset, asset_id=asset.id, sku=product.sku))
    return Asset.from_row(asset)


@feature.get("/assets", scope="customers:read", owner="customer_id")
async def list_assets(
    work: Work,
    params: PageParams,
    warranty_until: Annotated[TimeRange, Depends(day_range("warranty_until"))],
    next_maintenance_on: Annotated[TimeRange, Depends(day_range("next_maintenance_on"))],
    updated_at: Annotated[TimeRange, Depends(time_range("updated_at"))],
    customer_id: Annotated[UUID | None, Parameter(description="Only assets of this customer.")] = None,
    product_id: Annotated[UUID | None, Parameter(description="Only assets of this product.")] = None,
    serial_number: Annotated[Reference | None, Parameter(description="Only assets with this serial number.")] = None,
    state: Annotated[list[AssetState] | None, Parameter(description="Any of these states.")] = None,
    sort: Annotated[TimeSort, Parameter(description="Sort field; prefix with `-` for descending.")] = "created_at",
) -> Page[Asset]:
    """List assets. `warranty_until.lte` finds those whose warranty ends by a day."""
    columns = equals(product_id=product_id, serial_number=serial_number, state=state)
    where = [
        *of_person(customer_id),
        *columns,
        *warranty_until.filters,
        *next_maintenance_on.filters,
        *updated_at.filters,
    ]
    return await paginate(work, params, tables.Asset, Asset, sort=sort, where=where)


@feature.get("/assets/{id:uuid}", scope="customers:read", owner=Owned(tables.Asset, "customer_id"))
async def read_asset(work: Work, id: UUID) -> Asset:
    """Return an asset."""
    return Asset.from_row(await work.get(tables.Asset, id))


@feature.patch("/assets/{id:uuid}", scope="customers:write", raises=[SerialNumberTaken, VersionMismatch])
async def update_asset(work: Work, id: UUID, body: AssetUpdate, if_match: IfMatch) -> Asset:
    """Change the fields that are named: null clears a field. Another `customer_id` transfers the asset."""
    changes = body.changes()
    if body.customer_id is not None:
        changes["customer_id"] = (await named_customer(work, body.customer_id)).id
    if body.acquired_at is not None:
        reject_future(work, body.acquired_at, "/acquired_at")
    before = await work.get(tables.Asset, id, for_update=True)
    work.check_version(before, if_match)
    if body.serial_number is not None and body.serial_number != before.serial_number:
        await _reject_taken_serial_number(work, before.product_id, body.serial_number)
    return Asset.from_row(await _update(work, before, changes))


@feature.post("/assets/{id:uuid}/maintenance", scope="customers:write", raises=[VersionMismatch])
async def record_maintenance(work: Work, id: UUID, body: MaintenanceCreate, if_match: IfMatch) -> Asset:
    """Record that maintenance was done. The next is due after the interval, or never without one."""
    before = await work.get(tables.Asset, id, for_update=True)
    work.check_version(before, if_match)
    done_on = body.maintained_on or today(work)
    interval = before.maintenance_interval_months
    next_on = None if interval is None else add_months(done_on, interval)
    asset = await _update(work, before, {"last_maintained_on": done_on, "next_maintenance_on": next_on})
    return Asset.from_row(asset)


async def _update(work: UnitOfWork, before: tables.Asset, values: dict[str, Any]) -> tables.Asset:
    changes = {name: value for name, value in values.items() if not json.json_equal(value, getattr(before, name))}
    if not changes:
        return before
    asset = await work.update(before, **changes)
    product = await work.get(tables.Product, asset.product_id)
    work.publish(AssetUpdated.from_row(asset, asset_id=asset.id, sku=product.sku, changed=sorted(changes)))
    return asset


async def _reject_taken_serial_number(work: UnitOfWork, product_id: UUID, serial_number: str | None) -> None:
    if serial_number is None:
        return
    holder = await work.find(tables.Asset, product_id=product_id, serial_number=serial_number)
    if holder is not None:
        raise SerialNumberTaken(asset_id=str(holder.id), pointer="/serial_number")
