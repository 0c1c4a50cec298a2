"""Query parameters that the figures share."""

from datetime import datetime
from typing import Annotated

from fastapi import Query as Parameter

from chassis import Currency, Moment, last_instant

AsOf = Annotated[
    Moment | None,
    Parameter(
        description="Count only what happened up to this time, or up to the end of this day in the time zone of the "
        "report, which is the tenant's by default. Default: all."
    ),
]
"""The time up to which a figure counts purchases and refunds, or None for all."""
InCurrency = Annotated[Currency | None, Parameter(description="Default: the tenant's currency.")]
"""The currency of a figure, or None for the tenant's."""


def end_of(as_of: Moment | None, timezone: str) -> datetime | None:
    """Return the last instant that a figure counts, or None for all."""
    return None if as_of is None else last_instant(as_of, timezone)
