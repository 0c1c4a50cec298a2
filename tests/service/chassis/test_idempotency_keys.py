"""Idempotency keys: a request that is sent again has one effect, and gets the same response."""

import asyncio
from collections import Counter
from typing import Any

import pytest

from chassis.types.ids import uuid7
from tests.support.facts import a_customer, a_program, a_rule
from tests.support.problems import assert_problem
from tests.support.service import ServiceUnderTest


async def test_a_key_makes_a_request_safe_to_send_again(loyalty: ServiceUnderTest) -> None:
    first = await loyalty.post("/v1/programs", a_program(), idempotency_key="k1")
    again = await loyalty.post("/v1/programs", a_program(), idempotency_key="k1")
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    assert again.headers["idempotency-replayed"] == "true"
    assert again.headers["etag"] == first.headers["etag"]
    assert len((await loyalty.get("/v1/programs")).json()["items"]) == 1


async def test_a_key_with_another_body_is_refused(loyalty: ServiceUnderTest) -> None:
    await loyalty.post("/v1/programs", a_program(), idempotency_key='"quoted"')
    answer = await loyalty.post("/v1/programs", a_program(name="Other"), idempotency_key="quoted")
    assert_problem(answer, 422, "idempotency_key_reused")


async def test_a_key_with_a_body_that_cannot_be_read_is_refused_as_another_body(loyalty: ServiceUnderTest) -> None:
    """After an upgrade with stricter validation, a retry must not report that nothing has happened."""
    await loyalty.post("/v1/programs", a_program(), idempotency_key="k")
    answer = await loyalty.post("/v1/programs", {"name": 5}, idempotency_key="k")
    assert_problem(answer, 422, "idempotency_key_reused")
    assert_problem(await loyalty.post("/v1/programs", {"name": 5}, idempotency_key="new"), 422, "validation_failed")


@pytest.mark.parametrize(
    ("case", "wrong", "status"),
    [
        ("a field that its schema refuses", {"kind": "person", "given_name": ""}, 422),
        ("a field that a rule refuses", {"kind": "person", "phones": [{"number": "none"}]}, 422),
        ("a customer without any name", {"kind": "person"}, 422),
    ],
)
async def test_a_corrected_request_may_use_the_key_of_a_refused_one(
    customers: ServiceUnderTest, case: str, wrong: dict[str, Any], status: int
) -> None:
    refused = await customers.post("/v1/customers", wrong, idempotency_key="k")
    assert refused.status_code == status, refused.text
    assert (await customers.post("/v1/customers", a_customer(), idempotency_key="k")).status_code == 201


async def test_a_refusal_that_time_cures_is_not_kept(customers: ServiceUnderTest) -> None:
    path, later = f"/v1/customers/{uuid7()}", {"name": "Ada"}
    assert (await customers.patch(path, later, idempotency_key="k")).status_code == 404
    assert "idempotency-replayed" not in (await customers.patch(path, later, idempotency_key="k")).headers


async def test_equal_json_is_an_equal_body(customers: ServiceUnderTest) -> None:
    headers = {"content-type": "application/json", "idempotency-key": "k"}
    first, second = b'{"kind":"person","name":"Ada"}', b'{ "name": "Ada",\n "kind": "person" }'
    created = await customers.request("POST", "/v1/customers", content=first, headers=headers)
    repeated = await customers.request("POST", "/v1/customers", content=second, headers=headers)
    assert (created.status_code, repeated.headers["idempotency-replayed"]) == (201, "true")
    assert repeated.json() == created.json()


async def test_of_equal_refusals_at_once_all_get_the_same_one(loyalty: ServiceUnderTest) -> None:
    program = (await loyalty.post("/v1/programs", a_program(enrolment="fee"))).json()
    body = {"program_id": program["id"], "customer_id": str(uuid7())}
    sent = (loyalty.post("/v1/memberships", body, idempotency_key="k") for _ in range(20))
    answers = [one for one in await asyncio.gather(*sent) if one.json()["code"] != "idempotency_key_in_flight"]
    assert {one.status_code for one in answers} == {409}
    assert len({one.content for one in answers}) == 1


async def test_a_key_belongs_to_its_path_its_principal_and_its_tenant(running_loyalty: ServiceUnderTest) -> None:
    loyalty, other = await running_loyalty.for_new_tenant(), await running_loyalty.for_new_tenant()
    program = (await loyalty.post("/v1/programs", a_program(), idempotency_key="k")).json()
    rules = f"/v1/programs/{program['id']}/earning-rules"
    assert (await loyalty.post(rules, a_rule(), idempotency_key="k")).status_code == 201
    assert (await other.post("/v1/programs", a_program(), idempotency_key="k")).json()["id"] != program["id"]


async def test_a_business_refusal_is_replayed_also_when_its_cause_is_gone(loyalty: ServiceUnderTest) -> None:
    program = (await loyalty.post("/v1/programs", a_program(enrolment="fee"))).json()
    body = {"program_id": program["id"], "customer_id": str(uuid7())}
    first = await loyalty.post("/v1/memberships", body, idempotency_key="k")
    assert_problem(first, 409, "enrolment_not_open")
    await loyalty.rows("update program set enrolment = 'open'")
    again = await loyalty.post("/v1/memberships", body, idempotency_key="k")
    assert_problem(again, 409, "enrolment_not_open")
    assert again.headers["idempotency-replayed"] == "true"
    assert (await loyalty.post("/v1/memberships", body, idempotency_key="k2")).status_code == 201


@pytest.mark.parametrize("key", ["", "x" * 256, "a b", "é"])
async def test_a_malformed_key_is_refused(loyalty: ServiceUnderTest, key: str) -> None:
    headers = {"idempotency-key": key.encode("latin-1")}
    answer = await loyalty.request("POST", "/v1/programs", json=a_program(), headers=headers)
    assert_problem(answer, 400, "idempotency_key_malformed")


async def test_fifty_equal_requests_with_one_key_have_one_effect(loyalty: ServiceUnderTest) -> None:
    body = a_program()
    answers = await asyncio.gather(*(loyalty.post("/v1/programs", body, idempotency_key="k") for _ in range(50)))
    statuses = Counter(answer.status_code for answer in answers)
    assert set(statuses) <= {201, 409}, statuses
    assert statuses[201] >= 1
    created = {answer.json()["id"] for answer in answers if answer.status_code == 201}
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} <= {"idempotency_key_in_flight"}
    assert all(answer.headers["retry-after"] for answer in answers if answer.status_code == 409)
    programs = (await loyalty.get("/v1/programs")).json()["items"]
    assert {one["id"] for one in programs} == created
    assert len(created) == 1
    assert (await loyalty.post("/v1/programs", body, idempotency_key="k")).json()["id"] in created


async def test_a_key_is_bound_to_the_query_too(customers: ServiceUnderTest) -> None:
    path = "/v1/customers/by-external-id?source=till&id="
    assert (await customers.put(f"{path}1", a_customer(), idempotency_key="k")).status_code == 201
    answer = await customers.put(f"{path}2", a_customer(), idempotency_key="k")
    assert_problem(answer, 422, "idempotency_key_reused")
