"""Ended relationships: each has a reason, and they can be resumed."""

import asyncio
from typing import Any

import httpx
import pytest

from tests.support.facts import a_customer
from tests.support.service import ServiceUnderTest


async def a_client(customers: ServiceUnderTest) -> str:
    return str((await customers.post("/v1/customers", a_customer(lifecycle="client"))).json()["id"])


async def end(customers: ServiceUnderTest, customer: str, **fields: Any) -> httpx.Response:
    return await customers.post(f"/v1/customers/{customer}/end-relationship", {"reason": "price", **fields})


async def ends(customers: ServiceUnderTest, **filters: Any) -> list[dict[str, Any]]:
    return list((await customers.get("/v1/relationship-ends", **filters)).json()["items"])


async def test_an_end_has_its_reason_and_changes_state_and_stage(customers: ServiceUnderTest) -> None:
    customer = await a_client(customers)
    await customers.published()
    answer = await end(customers, customer, reason="competitor", competitor="Other Tea", note="Sundays")
    assert (answer.status_code, answer.json()["previous_lifecycle"]) == (201, "client")
    record = (await customers.get(f"/v1/customers/{customer}")).json()
    assert (record["state"], record["lifecycle"]) == ("ended", "former")
    updated, ended = await customers.published()
    assert (updated.data["changed"], updated.data["state"]) == (["lifecycle", "state"], "ended")
    assert (ended.type, ended.data["reason"]) == ("customers.relationship_ended.v1", "competitor")
    assert "Other Tea" not in str(ended.data)
    contact = {"purpose": "newsletter", "channel": "email"}
    assert (await customers.get(f"/v1/customers/{customer}/may-contact", **contact)).json()["reason"] == "not_active"


async def test_a_prospect_stays_a_prospect(customers: ServiceUnderTest) -> None:
    customer = (await customers.post("/v1/customers", a_customer())).json()["id"]
    await end(customers, customer, reason="no_need")
    assert (await customers.get(f"/v1/customers/{customer}")).json()["lifecycle"] == "prospect"


async def test_a_resumed_customer_has_the_stage_from_before(customers: ServiceUnderTest) -> None:
    customer = await a_client(customers)
    await end(customers, customer)
    await customers.published()
    answer = await customers.post(f"/v1/customers/{customer}/resume-relationship", None)
    assert (answer.status_code, answer.json()["resumed_by"]) == (200, "key:test")
    record = (await customers.get(f"/v1/customers/{customer}")).json()
    assert (record["state"], record["lifecycle"]) == ("active", "client")
    assert (await customers.published())[-1].type == "customers.relationship_resumed.v1"
    again = await customers.post(f"/v1/customers/{customer}/resume-relationship", None)
    assert (again.status_code, again.json()["code"]) == (409, "relationship_not_ended")
    assert (await end(customers, customer)).status_code == 201


async def test_a_reason_of_your_own_is_added_before_it_is_sent(customers: ServiceUnderTest) -> None:
    customer = await a_client(customers)
    refused = await end(customers, customer, reason="bankruptcy")
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (422, "unknown_end_reason")
    added = {"reason": "bankruptcy", "description": "Wound up."}
    assert (await customers.post("/v1/end-reasons", added)).status_code == 201
    assert (await customers.post("/v1/end-reasons", added)).json()["code"] == "end_reason_exists"
    assert (await customers.post("/v1/end-reasons", {"reason": "price"})).status_code == 409
    assert (await end(customers, customer, reason="bankruptcy")).status_code == 201
    assert [item["reason"] for item in (await customers.get("/v1/end-reasons")).json()["items"]] == ["bankruptcy"]
    other = await customers.for_new_tenant()
    assert (await end(other, await a_client(other), reason="bankruptcy")).status_code == 422


async def test_ends_are_listed_by_reason_and_time(customers: ServiceUnderTest) -> None:
    first, second = await a_client(customers), await a_client(customers)
    await end(customers, first, ended_at="2025-01-01T00:00:00Z")
    await end(customers, second, reason="moved", ended_at="2025-06-01T00:00:00Z")
    await customers.post(f"/v1/customers/{first}/resume-relationship", None)
    assert [item["customer_id"] for item in await ends(customers)] == [second, first]
    assert [item["customer_id"] for item in await ends(customers, reason="price")] == [first]
    assert [item["customer_id"] for item in await ends(customers, reason=["price", "moved"])] == [second, first]
    later = {"ended_at.gte": "2025-03-01T00:00:00Z"}
    assert [item["customer_id"] for item in await ends(customers, **later)] == [second]
    assert [item["customer_id"] for item in await ends(customers, resumed=True)] == [first]
    assert [item["customer_id"] for item in await ends(customers, customer_id=second)] == [second]


@pytest.mark.parametrize(
    ("fields", "code"), [({"ended_at": "2100-01-01T00:00:00Z"}, "in_the_future"), ({"reason": "Too Dear"}, None)]
)
async def test_an_impossible_end_is_refused(
    customers: ServiceUnderTest, fields: dict[str, str], code: str | None
) -> None:
    customer = await a_client(customers)
    answer = await end(customers, customer, **fields)
    assert answer.status_code == 422
    assert code in (None, answer.json()["errors"][0]["code"])
    assert (await customers.get(f"/v1/customers/{customer}")).json()["state"] == "active"


async def test_of_two_ends_at_once_one_counts(customers: ServiceUnderTest) -> None:
    customer = await a_client(customers)
    answers = await asyncio.gather(*(end(customers, customer) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409, 409]
    (stored,) = await ends(customers)
    refused = next(answer for answer in answers if answer.status_code == 409).json()
    assert (refused["code"], refused["relationship_end_id"]) == ("relationship_already_ended", stored["id"])
    stale = await customers.post(f"/v1/customers/{customer}/resume-relationship", None, If_Match='"1"')
    assert (stale.status_code, stale.json()["code"]) == (412, "version_mismatch")
