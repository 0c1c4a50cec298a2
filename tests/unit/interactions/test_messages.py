"""Messages: their state by all outcomes that were reported, in any order."""

from typing import get_args

import pytest

from services.interactions.contact.rules.messages import (
    MessageOutcomeKind,
    MessageReason,
    MessageState,
    refusal,
    state_after,
)
from services.interactions.contact.rules.permission import PermissionReason


@pytest.mark.parametrize(
    ("outcomes", "state", "reason"),
    [
        ([], "requested", None),
        (["sent"], "sent", None),
        (["sent", "delivered"], "delivered", None),
        (["clicked"], "delivered", None),
        (["failed"], "failed", "failed"),
        (["failed", "delivered"], "delivered", None),
        (["delivered", "bounced"], "failed", "bounced"),
        (["sent", "bounced", "failed"], "failed", "bounced"),
    ],
)
def test_the_state_after_outcomes(
    outcomes: list[MessageOutcomeKind], state: MessageState, reason: MessageReason | None
) -> None:
    assert state_after(outcomes) == state_after(outcomes[::-1]) == (state, reason)


def test_every_reason_but_a_grant_suppresses_a_message() -> None:
    reasons = get_args(PermissionReason)
    assert {reason for reason in reasons if refusal(reason) is None} == {"granted"}
    assert {refusal(reason) for reason in reasons} - {None} <= set(get_args(MessageReason.__value__))
