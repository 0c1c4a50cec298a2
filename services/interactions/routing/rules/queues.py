"""Queues: which one a case enters, the levels that it requires after a while, and where it goes when none is free."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol, TypeVar
from uuid import UUID

from typing_extensions import TypedDict

from services.interactions.helpdesk.rules.service_levels import CaseLike, Conditions, first_match
from services.interactions.routing.rules.languages import speaks

MAX_MINUTES = 30 * 24 * 60


class RequiredSkillDocument(TypedDict):
    """A skill that agents of a queue need, as stored."""

    skill: str
    level: int


class RelaxationDocument(TypedDict):
    """A reduction of the required levels after a while, as stored."""

    after_minutes: int
    reduction: int


class QueueConditions(Conditions, Protocol):
    """The conditions of a queue. An empty list allows every value."""

    languages: list[str]


class OverflowTerms(Protocol):
    """Where cases of a queue go after a while, if anywhere."""

    id: UUID
    overflow_queue_id: UUID | None
    overflow_after_minutes: int | None


@dataclass(frozen=True, slots=True)
class Place:
    """The queue in which a case waits, and since when."""

    queue_id: UUID
    entered_at: datetime


QueueT = TypeVar("QueueT", bound=QueueConditions)


def first_queue(queues: Iterable[QueueT], case: CaseLike, language: str | None) -> QueueT | None:
    """Return the first queue whose conditions a case meets, or None. A case without a language meets none about it."""
    return first_match((queue for queue in queues if _covers(queue.languages, language)), case)


def _covers(languages: Sequence[str], language: str | None) -> bool:
    return not languages or (language is not None and speaks(languages, language))


def required_levels(
    required: Iterable[RequiredSkillDocument], relaxations: Iterable[RelaxationDocument], waited: timedelta
) -> dict[str, int]:
    """Return the levels that a case requires after it has waited in its queue.

    The largest reduction that is due counts. A skill whose level is reduced to nothing is not required any more.
    """
    due = [each["reduction"] for each in relaxations if timedelta(minutes=each["after_minutes"]) <= waited]
    reduction = max(due, default=0)
    return {each["skill"]: each["level"] - reduction for each in required if each["level"] > reduction}


def overflows(place: Place, queues: Mapping[UUID, OverflowTerms], now: datetime) -> list[Place]:
    """Return the places through which a case has overflowed by a time, in order. Empty if it stays where it is.

    Each begins at the moment at which the one before it was over, so the result does not depend on how often it is
    computed. A queue that no longer exists keeps its case.
    """
    moves: list[Place] = []
    while (after := _overflow_of(place, queues)) is not None and after.entered_at <= now:
        moves.append(after)
        place = after
    return moves


def _overflow_of(place: Place, queues: Mapping[UUID, OverflowTerms]) -> Place | None:
    terms = queues.get(place.queue_id)
    if terms is None or terms.overflow_queue_id is None or terms.overflow_after_minutes is None:
        return None
    return Place(terms.overflow_queue_id, place.entered_at + timedelta(minutes=terms.overflow_after_minutes))


def has_overflow_cycle(start: UUID, overflow: Mapping[UUID, UUID | None]) -> bool:
    """Return whether cases that overflow from a queue return to it. `overflow` names the next queue of each."""
    seen, queue = {start}, overflow.get(start)
    while queue is not None:
        if queue in seen:
            return True
        seen.add(queue)
        queue = overflow.get(queue)
    return False
