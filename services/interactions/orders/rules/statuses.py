"""The status of an order, and of its payment. Both follow from all changes, in whatever order they arrive."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from typing_extensions import TypeAliasType, TypedDict

OrderStatusKind = TypeAliasType("OrderStatusKind", Literal["open", "completed", "returned", "cancelled"])
"""What a status says about the order: it is on its way, it was fulfilled, it came back, or it was called off."""
ReportedPaymentStatus = TypeAliasType("ReportedPaymentStatus", Literal["open", "paid", "failed", "written_off"])
"""The statuses of a payment that a system may report."""
PaymentStatus = TypeAliasType(
    "PaymentStatus", Literal["open", "paid", "partly_refunded", "refunded", "failed", "written_off"]
)
PaymentBasis = TypeAliasType("PaymentBasis", Literal["reported", "derived"])
"""Whether a system reported the status of a payment, or it follows from refunds and statuses."""


class StatusChangeDocument(TypedDict):
    """A change of status that waits for its purchase, as its source sent it."""

    source: str
    source_id: str
    changed_at: str
    status: str | None
    payment_status: ReportedPaymentStatus | None
    actor: str | None
    evidence: str | None
    tracking: str | None


STATUS_PATTERN = "^[a-z][a-z0-9_]*$"
PAID = "paid"
POSITIONS = {
    "ordered": 100,
    PAID: 200,
    "prepared": 300,
    "shipped": 400,
    "delivered": 500,
    "installed": 600,
    "returned": 700,
}
"""The statuses that every tenant has, each with its position."""
_PAYMENT_RANK: dict[ReportedPaymentStatus, int] = {"open": 1, "paid": 2, "failed": 3, "written_off": 4}


@dataclass(frozen=True, slots=True)
class Step:
    """A change of status. It has a status of the order, or of its payment, or both."""

    changed_at: datetime
    status: str | None
    position: int | None
    payment_status: ReportedPaymentStatus | None


@dataclass(frozen=True, slots=True)
class OrderState:
    """The current status of an order and of its payment. None if nothing is known."""

    status: str | None
    status_at: datetime | None
    payment_status: PaymentStatus | None
    payment_basis: PaymentBasis | None


def order_state(steps: Iterable[Step], *, total_minor: int, refunded_minor: int) -> OrderState:
    """Return the state that follows from all changes and refunds. Their order does not count.

    The current status is that of the latest time, and at the same time that of the highest position.
    """
    steps = list(steps)
    current = max(
        ((step.changed_at, step.position or 0, step.status) for step in steps if step.status is not None), default=None
    )
    payment, basis = _payment(steps, total_minor, refunded_minor)
    if current is None:
        return OrderState(None, None, payment, basis)
    return OrderState(current[2], current[0], payment, basis)


def _payment(
    steps: list[Step], total_minor: int, refunded_minor: int
) -> tuple[PaymentStatus | None, PaymentBasis | None]:
    """Return the status of a payment, and on what it is based.

    Refunds say more than reports: a purchase that was refunded entirely was paid. After a partial refund, a report
    that the rest is open, failed or written off still counts.
    """
    if 0 < total_minor <= refunded_minor:
        return "refunded", "derived"
    status, basis = _reported(steps)
    if refunded_minor > 0 and status in (None, PAID):
        return "partly_refunded", "derived"
    if status is None and any(step.status is not None for step in steps):
        return "open", "derived"
    return status, basis


def _reported(steps: list[Step]) -> tuple[ReportedPaymentStatus | None, PaymentBasis | None]:
    """Return the latest report about a payment. The status `paid` of the order is one as well."""
    reports: list[tuple[datetime, int, bool, ReportedPaymentStatus]] = [
        (step.changed_at, _PAYMENT_RANK[step.payment_status], True, step.payment_status)
        for step in steps
        if step.payment_status is not None
    ]
    reports += [(step.changed_at, _PAYMENT_RANK["paid"], False, "paid") for step in steps if step.status == PAID]
    if not reports:
        return None, None
    *_, is_explicit, status = max(reports)
    return status, "reported" if is_explicit else "derived"
