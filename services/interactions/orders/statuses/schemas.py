"""The bodies of changes of status, and their event."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import Field, model_validator

from chassis import Event, Instant, Line, Reference, RequestBody, Resource
from services.interactions.orders import tables
from services.interactions.orders.queries.waiting import NamedPurchase, PurchaseReference
from services.interactions.orders.rules.statuses import (
    STATUS_PATTERN,
    PaymentBasis,
    PaymentStatus,
    ReportedPaymentStatus,
)
from services.interactions.orders.rules.waiting import WaitingState
from services.interactions.sources.queries import SourceFields, SourceId, SourceName

Status = Annotated[str, Field(min_length=1, max_length=50, pattern=STATUS_PATTERN, examples=["shipped"])]
HIDDEN = ("actor", "evidence")
"""Who did a step, and how it is proved, is not for the tenant's customers."""


class StatusChangeFields(SourceFields):
    """The fields of a change of status."""

    changed_at: Instant
    """When the step was taken. Steps may be sent late, and in any order: the latest one counts."""
    payment_status: ReportedPaymentStatus | None = None
    """The status of the payment, if the step is about it. Refunds are derived, so they are not reported."""
    evidence: Line | None = None
    """A reference to the proof of the step, such as a delivery note or a signature."""
    tracking: Line | None = None
    """The carrier's reference, or the address where the parcel is followed."""


class StatusChangeCreate(StatusChangeFields, RequestBody):
    """A step of an order to record: a status of the order, of its payment, or both."""

    example = {
        "source": "warehouse",
        "source_id": "2026-000817-shipped",
        "changed_at": "2026-03-02T09:30:00Z",
        "status": "shipped",
        "tracking": "3SABCD1234567",
    }

    status: Status | None = None
    """The status of the order: one that every tenant has (`ordered`, `paid`, `prepared`, `shipped`, `delivered`,
    `installed`, `returned`), or one of your own."""
    actor: Reference | None = None
    """The person or system that took the step. Default: the caller."""

    @model_validator(mode="after")
    def _require_status(self) -> Self:
        if self.status is None and self.payment_status is None:
            raise ValueError("a status or a payment_status is expected")
        return self


class StatusChangeBySourceCreate(StatusChangeCreate):
    """A step to record, of a purchase that is named by its source id."""

    example = StatusChangeCreate.example | {"purchase": {"source": "till", "source_id": "2026-000817"}}

    purchase: PurchaseReference
    """The purchase, by its source."""


class StatusChange(StatusChangeFields, Resource, row=tables.PurchaseStatusChange):
    """A step of an order as recorded."""

    id: UUID
    """Identifies the change."""
    purchase_id: UUID
    """The purchase."""
    customer_id: UUID
    """The buyer."""
    status: str | None
    """The status of the order, if the step is about it."""
    actor: str | None
    """The person or system that took the step. Null for a customer's token, as is `evidence`."""
    recorded_at: datetime
    """When the change was recorded."""


class WaitingStatusChange(SourceFields, Resource, row=tables.WaitingStatusChange, computed=("purchase",)):
    """A change of status whose purchase has not been recorded yet, or that was refused when it was."""

    id: UUID
    """Identifies the waiting change. The recorded change has another id."""
    state: WaitingState
    """The change waits for its purchase, or was refused when it was recorded."""
    purchase: NamedPurchase
    """The purchase, by its source."""
    changed_at: datetime
    """When the step was taken."""
    recorded_at: datetime
    """When the change was received."""
    problem: str | None = Field(description="why it was refused")


class PurchaseStatusChanged(Event, type="interactions.purchase_status_changed.v1", partition_key="customer_id"):
    """An order, or its payment, has taken a step. Steps may arrive late, so the current status may be a later one."""

    change_id: UUID
    """The change."""
    purchase_id: UUID
    """The purchase."""
    customer_id: UUID
    """The customer."""
    changed_at: datetime
    """When the step was taken."""
    status: Annotated[str | None, Field(examples=["shipped"])]
    """The status of the order, if the step is about it."""
    payment_status: ReportedPaymentStatus | None
    """The status of the payment, if the step is about it."""
    current_status: Annotated[str | None, Field(examples=["delivered"])]
    """The status of the order after this change: the latest by its time."""
    current_status_at: datetime | None
    """When the order reached its current status."""
    current_payment_status: PaymentStatus | None
    """The status of the payment after this change."""
    current_payment_basis: PaymentBasis | None
    """`reported` by a system, or `derived` from refunds and from the status of the order."""
    tracking: Annotated[str | None, Field(examples=["3SABCD1234567"])]
    """The carrier's reference, or null."""
    source: SourceName
    """The system that sent the record."""
    source_id: SourceId
    """The id of the record in that system."""
    recorded_at: datetime
    """When it was recorded."""
    purchase_source: SourceName
    """The system that sent the purchase."""
    purchase_source_id: SourceId
    """The id of the purchase in that system."""
    purchased_at: datetime
    """When the purchase was made."""
    channel: Annotated[str | None, Field(description="The channel of the purchase.", examples=["shop"])]
    store: Annotated[str | None, Field(description="The store of the purchase.", examples=["Amsterdam"])]
