"""The operations on calendars."""

from datetime import timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from chassis import (
    TOO_LARGE,
    Command,
    Feature,
    IfMatch,
    Page,
    PageParams,
    Problem,
    Query,
    RecordTooLarge,
    UnitOfWork,
    ValidationFailed,
    VersionMismatch,
    Work,
    json,
    paginate,
)
from services.interactions.helpdesk import tables
from services.interactions.helpdesk.calendars.schemas import (
    Calendar,
    CalendarCreate,
    CalendarUpdate,
    DueTime,
    DueTimeRequest,
)
from services.interactions.helpdesk.calendars.versions import holiday_columns, record_version, stored
from services.interactions.helpdesk.rules.business_time import DueTooLate, add_business_time
from services.interactions.helpdesk.rules.calendars import calendar_of

feature = Feature("calendars")


class CalendarNameTaken(Problem, status=409):
    """Another calendar already has this name.

    `calendar_id` is that calendar. Choose another name.
    """


class CalendarInUse(Problem, status=409):
    """A policy of service levels uses the calendar.

    `policies` lists up to ten of them. Give them another calendar first.
    """


@feature.post("/calendars", scope="interactions:configure", status_code=201, raises=[CalendarNameTaken, RecordTooLarge])
async def create_calendar(work: Work, body: CalendarCreate) -> Calendar:
    """Create a calendar. One without open time on any weekday is refused."""
    if work.is_retry:  # the unique constraint has found the name
        await _reject_taken_name(work, body.name)
    columns = stored(body.values())
    columns |= await holiday_columns(columns["holiday_presets"], work.now.date())
    calendar = await work.insert(tables.Calendar(**columns))
    await record_version(work, calendar)
    return Calendar.from_row(calendar)


@feature.get("/calendars", scope="interactions:read")
async def list_calendars(work: Work, params: PageParams) -> Page[Calendar]:
    """List calendars, oldest first."""
    return await paginate(work, params, tables.Calendar, Calendar)


@feature.post("/calendars/{id:uuid}/preview", scope="interactions:read")
async def preview_due_time(work: Work, id: UUID, body: DueTimeRequest) -> DueTime:
    """Return the due time after a duration of open time. Nothing is stored."""
    row = await work.get(tables.Calendar, id)
    calendar = calendar_of(row.timezone, row.weekly_hours, row.exceptions, row.holidays)
    try:
        due_at = add_business_time(calendar, body.start_at, timedelta(seconds=body.seconds))
    except DueTooLate as error:
        raise ValidationFailed.field("/seconds", TOO_LARGE, str(error)) from None
    return DueTime(due_at=due_at, local=due_at.astimezone(ZoneInfo(row.timezone)).isoformat())


@feature.get("/calendars/{id:uuid}", scope="interactions:read")
async def read_calendar(work: Work, id: UUID) -> Calendar:
    """Return a calendar."""
    return Calendar.from_row(await work.get(tables.Calendar, id))


@feature.patch(
    "/calendars/{id:uuid}",
    scope="interactions:configure",
    raises=[CalendarNameTaken, RecordTooLarge, VersionMismatch],
)
async def update_calendar(work: Work, id: UUID, body: CalendarUpdate, if_match: IfMatch) -> Calendar:
    """Change the fields that are named.

    Clocks that have started keep the hours with which they started. Presets that you send again are computed again.
    """
    changes = stored(body.changes())
    if "holiday_presets" in changes:
        changes |= await holiday_columns(changes["holiday_presets"], work.now.date())
    before = await work.get(tables.Calendar, id, for_update=True)
    work.check_version(before, if_match)
    if changes.get("name", before.name) != before.name:
        await _reject_taken_name(work, changes["name"])
    if all(json.json_equal(value, getattr(before, name)) for name, value in changes.items()):
        return Calendar.from_row(before)
    calendar = await work.update(before, **changes)
    await record_version(work, calendar)
    return Calendar.from_row(calendar)


@feature.delete(
    "/calendars/{id:uuid}",
    scope="interactions:configure",
    status_code=204,
    raises=[CalendarInUse, VersionMismatch],
)
async def delete_calendar(work: Work, id: UUID, if_match: IfMatch) -> None:
    """Delete a calendar that no policy of service levels uses. Clocks that have started keep its hours."""
    calendar = await work.get(tables.Calendar, id, for_update=True)
    work.check_version(calendar, if_match)
    policies = await work.fetch(_POLICIES_OF, id=id)
    if policies:
        raise CalendarInUse(policies=[str(policy) for policy in policies])
    await work.execute(_DELETE, id=id)
    work.audit("deleted", tables.Calendar, id, {"name": [calendar.name, None]})


async def _reject_taken_name(work: UnitOfWork, name: str) -> None:
    holder = await work.find(tables.Calendar, name=name)
    if holder is not None:
        raise CalendarNameTaken(f"Another calendar is called {name}.", calendar_id=str(holder.id), pointer="/name")


_POLICIES_OF = Query(UUID, "select id from sla_policy where calendar_id = :id order by id limit 10")
_DELETE = Command("delete from calendar where id = :id")
