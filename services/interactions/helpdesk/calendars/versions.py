"""Changes of calendars. Each is stored as a version, which the clocks that start from then on keep."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from chassis import RecordTooLarge, UnitOfWork, ValidationFailed
from services.interactions.helpdesk import tables
from services.interactions.helpdesk.calendars.schemas import UNKNOWN_HOLIDAYS
from services.interactions.helpdesk.rules.holidays import UnknownHolidays, public_holidays, years_around

MAX_HOLIDAYS = 2_000


async def record_version(work: UnitOfWork, calendar: tables.Calendar) -> None:
    """Store the present hours of a calendar as its version."""
    version = tables.CalendarVersion(
        calendar_id=calendar.id,
        number=calendar.version,
        timezone=calendar.timezone,
        weekly_hours=calendar.weekly_hours,
        exceptions=calendar.exceptions,
        holidays=calendar.holidays,
        recorded_at=work.now,
    )
    await work.insert(version)


def stored(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a body as they are stored, except the holidays of its presets."""
    columns = {name: values[name] for name in ("name", "timezone", "weekly_hours") if name in values}
    if "exceptions" in values:
        columns["exceptions"] = [_exception(each) for each in values["exceptions"] or ()]
    if "holiday_presets" in values:
        columns["holiday_presets"] = values["holiday_presets"] or []
    return columns


def _exception(exception: Mapping[str, Any]) -> dict[str, Any]:
    return {**exception, "date": exception["date"].isoformat(), "hours": exception["hours"] or []}


async def holiday_columns(presets: Sequence[Mapping[str, Any]], today: date) -> dict[str, Any]:
    """Return the columns for the holidays of presets around a day. Raises ValidationFailed for an unknown one."""
    if not presets:
        return {"holidays": [], "holidays_to": None}
    years = years_around(today)
    return {"holidays": await holidays_of(presets, years), "holidays_to": years[-1]}


async def holidays_of(presets: Sequence[Mapping[str, Any]], years: Sequence[int]) -> list[dict[str, str]]:
    """Return the public holidays of presets in order. A day that several have keeps the name of the first."""
    days: dict[date, str] = {}
    for number, preset in enumerate(presets):
        try:
            known = await asyncio.to_thread(public_holidays, preset["country"], preset["subdivision"], years)
        except UnknownHolidays as error:
            pointer = f"/holiday_presets/{number}"
            raise ValidationFailed.field(pointer, UNKNOWN_HOLIDAYS, str(error)) from None
        days = known | days
    if len(days) > MAX_HOLIDAYS:
        raise RecordTooLarge(f"The presets have {len(days)} holidays, and a calendar at most {MAX_HOLIDAYS}.")
    return [{"date": day.isoformat(), "name": days[day]} for day in sorted(days)]
