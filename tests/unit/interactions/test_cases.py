"""The states of cases: the way of a complaint, and what may never happen on it."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.interactions.helpdesk.rules.cases import (
    ENDED,
    WAITING,
    CaseFacts,
    is_reopening,
    may_reopen,
    needed_fields,
    needs_mediator,
    next_states,
    resumed_state,
)


def a_complaint(state: str, *, escalation: str = "none", resumes_to: str | None = None) -> CaseFacts:
    return CaseFacts("complaint", state, resumes_to, escalation)


@pytest.mark.parametrize(
    ("state", "allowed"),
    [
        ("received", ["acknowledged"]),
        ("acknowledged", ["assessed"]),
        ("assessed", ["investigating", WAITING]),
        ("investigating", ["decision_communicated", "escalated_internal", WAITING]),
        ("decision_communicated", ["closed", "escalated_internal", "investigating"]),
        ("escalated_internal", ["decision_communicated", WAITING]),
        ("closed", ["escalated_internal", "investigating"]),
    ],
)
def test_a_complaint_takes_the_stages_in_order(state: str, allowed: list[str]) -> None:
    assert next_states(a_complaint(state)) == allowed


def test_a_complaint_is_escalated_outside_only_after_it_was_inside() -> None:
    assert "escalated_external" not in next_states(a_complaint("closed"))
    assert "escalated_external" in next_states(a_complaint("closed", escalation="internal"))
    assert "escalated_internal" not in next_states(a_complaint("closed", escalation="external"))


def test_a_complaint_that_waits_returns_to_the_stage_that_it_left() -> None:
    for left in ("assessed", "investigating", "escalated_internal", "escalated_external"):
        resumes_to = resumed_state("complaint", left)
        assert next_states(a_complaint(WAITING, resumes_to=resumes_to)) == [resumes_to]
    assert resumed_state("complaint", "escalated_external") == "escalated_external"


def test_a_request_has_no_stages_of_complaints() -> None:
    assert next_states(CaseFacts("request", "received", None, "none")) == [
        "acknowledged",
        "in_progress",
        "resolved",
        WAITING,
    ]


@given(
    kind=st.sampled_from(["request", "question", "complaint"]),
    choices=st.lists(st.integers(0, 9), max_size=40),
)
def test_every_way_leaves_a_next_step_and_never_returns_to_the_receipt(kind: str, choices: list[int]) -> None:
    case, has_been_decided = CaseFacts(kind, "received", None, "none"), False
    for choice in choices:
        states = next_states(case)
        state = states[choice % len(states)]
        assert state != "received"
        has_been_decided |= state in ("decision_communicated", "resolved")
        assert state != "closed" or has_been_decided
        escalation = state.removeprefix("escalated_") if state.startswith("escalated_") else case.escalation
        assert (case.escalation, escalation) != ("none", "external")
        resumes_to = resumed_state(kind, case.state) if state == WAITING else None
        case = CaseFacts(kind, state, resumes_to, escalation)


def test_a_reopening_takes_up_an_ended_case_and_an_escalation_is_none() -> None:
    assert all(is_reopening(state, "investigating") for state in ENDED)
    assert not is_reopening("assessed", "investigating")
    assert not is_reopening("closed", "escalated_internal")


def test_only_complaints_need_fields() -> None:
    assert needed_fields("complaint", "decision_communicated") == ("severity", "cause", "decision")
    assert needed_fields("request", "closed") == ()


def test_a_case_is_reopened_within_the_limit() -> None:
    resolved_at = datetime(2026, 3, 1, 10, tzinfo=UTC)
    assert may_reopen(resolved_at, resolved_at + timedelta(days=30), 30)
    assert not may_reopen(resolved_at, resolved_at + timedelta(days=30, microseconds=1), 30)
    assert may_reopen(resolved_at, resolved_at + timedelta(days=9_999), None)


@pytest.mark.parametrize(
    ("reopened", "escalation", "after", "needed"),
    [
        (3, "none", 3, True),
        (2, "none", 3, False),
        (1, "external", 3, True),
        (2, "internal", 3, True),
        (9, "external", None, False),
    ],
)
def test_a_mediator_is_called_after_reopenings_and_escalations(
    reopened: int, escalation: str, after: int | None, needed: bool
) -> None:
    assert needs_mediator(reopened, escalation, after) is needed
