"""Request and response bodies of assets."""

from datetime import date, datetime
from typing import Annotated, ClassVar
from uuid import UUID

from pydantic import Field

from chassis import Day, Fields, Instant, MergePatch, Reference, RequestBody, Resource
from services.customers.sales import tables
from services.customers.sales.rules.catalogue import AssetState

Months = Annotated[int, Field(strict=True, ge=1, le=600)]


class AssetFields(Fields):
    """The fields that are null if nothing is known."""

    serial_number: Reference | None = None
    """The serial number. It belongs to a single asset of the product."""
    warranty_until: Day | None = None
    """The last day of the warranty."""
    maintenance_interval_months: Months | None = None
    """How often it needs maintenance."""
    last_maintained_on: Day | None = None
    """The day of its last maintenance."""
    next_maintenance_on: Day | None = None
    """The day on which maintenance is due."""


class AssetCreate(AssetFields, RequestBody):
    """An asset to record. The dates that it leaves out follow from its product."""

    example = {
        "customer_id": "0193a7c2-5b1e-7c3a-9d54-0242ac120002",
        "product_id": "0193a7c2-5b1e-7c3a-9d54-0242ac120003",
        "serial_number": "K2-000817",
        "acquired_at": "2026-03-01T10:00:00Z",
    }

    customer_id: UUID
    """The customer that owns it."""
    product_id: UUID
    """The product."""
    acquired_at: Instant | None = None
    """When the customer acquired it. Default: now."""


class AssetUpdate(AssetFields, MergePatch):
    """Fields to change. Another `customer_id` transfers the asset."""

    example = {"state": "returned"}
    never_null: ClassVar[frozenset[str]] = frozenset(("customer_id", "acquired_at", "state"))

    customer_id: UUID | None = None
    """The customer that owns it."""
    acquired_at: Instant | None = None
    """When the customer acquired it."""
    state: AssetState | None = None
    """Whether the customer still uses it."""


class MaintenanceCreate(RequestBody):
    """Maintenance that was done."""

    example = {"maintained_on": "2026-03-01"}

    maintained_on: Day | None = None
    """The day. Default: today."""


class Asset(AssetFields, Resource, row=tables.Asset, etag="version"):
    """A thing that a customer owns."""

    id: UUID
    """Identifies the asset."""
    version: int
    """Counts the changes. It is the ETag."""
    customer_id: UUID
    """The customer that owns it."""
    product_id: UUID
    """The product."""
    acquired_at: datetime
    """When the customer acquired it."""
    warranty_until: date | None
    """The last day of the warranty, or null."""
    last_maintained_on: date | None
    """The day of its last maintenance, or null."""
    next_maintenance_on: date | None
    """The day on which maintenance is due, or null."""
    state: AssetState
    """Whether the customer still uses it."""
    created_at: datetime
    """When the asset was recorded."""
    updated_at: datetime
    """When the asset last changed."""
