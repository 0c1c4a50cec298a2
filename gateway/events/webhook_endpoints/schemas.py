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
Rate = Annotated[int, Field(ge=1, le=1_000, description="Maximum requests per second.")]
Ordered = Annotated[
    bool,
    Field(
        strict=True,
        description="Deliver the events about a subject in order: each waits until the one before is delivered.",
    ),
]


class WebhookEndpointCreate(RequestBody):
    """A webhook endpoint to create."""

    url: Url
    event_types: EventTypes
    description: Line | None = None
    secret: Secret | None = None
    ordered: Ordered = False
    include: Include = []
    max_per_second: Rate | None = None
    headers: Annotated[
        dict[HeaderName, HeaderValue],
        Field(max_length=MAX_HEADERS, description="Headers to add to each request. No response shows their values."),
        AfterValidator(_require_distinct),
    ] = {}


class WebhookEndpointUpdate(MergePatch):
    """The fields of a webhook endpoint to change. Null clears a field."""

    never_null: ClassVar[frozenset[str]] = frozenset(("url", "event_types", "ordered", "include", "state"))

    url: Url | None = None
    event_types: EventTypes | None = None
    description: Line | None = None
    ordered: Ordered | None = None
    include: Include | None = None
    max_per_second: Rate | None = None
    headers: Annotated[
        dict[HeaderName, HeaderValue | None] | None,
        Field(max_length=MAX_HEADERS, description="Headers to set, and with null to remove."),
    ] = None
    state: Annotated[
        EndpointState | None, Field(description="`disabled` stops deliveries. `enabled` continues the pending ones.")
    ] = None


class SecretRotate(RequestBody):
    """How to replace the secret of an endpoint."""

    secret: Secret | None = None
    overlap_seconds: Annotated[
        int, Field(ge=0, le=MAX_OVERLAP_SECONDS, description="How long the present secrets sign beside the new one.")
    ] = OVERLAP_SECONDS


class RecoveryRequest(RequestBody):
    """The period whose events are delivered again, if they were not delivered."""

    since: Instant


class WebhookEndpoint(Resource, row=tables.WebhookEndpoint, etag="version"):
    """A URL that gets events. `header_names` lists the custom headers, whose values are not shown."""

    id: UUID
    version: int
    url: str
    event_types: list[str]
    description: str | None
    ordered: bool
    include: list[str]
    max_per_second: int | None
    header_names: list[str]
    state: EndpointState
    disabled_reason: DisabledReason | None
    disabled_at: datetime | None
    created_by: str
    created_at: datetime
    updated_at: datetime


class CreatedWebhookEndpoint(WebhookEndpoint, row=tables.WebhookEndpoint, computed=("secret",)):
    """A new webhook endpoint. No other response contains `secret`: store it in the receiver."""

    secret: str


class RotatedWebhookSecret(Resource):
    """The new secret of an endpoint, and when its former ones end. No other response contains `secret`."""

    endpoint_id: UUID
    secret: str
    former_secrets_expire_at: datetime
