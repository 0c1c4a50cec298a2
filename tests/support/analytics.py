"""The analytics service in tests: requests for figures, refund events, and a plain Gini coefficient."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from chassis.types.ids import uuid7
from services.analytics.value.rules import gini
from tests.support.service import ServiceUnderTest


async def read_figures(analytics: ServiceUnderTest, path: str, **params: str) -> dict[str, Any]:
    """Return the figures at `/v1/analytics/<path>`."""
    response = await analytics.get(f"/v1/analytics/{path}", **params)
    assert response.status_code == 200, response.text
    return dict(response.json())


def purchase_refunded(
    amount: str, customer_id: UUID, at: str, *, currency: str = "EUR", **fields: Any
) -> dict[str, Any]:
    """Return a refund event, as interactions publishes it."""
    data = {
        "refund_id": str(uuid7()),
        "purchase_id": str(uuid7()),
        "customer_id": str(customer_id),
        "refunded_at": at,
        "amount": {"amount": amount, "currency": currency},
    }
    return {"type": "interactions.purchase_refunded.v1", "key": customer_id, "data": data | fields}


def gini_of(values: Iterable[int]) -> float:
    """Return the Gini coefficient of values in any order."""
    ascending = sorted(values)
    return gini(sum(rank * value for rank, value in enumerate(ascending, 1)), sum(ascending), len(ascending))
