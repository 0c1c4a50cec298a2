"""Contracts: their renewal, and the days on which something about them is due."""

from calendar import monthrange
from datetime import date, timedelta
from typing import Literal

from typing_extensions import TypeAliasType

from services.customers.sales.rules.catalogue import add_months

ContractState = TypeAliasType("ContractState", Literal["active", "ended"])
Renewal = TypeAliasType("Renewal", Literal["none", "manual", "automatic"])
ContractEndReason = TypeAliasType(
    "ContractEndReason",
    Literal["price", "product", "service", "competitor", "moved", "no_need", "ended_by_us", "expired", "unknown"],
)

REMINDER_DAYS = 14
"""How long before the last day for a notice, and before its end, a contract is announced."""


def last_notice_on(ends_on: date | None, notice_days: int | None) -> date | None:
    """Return the last day on which a notice is in time, or None without one."""
    return None if ends_on is None or notice_days is None else ends_on - timedelta(days=notice_days)


def next_end(ends_on: date, months: int) -> date:
    """Return the last day of another term. A term that ends with a month is followed by one that ends with a month."""
    until = add_months(ends_on, months)
    if (ends_on + timedelta(days=1)).day > 1:
        return until
    return until.replace(day=monthrange(until.year, until.month)[1])


def renewed_until(ends_on: date, months: int, today: date) -> date:
    """Return the end of a contract that is renewed as often as it takes to last until today."""
    until = next_end(ends_on, months)
    while until < today:
        until = next_end(until, months)
    return until
