"""Request and response bodies of erasures."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from chassis import Line, RequestBody, Resource
from services.customers.lifecycle import tables
from services.customers.lifecycle.rules.erasing import MAX_GRACE_DAYS, ErasedAction, ErasureReason, ErasureState


class ErasureCreate(RequestBody):
    """A request to erase a customer in every service."""

    example = {
        "customer_id": "0193a7c2-5b1e-7c3a-9d54-0242ac120002",
        "reason": "requested",
        "requested_by": "by letter of 1 March",
        "grace_days": 7,
    }

    customer_id: UUID
    """The customer. Records that were merged into it are erased with it."""
    reason: ErasureReason
    """The grounds for the erasure."""
    requested_by: Line | None = None
    """The person who asked for it, and how. It is erased as well."""
    grace_days: Annotated[int, Field(strict=True, ge=0, le=MAX_GRACE_DAYS)] | None = None
    """Days in which the erasure can be cancelled. Default: 7. With 0 it begins at once."""
    block: Annotated[bool, Field(strict=True)] = False
    """Refuse to record the person again, by keyed hashes of the e-mail addresses, phone numbers and external ids."""


class ErasedRows(Resource):
    """What an erasure did to the rows of a table."""

    table: str
    """The table."""
    action: ErasedAction
    """The rows were deleted, lost everything personal, or are kept because they contain only ids and figures."""
    rows: int
    """The number of rows."""


class ErasureAnswer(Resource):
    """The answer of a service to an erasure."""

    service: str
    """The service."""
    completed_at: datetime
    """When it erased the customer."""
    tables: list[ErasedRows]
    """The number of rows by table and action."""


class Erasure(Resource, row=tables.Erasure, computed=("answers", "missing", "overdue"), etag="version"):
    """The erasure of a customer, and its progress."""

    id: UUID
    """Identifies the erasure."""
    version: int
    """Counts the changes. It is the ETag."""
    customer_id: UUID
    """The customer."""
    customer_ids: list[UUID]
    """The ids that are erased, with those of merged records. Empty until the erasure begins."""
    reason: ErasureReason
    """The grounds for the erasure."""
    requested_by: str | None
    """The person who asked for it. Null once the customer is erased."""
    actor: str
    """The principal that requested it: `key:<id>` for an API key."""
    block: bool
    """Whether the person must not be recorded again. The block is listed by `GET /v1/blocks?erasure_id=`."""
    state: ErasureState
    """In its grace period, under way, completed by every service, or cancelled."""
    due_at: datetime
    """When the grace period ends, and the erasure begins."""
    cancelled_at: datetime | None
    """When it was cancelled, or null."""
    started_at: datetime | None
    """When it began, or null."""
    attempts: int
    """How often the services were asked. They are asked again while answers are missing."""
    completed_at: datetime | None
    """When the last service answered, or null."""
    answers: list[ErasureAnswer]
    """The answers so far."""
    missing: list[str]
    """The services that have not answered, once it has begun."""
    overdue: bool
    """True if answers are missing although the services were asked twice."""
    created_at: datetime
    """When it was requested."""
    updated_at: datetime
    """When it last changed."""


class RemainingCopies(Resource):
    """Copies that remain for some time, because they cannot be changed."""

    kafka_retention_days: int
    """How long Kafka keeps events."""
    kafka_until: datetime
    """When Kafka has deleted the last event about the customer."""
    backup_retention_days: int
    """How long backups are kept, by the operator's setting."""
    backups_until: datetime
    """When the last backup that contains the customer has been deleted."""
    note: str
    """The content of these copies, and what happens if a backup is restored."""


class ErasureCertificate(Resource):
    """The certificate of a completed erasure: what each service did, and which copies remain until when."""

    erasure_id: UUID
    """The erasure."""
    customer_id: UUID
    """The customer, by the id alone."""
    customer_ids: list[UUID]
    """The ids that were erased, with those of merged records."""
    reason: ErasureReason
    """The grounds for the erasure."""
    requested_at: datetime
    """When it was requested."""
    started_at: datetime
    """When it began."""
    completed_at: datetime
    """When the last service answered."""
    block: bool
    """Whether keyed hashes of the contact points and external ids are kept, to refuse to record the person again."""
    answers: list[ErasureAnswer]
    """The answer of each service."""
    remaining: RemainingCopies
    """Copies that remain for some time."""
