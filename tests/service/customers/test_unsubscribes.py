"""Unsubscribes: the withdrawal that interactions announces is a receipt, once."""

from typing import Any

from chassis.types.ids import uuid7
from tests.support.facts import a_customer
from tests.support.service import ServiceUnderTest

NEWS = {"purpose": "newsletter", "channel": "email"}


def unsubscribed(customer: str, **fields: Any) -> dict[str, Any]:
    data = {
        "customer_id": customer,
        "receipt_id": str(uuid7()),
        "campaign_id": str(uuid7()),
        "unsubscribed_at": "2026-03-02T10:00:00Z",
    }
    return {"type": "interactions.unsubscribed.v1", "key": customer, "data": NEWS | data | fields}


async def a_subscriber(customers: ServiceUnderTest) -> str:
    customer = (await customers.post("/v1/customers", a_customer())).json()["id"]
    grant = NEWS | {"decision": "granted", "source": "form", "decided_at": "2026-03-01T10:00:00Z"}
    assert (await customers.post(f"/v1/customers/{customer}/consents", grant)).status_code == 201
    await customers.published()
    return str(customer)


async def may_contact(customers: ServiceUnderTest, customer: str) -> dict[str, Any]:
    return dict((await customers.get(f"/v1/customers/{customer}/may-contact", **NEWS)).json())


async def test_the_permission_is_withdrawn_by_a_receipt_with_the_id_of_the_event(customers: ServiceUnderTest) -> None:
    customer = await a_subscriber(customers)
    event = unsubscribed(customer)
    await customers.deliver(event)
    await customers.deliver(unsubscribed(customer, receipt_id=event["data"]["receipt_id"]))
    permission = await may_contact(customers, customer)
    assert (permission["permitted"], permission["reason"]) == (False, "withdrawn")
    assert permission["receipt"]["id"] == event["data"]["receipt_id"]
    (published,) = await customers.published()
    assert (published.type, published.data["receipt_id"]) == (
        "customers.consent_withdrawn.v1",
        event["data"]["receipt_id"],
    )
    assert await customers.dead_letters() == []


async def test_the_survivor_of_a_merge_is_unsubscribed_and_an_unknown_customer_is_ignored(
    customers: ServiceUnderTest,
) -> None:
    merged, survivor = await a_subscriber(customers), await a_subscriber(customers)
    await customers.post(f"/v1/customers/{survivor}/merge", {"merged_id": merged})
    await customers.deliver(unsubscribed(merged), unsubscribed(str(uuid7())))
    assert (await may_contact(customers, survivor))["reason"] == "withdrawn"
    assert await customers.dead_letters() == []
