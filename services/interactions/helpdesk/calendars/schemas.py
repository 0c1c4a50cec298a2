"""Request and response bodies of calendars."""

from datetime import datetime
from typing import Annotated, ClassVar
from uuid import UUID

from pydantic import Field, field_validator

from chassis import (
    Day,
    FieldCode,
    Fields,
    Instant,
    Line,
    MergePatch,
    RequestBody,
    Resource,
    ShortLine,
    Timezone,
    invalid,
)
from services.interactions.helpdesk import tables
from services.interactions.helpdesk.rules.business_time import (
    MAX_TARGET_SECONDS,
    InvalidCalendar,
    NoOpenTime,
    require_intervals,
)
from services.interactions.helpdesk.rules.calendars import Weekday, calendar_of, interval_of

NO_OPEN_TIME = FieldCode(
    "no_open_time",
    "The calendar is not open on any weekday, so nothing would be due.",
    "Send an interval of a weekday.",
)
INVALID_HOURS = FieldCode(
    "invalid_hours",
    "Intervals of a day overlap, or one does not end after it starts.",
    "Split an interval that passes midnight at 24:00, and send intervals that do not overlap. They may touch.",
)
REPEATED_DAY = FieldCode("repeated_day", "Two exceptions name the same day.", "Send all hours of a day in one of them.")
UNKNOWN_HOLIDAYS = FieldCode(
    "unknown_holidays",
    "No holidays are known of this country, or the country has no such subdivision.",
    "Send a country of ISO 3166-1 and a subdivision of ISO 3166-2 without its country, such as DE and BY. "
    "If none fits, send the days as exceptions.",
)

OpeningTime = Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$", examples=["09:00"])]
ClosingTime = Annotated[str, Field(pattern=r"^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$", examples=["17:30"])]
Country = Annotated[str, Field(pattern="^[A-Z]{2}$", examples=["NL"])]
Days = Annotated[list[Weekday], Field(min_length=1, max_length=7)]


class HoursFields(Fields):
    """An interval of a day in local time."""

    opens: OpeningTime
    """The local time at which it begins."""
    closes: ClosingTime
    """The local time at which it ends. `24:00` is the end of the day."""


class HoursCreate(HoursFields, MergePatch):
    """An interval of a day in local time."""

    never_null: ClassVar[frozenset[str]] = frozenset(("opens", "closes"))


class WeeklyHoursCreate(HoursFields, MergePatch):
    """An interval on some weekdays. A weekday may have several."""

    never_null: ClassVar[frozenset[str]] = frozenset(("days", "opens", "closes"))

    days: Days
    """The weekdays."""


class CalendarExceptionCreate(MergePatch):
    """A day with other hours, or without."""

    never_null: ClassVar[frozenset[str]] = frozenset(("date",))

    date: Day
    """The day."""
    name: Line | None = None
    """Why the day differs."""
    hours: Annotated[list[HoursCreate], Field(max_length=24)] | None = None
    """The hours of the day. Default: none, so it is closed."""

    @field_validator("hours")
    @classmethod
    def _check_hours(cls, hours: list[HoursCreate] | None) -> list[HoursCreate] | None:
        try:
            require_intervals(sorted(interval_of(each.model_dump()) for each in hours or ()))
        except InvalidCalendar as error:
            raise invalid(INVALID_HOURS, str(error)) from None
        return hours


class HolidayPresetCreate(MergePatch):
    """A country, or a part of it, whose public holidays are observed."""

    never_null: ClassVar[frozenset[str]] = frozenset(("country",))

    country: Country
    """The country: two letters of ISO 3166-1."""
    subdivision: ShortLine | None = None
    """A part of the country, by the part of its ISO 3166-2 code after the hyphen, such as `BY` for Bavaria."""


WeeklyHoursList = Annotated[list[WeeklyHoursCreate], Field(min_length=1, max_length=100)]
Exceptions = Annotated[list[CalendarExceptionCreate], Field(max_length=400)]
Presets = Annotated[list[HolidayPresetCreate], Field(max_length=5)]


class CalendarValues(Fields):
    """The fields that a request may set."""

    exceptions: Exceptions | None = None
    """Single days with other hours, or without. They precede holidays."""
    holiday_presets: Presets | None = None
    """Countries whose public holidays are observed. Their days are stored when you send them, for eleven years."""

    @field_validator("exceptions")
    @classmethod
    def _check_days(cls, exceptions: list[CalendarExceptionCreate] | None) -> list[CalendarExceptionCreate] | None:
        days = [exception.date for exception in exceptions or ()]
        if len(set(days)) < len(days):
            raise invalid(REPEATED_DAY, "each day may have a single exception")
        return exceptions

    @field_validator("weekly_hours", check_fields=False)
    @classmethod
    def _check_week(cls, weekly_hours: list[WeeklyHoursCreate] | None) -> list[WeeklyHoursCreate] | None:
        if weekly_hours is not None:
            try:
                calendar_of("UTC", [hours.model_dump() for hours in weekly_hours])
            except InvalidCalendar as error:
                raise invalid(NO_OPEN_TIME if isinstance(error, NoOpenTime) else INVALID_HOURS, str(error)) from None
        return weekly_hours


class CalendarCreate(CalendarValues, RequestBody):
    """A calendar to create."""

    example = {
        "name": "Office",
        "timezone": "Europe/Amsterdam",
        "weekly_hours": [
            {"days": ["monday", "tuesday", "wednesday", "thursday", "friday"], "opens": "09:00", "closes": "12:30"},
            {"days": ["monday", "tuesday", "wednesday", "thursday", "friday"], "opens": "13:00", "closes": "17:00"},
        ],
        "exceptions": [
            {"date": "2026-12-24", "name": "We close early", "hours": [{"opens": "09:00", "closes": "12:00"}]}
        ],
        "holiday_presets": [{"country": "NL"}],
    }

    name: Line
    """The name of the calendar."""
    timezone: Timezone
    """The time zone of its hours."""
    weekly_hours: WeeklyHoursList
    """The intervals in which it is open in a week without exceptions."""


class CalendarUpdate(CalendarValues, MergePatch):
    """Fields to change. Lists are replaced as a whole."""

    example = {"exceptions": [{"date": "2027-05-05", "name": "Liberation Day"}]}
    never_null: ClassVar[frozenset[str]] = frozenset(("name", "timezone", "weekly_hours"))

    name: Line | None = None
    """The name of the calendar."""
    timezone: Timezone | None = None
    """The time zone of its hours."""
    weekly_hours: WeeklyHoursList | None = None
    """The intervals in which it is open in a week without exceptions."""


class Hours(HoursFields, Resource):
    """An interval of a day in local time."""


class WeeklyHours(HoursFields, Resource):
    """An interval on some weekdays."""

    days: Days
    """The weekdays."""


class CalendarException(Resource):
    """A day with other hours, or without."""

    date: Day
    """The day."""
    name: str | None
    """Why the day differs, or null."""
    hours: list[Hours]
    """The hours of the day. It is closed if there are none."""


class HolidayPreset(Resource):
    """A country, or a part of it, whose public holidays are observed."""

    country: Country
    """The country."""
    subdivision: Annotated[str | None, Field(examples=["BY"])]
    """The part of the country, or null for holidays of the whole country."""


class Holiday(Resource):
    """A public holiday, on which the calendar is closed."""

    date: Day
    """The day."""
    name: Annotated[str, Field(examples=["New Year's Day"])]
    """The name of the holiday."""


class Calendar(Resource, row=tables.Calendar, etag="version"):
    """Opening hours in a time zone."""

    id: UUID
    """Identifies the calendar."""
    version: int
    """Counts the changes. It is the ETag."""
    name: str
    """The name of the calendar."""
    timezone: Timezone
    """The time zone of its hours."""
    weekly_hours: list[WeeklyHours]
    """The intervals in which it is open in a week without exceptions."""
    exceptions: list[CalendarException]
    """Single days with other hours, or without. They precede holidays."""
    holiday_presets: list[HolidayPreset]
    """Countries whose public holidays are observed."""
    holidays: list[Holiday]
    """The public holidays of the presets, as they are stored."""
    created_at: datetime
    """When it was created."""
    updated_at: datetime
    """When it last changed."""


class DueTimeRequest(RequestBody):
    """A start and a duration for which to compute the due time."""

    example = {"start_at": "2026-10-30T16:30:00+01:00", "seconds": 3600}

    start_at: Instant
    """When the time begins to run."""
    seconds: Annotated[int, Field(strict=True, ge=0, le=MAX_TARGET_SECONDS)]
    """The seconds of open time until it is due."""


class DueTime(Resource):
    """A due time."""

    due_at: datetime
    """The earliest time at which the calendar has been open for so long."""
    local: Annotated[str, Field(examples=["2026-11-02T09:30:00+01:00"])]
    """The same time in the time zone of the calendar."""
