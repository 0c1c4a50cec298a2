"""The events and problems of products."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from chassis import Event, Problem, UnitPriceText
from services.customers.sales.rules.catalogue import ProblemSeverity, ProductState

Sku = Annotated[str, Field(description="The seller's number of the product.", examples=["kettle-2"])]


class ProductEvent(Event):
    """The fields of both events about a product's record."""

    product_id: UUID
    """The product."""
    sku: Sku
    version: Annotated[int, Field(description="The version of the record, which is its ETag.", examples=[3])]
    category: Annotated[str | None, Field(examples=["kitchen"])]
    """The category, or null."""
    currency: Annotated[str | None, Field(examples=["EUR"])]
    """The currency of its prices, by its ISO 4217 code."""
    unit_cost: UnitPriceText | None
    """The seller's cost of a unit."""
    list_price: UnitPriceText | None
    """The price of a unit without a discount."""
    state: ProductState
    """Whether it is still sold."""


class ProductCreated(ProductEvent, type="customers.product_created.v1", partition_key="product_id"):
    """A product was created."""

    created_at: datetime
    """When it was created."""


class ProductUpdated(ProductEvent, type="customers.product_updated.v1", partition_key="product_id"):
    """Fields of a product changed."""

    changed: Annotated[list[str], Field(description="The names of the changed fields.", examples=[["list_price"]])]
    updated_at: datetime
    """When it was changed."""


class ProblemEvent(Event):
    """The fields of both events about a known problem."""

    problem_id: UUID
    """The known problem."""
    product_id: UUID
    """The product."""
    sku: Sku
    severity: ProblemSeverity
    """How serious the problem is."""


class ProductProblemAdded(ProblemEvent, type="customers.product_problem_added.v1", partition_key="product_id"):
    """A problem of a product became known. Its buyers are those of purchases with this sku, and owners of assets."""

    description: Annotated[str, Field(description="The problem.", examples=["The lid may come off when pouring."])]
    remedy: Annotated[str | None, Field(examples=["Return it to any store for a new lid."])]
    """What buyers can do, or null if nothing is known yet."""
    created_at: datetime
    """When it was added."""


class ProductProblemResolved(ProblemEvent, type="customers.product_problem_resolved.v1", partition_key="product_id"):
    """A known problem of a product was resolved."""

    resolved_at: datetime
    """When it was resolved."""


class SkuTaken(Problem, status=409):
    """Another product already has this sku.

    `product_id` is that product. Change it instead, or choose another sku.
    """


class ProblemAlreadyResolved(Problem, status=409):
    """The problem is resolved already.

    If it has returned, add it again as a new problem, so that buyers are informed again.
    """
