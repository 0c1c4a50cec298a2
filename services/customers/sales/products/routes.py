"""The operations on products."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends
from fastapi import Query as Parameter

from chassis import (
    Feature,
    IfMatch,
    Line,
    Page,
    PageParams,
    RecordTooLarge,
    Reference,
    TimeRange,
    UnitOfWork,
    VersionMismatch,
    Work,
    equals,
    json,
    merge_patch,
    paginate,
    time_range,
)
from services.customers.sales import tables
from services.customers.sales.products.events import ProductCreated, ProductUpdated, SkuTaken
from services.customers.sales.products.schemas import Product, ProductCreate, ProductUpdate
from services.customers.sales.queries.named import TimeSort
from services.customers.sales.rules.catalogue import ProductState

feature = Feature("products")
PRICES = ("unit_cost", "list_price")


@feature.post("/products", scope="customers:write", status_code=201, raises=[RecordTooLarge, SkuTaken])
async def create_product(work: Work, body: ProductCreate) -> Product:
    """Create a product. A sku that another product has is rejected."""
    values = _stored(work, body.values())
    if work.is_retry:  # the unique constraint has found the sku of another product
        await _reject_taken_sku(work, body.sku)
    product = await work.insert(tables.Product(**{name: value for name, value in values.items() if value is not None}))
    work.publish(ProductCreated.from_row(product, product_id=product.id))
    return Product.from_row(product)


@feature.get("/products", scope="customers:read")
async def list_products(
    work: Work,
    params: PageParams,
    created_at: Annotated[TimeRange, Depends(time_range("created_at"))],
    updated_at: Annotated[TimeRange, Depends(time_range("updated_at"))],
    sku: Annotated[Reference | None, Parameter(description="Only the product with this sku.")] = None,
    category: Annotated[list[Line] | None, Parameter(description="Any of these categories.")] = None,
    state: Annotated[list[ProductState] | None, Parameter(description="Any of these states.")] = None,
    sort: Annotated[TimeSort, Parameter(description="Sort field; prefix with `-` for descending.")] = "created_at",
) -> Page[Product]:
    """List products."""
    where = [*equals(sku=sku, category=category, state=state), *created_at.filters, *updated_at.filters]
    return await paginate(work, params, tables.Product, Product, sort=sort, where=where)


@feature.get("/products/{id:uuid}", scope="customers:read")
async def read_product(work: Work, id: UUID) -> Product:
    """Return a product."""
    return Product.from_row(await work.get(tables.Product, id))


@feature.patch("/products/{id:uuid}", scope="customers:write", raises=[RecordTooLarge, SkuTaken, VersionMismatch])
async def update_product(work: Work, id: UUID, body: ProductUpdate, if_match: IfMatch) -> Product:
    """Change the fields that are named: null clears a field, `custom` is merged."""
    before = await work.get(tables.Product, id, for_update=True)
    work.check_version(before, if_match)
    changes = _changes(work, before, body)
    if not changes:
        return Product.from_row(before)
    if "sku" in changes:
        await _reject_taken_sku(work, changes["sku"])
    product = await work.update(before, **changes)
    work.publish(ProductUpdated.from_row(product, product_id=id, changed=sorted(changes)))
    return Product.from_row(product)


def _changes(work: UnitOfWork, before: tables.Product, body: ProductUpdate) -> dict[str, Any]:
    """Return the columns that a patch changes."""
    values = body.changes()
    if "custom" in values:
        values["custom"] = {} if body.custom is None else merge_patch(before.custom, body.custom)
    if "disclosures" in values:
        values["disclosures"] = values["disclosures"] or []
    current = {name: getattr(before, name) for name in Product.model_fields}
    after = _stored(work, current | values)
    return {name: value for name, value in after.items() if not json.json_equal(value, current[name])}


def _stored(work: UnitOfWork, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values as they are stored: plain prices, with a currency if there are any."""
    prices = {name: _plain(values[name]) for name in PRICES}
    currency = values["currency"]
    if currency is None and any(price is not None for price in prices.values()):
        currency = work.tenant.currency
    return {**values, **prices, "currency": currency}


def _plain(price: Decimal | str | None) -> str | None:
    """Return a price with the decimals of the request: "2.50" stays "2.50"."""
    return None if price is None else format(Decimal(price), "f")


async def _reject_taken_sku(work: UnitOfWork, sku: str) -> None:
    holder = await work.find(tables.Product, sku=sku)
    if holder is not None:
        raise SkuTaken(f"{sku} is the sku of another product.", product_id=str(holder.id), pointer="/sku")
