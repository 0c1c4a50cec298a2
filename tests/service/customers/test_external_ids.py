"""External ids: a customer is found by the id that another system assigned."""

import pytest

from services.customers.people.customers import search
from tests.support.facts import a_customer, known_as
from tests.support.service import ServiceUnderTest

PATH = "/v1/customers/by-external-id"
FILL = """
    with many as (
        insert into customer (kind, version, created_at, updated_at, account_kinds, emails, phones, addresses,
            external_ids, languages, tags, lifecycle, state, custom)
        select 'person', 1, now(), now(), '{}', '[]', '[]', '[]', '[]', '{}', '{}', 'prospect', 'active', '{}'
        from generate_series(1, 5000) returning id
    )
    insert into external_id (customer_id, source, external_id)
    select id, 'till', (row_number() over ())::text from many
"""
"""Insert five thousand customers, each with an external id."""


@pytest.mark.parametrize(
    ("source", "id"),
    [("till", "1"), ("till", "a:b/1"), ("erp:nl", "1"), ("erp:nl", "a:b"), ("a", ":b"), ("a:", "b")],
)
async def test_source_and_id_may_contain_colons(customers: ServiceUnderTest, source: str, id: str) -> None:
    created = (await customers.post("/v1/customers", a_customer(**known_as(id, source)))).json()
    listed = (await customers.get("/v1/customers", external_id=f"{source}:{id}")).json()
    assert listed["items"] == [created]
    read = await customers.get(PATH, source=source, id=id)
    assert (read.status_code, read.json(), read.headers["etag"]) == (200, created, '"1"')


async def test_an_unknown_external_id_finds_no_customer(customers: ServiceUnderTest) -> None:
    await customers.post("/v1/customers", a_customer(**known_as("1")))
    assert (await customers.get(PATH, source="till", id="2")).status_code == 404
    assert (await customers.get(PATH, source="shop", id="1")).status_code == 404
    assert (await customers.get(PATH, source="till")).status_code == 422
    assert (await customers.get("/v1/customers", external_id="till:2")).json()["items"] == []


async def test_an_external_id_of_another_tenant_finds_no_customer(running_customers: ServiceUnderTest) -> None:
    owner, other = await running_customers.for_new_tenant(), await running_customers.for_new_tenant()
    await owner.post("/v1/customers", a_customer(**known_as("1")))
    assert (await other.get(PATH, source="till", id="1")).status_code == 404
    assert (await other.get("/v1/customers", external_id="till:1")).json()["items"] == []


async def test_the_unique_index_serves_the_look_up(customers: ServiceUnderTest) -> None:
    await customers.rows(FILL)
    await customers.as_owner("analyze customer", "analyze external_id")
    condition = search.BY_EXTERNAL_IDS.replace(":sources", "array['till']").replace(":ids", "array['99']")
    plan = await customers.rows(f"explain select * from customer where {condition} order by created_at, id limit 51")
    text = "\n".join(row["QUERY PLAN"] for row in plan)
    assert "Index Scan using uq_external_id_tenant_id_source_external_id" in text
    assert "Seq Scan" not in text


async def test_put_takes_as_many_external_ids_as_the_body_may_have(customers: ServiceUnderTest) -> None:
    many = [{"source": "shop", "id": str(number)} for number in range(50)]
    created = await customers.put(f"{PATH}?source=till&id=1", {"kind": "person", "external_ids": many})
    assert (created.status_code, len(created.json()["external_ids"])) == (201, 51)
    again = await customers.put(f"{PATH}?source=till&id=1", {"kind": "person", "external_ids": many})
    assert (again.status_code, again.json()["version"]) == (200, 1)
    assert (await customers.get(PATH, source="shop", id="49")).json()["id"] == created.json()["id"]
