"""Days in reports: as_of and to include the whole day of the time zone, and from begins with it."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from chassis.types.ids import uuid7
from tests.support.analytics import read_figures
from tests.support.facts import purchase_recorded
from tests.support.service import ServiceUnderTest

NEW_YORK = "America/New_York"
DAYS = [
    ("a day in New York", NEW_YORK, "2026-01-31", "2026-02-01T04:59:59.999999Z"),
    ("the clocks go forward", NEW_YORK, "2026-03-08", "2026-03-09T03:59:59.999999Z"),
    ("the clocks go back", "Europe/Amsterdam", "2026-10-25", "2026-10-25T22:59:59.999999Z"),
    ("the end of the year", "Pacific/Kiritimati", "2025-12-31", "2025-12-31T09:59:59.999999Z"),
]


def next_microsecond(at: str) -> str:
    return (datetime.fromisoformat(at) + timedelta(microseconds=1)).isoformat()


async def shop_in(running: ServiceUnderTest, zone: str, *times: str) -> ServiceUnderTest:
    """Return a new tenant in a time zone, with a customer per time who bought then."""
    analytics = await running.for_new_tenant(timezone=zone)
    await analytics.deliver([purchase_recorded("1.00", at=at) for at in times])
    return analytics


def customers(figures: dict[str, Any]) -> int:
    """Return the number of customers of a report."""
    if "cells" in figures:
        return sum(cell["customers"] for cell in figures["cells"])
    return figures["customers"] if "customers" in figures else sum(each["size"] for each in figures["cohorts"])


@pytest.mark.parametrize(("case", "zone", "day", "last"), DAYS)
@pytest.mark.parametrize("figure", ["pareto", "rfm", "cohorts"])
async def test_as_of_a_day_counts_up_to_its_last_microsecond(
    running_analytics: ServiceUnderTest, figure: str, case: str, zone: str, day: str, last: str
) -> None:
    analytics = await shop_in(running_analytics, zone, last, next_microsecond(last))
    figures = await read_figures(analytics, figure, as_of=day)
    assert (figures["as_of"], customers(figures)) == (last, 1)
    assert await read_figures(analytics, figure, as_of=last) == figures
    assert customers(await read_figures(analytics, figure, as_of=next_microsecond(last))) == 2


async def test_as_of_a_day_is_a_day_of_the_time_zone_of_the_cohorts(running_analytics: ServiceUnderTest) -> None:
    analytics = await shop_in(running_analytics, "UTC", "2026-02-01T04:59:59.999999Z", "2026-02-01T05:00:00Z")
    figures = await read_figures(analytics, "cohorts", as_of="2026-01-31", timezone=NEW_YORK)
    assert [(each["month"], each["size"], each["partial_from"]) for each in figures["cohorts"]] == [
        ("2026-01", 1, None)
    ]
    in_utc = await read_figures(analytics, "cohorts", as_of="2026-02-01")
    assert [(each["month"], each["partial_from"]) for each in in_utc["cohorts"]] == [("2026-02", 0)]
    assert (await read_figures(analytics, "cohorts", as_of="2026-01-31"))["cohorts"] == []


@pytest.mark.parametrize(("case", "zone", "day", "last"), DAYS)
async def test_a_period_of_days_begins_with_the_first_and_ends_with_the_last(
    running_analytics: ServiceUnderTest, case: str, zone: str, day: str, last: str
) -> None:
    analytics = await shop_in(running_analytics, zone, last, next_microsecond(last))
    following = (datetime.fromisoformat(day) + timedelta(days=1)).date().isoformat()
    until = await read_figures(analytics, "retention", **{"from": "2025-01-01", "to": day})
    assert (until["ends_at"], until["at_end"], until["new"]) == (last, 1, 1)
    since = await read_figures(analytics, "retention", **{"from": following, "to": "2026-12-31"})
    assert (since["starts_at"], since["at_start"], since["new"]) == (last, 1, 1)


async def test_the_window_of_a_day_is_whole_days(running_analytics: ServiceUnderTest) -> None:
    analytics = await shop_in(running_analytics, "UTC", "2026-01-04T00:00:00Z", "2026-01-03T23:59:59.999999Z")
    period = {"from": "2026-01-31", "to": "2026-01-31", "window_days": "28"}
    figures = await read_figures(analytics, "retention", **period)
    # 28 days up to the end of 30 January begin on 3 January, and those up to the end of 31 January on 4 January.
    assert (figures["at_start"], figures["at_end"]) == (2, 1)


@pytest.mark.parametrize(
    ("begins", "ends", "status"),
    [
        ("2026-01-31", "2026-01-31", 200),
        ("2026-01-31", "2026-01-30", 422),
        ("2026-01-31", "2026-01-30T23:00:00Z", 200),  # the day has begun in Amsterdam
    ],
)
async def test_periods_that_end_before_they_begin_are_refused(
    analytics: ServiceUnderTest, begins: str, ends: str, status: int
) -> None:
    response = await analytics.get("/v1/analytics/retention", **{"from": begins, "to": ends})
    assert response.status_code == status, response.text


@pytest.mark.parametrize("begins", ["2026-02-30", "2026-02-01T00:00:00", "January"])
async def test_other_texts_are_refused_with_examples(analytics: ServiceUnderTest, begins: str) -> None:
    response = await analytics.get("/v1/analytics/retention", **{"from": begins, "to": "2026-03-01"})
    (error,) = response.json()["errors"]
    assert (response.status_code, error["pointer"], error["code"]) == (422, "/from", "not_a_date_or_time")
    assert "such as 2026-01-31" in error["detail"]


async def test_moments_are_counted_as_before(analytics: ServiceUnderTest) -> None:
    buyer, at = uuid7(), "2026-02-01T00:00:00Z"
    await analytics.deliver(purchase_recorded("1.00", buyer, at=at))
    figures = await read_figures(analytics, "retention", **{"from": at, "to": "2026-03-01T00:00:00Z"})
    assert (figures["starts_at"], figures["at_start"], figures["new"]) == (at, 1, 0)
