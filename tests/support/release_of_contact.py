"""The contacts of the scenario in `tests.support.release`: every record and every event of the area happens once."""

from chassis.types.ids import uuid7
from tests.support.release_of_sales import post
from tests.support.stack import Visitor


async def use_contact(visitor: Visitor, customer: str) -> None:
    """Set the schema of a channel, and link a review to the customer who wrote it."""
    await post(visitor, "/v1/mailboxes", {"address": "help@shop.example"})
    await post(visitor, "/v1/touch-point-schemas", {"channel": "review", "schema_document": {"type": "object"}})
    review = {
        "author": {"handle": "@grace"},
        "source": "reviews",
        "source_id": str(uuid7()),
        "channel": "review",
        "direction": "inbound",
        "data": {"rating": 5},
        "sentiment": {"score": 0.8, "given_by": "@grace"},
        "occurred_at": "2026-03-01T10:00:00Z",
    }
    written = await post(visitor, "/v1/touch-points", review)
    await post(visitor, f"/v1/touch-points/{written['id']}/link", {"customer_id": customer})
