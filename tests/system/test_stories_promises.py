"""The story of a promise: made for an order, followed by the customer, warned of, and broken when nothing happens."""

from uuid import UUID

from tests.support.facts import a_customer, a_purchase
from tests.support.promises import CLOCK, a_promise
from tests.support.records import made
from tests.support.stack import RunningStack, Visitor, a_sandbox


async def test_a_promise_is_warned_of_and_broken_and_its_customer_sees_it(stack: RunningStack) -> None:
    # given an order, and the promise to deliver it
    shop = a_sandbox(stack, CLOCK)
    customer = (await made(shop, "/v1/customers", a_customer()))["id"]
    order = (await made(shop, "/v1/purchases", a_purchase(customer)))["id"]
    made_by = {"made_by_kind": "order", "made_by_id": order, "what": "The kettle arrives."}
    promise = (await made(shop, "/v1/promises", a_promise(customer, by_when="2026-03-02T17:00", **made_by)))["id"]

    # when its customer follows it, and the due time passes
    token = (await made(shop, "/v1/customer-tokens", {"customer_id": customer}))["token"]
    buyer = Visitor(stack, token)
    (seen,) = (await buyer.request("GET", f"/v1/promises?customer_id={customer}")).json()["items"]
    for hours in (20, 20):
        await made(shop, "/v1/sandbox/clock", {"advance": f"PT{hours}H"})
        await shop.request("GET", "/v1/sandbox/clock?wait_seconds=30")
    await shop.drained()

    # then it was open, was warned of once, and is broken at its due time
    assert (seen["id"], seen["state"], seen["owner_id"]) == (promise, "open", None)
    ended = (await buyer.request("GET", f"/v1/promises/{promise}")).json()
    assert (ended["state"], ended["broken_at"]) == ("broken", "2026-03-02T17:00:00Z")
    feed = (await shop.request("GET", "/v1/events?types=interactions.*")).json()["items"]
    events = [event for event in feed if ".promise_" in event["type"]]
    assert [event["type"] for event in events] == [
        "interactions.promise_made.v1",
        "interactions.promise_due_soon.v1",
        "interactions.promise_broken.v1",
    ]
    assert {UUID(event["data"]["promise_id"]) for event in events} == {UUID(promise)}
    await shop.close()
    await buyer.close()
