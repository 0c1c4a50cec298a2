"""Content hashes: a record that an older version stored still equals its repetition.

The hashes below were computed by version 0.1.0.
"""

from typing import Any

import pytest

from tests.support.service import ServiceUnderTest

TOUCH_POINT = {
    "customer_id": "01890000-0000-7000-8000-000000000001",
    "source": "mail",
    "source_id": "m-1",
    "channel": "email",
    "direction": "inbound",
    "occurred_at": "2026-03-01T11:00:00.5+01:00",
}
PURCHASE = {
    "customer_id": "01890000-0000-7000-8000-000000000001",
    "source": "till",
    "source_id": "p-1",
    "purchased_at": "2026-03-01T11:00:00+01:00",
    "currency": "EUR",
    "channel": "store",
    "store": "Harbour",
    "sold_through": "Ada",
    "lines": [
        {
            "sku": "tea",
            "name": "Tea",
            "category": "drinks",
            "quantity": "2.500",
            "unit_price": "1.999",
            "discount": "0.5",
            "unit_cost": "1.10",
        },
        {"sku": "cup", "quantity": "1", "amount": "3.00"},
    ],
}
REFUND = {"purchase": {"source": "till", "source_id": "p-2"}, "source": "till", "source_id": "r-1"}


@pytest.mark.parametrize(
    ("path", "body", "content_hash"),
    [
        ("touch-points", TOUCH_POINT, "ae17e04b8bf71d1b0474ad0eacb7088a415aa9eeab694c30bdf54161e23ad983"),
        (
            "touch-points",
            TOUCH_POINT
            | {
                "author": {"handle": "@ada"},
                "phase": "after",
                "subject": "A question",
                "body": "Where\nis it?",
                "agent_id": "a-1",
                "duration_seconds": 60,
                "data": {"b": [1, None], "a": "x"},
            },
            "5203db06e4c58a4b4a5a231480a67126dd397918480ba0fd2c5c2f9a0610fe82",
        ),
        ("purchases", PURCHASE, "8582603fc81e066b886d33655d75549cbf0714fcc8eb72a6c8fd19a1c0c32fb0"),
        (
            "refunds",
            REFUND
            | {
                "refunded_at": "2026-03-02T10:00:00.250+01:00",
                "lines": [{"number": 1, "quantity": "1.500"}, {"number": 2, "amount": "2.50"}],
            },
            "74f51115cb62d3177e97149dace6a48d5d561935358946699f050a858f35cd43",
        ),
        (
            "refunds",
            REFUND | {"refunded_at": "2026-03-02T10:00:00Z", "amount": "10.00"},
            "4263f55d38ad5224220ba7e9eda0306829f9a45927df5fa6ded65f473b7ac1cd",
        ),
    ],
)
async def test_a_content_has_the_same_hash_as_in_the_first_release(
    interactions: ServiceUnderTest, path: str, body: dict[str, Any], content_hash: str
) -> None:
    response = await interactions.post(f"/v1/{path}", body)
    assert response.status_code in (201, 202), response.text
    table = "waiting_refund" if path == "refunds" else path.removesuffix("s").replace("-", "_")
    assert await interactions.rows(f"select content_hash from {table}") == [{"content_hash": content_hash}]
