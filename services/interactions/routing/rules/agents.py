"""The vocabularies of agents, their skills at a time, and their capacity in a channel."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Literal

from typing_extensions import TypeAliasType, TypedDict

from chassis.types.times import last_instant

AgentPresence = TypeAliasType("AgentPresence", Literal["online", "away", "offline"])
MAX_LEVEL = 5
MAX_CAPACITY = 1_000


class SkillDocument(TypedDict):
    """A skill of an agent, as stored. `valid_until` is a date."""

    skill: str
    level: int
    valid_until: str | None


class ChannelCapacityDocument(TypedDict):
    """The capacity of an agent in a channel, as stored."""

    channel: str
    capacity: int


def levels_at(skills: Iterable[SkillDocument], now: datetime, timezone: str) -> dict[str, int]:
    """Return the levels of the skills that count at a time.

    A certificate is valid until the last instant of its date in the time zone.
    """
    return {each["skill"]: each["level"] for each in skills if _is_valid(each["valid_until"], now, timezone)}


def _is_valid(valid_until: str | None, now: datetime, timezone: str) -> bool:
    return valid_until is None or now <= last_instant(date.fromisoformat(valid_until), timezone)


def capacity_in(channel: str, capacity: int, capacities: Iterable[ChannelCapacityDocument]) -> int:
    """Return how many open assignments an agent may have in a channel: its own capacity, or that of all others."""
    return next((each["capacity"] for each in capacities if each["channel"] == channel), capacity)
