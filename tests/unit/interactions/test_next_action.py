"""The next action that an agent card suggests: the most urgent one, and its reason."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from services.interactions.overview.rules import Happened, NextAction, Situation, next_action

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
ID = UUID(int=1)


def ago(**time: float) -> Happened:
    return Happened(ID, NOW - timedelta(**time))


def ahead(**time: float) -> Happened:
    return Happened(ID, NOW + timedelta(**time))


CALM: dict[str, Any] = {
    "now": NOW,
    "incidents": [],
    "open_promises": [],
    "unanswered_cases": [],
    "regrets": [],
    "last_purchase": None,
    "last_contact_at": None,
    "has_permission": True,
}


@pytest.mark.parametrize(
    ("known", "kind"),
    [
        ({}, None),
        ({"has_permission": False}, "ask_for_permission"),
        ({"last_purchase": ago(days=1), "has_permission": False}, "follow_up_purchase"),
        ({"last_purchase": ago(days=14)}, None),
        ({"last_purchase": ago(days=2), "last_contact_at": ago(days=1).at}, None),
        ({"regrets": [ago(days=2)], "last_purchase": ago(days=1)}, "apologize"),
        ({"regrets": [ago(days=30)]}, None),
        ({"regrets": [ago(days=2)], "last_contact_at": ago(days=1).at}, None),
        ({"unanswered_cases": [ago(hours=1)], "regrets": [ago(days=2)]}, "respond_to_case"),
        ({"open_promises": [ahead(days=1)], "unanswered_cases": [ago(days=9)]}, "keep_promise"),
        ({"open_promises": [ahead(days=1, seconds=1)]}, None),
        ({"incidents": [ago(days=999)], "open_promises": [ago(hours=1)]}, "ensure_safety"),
    ],
)
def test_the_most_urgent_action_is_suggested(known: dict[str, Any], kind: str | None) -> None:
    action = next_action(Situation(**{**CALM, **known}))
    assert (action and action.kind) == kind


def test_the_reason_names_the_time_and_the_record() -> None:
    late = Situation(**{**CALM, "open_promises": [ahead(hours=2), ago(hours=1)]})
    assert next_action(late) == NextAction("keep_promise", "A promise was due at 2026-03-02T11:00Z.", ID)
