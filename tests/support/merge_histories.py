"""Histories of merges for property tests: merges and undos that customers could have published."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from chassis.types.ids import uuid7
from tests.support.merges import customers_merged, merge_undone

ExampleT = TypeVar("ExampleT")
EXAMPLES = 25


@dataclass
class MergeHistory:
    """The events of merges and undos in their order, and the customer to whom each person leads after all of them."""

    events: list[dict[str, Any]]
    leads_to: dict[UUID, UUID]


@st.composite
def merge_histories(draw: st.DrawFn, people: Sequence[UUID], *, most: int) -> MergeHistory:
    """Return merges and undos, at most `most`. Only a merge that no later merge of the survivor covers is undone."""
    events: list[dict[str, Any]] = []
    numbers = dict.fromkeys(people, 0)
    survivor_of: dict[UUID, UUID] = {}
    undos: dict[UUID, dict[str, Any]] = {}
    for _ in range(draw(st.integers(1, most))):
        current = [one for one in people if one not in survivor_of]
        reversible = [one for one in survivor_of if survivor_of[one] in current]
        if reversible and (len(current) == 1 or draw(st.booleans())):
            merged = draw(st.sampled_from(reversible))
            del survivor_of[merged]
            events.append(undos.pop(merged))
            continue
        merged, survivor = draw(st.permutations(current))[:2]
        number = 1 + max(numbers[merged], numbers[survivor])
        numbers[merged] = numbers[survivor] = number
        named: dict[str, Any] = {"number": number, "merge_id": uuid7()}
        events.append(customers_merged(survivor, merged, **named, id=uuid7()))
        survivor_of[merged], undos[merged] = survivor, merge_undone(survivor, merged, **named, id=uuid7())
    return MergeHistory(events, {one: _last(survivor_of, one) for one in people})


def _last(survivor_of: dict[UUID, UUID], person: UUID) -> UUID:
    while person in survivor_of:
        person = survivor_of[person]
    return person


def examples_of(strategy: st.SearchStrategy[ExampleT]) -> list[ExampleT]:
    """Return examples for a test that is a coroutine, which Hypothesis does not run."""
    drawn: list[ExampleT] = []

    @settings(max_examples=EXAMPLES)
    @given(strategy)
    def draw(example: ExampleT) -> None:
        drawn.append(example)

    draw()
    return drawn
