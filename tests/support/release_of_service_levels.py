"""The service levels of the scenario in `tests.support.release`: every record and every event of them happens once."""

from tests.support.release_of_sales import patch, post
from tests.support.stack import RunningStack, a_sandbox

HOURS = {"days": ["monday", "tuesday", "wednesday", "thursday", "friday"], "opens": "09:00", "closes": "17:00"}


async def use_service_levels(stack: RunningStack) -> None:
    """Answer a case in time, and resolve none, in a sandbox whose clock passes what becomes due."""
    visitor = a_sandbox(stack, clock="2026-03-02T10:00:00Z")
    calendar = {"name": "Office", "timezone": "UTC", "weekly_hours": [HOURS], "holiday_presets": [{"country": "NL"}]}
    calendar_id = (await post(visitor, "/v1/calendars", calendar))["id"]
    targets = [{"kind": "first_response", "seconds": 3600}, {"kind": "resolution", "seconds": 4 * 3600}]
    policy = {"name": "Standard", "calendar_id": calendar_id, "targets": targets, "warn_percents": [50]}
    policy_id = (await post(visitor, "/v1/sla-policies", policy))["id"]
    await patch(visitor, f"/v1/sla-policies/{policy_id}", {"pause_on": ["waiting_for_customer"]})
    case = await post(visitor, "/v1/cases", {"kind": "request", "subject": "The kettle", "channel": "phone"})
    await post(visitor, f"/v1/cases/{case['id']}/messages", {"body": "We will look at it."})
    await post(visitor, "/v1/sandbox/clock", {"advance": "P1D"})
    await visitor.request("GET", "/v1/sandbox/clock?wait_seconds=30")
