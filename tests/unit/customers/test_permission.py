"""Permission: the latest decision counts, and on a tie the withdrawal."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.customers.permission.rules.decisions import Decision, effective_decision

START = datetime(2026, 3, 1, tzinfo=UTC)


def granted(day: int) -> Decision:
    return Decision(True, START + timedelta(days=day))


def withdrawn(day: int) -> Decision:
    return Decision(False, START + timedelta(days=day))


DECISIONS = st.lists(st.builds(Decision, st.booleans(), st.integers(0, 3).map(lambda day: START + timedelta(days=day))))


@pytest.mark.parametrize(
    ("case", "decisions", "index"),
    [
        ("no decision counts if there is none", [], None),
        ("the only decision counts", [granted(0)], 0),
        ("a later withdrawal counts", [granted(0), withdrawn(1)], 1),
        ("a later grant counts", [withdrawn(0), granted(1)], 1),
        ("the latest counts even if it is recorded first", [granted(1), withdrawn(0)], 0),
        ("the withdrawal counts on a tie", [granted(0), withdrawn(0)], 1),
        ("the withdrawal counts on a tie even if it is recorded first", [withdrawn(0), granted(0)], 0),
        ("of equal decisions the last recorded counts", [granted(0), granted(0)], 1),
        ("a tie of earlier decisions is irrelevant", [withdrawn(0), granted(0), granted(1)], 2),
    ],
)
def test_effective_decision(case: str, decisions: Sequence[Decision], index: int | None) -> None:
    assert effective_decision(decisions) == index


@given(DECISIONS.flatmap(lambda decisions: st.tuples(st.just(decisions), st.permutations(decisions))))
def test_order_of_recording_does_not_change_the_effective_decision(
    orders: tuple[list[Decision], list[Decision]],
) -> None:
    recorded, reordered = orders
    assert decision_of(recorded) == decision_of(reordered)


@given(DECISIONS.filter(bool))
def test_effective_decision_is_the_latest_and_a_grant_only_without_a_withdrawal_at_that_time(
    decisions: list[Decision],
) -> None:
    effective = decision_of(decisions)
    assert effective is not None
    latest = [decision for decision in decisions if decision.decided_at == effective.decided_at]
    assert effective.decided_at == max(decision.decided_at for decision in decisions)
    assert effective.granted is all(decision.granted for decision in latest)


def decision_of(decisions: Sequence[Decision]) -> Decision | None:
    index = effective_decision(decisions)
    return None if index is None else decisions[index]
