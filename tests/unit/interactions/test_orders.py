"""The rules of orders: states as folds of steps in any order, and the rhythm of purchases."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.interactions.orders.rules.rhythm import rhythm
from services.interactions.orders.rules.statuses import POSITIONS, Step, order_state

AT = datetime(2026, 3, 1, 10, tzinfo=UTC)
STEPS = st.lists(
    st.builds(
        lambda hours, status, payment: Step(
            AT + timedelta(hours=hours), status, None if status is None else POSITIONS[status], payment
        ),
        st.integers(0, 3),
        st.sampled_from([None, *POSITIONS]),
        st.sampled_from([None, "open", "paid", "failed", "written_off"]),
    ),
    max_size=6,
)


@given(STEPS, st.randoms(), st.integers(0, 10))
def test_steps_in_any_order_and_doubled_give_the_same_state(steps: list[Step], random: object, refunded: int) -> None:
    shuffled = [*steps, *steps]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert order_state(shuffled, total_minor=10, refunded_minor=refunded) == order_state(
        steps, total_minor=10, refunded_minor=refunded
    )


@given(STEPS)
def test_the_current_status_is_none_only_without_steps_of_the_order(steps: list[Step]) -> None:
    state = order_state(steps, total_minor=10, refunded_minor=0)
    assert (state.status is None) == all(step.status is None for step in steps)
    assert state.status_at == max((step.changed_at for step in steps if step.status), default=None)


@pytest.mark.parametrize(
    ("total", "refunded", "expected"),
    [(0, 0, None), (10, 0, None), (10, 1, "partly_refunded"), (10, 9, "partly_refunded"), (10, 10, "refunded")],
)
def test_refunds_alone_say_how_the_payment_went(total: int, refunded: int, expected: str | None) -> None:
    state = order_state([], total_minor=total, refunded_minor=refunded)
    assert (state.payment_status, state.payment_basis) == (expected, expected and "derived")


@pytest.mark.parametrize(
    ("days", "average", "expected"),
    [
        ([], None, None),
        ([1], None, None),
        ([1, 8], "7.00", None),
        ([1, 8, 15], "7.00", 22),
        ([1, 2, 30], "14.50", 45),  # the median of 1 and 28 is 14.5, rounded half up
        ([1, 2, 3, 31], "10.00", 32),  # a single long pause does not move the median
    ],
)
def test_the_next_purchase_follows_the_median_gap(days: list[int], average: str | None, expected: int | None) -> None:
    start = date(2025, 12, 31)
    found = rhythm([start + timedelta(days=day) for day in days])
    assert found.average_gap == (None if average is None else Decimal(average))
    assert found.next_expected_on == (None if expected is None else start + timedelta(days=expected))
