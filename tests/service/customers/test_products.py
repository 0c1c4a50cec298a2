"""Products and their known problems: each sku names a product, and a problem reaches the buyers of the sku."""

import asyncio
from collections import Counter
from typing import Any

from chassis.types.ids import uuid7
from tests.support.facts import a_product
from tests.support.service import ServiceUnderTest

PROBLEM = {"severity": "high", "description": "The lid may come off.", "remedy": "Return it for a new lid."}


async def create(customers: ServiceUnderTest, **fields: Any) -> dict[str, Any]:
    response = await customers.post("/v1/products", a_product(**fields))
    assert response.status_code == 201, response.text
    return dict(response.json())


async def test_a_product_reads_back_as_it_was_created(customers: ServiceUnderTest) -> None:
    created = await create(customers, unit_cost="11.2", list_price="39.00", disclosures=["Contains nickel."])
    assert (await customers.get(f"/v1/products/{created['id']}")).json() == created
    assert (created["unit_cost"], created["list_price"], created["currency"]) == ("11.2", "39.00", "EUR")
    (event,) = await customers.published()
    assert (event.type, event.data["sku"], event.data["unit_cost"]) == (
        "customers.product_created.v1",
        created["sku"],
        "11.2",
    )
    (listed,) = (await customers.get("/v1/products", sku=created["sku"], state="active")).json()["items"]
    assert listed == created


async def test_of_parallel_products_with_a_sku_one_is_created(customers: ServiceUnderTest) -> None:
    requests = (customers.post("/v1/products", a_product(sku="kettle")) for _ in range(8))
    responses = await asyncio.gather(*requests)
    assert Counter(response.status_code for response in responses) == {201: 1, 409: 7}
    (refusal, *_) = (response.json() for response in responses if response.status_code == 409)
    assert (refusal["code"], refusal["pointer"]) == ("sku_taken", "/sku")


async def test_a_patch_changes_what_it_names_and_says_so(customers: ServiceUnderTest) -> None:
    created = await create(customers, list_price="39.00", custom={"a": 1, "b": 2})
    await customers.published()
    path = f"/v1/products/{created['id']}"
    body = {"list_price": "42", "category": None, "state": "retired", "custom": {"b": None}}
    changed = (await customers.patch(path, body, if_match='"1"')).json()
    assert (changed["list_price"], changed["category"], changed["custom"]) == ("42", None, {"a": 1})
    (event,) = await customers.published()
    assert event.data["changed"] == ["category", "custom", "list_price", "state"]
    assert (await customers.patch(path, {"name": "Pot"}, if_match='"1"')).json()["code"] == "version_mismatch"
    assert (await customers.patch(path, {"list_price": "42"})).json()["version"] == 2
    assert await customers.published() == []


async def test_a_patch_does_not_take_the_sku_of_another_product(customers: ServiceUnderTest) -> None:
    first, second = await create(customers, sku="a"), await create(customers, sku="b")
    response = await customers.patch(f"/v1/products/{second['id']}", {"sku": "a"})
    assert (response.status_code, response.json()["product_id"]) == (409, first["id"])
    assert (await customers.patch(f"/v1/products/{second['id']}", {"sku": None})).status_code == 422


async def test_a_known_problem_is_an_event_with_the_sku(customers: ServiceUnderTest) -> None:
    product = await create(customers, sku="kettle-2")
    await customers.published()
    problem = (await customers.post(f"/v1/products/{product['id']}/problems", PROBLEM)).json()
    (event,) = await customers.published()
    assert event.type == "customers.product_problem_added.v1"
    assert (event.data["sku"], event.data["severity"], event.data["problem_id"]) == ("kettle-2", "high", problem["id"])
    (listed,) = (await customers.get(f"/v1/products/{product['id']}/problems", state="open")).json()["items"]
    assert listed == problem
    assert (await customers.post(f"/v1/products/{uuid7()}/problems", PROBLEM)).status_code == 404


async def test_of_parallel_resolutions_one_resolves_the_problem(customers: ServiceUnderTest) -> None:
    product = await create(customers)
    problem = (await customers.post(f"/v1/products/{product['id']}/problems", PROBLEM)).json()
    await customers.published()
    path, body = f"/v1/product-problems/{problem['id']}/resolve", {"resolution": "A new lid."}
    responses = await asyncio.gather(*(customers.post(path, body) for _ in range(5)))
    assert Counter(response.status_code for response in responses) == {200: 1, 409: 4}
    (event,) = await customers.published()
    assert event.type == "customers.product_problem_resolved.v1"
    assert (await customers.get(f"/v1/product-problems/{problem['id']}")).json()["resolution"] == "A new lid."
