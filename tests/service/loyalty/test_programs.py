"""Programs and memberships: creation, enrolment, and changes that apply from a given time."""

import asyncio
from collections import Counter
from typing import Any

import pytest

from chassis.types.ids import uuid7
from tests.support.facts import a_program, a_rule
from tests.support.loyalty import open_connections
from tests.support.service import ServiceUnderTest


async def a_program_of(loyalty: ServiceUnderTest, **fields: Any) -> str:
    """Create a program, without its event, and return its id."""
    program = (await loyalty.post("/v1/programs", a_program(**fields))).json()
    await loyalty.published()
    return str(program["id"])


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
async def test_an_invalid_program_is_rejected(loyalty: ServiceUnderTest, fields: dict[str, str], pointer: str) -> None:
    response = await loyalty.post("/v1/programs", a_program(**fields))
    assert (response.status_code, response.json()["errors"][0]["pointer"]) == (422, pointer)


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"per": "0.00"}, "/per"),
        ({"per": "0.001"}, "/per"),
        ({"per": "-1.00"}, "/per"),
        ({"rounding": "up"}, "/rounding"),
        ({"per": 1}, "/per"),
        ({"points": 0}, "/points"),
        ({"points": 1.5}, "/points"),
        ({"points": True}, "/points"),
        ({"kind": "per_visit"}, "/kind"),
        ({"valid_from": "2026-01-02T00:00:00Z", "valid_to": "2026-01-02T00:00:00Z"}, ""),
    ],
)
async def test_an_invalid_rule_is_rejected(loyalty: ServiceUnderTest, fields: dict[str, Any], pointer: str) -> None:
    program = await a_program_of(loyalty)
    response = await loyalty.post(f"/v1/programs/{program}/earning-rules", a_rule() | fields)
    assert (response.status_code, response.json()["errors"][0]["pointer"]) == (422, pointer)


async def test_a_rule_of_an_unknown_program_returns_404(loyalty: ServiceUnderTest) -> None:
    assert (await loyalty.post(f"/v1/programs/{uuid7()}/earning-rules", a_rule())).status_code == 404
    program = await a_program_of(loyalty)
    path = f"/v1/programs/{program}/earning-rules/{uuid7()}/versions"
    assert (await loyalty.post(path, {"points": 1, "per": "1.00"})).status_code == 404


async def test_a_rule_of_another_program_returns_404(loyalty: ServiceUnderTest) -> None:
    program, other = await a_program_of(loyalty), await a_program_of(loyalty)
    rule = (await loyalty.post(f"/v1/programs/{program}/earning-rules", a_rule())).json()
    path = f"/v1/programs/{other}/earning-rules/{rule['id']}/versions"
    assert (await loyalty.post(path, {"points": 2, "per": "1.00"})).status_code == 404


async def test_versions_of_a_rule_are_contiguous_and_do_not_overlap(loyalty: ServiceUnderTest) -> None:
    program = await a_program_of(loyalty)
    path = f"/v1/programs/{program}/earning-rules"
    rule = (await loyalty.post(path, a_rule(valid_to="2027-01-01T00:00:00Z"))).json()
    versions = f"{path}/{rule['id']}/versions"
    newer = {"points": 2, "per": "1.00", "valid_from": "2026-06-01T00:00:00Z"}
    assert (await loyalty.post(versions, newer)).status_code == 201
    for begins in ("2026-06-01T00:00:00Z", "2026-05-01T00:00:00Z", "2027-01-01T00:00:00Z"):
        assert (await loyalty.post(versions, newer | {"valid_from": begins})).status_code == 422
    rules = (await loyalty.get(path)).json()["items"]
    assert [(item["version"], item["valid_from"], item["valid_to"]) for item in rules] == [
        (1, None, "2026-06-01T00:00:00Z"),
        (2, "2026-06-01T00:00:00Z", "2027-01-01T00:00:00Z"),
    ]
    assert {item["id"] for item in rules} == {rule["id"]}


async def test_a_new_version_keeps_the_rounding_unless_it_names_another(loyalty: ServiceUnderTest) -> None:
    path = f"/v1/programs/{await a_program_of(loyalty)}/earning-rules"
    rule = (await loyalty.post(path, a_rule(rounding="proportional"))).json()
    versions = f"{path}/{rule['id']}/versions"
    kept = await loyalty.post(versions, {"points": 2, "per": "1.00", "valid_from": "2026-01-01T00:00:00Z"})
    changed = await loyalty.post(versions, {"points": 2, "per": "1.00", "rounding": "full_steps"})
    assert [response.json()["rounding"] for response in (kept, changed)] == ["proportional", "full_steps"]


async def test_a_rule_has_no_etag_because_its_version_is_not_that_of_a_record(loyalty: ServiceUnderTest) -> None:
    program = await loyalty.post("/v1/programs", a_program())
    path = f"/v1/programs/{program.json()['id']}/earning-rules"
    rule = await loyalty.post(path, a_rule())
    newer = await loyalty.post(f"{path}/{rule.json()['id']}/versions", {"points": 2, "per": "1.00"})
    assert [response.headers.get("etag") for response in (program, rule, newer)] == ['"1"', None, None]


async def test_parallel_requests_create_one_membership(loyalty: ServiceUnderTest) -> None:
    program = await a_program_of(loyalty, enrolment="open")
    body = {"program_id": program, "customer_id": str(uuid7())}
    await open_connections(loyalty)
    responses = await asyncio.gather(*(loyalty.post("/v1/memberships", body) for _ in range(10)))
    assert Counter(response.status_code for response in responses) == {201: 1, 200: 9}
    assert len({response.json()["id"] for response in responses}) == 1
    assert [event.type for event in await loyalty.published()] == ["loyalty.member_joined.v1"]


@pytest.mark.parametrize("enrolment", ["invitation", "fee"])
async def test_a_program_that_is_not_open_rejects_requests_to_join(loyalty: ServiceUnderTest, enrolment: str) -> None:
    program = await a_program_of(loyalty, enrolment=enrolment)
    response = await loyalty.post("/v1/memberships", {"program_id": program, "customer_id": str(uuid7())})
    assert (response.status_code, response.json()["code"]) == (409, "enrolment_not_open")


async def test_joining_an_unknown_program_is_rejected(loyalty: ServiceUnderTest) -> None:
    body = {"program_id": str(uuid7()), "customer_id": str(uuid7())}
    response = await loyalty.post("/v1/memberships", body)
    assert (response.status_code, response.json()["errors"][0]["pointer"]) == (422, "/program_id")


async def test_memberships_are_found_by_customer_and_by_program(loyalty: ServiceUnderTest) -> None:
    programs = [await a_program_of(loyalty, enrolment="open") for _ in range(2)]
    people = [str(uuid7()) for _ in range(2)]
    for program in programs:
        for person in people:
            await loyalty.post("/v1/memberships", {"program_id": program, "customer_id": person})
    of_customer = (await loyalty.get("/v1/memberships", customer_id=people[0])).json()["items"]
    in_program = (await loyalty.get("/v1/memberships", program_id=programs[0])).json()["items"]
    both = (await loyalty.get("/v1/memberships", program_id=programs[0], customer_id=people[0])).json()["items"]
    assert ({item["program_id"] for item in of_customer}, {item["customer_id"] for item in in_program}) == (
        set(programs),
        set(people),
    )
    assert [(item["tier"], item["state"]) for item in both] == [(None, "active")]
    assert (await loyalty.get("/v1/memberships", customer_id=people[0], state="left")).json()["items"] == []
    balance = (await loyalty.get(f"/v1/memberships/{both[0]['id']}/balance")).json()
    assert balance["available"] == balance["debt"] == 0
    assert balance["expiring"] == []
