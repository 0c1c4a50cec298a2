"""Calendars of opening hours. A clock keeps the version with which it started, so every version is kept."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import text

from chassis import Versioned, bigint, check, document, index, timestamp, unique
from services.interactions.base import Base
from services.interactions.helpdesk.rules.calendars import (
    ExceptionDocument,
    HolidayDocument,
    HolidayPresetDocument,
    WeeklyHoursDocument,
)


class Calendar(Versioned, Base, table=True):
    """Opening hours in a time zone. `holidays` are the days of the presets, until the end of `holidays_to`."""

    __tablename__ = "calendar"
    __table_args__ = (
        unique("name"),
        check("holidays_to", "(holidays_to is null) = (holiday_presets = '[]')"),
        index("holidays_to", "id", postgresql_where=text("holidays_to is not null")),
    )
    audited: ClassVar[bool] = True
    computed: ClassVar[frozenset[str]] = frozenset(("holidays", "holidays_to"))

    name: str
    timezone: str
    weekly_hours: list[WeeklyHoursDocument] = document()
    exceptions: list[ExceptionDocument] = document(default_factory=list)
    holiday_presets: list[HolidayPresetDocument] = document(default_factory=list)
    holidays: list[HolidayDocument] = document(default_factory=list)
    holidays_to: int | None = None


class CalendarVersion(Base, table=True):
    """The opening hours of a version of a calendar. Append-only."""

    __tablename__ = "calendar_version"
    __table_args__ = (unique("calendar_id", "number"), check("number", "number > 0"))

    calendar_id: UUID
    number: int = bigint()
    timezone: str
    weekly_hours: list[WeeklyHoursDocument] = document()
    exceptions: list[ExceptionDocument] = document()
    holidays: list[HolidayDocument] = document()
    recorded_at: datetime = timestamp()
