"""Calendars: opening hours that can be used, their versions, holidays that are stored, and due times."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from services.interactions.helpdesk.rules.holidays import years_around
from tests.support.service import ServiceUnderTest

WORKDAYS = ["monday", "tuesday", "wednesday", "thursday", "friday"]


def hours(opens: str, closes: str, *days: str) -> dict[str, Any]:
    """Return an interval on some weekdays."""
    return {"days": list(days), "opens": opens, "closes": closes}


OFFICE = [hours("09:00", "17:00", *WORKDAYS)]
ALWAYS = [hours("00:00", "24:00", *WORKDAYS, "saturday", "sunday")]


def a_calendar(name: str = "Office", timezone: str = "UTC", **fields: Any) -> dict[str, Any]:
    """Return a body for POST /v1/calendars."""
    return {"name": name, "timezone": timezone, "weekly_hours": OFFICE, **fields}


async def created(interactions: ServiceUnderTest, **fields: Any) -> dict[str, Any]:
    response = await interactions.post("/v1/calendars", a_calendar(**fields))
    assert response.status_code == 201, response.text
    return dict(response.json())


async def due(interactions: ServiceUnderTest, calendar: dict[str, Any], start_at: str, seconds: int) -> dict[str, Any]:
    body = {"start_at": start_at, "seconds": seconds}
    response = await interactions.post(f"/v1/calendars/{calendar['id']}/preview", body)
    assert response.status_code == 200, response.text
    return dict(response.json())


@pytest.mark.parametrize(
    ("timezone", "start_at", "seconds", "due_at", "local"),
    [
        ("America/New_York", "2026-10-30T16:30:00-04:00", 3600, "2026-11-02T14:30:00Z", "2026-11-02T09:30:00-05:00"),
        ("Europe/Amsterdam", "2026-03-27T16:00:00+01:00", 7200, "2026-03-30T08:00:00Z", "2026-03-30T10:00:00+02:00"),
        ("UTC", "2026-11-06T16:30:00Z", 3600, "2026-11-09T09:30:00Z", "2026-11-09T09:30:00+00:00"),
    ],
)
async def test_a_preview_counts_open_time_in_the_time_zone(
    interactions: ServiceUnderTest, timezone: str, start_at: str, seconds: int, due_at: str, local: str
) -> None:
    calendar = await created(interactions, timezone=timezone)
    assert await due(interactions, calendar, start_at, seconds) == {"due_at": due_at, "local": local}


async def test_hours_around_the_clock_are_hours_that_pass(interactions: ServiceUnderTest) -> None:
    calendar = await created(interactions, timezone="Europe/Amsterdam", weekly_hours=ALWAYS)
    answer = await due(interactions, calendar, "2026-03-29T00:30:00+01:00", 4 * 3600)
    assert answer["local"] == "2026-03-29T05:30:00+02:00"


@pytest.mark.parametrize(
    ("fields", "code", "pointer"),
    [
        ({"weekly_hours": []}, "too_few_items", "/weekly_hours"),
        ({"weekly_hours": [hours("09:00", "17:00")]}, "too_few_items", "/weekly_hours/0/days"),
        ({"weekly_hours": [hours("17:00", "09:00", "monday")]}, "invalid_hours", "/weekly_hours"),
        ({"weekly_hours": [*OFFICE, hours("16:00", "18:00", "friday")]}, "invalid_hours", "/weekly_hours"),
        ({"weekly_hours": [hours("9:00", "17:00", "monday")]}, "wrong_format", "/weekly_hours/0/opens"),
        ({"weekly_hours": [hours("24:00", "24:00", "monday")]}, "wrong_format", "/weekly_hours/0/opens"),
        ({"timezone": "Europe/Utopia"}, "unknown_timezone", "/timezone"),
        ({"exceptions": [{"date": "2026-02-30"}]}, "not_a_date", "/exceptions/0/date"),
        ({"exceptions": [{"date": "2026-05-05"}, {"date": "2026-05-05"}]}, "repeated_day", "/exceptions"),
        (
            {"exceptions": [{"date": "2026-05-05", "hours": [{"opens": "10:00", "closes": "10:00"}]}]},
            "invalid_hours",
            "/exceptions/0/hours",
        ),
        ({"holiday_presets": [{"country": "NL"}, {"country": "QQ"}]}, "unknown_holidays", "/holiday_presets/1"),
        ({"holiday_presets": [{"country": "DE", "subdivision": "XX"}]}, "unknown_holidays", "/holiday_presets/0"),
    ],
)  # fmt: skip
async def test_a_calendar_that_cannot_be_used_is_refused(
    interactions: ServiceUnderTest, fields: dict[str, Any], code: str, pointer: str
) -> None:
    refusal = await interactions.post("/v1/calendars", a_calendar(**fields))
    assert refusal.status_code == 422
    (error,) = refusal.json()["errors"]
    assert (error["code"], error["pointer"]) == (code, pointer)


async def test_a_change_to_hours_that_cannot_be_used_is_refused(interactions: ServiceUnderTest) -> None:
    calendar = await created(interactions)
    for weekly_hours in ([], None):
        refusal = await interactions.patch(f"/v1/calendars/{calendar['id']}", {"weekly_hours": weekly_hours})
        assert refusal.status_code == 422


async def test_a_time_that_is_due_after_ten_years_is_refused(interactions: ServiceUnderTest) -> None:
    calendar = await created(interactions, weekly_hours=[hours("00:00", "00:01", "monday")])
    body = {"start_at": "2026-01-01T00:00:00Z", "seconds": 366 * 86_400}
    refusal = await interactions.post(f"/v1/calendars/{calendar['id']}/preview", body)
    assert (refusal.status_code, refusal.json()["errors"][0]["pointer"]) == (422, "/seconds")


async def test_each_change_is_kept_as_a_version(interactions: ServiceUnderTest) -> None:
    calendar = await created(interactions)
    path = f"/v1/calendars/{calendar['id']}"
    closed = {"exceptions": [{"date": "2026-11-09"}]}
    changed = (await interactions.patch(path, closed, if_match='"1"')).json()
    assert changed["exceptions"] == [{"date": "2026-11-09", "name": None, "hours": []}]
    assert (await interactions.patch(path, closed)).json()["version"] == 2
    assert (await interactions.patch(path, {"name": "Head office"}, if_match='"1"')).status_code == 412
    rows = await interactions.rows("select number, exceptions from calendar_version order by number")
    assert [(row["number"], len(row["exceptions"])) for row in rows] == [(1, 0), (2, 1)]
    assert (await due(interactions, changed, "2026-11-06T16:30:00Z", 3600))["due_at"] == "2026-11-10T09:30:00Z"


async def test_two_calendars_do_not_share_a_name(interactions: ServiceUnderTest) -> None:
    first, second = await created(interactions), await created(interactions, name="Branch")
    taken = await interactions.post("/v1/calendars", a_calendar())
    assert (taken.status_code, taken.json()["calendar_id"]) == (409, first["id"])
    assert (await interactions.patch(f"/v1/calendars/{second['id']}", {"name": "Office"})).status_code == 409
    names = [calendar["name"] for calendar in (await interactions.get("/v1/calendars")).json()["items"]]
    assert names == ["Office", "Branch"]


async def test_public_holidays_are_closed_unless_an_exception_opens_them(interactions: ServiceUnderTest) -> None:
    year = datetime.now(UTC).year + 1
    bavaria = [{"country": "DE", "subdivision": "BY"}]
    opened = [{"date": f"{year}-01-06", "hours": [{"opens": "10:00", "closes": "12:00"}]}]
    calendar = await created(interactions, weekly_hours=ALWAYS, holiday_presets=bavaria, exceptions=opened)
    assert {"date": f"{year}-01-06", "name": "Epiphany"} in calendar["holidays"]
    assert (await due(interactions, calendar, f"{year}-01-01T08:00:00Z", 60))["due_at"] == f"{year}-01-02T00:01:00Z"
    assert (await due(interactions, calendar, f"{year}-01-06T00:00:00Z", 60))["due_at"] == f"{year}-01-06T10:01:00Z"
    cleared = (await interactions.patch(f"/v1/calendars/{calendar['id']}", {"holiday_presets": None})).json()
    assert (cleared["holidays"], cleared["holiday_presets"]) == ([], [])


async def test_holidays_of_years_that_come_closer_are_added_and_no_others_change(
    interactions: ServiceUnderTest,
) -> None:
    calendar = await created(interactions, holiday_presets=[{"country": "NL"}])
    years = years_around(datetime.now(UTC).date())
    shown = [holiday for holiday in calendar["holidays"] if int(holiday["date"][:4]) < years[-1]]
    before = [{"date": "2020-02-02", "name": "A day that the library has moved since"}, *shown]
    text = json.dumps(before).replace("'", "''")
    await interactions.as_owner(
        f"update calendar set holidays = '{text}', holidays_to = {years[-1] - 1} where id = '{calendar['id']}'"
    )
    for _ in range(2):
        await interactions.run_periodic_tasks()
    extended = (await interactions.get(f"/v1/calendars/{calendar['id']}")).json()
    assert extended["version"] == 2
    assert extended["holidays"] == [before[0], *calendar["holidays"]]
