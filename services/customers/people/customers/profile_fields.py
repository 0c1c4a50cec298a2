"""Bodies of social profiles, preferences and firmographics."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator
from typing_extensions import TypeAliasType

from chassis import (
    NOT_AFTER,
    REQUIRED,
    TOO_SMALL,
    Fields,
    Line,
    MergePatch,
    Money,
    Resource,
    ShortLine,
    invalid,
)

_CONTROLS = r"\x00-\x1f\x7f-\x9f"
WEBSITE_PATTERN = rf"^([Hh][Tt][Tt][Pp][Ss]?://)?[^\s/?#:@{_CONTROLS}]+(:[0-9]+)?([/?#][^\s{_CONTROLS}]*)?$"
Website = Annotated[str, Field(max_length=500, pattern=WEBSITE_PATTERN, examples=["https://example.com/about"])]
"""A link of http or https. Other schemes could run a script in a browser that shows it."""
TimeOfDay = Annotated[str, Field(pattern="^([01][0-9]|2[0-3]):[0-5][0-9]$", examples=["17:30"])]
Weekday = TypeAliasType(
    "Weekday", Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
)
MAX_EMPLOYEES = 100_000_000


def _require_gain(revenue: Money) -> Money:
    if revenue.minor < 0:
        raise invalid(TOO_SMALL, "must not be negative")
    return revenue


class SocialProfileFields(Fields):
    """An account in a social network."""

    network: Annotated[ShortLine, Field(examples=["linkedin"])]
    """The network."""
    handle: Annotated[Line, Field(examples=["ada.lovelace"])] | None = None
    """The name in the network."""
    url: Website | None = None
    """The page of the profile."""


class SocialProfileCreate(SocialProfileFields, MergePatch):
    """An account in a social network to store: its handle, its page or both."""

    @model_validator(mode="after")
    def _require_handle_or_url(self) -> Self:
        if self.handle is None and self.url is None:
            raise invalid(REQUIRED, "a handle or a url is required")
        return self


class SocialProfile(SocialProfileFields, Resource):
    """An account in a social network."""


class ContactTimeFields(Fields):
    """A time of the day at which contact is welcome, in the customer's local time."""

    days: Annotated[list[Weekday], Field(max_length=7)] | None = None
    """The days of the week. Null: every day."""
    start: TimeOfDay
    """The beginning."""
    end: TimeOfDay
    """The end, on the same day."""


class ContactTimeCreate(ContactTimeFields, MergePatch):
    """A time of the day at which contact is welcome."""

    @model_validator(mode="after")
    def _require_order(self) -> Self:
        if self.end <= self.start:
            raise invalid(NOT_AFTER, "the end must be after the start")
        return self


class ContactTime(ContactTimeFields, Resource):
    """A time of the day at which contact is welcome, in the customer's local time."""


class PreferenceFields(Fields):
    """How a customer wants to be served. The channel is `preferred_channel` of the customer."""

    delivery: Annotated[ShortLine, Field(examples=["pickup"])] | None = None
    """How orders are to be delivered."""
    payment: Annotated[ShortLine, Field(examples=["invoice"])] | None = None
    """How the customer prefers to pay."""


class ServicePreferencesCreate(PreferenceFields, MergePatch):
    """How a customer wants to be served. A patch merges the fields."""

    times: Annotated[list[ContactTimeCreate], Field(max_length=50)] | None = None
    """When contact is welcome."""


class ServicePreferences(PreferenceFields, Resource):
    """How a customer wants to be served."""

    times: list[ContactTime] | None
    """When contact is welcome. Null if unknown."""


class FirmographicFields(Fields):
    """Facts about an organization."""

    industry: Annotated[Line, Field(examples=["retail"])] | None = None
    """The industry."""
    employees: Annotated[int, Field(strict=True, ge=0, le=MAX_EMPLOYEES)] | None = None
    """The number of employees."""
    website: Website | None = None
    """The website."""
    founded_year: Annotated[int, Field(strict=True, ge=500, le=2199)] | None = None
    """The year of the foundation."""
    legal_form: Annotated[ShortLine, Field(examples=["B.V."])] | None = None
    """The legal form."""


class FirmographicsCreate(FirmographicFields, MergePatch):
    """Facts about an organization. A patch merges the fields."""

    annual_revenue: Annotated[Money, AfterValidator(_require_gain)] | None = None
    """The revenue of a year."""


class Firmographics(FirmographicFields, Resource):
    """Facts about an organization."""

    annual_revenue: Money | None
    """The revenue of a year."""
