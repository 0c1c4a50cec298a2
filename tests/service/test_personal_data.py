"""Personal data: each service returns the rows about a person, and those that refer to them, of its own tenant."""

from typing import Any
from uuid import UUID

from chassis.core.identity import HEADER
from chassis.types.ids import uuid7
from tests.support.facts import a_customer, a_purchase
from tests.support.loyalty import a_member
from tests.support.service import ServiceUnderTest


async def held(service: ServiceUnderTest, *customers: UUID | str) -> dict[str, list[dict[str, Any]]]:
    asking = service.with_scopes("personal-data:read")
    params = [("person", str(customer)) for customer in customers]
    response = await service.shared.client.get(
        "/internal/personal-data", params=params, headers={HEADER: asking.signed()}
    )
    assert response.status_code == 200, response.text
    return dict(response.json()["tables"])


async def test_all_tables_about_a_customer_are_read(customers: ServiceUnderTest) -> None:
    contact = {"emails": [{"address": "ada@example.org"}], "external_ids": [{"source": "till", "id": "1"}]}
    customer = (await customers.post("/v1/customers", a_customer(**contact))).json()["id"]
    await customers.post("/v1/customers", a_customer(given_name="Other"))
    tables = await held(customers, customer)
    assert [row["given_name"] for row in tables["customer"]] == ["Ada"]
    assert [row["normal"] for row in tables["contact_point"]] == ["ada@example.org"]
    assert "Other" not in str(tables)
    assert await held(await customers.for_new_tenant(), customer) == {}


async def test_rows_that_refer_to_the_person_s_rows_are_read_as_well(loyalty: ServiceUnderTest) -> None:
    customer, path = await a_member(loyalty, "10.00")
    await loyalty.post(f"{path}/adjustments", {"points": 5, "reason": "kind"}, Idempotency_Key="1")
    tables = await held(loyalty, customer)
    assert [row["reason"] for row in tables["points_adjustment"]] == ["kind"]
    assert {"membership", "wallet", "points_entry", "lot"} <= tables.keys()
    assert "program" not in tables


async def test_purchases_are_read_with_their_lines(interactions: ServiceUnderTest) -> None:
    customer = uuid7()
    await interactions.post("/v1/purchases", a_purchase(customer))
    (purchase,) = (await held(interactions, customer))["purchase"]
    assert purchase["lines"][0]["sku"] == "tea"
    assert "content_hash" not in purchase


async def test_the_scope_is_required(customers: ServiceUnderTest) -> None:
    asking = customers.with_scopes("customers:read")
    response = await customers.shared.client.get(
        f"/internal/personal-data?person={uuid7()}", headers={HEADER: asking.signed()}
    )
    assert (response.status_code, response.json()["code"]) == (403, "missing_scope")
