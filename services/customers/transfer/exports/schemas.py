"""Request and response bodies of exports."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field
from typing_extensions import TypeAliasType

from chassis import Fields, Instant, JobState, Line, Reference, RequestBody, Resource, ShortLine
from services.customers.people.customers.schemas import Birthday
from services.customers.people.customers.search import NEAR_PATTERN
from services.customers.people.rules.records import AccountKind, CustomerKind
from services.customers.people.rules.stages import CustomerState, Lifecycle

ExportFormat = TypeAliasType("ExportFormat", Literal["csv", "jsonl"])


class ExportFilterFields(Fields):
    """The customers that are exported, as in their list. A filter that is left out excludes none."""

    email: Line | None = None
    """E-mail address."""
    phone: ShortLine | None = None
    """Phone number, in any notation."""
    external_id: Reference | None = None
    """External id, as `source:id`."""
    kind: Annotated[list[CustomerKind], Field(min_length=1, max_length=10)] | None = None
    """Any of these kinds."""
    lifecycle: Annotated[list[Lifecycle], Field(min_length=1, max_length=10)] | None = None
    """Any of these stages."""
    state: Annotated[list[CustomerState], Field(min_length=1, max_length=10)] | None = None
    """Any of these states."""
    tag: Annotated[list[ShortLine], Field(min_length=1, max_length=50)] | None = None
    """At least one of these tags."""
    account_kind: Annotated[list[AccountKind], Field(min_length=1, max_length=6)] | None = None
    """At least one of these business relations."""
    owner_id: Annotated[list[Reference], Field(min_length=1, max_length=50)] | None = None
    """Any of these owners."""
    birthday: Birthday | None = None
    """Month and day of the birth date."""
    strategic: Annotated[bool, Field(strict=True)] | None = None
    """Strategic customers, or all others."""
    near: Annotated[str, Field(pattern=NEAR_PATTERN, examples=["52.37,4.89,10"])] | None = None
    """`latitude,longitude,km`: customers with an address within the distance."""
    archived: Annotated[bool, Field(strict=True)] | None = None
    """Archived customers instead of all others."""
    created_from: Instant | None = None
    """Created at this time or after it."""
    created_before: Instant | None = None
    """Created before this time."""
    updated_from: Instant | None = None
    """Changed at this time or after it."""
    updated_before: Instant | None = None
    """Changed before this time."""


class ExportFilterCreate(ExportFilterFields, RequestBody):
    """The customers that are exported, as in their list. A filter that is left out excludes none."""


class ExportFilter(ExportFilterFields, Resource):
    """The filter of an export: the fields that were given, and null for the others."""


class ExportCreate(RequestBody):
    """An export to create."""

    example = {"format": "csv", "filter": {"lifecycle": ["client"], "tag": ["vip"]}}

    format: ExportFormat = "csv"
    """The format of the file."""
    filter: ExportFilterCreate | None = None
    """The customers. Default: all of them."""


class CustomerExport(Resource):
    """An export, and its progress."""

    id: UUID
    """Identifies the export."""
    state: JobState
    """The file can be read when it is `succeeded`."""
    format: ExportFormat
    """The format of the file."""
    filter: ExportFilter
    """The filter as it was given."""
    done: int
    """Customers that are written."""
    size: int
    """The size of the file so far, in bytes."""
    created_at: datetime
    """When it was created."""
    started_at: datetime | None
    """When the first customers were written."""
    finished_at: datetime | None
    """When it ended. The file is kept for some weeks."""
