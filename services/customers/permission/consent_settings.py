"""Consent settings: the purposes and channels of a tenant, its quiet hours, and its caps on the number of contacts.

A tenant that changes none has the usual purposes and channels, no quiet hours and no caps.
"""

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import Field

from chassis import (
    NOT_AFTER,
    REQUIRED,
    Feature,
    FieldCode,
    Fields,
    IfMatch,
    MergePatch,
    Resource,
    ShortLine,
    ValidationFailed,
    VersionMismatch,
    Work,
    merge_patch,
)
from services.customers.permission import tables
from services.customers.permission.queries import UNKNOWN_CHANNEL, consent_settings, require_term
from services.customers.permission.rules import vocabulary
from services.customers.permission.rules.vocabulary import (
    CHANNELS,
    PURPOSES,
    ConsentChannel,
    ConsentPurpose,
    PageLanguage,
    TermDocument,
)
from services.customers.permission.rules.welcome import MAX_CAP_DAYS

feature = Feature("consent-settings")
REPEATED_KEY = FieldCode("repeated_key", "Two items of a list have the same key.", "List each key once.")
INTERRUPTING = ("phone", "sms", "whatsapp", "push", "chat")
"""The channels of quiet hours that name none: those that interrupt a person."""
LocalTime = Annotated[str, Field(pattern="^([01][0-9]|2[0-3]):[0-5][0-9]$", examples=["21:00"])]


class ConsentTranslationFields(Fields):
    """A name in a language of the preference centre."""

    language: PageLanguage
    """The language."""
    name: ShortLine
    """The name in this language."""


class ConsentTranslationUpdate(ConsentTranslationFields, MergePatch):
    """A name in a language."""


class ConsentTranslation(ConsentTranslationFields, Resource):
    """A name in a language."""


class ConsentPurposeUpdate(MergePatch):
    """A purpose to use. The usual ones need only their key."""

    key: ConsentPurpose
    """Names it in requests, such as `product_news`. It cannot be changed."""
    name: ShortLine | None = None
    """The name that customers see. Default: the key in words."""
    translations: Annotated[list[ConsentTranslationUpdate], Field(max_length=5)] | None = None
    """The name in other languages of the preference centre."""


class ConsentChannelUpdate(MergePatch):
    """A channel to use. The usual ones need only their key."""

    key: ConsentChannel
    """Names it in requests, such as `signal`. It cannot be changed."""
    name: ShortLine | None = None
    """The name that customers see. Default: the key in words."""
    translations: Annotated[list[ConsentTranslationUpdate], Field(max_length=5)] | None = None
    """The name in other languages of the preference centre."""


class ConsentTerm(Resource):
    """A purpose or a channel."""

    key: str
    """Names it in requests."""
    name: str
    """The name that customers see."""
    translations: list[ConsentTranslation]
    """The name in other languages."""


class FrequencyCapFields(Fields):
    """A maximum number of contacts in some days."""

    contacts: Annotated[int, Field(strict=True, ge=1, le=1_000)]
    """Maximum contacts."""
    days: Annotated[int, Field(strict=True, ge=1, le=MAX_CAP_DAYS)]
    """The days in which they are counted, up to the time of the next contact."""
    channel: ConsentChannel | None = None
    """The channel that is counted and limited, or null for all."""


class FrequencyCapUpdate(FrequencyCapFields, MergePatch):
    """A cap to apply."""


class FrequencyCap(FrequencyCapFields, Resource):
    """A cap on the number of contacts."""


class QuietHoursUpdate(MergePatch):
    """The local hours without contacts. They may span midnight."""

    starts: LocalTime | None = None
    """The first minute."""
    ends: LocalTime | None = None
    """The first minute after."""
    channels: Annotated[list[ConsentChannel], Field(min_length=1, max_length=50)] | None = None
    """The channels that are not used then. Default: those that interrupt, such as phone, sms and push."""


class QuietHours(Resource):
    """The local hours without contacts: in the time zone of the customer's phone number, or else of the tenant."""

    starts: str
    """The first minute."""
    ends: str
    """The first minute after."""
    channels: list[ConsentChannel]
    """The channels that are not used then."""


class ConsentSettingsUpdate(MergePatch):
    """A JSON Merge Patch of the settings: lists are replaced, and null restores the default."""

    example = {
        "purposes": [{"key": "newsletter"}, {"key": "product_news", "name": "News about our products"}],
        "frequency_caps": [{"contacts": 3, "days": 7}],
        "quiet_hours": {"starts": "21:00", "ends": "08:00"},
    }

    purposes: Annotated[list[ConsentPurposeUpdate], Field(min_length=1, max_length=50)] | None = None
    """The purposes in use, in the order in which customers see them. Those left out are retired."""
    channels: Annotated[list[ConsentChannelUpdate], Field(min_length=1, max_length=50)] | None = None
    """The channels in use, in order. Those left out are retired."""
    frequency_caps: Annotated[list[FrequencyCapUpdate], Field(max_length=20)] | None = None
    """The caps. Each of them applies."""
    quiet_hours: QuietHoursUpdate | None = None
    """The hours without contacts."""


class ConsentSettings(Resource, etag="version"):
    """The consent settings of the tenant."""

    version: int
    """Counts the changes. It is the ETag."""
    purposes: list[ConsentTerm]
    """The purposes in use."""
    channels: list[ConsentTerm]
    """The channels in use."""
    retired_purposes: list[ConsentTerm]
    """Former purposes. Their receipts are kept, they permit nothing, and they can still be withdrawn."""
    retired_channels: list[ConsentTerm]
    """Former channels."""
    frequency_caps: list[FrequencyCap]
    """The caps on the number of contacts."""
    quiet_hours: QuietHours | None
    """The hours without contacts, or null."""


@feature.get("/consent-settings", scope="customers:read")
async def read_consent_settings(work: Work) -> ConsentSettings:
    """Return the purposes, channels, caps and quiet hours of the tenant."""
    return _resource(await consent_settings(work))


@feature.patch("/consent-settings", scope="customers:write", raises=[VersionMismatch])
async def update_consent_settings(work: Work, body: ConsentSettingsUpdate, if_match: IfMatch) -> ConsentSettings:
    """Change the settings. A purpose or channel that is left out of its list is retired: its receipts are kept."""
    await work.insert_or_ignore(tables.ConsentSettings(id=work.tenant.id, version=0))
    before = await work.get(tables.ConsentSettings, work.tenant.id, for_update=True)
    work.check_version(before, if_match)
    changes = _changes(before, body)
    _require_known_channels(before.replace(**changes))
    return _resource(await work.update(before, **changes))


def _changes(before: tables.ConsentSettings, body: ConsentSettingsUpdate) -> dict[str, Any]:
    values, changes = body.changes(), dict[str, Any]()
    for name, usual in (("purposes", PURPOSES), ("channels", CHANNELS)):
        if name in values:
            wanted = vocabulary.default_terms(usual) if values[name] is None else _terms(values[name], name)
            changes[name] = vocabulary.replace_terms(getattr(before, name), wanted)
    if "frequency_caps" in values:
        changes["frequency_caps"] = values["frequency_caps"] or []
    if "quiet_hours" in values:
        changes["quiet_hours"] = body.quiet_hours and _quiet_hours(before, body.quiet_hours.changes())
    return changes


def _terms(values: Sequence[dict[str, Any]], field: str) -> list[TermDocument]:
    for index, value in enumerate(values):
        if value["key"] in [other["key"] for other in values[:index]]:
            raise ValidationFailed.field(f"/{field}/{index}/key", REPEATED_KEY, f"{value['key']} is listed twice")
    return [
        TermDocument(
            key=value["key"], name=value.get("name"), translations=value.get("translations") or [], retired=False
        )
        for value in values
    ]


def _quiet_hours(before: tables.ConsentSettings, patch: dict[str, Any]) -> dict[str, Any]:
    hours = merge_patch(before.quiet_hours or {}, patch)
    for name in ("starts", "ends"):
        if hours.get(name) is None:
            raise ValidationFailed.field(f"/quiet_hours/{name}", REQUIRED, "is required")
    if hours["starts"] == hours["ends"]:
        raise ValidationFailed.field("/quiet_hours/ends", NOT_AFTER, "must differ from starts")
    return {**hours, "channels": hours.get("channels") or list(INTERRUPTING)}


def _require_known_channels(settings: tables.ConsentSettings) -> None:
    """Raise ValidationFailed for a cap or quiet hours of an unknown channel. A retired one may stay."""
    for index, cap in enumerate(settings.frequency_caps):
        if cap.get("channel") is not None:
            require_term(settings.channels, cap["channel"], f"frequency_caps/{index}/channel", UNKNOWN_CHANNEL)
    for index, channel in enumerate((settings.quiet_hours or {}).get("channels", ())):
        require_term(settings.channels, channel, f"quiet_hours/channels/{index}", UNKNOWN_CHANNEL)


def _resource(settings: tables.ConsentSettings) -> ConsentSettings:
    def terms(all_terms: Sequence[TermDocument], *, retired: bool) -> list[ConsentTerm]:
        return [
            ConsentTerm(
                key=term["key"],
                name=term["name"] or vocabulary.plain_name(term["key"]),
                translations=[ConsentTranslation.model_validate(each) for each in term["translations"]],
            )
            for term in all_terms
            if term["retired"] is retired
        ]

    return ConsentSettings(
        version=settings.version,
        purposes=terms(settings.purposes, retired=False),
        channels=terms(settings.channels, retired=False),
        retired_purposes=terms(settings.purposes, retired=True),
        retired_channels=terms(settings.channels, retired=True),
        frequency_caps=[FrequencyCap.model_validate(cap) for cap in settings.frequency_caps],
        quiet_hours=None if settings.quiet_hours is None else QuietHours.model_validate(settings.quiet_hours),
    )
