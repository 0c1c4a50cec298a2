"""Request and response bodies of deals."""

from datetime import date, datetime
from typing import Annotated, ClassVar, Self
from uuid import UUID

from pydantic import Field

from chassis import (
    Amount,
    JsonObject,
    Line,
    MergePatch,
    Money,
    MultilineText,
    Quantity,
    RequestBody,
    Resource,
    ShortLine,
    UnitPrice,
    text_from_minor,
)
from services.customers.people.queries import ExternalReference
from services.customers.sales import tables
from services.customers.sales.deals.events import LostReason
from services.customers.sales.queries.deal_fields import (
    DealFields,
    DealLine,
    DealLineFields,
    DealValues,
    DiscountFields,
    PositiveAmount,
)
from services.customers.sales.rules.lines import MAX_LINES
from services.customers.sales.rules.pipelines import DealState, StageChangeKind


class DealCreate(DealValues, RequestBody):
    """A deal to create."""

    example = {
        "customer_id": "0193a7c2-5b1e-7c3a-9d54-0242ac120002",
        "name": "Kettles for ten tea houses",
        "amount": "4200.00",
        "expected_close_on": "2026-06-30",
        "source": "fair",
    }

    customer_id: UUID
    """The customer."""
    name: Line
    """The name of the deal."""
    pipeline_id: UUID | None = None
    """The pipeline. Default: the default pipeline, which is created if there is none."""
    stage_id: UUID | None = None
    """An open stage of the pipeline. Default: the first."""


class DealUpdate(DealValues, MergePatch):
    """Fields to change: null clears a field, `custom` is merged."""

    example = {"expected_close_on": "2026-07-31", "competitor": "Pots & Co"}
    never_null: ClassVar[frozenset[str]] = frozenset(("name", "currency"))

    name: Line | None = None
    """The name of the deal."""


class DealLineCreate(DealLineFields, RequestBody):
    """A line of a deal: a product, or a name and a unit price."""

    name: Line | None = None
    """The name of the item. Default: that of the product."""
    quantity: Quantity
    """The quantity: a decimal string with at most three decimals."""
    unit_price: UnitPrice | None = None
    """The price of a unit: a decimal string. Default: the list price of the product."""
    discount: PositiveAmount | None = None
    """The discount on the whole line: a decimal string, in the unit of the currency."""


class DealLinesUpdate(RequestBody):
    """All lines of a deal. They replace those that it has."""

    example = {"lines": [{"name": "Delivery", "quantity": "1", "unit_price": "25.00", "discount": "5.00"}]}

    lines: Annotated[list[DealLineCreate], Field(max_length=MAX_LINES)]
    """The lines in order. An empty list removes the lines and the amount."""


class DealLines(DiscountFields, Resource, etag="version"):
    """The lines of a deal."""

    deal_id: UUID
    """The deal."""
    version: int
    """The version of the deal. It is the ETag."""
    currency: str
    """The currency of all amounts, by its ISO 4217 code."""
    lines: list[DealLine]
    """The lines in order."""
    total: Money | None
    """The sum of the lines, or null without lines."""


class StageChangeCreate(RequestBody):
    """A move of a deal to another open stage of its pipeline."""

    example = {"stage_id": "0193a7c2-5b1e-7c3a-9d54-0242ac120004"}

    stage_id: UUID
    """The stage."""


class DealLoseRequest(RequestBody):
    """Why a deal is lost."""

    example = {"reason": "competitor", "note": "Their kettles are blue."}

    reason: Annotated[ShortLine, Field(examples=["competitor"])]
    """`price`, `product`, `service`, `competitor`, `timing`, `no_budget`, `no_decision`, `no_need`, `no_response`,
    `unknown`, or a reason of the pipeline's own."""
    note: MultilineText | None = None
    """A remark."""


class DealReopenRequest(RequestBody):
    """A closed deal to reopen."""

    example = {"stage_id": "0193a7c2-5b1e-7c3a-9d54-0242ac120004"}

    stage_id: UUID | None = None
    """An open stage of its pipeline. Default: that in which it was closed."""


class Deal(DealFields, DiscountFields, Resource, row=tables.Deal, computed=("amount", "stalled"), etag="version"):
    """A deal. Its lines are read at `/v1/deals/{id}/lines`."""

    id: UUID
    """Identifies the deal."""
    version: int
    """Counts the changes. It is the ETag."""
    customer_id: UUID
    """The customer."""
    name: str
    """The name of the deal."""
    pipeline_id: UUID
    """The pipeline."""
    stage_id: UUID
    """The stage."""
    state: DealState
    """Whether the deal is open, won or lost."""
    amount: Amount | None
    """The sum of the lines, or the amount that was sent: a decimal string."""
    currency: str
    """The currency of the amount, by its ISO 4217 code."""
    expected_close_on: date | None
    """The day on which it is expected to be won, or null."""
    lost_reason: LostReason | None
    """Why it was lost, or null."""
    lost_note: str | None
    """A remark on the loss, or null."""
    custom: JsonObject
    """Fields of your own."""
    external_ids: list[ExternalReference]
    """Its ids in the systems from which it was imported."""
    stage_entered_at: datetime
    """When it entered its stage."""
    stalled: bool
    """True if it has not changed for the days of its stage."""
    closed_at: datetime | None
    """When it was won or lost, or null."""
    created_at: datetime
    """When the deal was created."""
    updated_at: datetime
    """When the deal last changed."""

    @classmethod
    def of(cls, deal: tables.Deal, now: datetime) -> Self:
        """Return a deal as it is at a time."""
        amount = None if deal.amount_minor is None else text_from_minor(deal.amount_minor, deal.currency)
        stalled = deal.state == "open" and deal.stalls_at is not None and deal.stalls_at <= now
        return cls.from_row(deal, amount=amount, stalled=stalled)


class StageChange(Resource, row=tables.DealStageChange):
    """A change of a deal's stage."""

    id: UUID
    """Identifies the change."""
    kind: StageChangeKind
    """How the stage changed."""
    from_stage_id: UUID | None
    """The stage before, or null for a new deal."""
    from_stage_name: str | None
    """The name of the stage before, at the time."""
    to_stage_id: UUID
    """The stage after."""
    to_stage_name: str
    """The name of the stage after, at the time."""
    reason: LostReason | None
    """Why the deal was lost, or null."""
    seconds_in_previous: int | None
    """How long the deal was in the stage before, in seconds."""
    actor: str
    """The principal that changed it: `key:<id>` for an API key."""
    changed_at: datetime
    """When it was changed."""
