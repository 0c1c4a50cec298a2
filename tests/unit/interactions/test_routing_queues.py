"""Queues and agents: which queue a case enters, what it requires after a while, and the skills that count."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.interactions.routing.rules.agents import SkillDocument, capacity_in, levels_at
from services.interactions.routing.rules.languages import speaks
from services.interactions.routing.rules.queues import (
    Place,
    RelaxationDocument,
    first_queue,
    has_overflow_cycle,
    overflows,
    required_levels,
)

START = datetime(2026, 3, 1, 10, tzinfo=UTC)
RELAXATIONS: list[RelaxationDocument] = [
    {"after_minutes": 30, "reduction": 1},
    {"after_minutes": 120, "reduction": 3},
]


@dataclass
class AQueue:
    """A queue, as far as its rules need it."""

    id: UUID = field(default_factory=lambda: UUID(int=1))
    kinds: list[str] = field(default_factory=list)
    categories: list[str] = field(default_factory=list)
    priorities: list[str] = field(default_factory=list)
    channels: list[str] = field(default_factory=list)
    languages: list[str] = field(default_factory=list)
    overflow_queue_id: UUID | None = None
    overflow_after_minutes: int | None = None


@dataclass
class ACase:
    """A case, as far as the conditions of queues need it."""

    kind: str = "request"
    category: str | None = "maintenance"
    priority: str = "normal"
    channel: str = "email"


@pytest.mark.parametrize(
    ("spoken", "wanted", "expected"),
    [
        (["nl", "en"], "en", True),
        (["pt"], "pt-BR", True),
        (["pt-BR"], "pt", True),
        (["PT-br"], "pt-BR", True),
        (["pt-PT"], "pt-BR", False),
        (["pt"], "ptx", False),
        ([], "nl", False),
    ],
)
def test_languages_match_their_wider_and_narrower_forms(spoken: list[str], wanted: str, expected: bool) -> None:
    assert speaks(spoken, wanted) is expected


def test_a_case_enters_the_first_queue_whose_conditions_it_meets() -> None:
    dutch, letters, rest = AQueue(languages=["nl"]), AQueue(channels=["letter"]), AQueue()
    assert first_queue([dutch, letters, rest], ACase(), "nl-BE") is dutch  # type: ignore[arg-type, type-var]
    assert first_queue([dutch, letters, rest], ACase(), None) is rest  # type: ignore[arg-type, type-var]
    assert first_queue([dutch, letters], ACase(channel="letter"), "fr") is letters  # type: ignore[arg-type, type-var]
    assert first_queue([dutch, letters], ACase(), "fr") is None  # type: ignore[arg-type, type-var]


@pytest.mark.parametrize(
    ("waited", "levels"),
    [
        (timedelta(0), {"boilers": 3, "gas": 1}),
        (timedelta(minutes=30) - timedelta(microseconds=1), {"boilers": 3, "gas": 1}),
        (timedelta(minutes=30), {"boilers": 2}),
        (timedelta(minutes=120), {}),
    ],
)
def test_levels_are_reduced_at_the_exact_moment(waited: timedelta, levels: dict[str, int]) -> None:
    required = [{"skill": "boilers", "level": 3}, {"skill": "gas", "level": 1}]
    assert required_levels(required, RELAXATIONS, waited) == levels  # type: ignore[arg-type]


def test_a_certificate_counts_until_the_last_instant_of_its_day() -> None:
    skills: list[SkillDocument] = [
        {"skill": "gas", "level": 4, "valid_until": "2026-03-29"},
        {"skill": "tea", "level": 1, "valid_until": None},
    ]
    midnight = datetime(2026, 3, 29, 22, tzinfo=UTC)  # 00:00 of the next day in Amsterdam, on the day of summer time
    before = midnight - timedelta(microseconds=1)
    assert levels_at(skills, before, "Europe/Amsterdam") == {"gas": 4, "tea": 1}
    assert levels_at(skills, midnight, "Europe/Amsterdam") == {"tea": 1}
    assert levels_at(skills, midnight, "America/New_York") == {"gas": 4, "tea": 1}


def test_a_channel_has_its_own_capacity_or_that_of_all_others() -> None:
    assert capacity_in("phone", 5, [{"channel": "phone", "capacity": 0}]) == 0
    assert capacity_in("email", 5, [{"channel": "phone", "capacity": 0}]) == 5


def a_chain(minutes: list[int]) -> dict[UUID, AQueue]:
    """Return queues that overflow to the next of them after so many minutes each."""
    return {
        UUID(int=number): AQueue(UUID(int=number), overflow_queue_id=UUID(int=number + 1), overflow_after_minutes=after)
        for number, after in enumerate(minutes, 1)
    }


@given(st.lists(st.integers(1, 50), max_size=5), st.integers(0, 300), st.integers(0, 300))
def test_overflows_are_the_same_however_often_they_are_computed(minutes: list[int], early: int, late: int) -> None:
    chain, place = a_chain(minutes), Place(UUID(int=1), START)
    end = START + timedelta(minutes=early + late)
    at_once = overflows(place, chain, end)
    halfway = overflows(place, chain, START + timedelta(minutes=early))
    assert halfway + overflows((halfway or [place])[-1], chain, end) == at_once
    assert len(at_once) == sum(sum(minutes[: count + 1]) <= early + late for count in range(len(minutes)))


@given(st.dictionaries(st.integers(0, 5), st.integers(0, 5)), st.integers(0, 5))
def test_a_cycle_is_found_from_each_of_its_queues(edges: dict[int, int], start: int) -> None:
    overflow: dict[UUID, UUID | None] = {UUID(int=queue): UUID(int=after) for queue, after in edges.items()}
    queue, steps = start, 0
    while queue in edges and steps <= len(edges):
        queue, steps = edges[queue], steps + 1
    assert has_overflow_cycle(UUID(int=start), overflow) is (steps > len(edges))
