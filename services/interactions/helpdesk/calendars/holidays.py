"""Holidays of years that come closer. Only years that a calendar does not have yet are added."""

from datetime import timedelta

from chassis import Feature, Query, Work
from services.interactions.helpdesk import tables
from services.interactions.helpdesk.calendars.versions import holidays_of, record_version
from services.interactions.helpdesk.rules.holidays import years_around

feature = Feature("calendars")

BATCH_SIZE = 20


@feature.periodic(every=timedelta(days=1))
async def extend_holidays(work: Work) -> bool:
    """Add the holidays of new years to a batch of calendars with presets. Each gets a version for them."""
    last = years_around(work.now.date())[-1]
    calendars = await work.fetch(_LOCK_ENDING, last=last, batch_size=BATCH_SIZE)
    for calendar in calendars:
        first = (calendar.holidays_to or last) + 1
        added = await holidays_of(calendar.holiday_presets, range(first, last + 1))
        extended = await work.update(calendar, holidays=[*calendar.holidays, *added], holidays_to=last)
        await record_version(work, extended)
    return len(calendars) == BATCH_SIZE


_LOCK_ENDING = Query(
    tables.Calendar,
    """
    select * from calendar where holidays_to < :last
    order by holidays_to, id limit :batch_size for no key update skip locked
    """,
)
