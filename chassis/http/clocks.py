"""Times that clients send. Their clocks differ from ours."""

from datetime import datetime, timedelta

from chassis.core.problems import ValidationFailed
from chassis.db.unit_of_work import UnitOfWork
from chassis.types.codes import IN_THE_FUTURE

MAX_CLOCK_SKEW = timedelta(days=1)
"""How far the clock of a client may be ahead of ours."""


def reject_future(work: UnitOfWork, at: datetime, pointer: str) -> None:
    """Raise ValidationFailed for a time that no clock can have shown yet."""
    if at > work.now + MAX_CLOCK_SKEW:
        raise ValidationFailed.field(pointer, IN_THE_FUTURE, "must not be in the future")
