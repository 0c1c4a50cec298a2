"""Permission: the latest decision counts, on a tie the strictest, and the order of the events does not matter."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.customers.permission.rules import decisions as authority
from services.interactions.contact.rules.permission import ConsentDecisionKind, Decision, permission

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Receipt:
    """A receipt of the customers service."""

    id: UUID
    decision: ConsentDecisionKind
    decided_at: datetime
    expires_at: datetime | None


def decision(number: int, kind: ConsentDecisionKind, days: int, expires: int | None = None) -> Decision:
    """Return a decision that was made some days ago, and expires some days from now."""
    ends = None if expires is None else NOW + timedelta(days=expires)
    return Decision(UUID(int=number), kind, NOW - timedelta(days=days), ends)


@pytest.mark.parametrize(
    ("case", "decisions", "reason", "receipt"),
    [
        ("nothing is known", [], "never_asked", None),
        ("a grant", [decision(1, "granted", 1)], "granted", 1),
        ("a later withdrawal", [decision(1, "granted", 2), decision(2, "withdrawn", 1)], "withdrawn", 2),
        ("a withdrawal that arrives late", [decision(2, "withdrawn", 2), decision(1, "granted", 1)], "granted", 1),
        ("both at the same moment", [decision(1, "withdrawn", 1), decision(2, "granted", 1)], "withdrawn", 1),
        ("two grants at a moment", [decision(1, "granted", 1, -1), decision(2, "granted", 1)], "expired", 1),
        ("an expired grant", [decision(1, "granted", 9, 0)], "expired", 1),
        ("a grant that will expire", [decision(1, "granted", 9, 1)], "granted", 1),
        ("a request", [decision(1, "pending", 1, 6)], "pending", 1),
        ("an expired request", [decision(1, "pending", 9, -2)], "never_asked", None),
        ("a request after a withdrawal", [decision(1, "withdrawn", 2), decision(2, "pending", 1)], "withdrawn", 1),
        ("a decision of the future", [decision(1, "granted", -1)], "never_asked", None),
    ],
)
def test_the_reason_and_the_receipt(case: str, decisions: Sequence[Decision], reason: str, receipt: int | None) -> None:
    found = permission(decisions, NOW, is_active=True)
    assert (found.reason, found.allowed) == (reason, reason == "granted")
    assert found.receipt_id == (None if receipt is None else UUID(int=receipt))


def test_a_customer_that_is_not_active_is_not_contacted() -> None:
    found = permission([decision(1, "granted", 1)], NOW, is_active=False)
    assert (found.allowed, found.reason) == (False, "not_active")


decisions = st.lists(
    st.builds(
        decision,
        st.integers(1, 10**9),
        st.sampled_from(["granted", "withdrawn", "pending"]),
        st.integers(0, 3),
        st.none() | st.integers(-2, 2),
    ),
    max_size=5,
    unique_by=lambda each: each.receipt_id,
)


@given(decisions.flatmap(lambda told: st.tuples(st.just(told), st.permutations(told))))
def test_any_order_of_the_events_permits_the_same(case: tuple[list[Decision], list[Decision]]) -> None:
    in_order, disordered = case
    assert permission(disordered, NOW, is_active=True) == permission(in_order, NOW, is_active=True)


@given(decisions)
def test_it_permits_what_the_customers_service_permits(told: list[Decision]) -> None:
    receipts = [Receipt(each.receipt_id, each.decision, each.decided_at, each.expires_at) for each in told]
    reason, _ = authority.permission(receipts, NOW)
    assert permission(told, NOW, is_active=True).reason == reason
