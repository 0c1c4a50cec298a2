"""Tallies: counts and hashes of what a service has published and applied, by type and day, over all tenants.

The gateway compares those of all services to find out whether events are missing. `rapport reconcile` compares further,
down to the ids.
"""

from collections.abc import Iterable, Mapping
from datetime import date, datetime

import asyncpg
from pydantic import BaseModel

from chassis.core.events import matches
from chassis.db.tables import SCHEMA
from chassis.feature import EventHandler
from chassis.types.ids import first_uuid7_at


class Tally(BaseModel):
    """Events of a type and a day: their number, and a hash over their ids that does not depend on their order."""

    feature: str
    """The feature that has applied them; empty for published events."""
    type: str
    day: date
    events: int
    hash: int


class Tallies(BaseModel):
    """The tallies of a service."""

    published: list[Tally]
    applied: list[Tally]
    handled: list[tuple[str, str]]
    """Its features, each with a type or a pattern of types that it handles."""


async def read_tallies(
    pool: asyncpg.Pool, handlers: Iterable[EventHandler], since: datetime, until: datetime
) -> Tallies:
    """Return the tallies of the events whose ids were made in a period."""
    period = first_uuid7_at(since), first_uuid7_at(until)
    published = await pool.fetch(f"select '' as feature, * from {SCHEMA}.published_tallies($1, $2)", *period)
    applied = await pool.fetch(f"select * from {SCHEMA}.applied_tallies($1, $2)", *period)
    return Tallies(
        published=[Tally.model_validate(dict(row)) for row in published],
        applied=[Tally.model_validate(dict(row)) for row in applied],
        handled=[(handler.feature, handler.event.event_type) for handler in handlers],
    )


def readers_that_differ(tallies: Mapping[str, Tallies]) -> set[str]:
    """Return the services with a feature that has not applied exactly what others have published."""
    published = {
        (tally.type, tally.day): (tally.events, tally.hash) for each in tallies.values() for tally in each.published
    }
    differing = set()
    for name, each in tallies.items():
        applied = {(tally.feature, tally.type, tally.day): (tally.events, tally.hash) for tally in each.applied}
        for feature, type in each.handled:
            expected = {key: tally for key, tally in published.items() if matches(type, key[0])}
            of_feature = {(of, day): tally for (by, of, day), tally in applied.items() if by == feature}
            found = {key: tally for key, tally in of_feature.items() if matches(type, key[0])}
            if expected != found and type.partition(".")[0] in tallies:
                differing.add(name)
    return differing
