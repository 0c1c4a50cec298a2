"""Request and response bodies of campaigns."""

from datetime import datetime
from typing import Annotated, Any, ClassVar, Self
from uuid import UUID

from pydantic import AfterValidator, Field, model_validator

from chassis import Instant, Line, Lines, MergePatch, RequestBody, Resource, ShortLine, invalid
from services.interactions.campaigns import tables
from services.interactions.campaigns.rules.campaigns import (
    AudienceKind,
    CampaignNature,
    CampaignState,
    RecipientReason,
    RecipientState,
)
from services.interactions.helpdesk.rules.due import NOT_A_LOCAL_TIME, LocalTime

MAX_CUSTOMERS = 10_000
MAX_VARIANTS = 5
Latitude = Annotated[float, Field(strict=True, ge=-90, le=90, allow_inf_nan=False)]
Longitude = Annotated[float, Field(strict=True, ge=-180, le=180, allow_inf_nan=False)]
Radius = Annotated[float, Field(strict=True, gt=0, le=20_038, allow_inf_nan=False)]
Number = Annotated[int, Field(strict=True, ge=1, le=2**31 - 1)]
Weight = Annotated[int, Field(strict=True, ge=1, le=1_000)]
VariableName = Annotated[str, Field(pattern="^[a-z][a-z0-9_]{0,39}$")]
VariableValues = Annotated[dict[VariableName, Lines], Field(max_length=50)]


def _require_time(local: str) -> str:
    if "T" not in local:
        raise invalid(NOT_A_LOCAL_TIME, "a local time is expected, such as 2026-03-01T17:00")
    return local


LocalMoment = Annotated[LocalTime, AfterValidator(_require_time)]


class CampaignAudienceCreate(MergePatch):
    """The customers of a campaign."""

    never_null: ClassVar[frozenset[str]] = frozenset(("kind",))

    kind: AudienceKind
    """All active customers, those on the campaign's list, or those who live around a place."""
    latitude: Latitude | None = None
    """The latitude of the place, in degrees. Only for `radius`."""
    longitude: Longitude | None = None
    """The longitude of the place, in degrees. Only for `radius`."""
    radius_km: Radius | None = None
    """The distance from the place within which customers live, in kilometres. Only for `radius`."""

    @model_validator(mode="after")
    def _require_place(self) -> Self:
        place = (self.latitude, self.longitude, self.radius_km)
        if self.kind == "radius" and None in place:
            raise ValueError("a radius needs latitude, longitude and radius_km")
        if self.kind != "radius" and place != (None, None, None):
            raise ValueError("only a radius has latitude, longitude and radius_km")
        return self


class CampaignVariantCreate(MergePatch):
    """A version of a template, and its share of the recipients."""

    never_null: ClassVar[frozenset[str]] = frozenset(("template_id", "weight"))

    template_id: UUID
    """The template."""
    number: Number | None = None
    """The version of the template. Default: its newest."""
    weight: Weight = 1
    """The share of the recipients, relative to the other variants."""


Variants = Annotated[list[CampaignVariantCreate], Field(min_length=1, max_length=MAX_VARIANTS)]


class CampaignCreate(RequestBody):
    """A campaign to create, as a draft."""

    example = {
        "name": "Kettles are back",
        "nature": "selling",
        "channel": "email",
        "purpose": "newsletter",
        "audience": {"kind": "all"},
        "variants": [{"template_id": "0193a7c2-5b1e-7c3a-9d54-0242ac120002"}],
    }

    name: Line
    """The name, for your own use."""
    nature: CampaignNature
    """Whether it sells. The settings limit the share of selling messages."""
    channel: ShortLine = "email"
    """The channel, such as `email` or `sms`."""
    purpose: ShortLine
    """The purpose, for which a recipient needs permission when the message is sent."""
    audience: CampaignAudienceCreate
    """Its customers."""
    variants: Variants
    """What they get. Each customer gets one variant, always the same."""
    variables: VariableValues = {}
    """The values of the variables of the templates: all those of every variant."""


class CampaignUpdate(MergePatch):
    """Fields of a draft to change."""

    example = {"name": "Kettles"}
    never_null: ClassVar[frozenset[str]] = frozenset(
        ("name", "nature", "channel", "purpose", "audience", "variants", "variables")
    )

    name: Line | None = None
    """The name, for your own use."""
    nature: CampaignNature | None = None
    """Whether it sells."""
    channel: ShortLine | None = None
    """The channel, such as `email` or `sms`."""
    purpose: ShortLine | None = None
    """The purpose, for which a recipient needs permission when the message is sent."""
    audience: CampaignAudienceCreate | None = None
    """Its customers."""
    variants: Variants | None = None
    """What they get. They replace all variants."""
    variables: VariableValues | None = None
    """The values of the variables of the templates. They replace all values."""


class CampaignCustomersCreate(RequestBody):
    """Customers to add to the list of a campaign."""

    example = {"customer_ids": ["0193a7c2-5b1e-7c3a-9d54-0242ac120002"]}

    customer_ids: Annotated[list[UUID], Field(min_length=1, max_length=MAX_CUSTOMERS)]
    """The customers. Those that are on the list already stay on it once."""


class CampaignCustomers(Resource):
    """The list of a campaign after customers were added."""

    added: int
    """How many customers are new on the list."""
    total: int
    """How many are on it now."""


class CampaignScheduleRequest(RequestBody):
    """When the messages are sent. Without a time: now."""

    example = {"send_local": "2199-03-02T10:00"}

    send_at: Instant | None = None
    """The moment, the same for all recipients."""
    send_local: LocalMoment | None = None
    """The local time in the time zone of each recipient, or of the tenant if a recipient has none."""

    @model_validator(mode="after")
    def _require_one_time(self) -> Self:
        if self.send_at is not None and self.send_local is not None:
            raise ValueError("send either send_at or send_local")
        return self


class CampaignVariant(Resource):
    """A variant of a campaign."""

    key: str
    """Identifies the variant within the campaign: `a`, `b` and so on."""
    template_id: UUID
    """The template."""
    number: int
    """The version of the template."""
    weight: int
    """The share of the recipients, relative to the other variants."""


class CampaignAudience(Resource):
    """The customers of a campaign."""

    kind: AudienceKind
    """All active customers, those on the campaign's list, or those who live around a place."""
    latitude: float | None
    """The latitude of the place, or null."""
    longitude: float | None
    """The longitude of the place, or null."""
    radius_km: float | None
    """The distance from the place, in kilometres, or null."""


class Campaign(Resource, row=tables.Campaign, etag="version"):
    """A campaign."""

    id: UUID
    """Identifies the campaign."""
    version: int
    """Counts the changes. It is the ETag."""
    name: str
    """The name."""
    nature: CampaignNature
    """Whether it sells."""
    channel: str
    """The channel."""
    purpose: str
    """The purpose, for which a recipient needs permission."""
    audience: CampaignAudience
    """Its customers."""
    variants: list[CampaignVariant]
    """What they get."""
    variables: dict[str, str]
    """The values of the variables of the templates."""
    state: CampaignState
    """The state. A campaign is running from its start until every recipient is decided."""
    send_at: datetime | None
    """The moment at which messages are sent, or null."""
    send_local: LocalTime | None
    """The local time at which messages are sent, or null."""
    starts_at: datetime | None
    """When it starts, or null before it is scheduled."""
    started_at: datetime | None
    """When it started, or null."""
    planned: int
    """The number of recipients that are planned. It grows until `planned_at`."""
    planned_at: datetime | None
    """When its audience was planned as a whole, or null."""
    finished_at: datetime | None
    """When its last recipient was decided, or null."""
    created_at: datetime
    """When it was created."""
    updated_at: datetime
    """When it last changed, apart from its recipients."""

    @classmethod
    def of(cls, row: tables.Campaign) -> Self:
        """Return a campaign from its row."""
        documents: dict[str, Any] = {
            "audience": CampaignAudience(**row.audience),
            "variants": [
                CampaignVariant(**{**variant, "template_id": UUID(variant["template_id"])}) for variant in row.variants
            ],
        }
        return cls.from_row(row, **documents)


class CampaignRecipient(Resource, row=tables.CampaignRecipient):
    """A customer to whom a campaign sends its message."""

    id: UUID
    """Identifies the recipient. It is the `cause_id` of the message."""
    customer_id: UUID
    """The customer."""
    variant: str
    """The key of the variant."""
    state: RecipientState
    """Planned until the message is sent or suppressed."""
    reason: RecipientReason | None
    """Why no message is sent, or null."""
    due_at: datetime
    """When the message is due. Quiet hours postpone it."""
    sent_at: datetime | None
    """When the message was sent, or null."""
    message_id: UUID | None
    """The message, also a suppressed one, or null. Two customers with the same address share a message."""
    unsubscribed_at: datetime | None
    """When the customer unsubscribed by the link of the message, or null."""
