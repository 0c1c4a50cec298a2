"""Changes of records that automations request: applied once, and to customers that may change."""

from typing import Any
from uuid import UUID

from chassis.types.ids import uuid7
from tests.support.facts import a_customer, known_as
from tests.support.service import ServiceUnderTest


def requested(customer: object, **fields: Any) -> dict[str, Any]:
    """Return the request, as interactions publishes it."""
    data = {
        "customer_id": str(customer),
        "run_id": str(uuid7()),
        "owner_id": None,
        "add_tags": [],
        "remove_tags": [],
        "requested_at": "2026-03-01T10:00:00Z",
    }
    return {"type": "interactions.customer_change_requested.v1", "key": customer, "data": data | fields}


async def created(customers: ServiceUnderTest, **fields: Any) -> UUID:
    body = {name: value for name, value in a_customer(**fields).items() if value is not None}
    response = await customers.post("/v1/customers", body)
    await customers.published()
    return UUID(response.json()["id"])


async def read(customers: ServiceUnderTest, id: UUID) -> dict[str, Any]:
    return dict((await customers.get(f"/v1/customers/{id}")).json())


async def test_owner_and_tags_change_and_are_published(customers: ServiceUnderTest) -> None:
    id = await created(customers, tags=["new", "tea"])
    fact = requested(id, owner_id="agent-7", add_tags=["vip", "tea"], remove_tags=["new"]) | {"id": uuid7()}
    await customers.deliver(fact, fact)
    record = await read(customers, id)
    assert (record["owner_id"], record["tags"], record["version"]) == ("agent-7", ["tea", "vip"], 3)
    assert [event.type.split(".")[1] for event in await customers.published()] == [
        "customer_updated",
        "customer_updated",
        "owner_assigned",
    ]


async def test_a_change_that_changes_nothing_makes_no_version(customers: ServiceUnderTest) -> None:
    id = await created(customers, tags=["vip"], owner_id="agent-7")
    await customers.deliver(requested(id, owner_id="agent-7", add_tags=["vip"], remove_tags=["old"]))
    assert ((await read(customers, id))["version"], await customers.published()) == (1, [])


async def test_a_customer_whom_nobody_knows_is_passed_over(customers: ServiceUnderTest) -> None:
    await customers.deliver(requested(uuid7(), add_tags=["vip"]))
    assert (await customers.dead_letters(), await customers.published()) == ([], [])


async def test_archived_customers_and_owners_of_the_nameless_stay_as_they_are(customers: ServiceUnderTest) -> None:
    archived = await created(customers)
    await customers.post(f"/v1/customers/{archived}/archive", None)
    nameless = await created(customers, given_name=None, **known_as(str(uuid7())))
    await customers.published()
    await customers.deliver([requested(id, owner_id="agent-7", add_tags=["vip"]) for id in (archived, nameless)])
    assert [(await read(customers, id))["owner_id"] for id in (archived, nameless)] == [None, None]
    assert [(await read(customers, id))["tags"] for id in (archived, nameless)] == [[], ["vip"]]
    assert await customers.dead_letters() == []


async def test_a_record_has_no_more_tags_than_a_request_may_set(customers: ServiceUnderTest) -> None:
    tags = [f"t{number}" for number in range(199)]
    id = await created(customers, tags=tags)
    await customers.deliver(requested(id, add_tags=["one", "two"]))
    assert (await read(customers, id))["tags"] == [*tags, "one"]
