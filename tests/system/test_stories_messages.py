"""The story of a message: permitted by another service, taken from the feed by a sender, and reported as delivered."""

import asyncio

from chassis.types.ids import uuid7
from tests.support.facts import a_customer
from tests.support.records import made
from tests.support.stack import Visitor

REQUESTED = "interactions.message_requested.v1"
NEWS = {"purpose": "newsletter", "channel": "email"}


async def test_a_permitted_message_reaches_the_tenants_own_sender(visitor: Visitor) -> None:
    # given a customer with permission, both known to the customers service
    customer = (await made(visitor, "/v1/customers", a_customer(emails=[{"address": "ada@example.com"}])))["id"]
    path = f"/v1/customers/{customer}/consents"
    receipt = await made(visitor, path, NEWS | {"decision": "granted", "source": "form"})
    await visitor.drained()

    # when a message is requested, and another after the withdrawal
    body = NEWS | {"customer_id": customer, "body": "Kettles are back."}
    message = await made(visitor, "/v1/messages", body, **{"idempotency-key": str(uuid7())})
    await made(visitor, path, NEWS | {"decision": "withdrawn", "source": "form"})
    await visitor.drained()
    refused = await made(visitor, "/v1/messages", body, **{"idempotency-key": str(uuid7())})
    await visitor.drained()

    # then the sender finds only the first in the feed, with its receipt and its recipient, and reports it
    assert (refused["state"], refused["reason"]) == ("suppressed", "withdrawn")
    async with asyncio.timeout(15):
        while not (events := (await visitor.request("GET", f"/v1/events?types={REQUESTED}")).json()["items"]):  # noqa: ASYNC110
            await asyncio.sleep(0.2)
    (event,) = events
    assert (event["data"]["message_id"], event["data"]["receipt_id"]) == (message["id"], receipt["id"])
    assert event["data"]["recipient"] == "ada@example.com"
    await made(visitor, f"/v1/messages/{message['id']}/outcomes", {"outcome": "delivered"})
    stored = (await visitor.request("GET", f"/v1/messages/{message['id']}")).json()
    assert stored["state"] == "delivered"
