"""Request and response bodies of products and their known problems."""

from datetime import datetime
from typing import Annotated, ClassVar
from uuid import UUID

from pydantic import Field

from chassis import (
    CurrentCurrency,
    Fields,
    JsonObject,
    Line,
    Lines,
    MergePatch,
    MultilineText,
    Reference,
    RequestBody,
    Resource,
    UnitPrice,
    UnitPriceText,
)
from services.customers.sales import tables
from services.customers.sales.rules.catalogue import ProblemSeverity, ProblemState, ProductState

Months = Annotated[int, Field(strict=True, ge=1, le=600)]


class ProductFields(Fields):
    """The fields that requests and responses share, and that are null if nothing is known."""

    category: Line | None = None
    """The category, such as `kitchen`."""
    description: MultilineText | None = None
    """A description for buyers."""
    warranty_months: Months | None = None
    """How long the warranty of a new asset is."""
    maintenance_interval_months: Months | None = None
    """How often an asset needs maintenance."""


class ProductValues(ProductFields):
    """The fields that a request may set."""

    currency: CurrentCurrency | None = None
    """The currency of the prices. Default: that of the tenant."""
    unit_cost: UnitPrice | None = None
    """The seller's cost of a unit: a decimal string with at most six decimals."""
    list_price: UnitPrice | None = None
    """The price of a unit without a discount: a decimal string with at most six decimals."""
    disclosures: Annotated[list[Lines], Field(max_length=50)] | None = None
    """What buyers must be informed of before they buy."""
    custom: JsonObject | None = None
    """Fields of your own: a JSON object of at most 65,536 bytes."""


class ProductCreate(ProductValues, RequestBody):
    """A product to create."""

    example = {
        "sku": "kettle-2",
        "name": "Kettle, 2 litres",
        "category": "kitchen",
        "unit_cost": "11.20",
        "list_price": "39.00",
        "disclosures": ["Contains nickel."],
        "warranty_months": 24,
    }

    sku: Reference
    """The seller's number of the product (stock keeping unit). It belongs to a single product."""
    name: Line
    """The name of the product."""


class ProductUpdate(ProductValues, MergePatch):
    """Fields to change. `custom` is merged, the other lists and objects are replaced."""

    example = {"list_price": "42.00", "state": "active"}
    never_null: ClassVar[frozenset[str]] = frozenset(("sku", "name", "state"))

    sku: Reference | None = None
    """The seller's number of the product."""
    name: Line | None = None
    """The name of the product."""
    state: ProductState | None = None
    """A retired product takes no new deals and assets."""


class Product(ProductFields, Resource, row=tables.Product, etag="version"):
    """A product."""

    id: UUID
    """Identifies the product."""
    version: int
    """Counts the changes. It is the ETag."""
    sku: str
    """The seller's number of the product."""
    name: str
    """The name of the product."""
    currency: str | None
    """The currency of the prices, by its ISO 4217 code."""
    unit_cost: UnitPriceText | None
    """The seller's cost of a unit."""
    list_price: UnitPriceText | None
    """The price of a unit without a discount."""
    disclosures: list[str]
    """What buyers must be informed of before they buy."""
    state: ProductState
    """Whether it is still sold."""
    custom: JsonObject
    """Fields of your own."""
    created_at: datetime
    """When the product was created."""
    updated_at: datetime
    """When the product last changed."""


class ProblemFields(Fields):
    """The fields of a known problem."""

    severity: ProblemSeverity
    """How serious the problem is."""
    description: MultilineText
    """The problem, as buyers are informed of it."""
    remedy: MultilineText | None = None
    """What buyers can do."""


class ProductProblemCreate(ProblemFields, RequestBody):
    """A known problem to add."""

    example = {
        "severity": "high",
        "description": "The lid may come off when pouring.",
        "remedy": "Return it to any store for a new lid.",
    }


class ProductProblemResolveRequest(RequestBody):
    """How a problem was resolved."""

    example = {"resolution": "All kettles since batch 18 have another lid."}

    resolution: MultilineText
    """How the problem was resolved."""


class ProductProblem(ProblemFields, Resource, row=tables.ProductProblem, etag="version"):
    """A known problem of a product."""

    id: UUID
    """Identifies the problem."""
    version: int
    """Counts the changes. It is the ETag."""
    product_id: UUID
    """The product."""
    state: ProblemState
    """An open problem, or a resolved one."""
    resolution: str | None
    """How it was resolved, or null."""
    resolved_at: datetime | None
    """When it was resolved, or null."""
    created_at: datetime
    """When it was added."""
