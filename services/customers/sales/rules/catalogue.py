"""Products, their known problems, and the dates of assets."""

import calendar
from collections.abc import Mapping
from datetime import date
from typing import Any, Literal

from typing_extensions import TypeAliasType

ProductState = TypeAliasType("ProductState", Literal["active", "retired"])
ProblemSeverity = TypeAliasType("ProblemSeverity", Literal["low", "medium", "high", "critical"])
ProblemState = TypeAliasType("ProblemState", Literal["open", "resolved"])
AssetState = TypeAliasType("AssetState", Literal["in_use", "returned", "disposed"])

WARRANTY_NOTICE_DAYS = 30
"""How long before its end a warranty is announced to end."""


def add_months(day: date, months: int) -> date:
    """Return the same day some months later, or the last day of a month that is shorter."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def asset_dates(values: Mapping[str, Any], product: Mapping[str, Any], acquired_on: date) -> dict[str, Any]:
    """Return the dates of a new asset: those of the request, or else those that follow from its product."""
    warranty_until, interval = values.get("warranty_until"), values.get("maintenance_interval_months")
    if warranty_until is None and product["warranty_months"] is not None:
        warranty_until = add_months(acquired_on, product["warranty_months"])
    if interval is None:
        interval = product["maintenance_interval_months"]
    next_on = values.get("next_maintenance_on")
    if next_on is None and interval is not None:
        next_on = add_months(acquired_on, interval)
    return {
        "warranty_until": warranty_until,
        "maintenance_interval_months": interval,
        "next_maintenance_on": next_on,
    }
