"""Triggers of surveys: which events invite, and whom. A repeated event decides the same."""

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from typing_extensions import TypeAliasType, TypedDict

from chassis.types.codes import FieldCode

TriggerEvent = TypeAliasType("TriggerEvent", Literal["case_resolved", "purchase_recorded", "purchase_status_changed"])
CONDITIONS: dict[str, frozenset[str]] = {
    "case_resolved": frozenset(("kind", "team")),
    "purchase_recorded": frozenset(("store", "channel")),
    "purchase_status_changed": frozenset(("status", "store", "channel")),
}
"""The facts of each event that conditions can name."""
MAX_AGE = timedelta(days=30)
"""Records of the past are imported, too. An older event sends no invitation."""

UNKNOWN_FACT = FieldCode(
    "unknown_fact", "The event of the trigger does not have this fact.", "Send one of the facts in the text."
)


class ConditionDocument(TypedDict):
    """A condition of a trigger, as stored: the fact has one of the values."""

    fact: str
    one_of: list[str]


class TriggerDocument(TypedDict):
    """A trigger, as stored."""

    event: TriggerEvent
    conditions: list[ConditionDocument]
    delay_minutes: int
    sample_percent: int
    channel: str


def applies(trigger: TriggerDocument, facts: Mapping[str, str | None]) -> bool:
    """Return whether the facts of an event fulfil every condition of a trigger."""
    return all(facts.get(each["fact"]) in each["one_of"] for each in trigger["conditions"])


def is_sampled(survey_id: UUID, about_id: UUID, percent: int) -> bool:
    """Return whether a subject belongs to the sample of a survey. The same subject always gets the same decision."""
    digest = hashlib.sha256(survey_id.bytes + about_id.bytes).digest()
    return int.from_bytes(digest[:8]) * 100 < percent << 64


def is_recent(occurred_at: datetime, now: datetime) -> bool:
    """Return whether an event happened recently enough to ask about it."""
    return occurred_at > now - MAX_AGE
