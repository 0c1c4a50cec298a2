"""The events and problems of assets."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from chassis import Event, Problem
from services.customers.sales.rules.catalogue import AssetState


class AssetEvent(Event):
    """The fields of every event about an asset."""

    asset_id: UUID
    """The asset."""
    customer_id: UUID
    """The customer that owns it."""
    product_id: UUID
    """The product."""
    sku: Annotated[str, Field(description="The seller's number of the product.", examples=["kettle-2"])]


class AssetRecordEvent(AssetEvent):
    """The fields of both events about an asset's record."""

    version: Annotated[int, Field(description="The version of the record, which is its ETag.", examples=[3])]
    state: AssetState
    """Whether the customer still uses it."""
    warranty_until: date | None
    """The last day of the warranty, or null."""
    next_maintenance_on: date | None
    """The day on which maintenance is due, or null."""


class AssetCreated(AssetRecordEvent, type="customers.asset_created.v1", partition_key="customer_id"):
    """An asset of a customer was recorded."""

    created_at: datetime
    """When it was recorded."""


class AssetUpdated(AssetRecordEvent, type="customers.asset_updated.v1", partition_key="customer_id"):
    """Fields of an asset changed, also by maintenance."""

    changed: Annotated[list[str], Field(description="The names of the changed fields.", examples=[["state"]])]
    updated_at: datetime
    """When it was changed."""


class AssetWarrantyEnding(AssetEvent, type="customers.asset_warranty_ending.v1", partition_key="customer_id"):
    """The warranty of an asset ends within 30 days. Published once for each end."""

    warranty_until: date
    """The last day of the warranty."""


class AssetMaintenanceDue(AssetEvent, type="customers.asset_maintenance_due.v1", partition_key="customer_id"):
    """Maintenance of an asset is due. Published once for each due day."""

    due_on: date
    """The day on which it is due."""


class SerialNumberTaken(Problem, status=409):
    """Another asset of this product already has this serial number.

    `asset_id` is that asset. Change its owner, or correct the serial number.
    """
