"""Campaign settings: quiet hours and limits, which hold across all campaigns of a tenant."""

from typing import Annotated, ClassVar

from pydantic import Field

from chassis import REQUIRED, Feature, FieldCode, IfMatch, MergePatch, Resource, ValidationFailed, VersionMismatch, Work
from services.interactions.campaigns import tables
from services.interactions.campaigns.queries.campaigns import campaign_settings

feature = Feature("campaign-settings")
EMPTY_QUIET_HOURS = FieldCode(
    "empty_quiet_hours",
    "The quiet hours end when they begin.",
    "Send two different times, or null for both to have no quiet hours.",
)
LocalHour = Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$", examples=["21:00"])]
Days = Annotated[int, Field(strict=True, ge=1, le=366)]
Messages = Annotated[int, Field(strict=True, ge=0, le=1_000)]
Percent = Annotated[int, Field(strict=True, ge=0, le=100)]


class CampaignSettingsUpdate(MergePatch):
    """A JSON Merge Patch of the settings."""

    example = {"quiet_from": "21:00", "quiet_until": "08:00", "max_messages": 3, "window_days": 7}
    never_null: ClassVar[frozenset[str]] = frozenset(("window_days",))

    quiet_from: LocalHour | None = None
    """The local time at which the quiet hours of a customer begin. They may pass midnight. Null: there are none."""
    quiet_until: LocalHour | None = None
    """The local time at which they end. Messages that were due meanwhile are sent then."""
    window_days: Days | None = None
    """The days over which the messages to a customer are counted."""
    max_messages: Messages | None = None
    """How many messages of campaigns a customer gets within the window. Null: any number."""
    max_selling_percent: Percent | None = None
    """How many percent of them may be of selling campaigns, the next message included. Null: all."""


class CampaignSettings(Resource, row=tables.CampaignSettings, etag="version"):
    """The settings of all campaigns."""

    version: int
    """Counts the changes. It is the ETag."""
    quiet_from: str | None
    """The local time at which the quiet hours of a customer begin, or null."""
    quiet_until: str | None
    """The local time at which they end, or null."""
    window_days: int
    """The days over which the messages to a customer are counted."""
    max_messages: int | None
    """How many messages of campaigns a customer gets within the window, or null."""
    max_selling_percent: int | None
    """How many percent of them may be of selling campaigns, or null."""


@feature.get("/campaign-settings", scope="interactions:read")
async def read_campaign_settings(work: Work) -> CampaignSettings:
    """Return the settings of all campaigns."""
    return CampaignSettings.from_row(await campaign_settings(work))


@feature.patch("/campaign-settings", scope="interactions:configure", raises=[VersionMismatch])
async def update_campaign_settings(work: Work, body: CampaignSettingsUpdate, if_match: IfMatch) -> CampaignSettings:
    """Change the settings. Messages that wait already obey them as well."""
    await work.insert_or_ignore(tables.CampaignSettings(id=work.tenant.id, version=0))
    before = await work.get(tables.CampaignSettings, work.tenant.id, for_update=True)
    work.check_version(before, if_match)
    after = before.replace(**body.changes())
    if (after.quiet_from is None) != (after.quiet_until is None):
        missing = "/quiet_from" if after.quiet_from is None else "/quiet_until"
        raise ValidationFailed.field(missing, REQUIRED, "quiet_from and quiet_until go together")
    if after.quiet_from is not None and after.quiet_from == after.quiet_until:
        raise ValidationFailed.field("/quiet_until", EMPTY_QUIET_HOURS, "must differ from quiet_from")
    return CampaignSettings.from_row(await work.update(before, **body.changes()))
