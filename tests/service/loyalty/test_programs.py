"""Programs and memberships: set up, joined, changed from a moment on."""

import asyncio
from collections import Counter
from typing import Any

import pytest

from chassis.ids import uuid7
from tests.support.facts import a_program, a_rule
from tests.support.service import ServiceUnderTest


async def a_program_of(loyalty: ServiceUnderTest, **fields: Any) -> str:
    return str((await loyalty.post("/v1/programs", a_program(**fields))).json()["id"])


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"timezone": "Mars/Olympus"}, "/timezone"),
        ({"timezone": "../etc/passwd"}, "/timezone"),
        ({"currency": "XXX"}, "/currency"),
        ({"enrolment": "always"}, "/enrolment"),
        ({"name": " "}, "/name"),
    ],
)
async def test_a_program_that_makes_no_sense_is_refused(
    loyalty: ServiceUnderTest, fields: dict[str, str], pointer: str
) -> None:
    answer = await loyalty.post("/v1/programs", a_program(**fields))
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer)


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"per": "0.00"}, "/per"),
        ({"per": "0.001"}, "/per"),
        ({"per": 1}, "/per"),
        ({"points": 0}, "/points"),
        ({"points": 1.5}, "/points"),
        ({"points": True}, "/points"),
        ({"kind": "per_visit"}, "/kind"),
        ({"valid_from": "2026-01-02T00:00:00Z", "valid_to": "2026-01-02T00:00:00Z"}, ""),
    ],
)
async def test_a_rule_that_makes_no_sense_is_refused(
    loyalty: ServiceUnderTest, fields: dict[str, Any], pointer: str
) -> None:
    program = await a_program_of(loyalty)
    answer = await loyalty.post(f"/v1/programs/{program}/earning-rules", a_rule() | fields)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer)


async def test_a_rule_of_no_program_is_a_404(loyalty: ServiceUnderTest) -> None:
    assert (await loyalty.post(f"/v1/programs/{uuid7()}/earning-rules", a_rule())).status_code == 404
    program = await a_program_of(loyalty)
    path = f"/v1/programs/{program}/earning-rules/{uuid7()}/versions"
    assert (await loyalty.post(path, {"points": 1, "per": "1.00"})).status_code == 404


async def test_a_rule_of_another_program_is_not_there(loyalty: ServiceUnderTest) -> None:
    one, other = await a_program_of(loyalty), await a_program_of(loyalty)
    rule = (await loyalty.post(f"/v1/programs/{one}/earning-rules", a_rule())).json()
    path = f"/v1/programs/{other}/earning-rules/{rule['id']}/versions"
    assert (await loyalty.post(path, {"points": 2, "per": "1.00"})).status_code == 404


async def test_versions_of_a_rule_meet_and_do_not_overlap(loyalty: ServiceUnderTest) -> None:
    program = await a_program_of(loyalty)
    path = f"/v1/programs/{program}/earning-rules"
    rule = (await loyalty.post(path, a_rule(valid_to="2027-01-01T00:00:00Z"))).json()
    versions = f"{path}/{rule['id']}/versions"
    newer = {"points": 2, "per": "1.00", "valid_from": "2026-06-01T00:00:00Z"}
    assert (await loyalty.post(versions, newer)).status_code == 201
    for too in ("2026-06-01T00:00:00Z", "2026-05-01T00:00:00Z", "2027-01-01T00:00:00Z"):
        assert (await loyalty.post(versions, newer | {"valid_from": too})).status_code == 422
    stands = (await loyalty.get(path)).json()["items"]
    assert [(one["version"], one["valid_from"], one["valid_to"]) for one in stands] == [
        (1, None, "2026-06-01T00:00:00Z"),
        (2, "2026-06-01T00:00:00Z", "2027-01-01T00:00:00Z"),
    ]
    assert {one["id"] for one in stands} == {rule["id"]}


async def test_one_joins_once(loyalty: ServiceUnderTest) -> None:
    program = await a_program_of(loyalty, enrolment="open")
    body = {"program_id": program, "customer_id": str(uuid7())}
    answers = await asyncio.gather(*(loyalty.post("/v1/memberships", body) for _ in range(10)))
    assert Counter(answer.status_code for answer in answers) == {201: 1, 200: 9}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert [event.type for event in await loyalty.published()] == ["loyalty.member_joined.v1"]


@pytest.mark.parametrize("enrolment", ["invitation", "fee"])
async def test_one_does_not_join_by_asking_where_that_is_not_the_way(loyalty: ServiceUnderTest, enrolment: str) -> None:
    program = await a_program_of(loyalty, enrolment=enrolment)
    answer = await loyalty.post("/v1/memberships", {"program_id": program, "customer_id": str(uuid7())})
    assert (answer.status_code, answer.json()["code"]) == (409, "not_open")


async def test_joining_nothing_is_refused(loyalty: ServiceUnderTest) -> None:
    body = {"program_id": str(uuid7()), "customer_id": str(uuid7())}
    answer = await loyalty.post("/v1/memberships", body)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/program_id")


async def test_memberships_are_found_by_customer_and_by_program(loyalty: ServiceUnderTest) -> None:
    programs = [await a_program_of(loyalty, enrolment="open") for _ in range(2)]
    people = [str(uuid7()) for _ in range(2)]
    for program in programs:
        for person in people:
            await loyalty.post("/v1/memberships", {"program_id": program, "customer_id": person})
    of_one = (await loyalty.get("/v1/memberships", customer_id=people[0])).json()["items"]
    in_one = (await loyalty.get("/v1/memberships", program_id=programs[0])).json()["items"]
    both = (await loyalty.get("/v1/memberships", program_id=programs[0], customer_id=people[0])).json()["items"]
    assert ({one["program_id"] for one in of_one}, {one["customer_id"] for one in in_one}) == (
        set(programs),
        set(people),
    )
    assert [(one["tier"], one["state"]) for one in both] == [(None, "active")]
    balance = (await loyalty.get(f"/v1/memberships/{both[0]['id']}/balance")).json()
    assert balance["available"] == balance["debt"] == 0
    assert balance["expiring"] == []
