"""The messages of the scenario in `tests.support.release`: one that is sent, with all of its outcomes, and another."""

from typing import Any

from tests.support.release_of_sales import post
from tests.support.stack import Visitor


async def use_messages(visitor: Visitor, customer: str) -> None:
    """Request messages, and report what became of the first."""
    body: dict[str, Any] = {"customer_id": customer, "channel": "email", "body": "The kettle arrives tomorrow."}
    message = await post(visitor, "/v1/messages", body)
    for outcome in ("sent", "delivered", "clicked", "bounced"):
        await post(visitor, f"/v1/messages/{message['id']}/outcomes", {"outcome": outcome})
    await post(visitor, "/v1/messages", body | {"purpose": "research"})
