"""Erasure in the gateway: the feed keeps the events of the person without their texts, and gets no later ones."""

from chassis.types.ids import uuid7
from tests.support.erasure import erase, erasure_of, tables_with
from tests.support.facts import purchase_recorded
from tests.support.service import ServiceUnderTest

TEXT = "zebedina"


async def test_the_feed_keeps_the_events_without_their_texts(gateway: ServiceUnderTest) -> None:
    gateway, customer = await gateway.for_new_tenant(), uuid7()
    bought = purchase_recorded("10.00", customer, id=uuid7())
    bought["data"] |= {"source_id": "zebedina-1", "store": "Zebedina's home"}
    created = {"type": "customers.customer_created.v1", "key": customer, "id": uuid7()}
    created["data"] = {
        "customer_id": str(customer),
        "external_ids": [{"source": "till", "id": "zebedina"}],
        "version": 1,
        "contact": {"name": "Zebedina", "emails": [], "latitude": 52.37},
    }
    await gateway.deliver(created, bought)
    rows = await erase(gateway, customer)
    assert rows["feed_event", "anonymised"] == 2
    assert await tables_with(gateway, TEXT) == []
    stored = await gateway.rows("select id, data from feed_event where subject = $1 order by position", str(customer))
    assert [row["id"] for row in stored[:2]] == [created["id"], bought["id"]]
    assert '"external_ids":[]' in stored[0]["data"]
    assert '"contact":null' in stored[0]["data"]
    assert '"amount":"10.00"' in stored[1]["data"]


async def test_later_events_of_the_person_are_not_in_the_feed(gateway: ServiceUnderTest) -> None:
    gateway, customer = await gateway.for_new_tenant(), uuid7()
    await erase(gateway, customer)
    await gateway.deliver(purchase_recorded("10.00", customer), erasure_of(customer))
    types = [
        row["type"]
        for row in await gateway.rows("select type from feed_event where subject = $1 order by position", str(customer))
    ]
    assert types == ["customers.customer_erased.v1"] * 2
