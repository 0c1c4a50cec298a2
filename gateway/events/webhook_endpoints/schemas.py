"""Request and response bodies of webhook endpoints."""

from datetime import datetime
from typing import Annotated, ClassVar, Literal
from uuid import UUID

from pydantic import AfterValidator, Field

from chassis import WRONG_FORMAT, Instant, Line, MergePatch, RequestBody, Resource, invalid
from chassis.types.codes import FieldCode
from gateway.events import tables
from gateway.events.rules.custom_headers import MAX_HEADERS, reject_header
from gateway.events.rules.event_types import TypePattern
from gateway.events.rules.retries import DisabledReason, EndpointState
from gateway.events.rules.signatures import secret_bytes

OVERLAP_SECONDS = 86_400
MAX_OVERLAP_SECONDS = 604_800
FORBIDDEN_HEADER = FieldCode(
    "forbidden_header",
    "The header is reserved, or is not valid in HTTP.",
    "Choose another name, such as one that begins with X-. The value must be visible ASCII.",
)


def _require_secret(text: str) -> str:
    try:
        secret_bytes(text)
    except ValueError as error:
        raise invalid(WRONG_FORMAT, str(error)) from None
    return text


def _require_name(name: str) -> str:
    reason = reject_header(name, "value")
    if reason is not None:
        raise invalid(FORBIDDEN_HEADER, reason)
    return name


def _require_value(value: str) -> str:
    reason = reject_header("x-name", value)
    if reason is not None:
        raise invalid(FORBIDDEN_HEADER, reason)
    return value


def _require_distinct(headers: dict[str, str | None]) -> dict[str, str | None]:
    if len({name.lower() for name in headers}) < len(headers):
        raise invalid(FORBIDDEN_HEADER, "names of headers differ in more than case")
    return headers


Secret = Annotated[
    str,
    Field(
        max_length=100,
        description="`whsec_` and 24 to 64 bytes in base64.",
        examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
    ),
    AfterValidator(_require_secret),
]
Url = Annotated[str, Field(min_length=8, max_length=2_000, examples=["https://crm.example.com/hooks/rapport"])]
EventTypes = Annotated[
    list[TypePattern],
    Field(min_length=1, max_length=50, description="Types of events, all of a service (`loyalty.*`), or all (`*`)."),
]
HeaderName = Annotated[str, AfterValidator(_require_name)]
HeaderValue = Annotated[str, AfterValidator(_require_value)]
Include = Annotated[
    list[Literal["record"]],
    Field(
        max_length=1,
        description="`record` adds the current record to each event, as it is when the event is delivered. It is read "
        "with this API key, which therefore needs the scopes to read the records.",
    ),
]
Rate = Annotated[int, Field(strict=True, ge=1, le=1_000, description="Maximum requests per second.")]
Ordered = Annotated[
    bool,
    Field(
        strict=True,
        description="Deliver the events about a subject in order: each waits until the one before is delivered.",
    ),
]


class WebhookEndpointCreate(RequestBody):
    """A webhook endpoint to create."""

    example = {
        "url": "https://crm.example.com/hooks/rapport",
        "event_types": ["customers.*", "loyalty.points_earned.v1"],
        "description": "Synchronizes the CRM",
    }

    url: Url
    """The address that gets the events, by https."""
    event_types: EventTypes
    """The types of events that it gets."""
    description: Line | None = None
    """Its purpose, for people."""
    secret: Secret | None = None
    """The secret of its signatures. Default: a new one."""
    ordered: Ordered = False
    """Deliver the events about a subject in order."""
    include: Include = []
    """Parts to add to each event."""
    max_per_second: Rate | None = None
    """Maximum requests per second. Default: no limit."""
    headers: Annotated[
        dict[HeaderName, HeaderValue],
        Field(max_length=MAX_HEADERS, description="Headers to add to each request. No response shows their values."),
        AfterValidator(_require_distinct),
    ] = {}


class WebhookEndpointUpdate(MergePatch):
    """The fields of a webhook endpoint to change. Null clears a field."""

    example = {"event_types": ["*"], "max_per_second": None}

    never_null: ClassVar[frozenset[str]] = frozenset(("url", "event_types", "ordered", "include", "state"))

    url: Url | None = None
    """The address that gets the events, by https."""
    event_types: EventTypes | None = None
    """The types of events that it gets."""
    description: Line | None = None
    """Its purpose, for people."""
    ordered: Ordered | None = None
    """Deliver the events about a subject in order."""
    include: Include | None = None
    """Parts to add to each event."""
    max_per_second: Rate | None = None
    """Maximum requests per second. Null: no limit."""
    headers: Annotated[
        dict[HeaderName, HeaderValue | None] | None,
        Field(max_length=MAX_HEADERS, description="Headers to set, and with null to remove."),
    ] = None
    state: Annotated[
        EndpointState | None, Field(description="`disabled` stops deliveries. `enabled` continues the pending ones.")
    ] = None


class SecretRotate(RequestBody):
    """How to replace the secret of an endpoint."""

    example = {"overlap_seconds": 3600}

    secret: Secret | None = None
    """The new secret. Default: a random one."""
    overlap_seconds: Annotated[
        int,
        Field(
            strict=True,
            ge=0,
            le=MAX_OVERLAP_SECONDS,
            description="How long the present secrets sign beside the new one.",
        ),
    ] = OVERLAP_SECONDS


class RecoveryRequest(RequestBody):
    """The period whose events are delivered again, if they were not delivered."""

    example = {"since": "2026-03-01T00:00:00Z"}

    since: Instant
    """Events from this time on are delivered, unless they were delivered already."""


class WebhookEndpoint(Resource, row=tables.WebhookEndpoint, etag="version"):
    """A URL that gets events. `header_names` lists the custom headers, whose values are not shown."""

    id: UUID
    """Identifies the endpoint."""
    version: int
    """Counts the changes. It is the ETag."""
    url: str
    """The address that gets the events."""
    event_types: list[str]
    """The types of events that it gets."""
    description: str | None
    """Its purpose, for people."""
    ordered: bool
    """True if the events about a subject are delivered in order."""
    include: list[str]
    """Parts that are added to each event."""
    max_per_second: int | None
    """Maximum requests per second, or null without a limit."""
    header_names: list[str]
    """The names of the headers that are added to each request."""
    state: EndpointState
    """A disabled endpoint gets nothing."""
    disabled_reason: DisabledReason | None
    """Why it was disabled, or null."""
    disabled_at: datetime | None
    """When it was disabled, or null."""
    created_by: str
    """The principal that created it: `key:<id>` for an API key."""
    created_at: datetime
    """When it was created."""
    updated_at: datetime
    """When it last changed."""


class CreatedWebhookEndpoint(WebhookEndpoint, row=tables.WebhookEndpoint, computed=("secret",)):
    """A new webhook endpoint. No other response contains `secret`: store it in the receiver."""

    secret: str
    """The secret of its signatures."""


class RotatedWebhookSecret(Resource):
    """The new secret of an endpoint, and when its former ones end. No other response contains `secret`."""

    endpoint_id: UUID
    """The endpoint."""
    secret: str
    """The new secret of its signatures."""
    former_secrets_expire_at: datetime
    """The time until which the former secrets sign as well."""
