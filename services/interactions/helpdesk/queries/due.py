"""The due time of a request: an instant, or a date or time on the clocks of a place."""

from typing import Any

from chassis import REQUIRED, FieldCode, Fields, Instant, Timezone, UnitOfWork, ValidationFailed
from services.interactions.helpdesk.rules.due import LocalTime, due_instant

TWO_DUE_TIMES = FieldCode(
    "two_due_times",
    "The request states its due time as an instant and as a local time.",
    "Send `due_at` or `by_when`, not both.",
)


class DueValues(Fields):
    """The due time. A request states `due_at` or `by_when`."""

    due_at: Instant | None = None
    """The due time as an instant."""
    by_when: LocalTime | None = None
    """The due time as the customer was given it: a date, which means its last second, or a local time."""
    timezone: Timezone | None = None
    """The time zone of `by_when`: that of the customer. Default: the tenant's."""


def due_columns(work: UnitOfWork, body: DueValues, pointer: str = "") -> dict[str, Any]:
    """Return the columns of the due time of a body: empty without one. Raises ValidationFailed for two.

    `pointer` is the place of the body in the request.
    """
    if body.due_at is not None and body.by_when is not None:
        raise ValidationFailed.field(f"{pointer}/by_when", TWO_DUE_TIMES, "due_at states the due time already")
    timezone = body.timezone or work.tenant.timezone
    if body.by_when is not None:
        return {"due_at": due_instant(body.by_when, timezone), "by_when": body.by_when, "timezone": timezone}
    return {} if body.due_at is None else {"due_at": body.due_at, "by_when": None, "timezone": timezone}


def required_due_columns(work: UnitOfWork, body: DueValues, pointer: str = "") -> dict[str, Any]:
    """Return the columns of the due time of a body. Raises ValidationFailed unless it has one."""
    columns = due_columns(work, body, pointer)
    if not columns:
        raise ValidationFailed.field(f"{pointer}/due_at", REQUIRED, "a due time is expected: due_at or by_when")
    return columns
