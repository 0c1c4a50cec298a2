"""Leads: they are no customers until they are converted, once, with a check for duplicates."""

import asyncio
from collections import Counter
from typing import Any

import pytest

from chassis.types.ids import uuid7
from tests.support.facts import a_customer, known_as
from tests.support.sales import a_pipeline, created, events_of, ids_of
from tests.support.service import ServiceUnderTest

GRACE: dict[str, Any] = {"kind": "person", "given_name": "Grace", "emails": [{"address": "Grace@Example.com"}]}


async def a_lead(customers: ServiceUnderTest, **fields: Any) -> dict[str, Any]:
    return await created(customers, "/v1/leads", GRACE | fields)


async def convert(customers: ServiceUnderTest, lead: dict[str, Any], **body: Any) -> Any:
    return await customers.post(f"/v1/leads/{lead['id']}/convert", body)


async def test_a_lead_is_not_a_customer(customers: ServiceUnderTest) -> None:
    lead = await a_lead(customers, source="fair", owner_id="ada")
    assert (await customers.get(f"/v1/leads/{lead['id']}")).json() == lead
    assert (await customers.get("/v1/customers", email="grace@example.com")).json()["items"] == []
    assert ids_of((await customers.get("/v1/leads", state="new", source="fair")).json()["items"]) == [lead["id"]]
    (event,) = await customers.published()
    assert (event.type, event.data["source"]) == ("customers.lead_created.v1", "fair")
    assert "race" not in str(event.data)
    assert (await customers.post("/v1/leads", {"kind": "person", "note": "who?"})).json()["code"] == "not_identifiable"


async def test_a_conversion_creates_a_customer_and_a_deal_together(customers: ServiceUnderTest) -> None:
    lead = await a_lead(customers, source="fair", owner_id="ada", custom={"size": "large"}, **known_as("7"))
    converted = (await convert(customers, lead, deal={"name": "Kettles", "amount": "10.00"})).json()
    assert (converted["state"], converted["version"]) == ("converted", 2)
    customer = (await customers.get(f"/v1/customers/{converted['customer_id']}")).json()
    assert (customer["given_name"], customer["emails"][0]["address"]) == ("Grace", "Grace@Example.com")
    assert (customer["external_ids"], customer["custom"]) == ([{"source": "till", "id": "7"}], {"size": "large"})
    deal = (await customers.get(f"/v1/deals/{converted['deal_id']}")).json()
    assert (deal["customer_id"], deal["owner_id"], deal["source"]) == (customer["id"], "ada", "fair")
    types = [event.type.split(".")[1] for event in await customers.published()]
    assert types == ["lead_created", "customer_created", "pipeline_changed", "deal_created", "lead_converted"]


async def test_a_lead_is_converted_once_however_often_it_is_asked(customers: ServiceUnderTest) -> None:
    lead = await a_lead(customers)
    responses = await asyncio.gather(*(convert(customers, lead) for _ in range(5)))
    assert Counter(response.status_code for response in responses) == {200: 5}
    assert len({response.json()["customer_id"] for response in responses}) == 1
    assert len(await customers.rows("select * from customer")) == 1
    (event,) = await events_of(customers, "customers.lead_converted.v1")
    assert event.data["customer_created"] is True
    other = await convert(customers, lead, customer_id=str(uuid7()))
    assert (other.status_code, other.json()["code"]) == (409, "lead_already_converted")
    refusal = await customers.patch(f"/v1/leads/{lead['id']}", {"note": "x"})
    assert refusal.json()["code"] == "lead_already_converted"


@pytest.mark.parametrize(
    ("known", "lead", "matched_by"),
    [
        ({"emails": [{"address": "grace@EXAMPLE.com"}]}, {}, ["email"]),
        ({"phones": [{"number": "+31 20 794 0800"}]}, {"phones": [{"number": "020 7940800"}]}, ["phone"]),
        (known_as("7"), known_as("7"), ["external_id"]),
        ({**known_as("7"), "emails": [{"address": "grace@example.com"}]}, known_as("7"), ["email", "external_id"]),
    ],
)
async def test_a_possible_duplicate_is_named(
    customers: ServiceUnderTest, known: dict[str, Any], lead: dict[str, Any], matched_by: list[str]
) -> None:
    customer = await created(customers, "/v1/customers", a_customer(**known))
    lead = await a_lead(customers, **lead)
    refusal = (await convert(customers, lead)).json()
    assert (refusal["code"], refusal["status"]) == ("possible_duplicates", 409)
    assert refusal["candidates"] == [{"customer_id": customer["id"], "matched_by": matched_by}]
    linked = (await convert(customers, lead, customer_id=customer["id"])).json()
    assert (linked["state"], linked["customer_id"]) == ("converted", customer["id"])
    assert len(await customers.rows("select * from customer")) == 1


async def test_a_duplicate_is_created_if_it_is_allowed_but_never_its_external_id(customers: ServiceUnderTest) -> None:
    customer = await created(customers, "/v1/customers", a_customer(emails=GRACE["emails"], **known_as("7")))
    lead = await a_lead(customers)
    allowed = (await convert(customers, lead, allow_duplicate=True)).json()
    assert allowed["customer_id"] not in (None, customer["id"])
    same_id = await a_lead(customers, **known_as("7"))
    refusal = await convert(customers, same_id, allow_duplicate=True)
    assert (refusal.status_code, refusal.json()["code"]) == (409, "external_id_taken")
    assert (await customers.get(f"/v1/leads/{same_id['id']}")).json()["state"] == "new"


async def test_a_refused_deal_leaves_no_customer(customers: ServiceUnderTest) -> None:
    pipeline = await a_pipeline(customers, required=["amount"])
    lead = await a_lead(customers)
    deal = {"name": "Kettles", "pipeline_id": pipeline["id"], "stage_id": pipeline["stages"][1]["id"]}
    refusal = await convert(customers, lead, deal=deal)
    assert (refusal.status_code, refusal.json()["code"]) == (409, "stage_fields_missing")
    unknown = await convert(customers, lead, deal=deal | {"pipeline_id": str(uuid7())})
    assert unknown.json()["errors"][0]["pointer"] == "/deal/pipeline_id"
    assert await customers.rows("select * from customer") == []
    assert (await customers.get(f"/v1/leads/{lead['id']}")).json()["version"] == 1


async def test_an_unqualified_lead_is_not_converted(customers: ServiceUnderTest) -> None:
    lead = await a_lead(customers)
    body = {"state": "unqualified", "unqualified_reason": "a student"}
    assert (await customers.patch(f"/v1/leads/{lead['id']}", body, if_match='"1"')).json()["state"] == "unqualified"
    assert (await convert(customers, lead)).json()["code"] == "lead_unqualified"
    assert (await customers.patch(f"/v1/leads/{lead['id']}", {"state": "converted"})).status_code == 422
    assert (await customers.patch(f"/v1/leads/{lead['id']}", {"state": "qualified"})).status_code == 200
    assert (await convert(customers, lead)).status_code == 200
