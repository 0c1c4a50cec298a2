"""Relations: read from both ends, valid for a period, and never a cycle."""

import asyncio
import itertools
from collections import Counter
from typing import Any

import httpx
import pytest

from chassis.types.ids import uuid7
from tests.support.facts import a_customer
from tests.support.service import ServiceUnderTest


async def some(customers: ServiceUnderTest, count: int, **fields: Any) -> list[str]:
    bodies = [a_customer(given_name=f"P{number}", **fields) for number in range(count)]
    return [(await customers.post("/v1/customers", body)).json()["id"] for body in bodies]


async def relate(customers: ServiceUnderTest, one: str, other: str, kind: str, **fields: Any) -> httpx.Response:
    return await customers.post(
        f"/v1/customers/{one}/relations", {"kind": kind, "related_customer_id": other, **fields}
    )


async def relations(customers: ServiceUnderTest, id: str, **params: Any) -> list[dict[str, Any]]:
    answer = await customers.get(f"/v1/customers/{id}/relations", **params)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["items"])


@pytest.mark.parametrize(
    ("kind", "inverse"),
    [
        ("account", "contact"),
        ("contact", "account"),
        ("household_member", "household_member"),
        ("spouse", "spouse"),
        ("referred_by", "referred"),
        ("ward", "guardian"),
        ("employer", "employee"),
        ("subsidiary", "parent_account"),
    ],
)
async def test_a_relation_is_read_from_both_ends(customers: ServiceUnderTest, kind: str, inverse: str) -> None:
    one, other = await some(customers, 2)
    created = (await relate(customers, one, other, kind, role="buyer", valid_from="2026-01-01")).json()
    assert (created["customer_id"], created["related_customer_id"], created["kind"]) == (one, other, kind)
    assert await relations(customers, one) == [created]
    assert await relations(customers, other) == [
        created | {"customer_id": other, "related_customer_id": one, "kind": inverse}
    ]
    for again in (await relate(customers, one, other, kind), await relate(customers, other, one, inverse)):
        assert (again.status_code, again.json()["code"]) == (409, "relation_exists")
        assert again.json()["relation_id"] == created["id"]


async def test_relations_are_filtered_by_kind_and_day(customers: ServiceUnderTest) -> None:
    ada, *others = await some(customers, 4)
    await relate(customers, ada, others[0], "employer", valid_to="2025-12-31")
    await relate(customers, ada, others[1], "employer", valid_from="2026-01-01")
    await relate(customers, ada, others[2], "spouse")
    now = await relations(customers, ada, valid_on="2026-01-01")
    assert [one["related_customer_id"] for one in now] == [others[1], others[2]]
    assert len(await relations(customers, ada, kind=["employer", "account"])) == 2
    page = (await customers.get(f"/v1/customers/{ada}/relations", limit="2")).json()
    assert len(await relations(customers, ada, limit="2", cursor=page["next_cursor"])) == 1


async def test_a_relation_changes_with_its_events(customers: ServiceUnderTest) -> None:
    one, other = await some(customers, 2)
    await customers.published()
    created = (await relate(customers, one, other, "ward")).json()
    path = f"/v1/relations/{created['id']}"
    changed = await customers.patch(path, {"role": "aunt", "valid_to": "2030-01-01"}, if_match='"1"')
    assert (changed.json()["customer_id"], changed.json()["kind"]) == (other, "guardian")
    assert (await customers.get(path)).json() == changed.json()
    assert (await customers.patch(path, {"valid_from": "2031-01-01"})).json()["errors"][0]["code"] == "not_after"
    assert (await customers.patch(path, {"role": "x"}, if_match='"1"')).status_code == 412
    assert (await customers.request("DELETE", path)).status_code == 204
    events = [event.data for event in await customers.published()]
    assert [(event["change"], event["customer_id"], event["kind"]) for event in events] == [
        (change, other, "guardian") for change in ("created", "updated", "deleted")
    ]
    assert "aunt" not in str(events)
    assert await relations(customers, one) == []
    assert (await customers.get(path)).status_code == 404


@pytest.mark.parametrize("kind", ["referred_by", "guardian", "parent_account"])
async def test_no_chain_leads_back_to_its_beginning(customers: ServiceUnderTest, kind: str) -> None:
    people = await some(customers, 4)
    for one, other in itertools.pairwise(people):
        assert (await relate(customers, one, other, kind)).status_code == 201
    closing = await relate(customers, people[-1], people[0], kind)
    assert (closing.status_code, closing.json()["code"]) == (409, "relation_cycle")
    assert (await relate(customers, people[-1], people[0], "employer")).status_code == 201
    assert (await relate(customers, people[0], people[-1], kind)).status_code == 201, "a second way is no cycle"


async def test_a_ward_may_become_the_guardian_later(customers: ServiceUnderTest) -> None:
    child, mother = await some(customers, 2)
    first = (await relate(customers, child, mother, "guardian", valid_to="2010-05-17")).json()
    later = await relate(customers, mother, child, "guardian", valid_from="2040-01-01")
    assert later.status_code == 201
    extended = await customers.patch(f"/v1/relations/{first['id']}", {"valid_to": None})
    assert (extended.status_code, extended.json()["code"]) == (409, "relation_cycle")
    await relate(customers, child, mother, "referred_by", valid_to="2010-05-17")
    assert (await relate(customers, mother, child, "referred_by", valid_from="2040-01-01")).status_code == 409


async def test_concurrent_requests_close_no_cycle(customers: ServiceUnderTest) -> None:
    for _ in range(5):
        people = await some(customers, 3)
        pairs = [(people[n], people[(n + 1) % 3]) for n in range(3)]
        answers = await asyncio.gather(*(relate(customers, one, other, "guardian") for one, other in pairs))
        assert Counter(answer.status_code for answer in answers) == {201: 2, 409: 1}


async def test_concurrent_requests_create_a_relation_once(customers: ServiceUnderTest) -> None:
    one, other = await some(customers, 2)
    pairs = [(one, other), (other, one)] * 4
    answers = await asyncio.gather(*(relate(customers, *pair, "spouse") for pair in pairs))
    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 7}


async def test_impossible_relations_are_refused(
    customers: ServiceUnderTest, running_customers: ServiceUnderTest
) -> None:
    one, other = await some(customers, 2)
    (stranger,) = await some(await running_customers.for_new_tenant(), 1)
    (firm,) = await some(customers, 1, kind="organization")
    for related, kind, code in (
        (one, "spouse", "same_customer"),
        (str(uuid7()), "spouse", "unknown_record"),
        (stranger, "spouse", "unknown_record"),
        (firm, "guardian", "not_a_person"),
        (firm, "contact", "not_a_person"),
    ):
        answer = await relate(customers, one, related, kind)
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, code), kind
    period = {"valid_from": "2026-02-01", "valid_to": "2026-01-31"}
    assert (await relate(customers, one, other, "spouse", **period)).json()["errors"][0]["code"] == "not_after"
    assert (await relate(customers, str(uuid7()), one, "spouse")).status_code == 404
    await customers.request("POST", f"/v1/customers/{other}/archive")
    for pair in ((one, other), (other, one)):
        assert (await relate(customers, *pair, "spouse")).json()["code"] == "customer_archived"


async def test_a_merge_moves_relations_and_its_undo_returns_them(customers: ServiceUnderTest) -> None:
    ada, copy, child = await some(customers, 3)
    await relate(customers, child, ada, "guardian")
    await relate(customers, child, copy, "guardian")
    await relate(customers, ada, copy, "spouse")
    merge = (await customers.post(f"/v1/customers/{ada}/merge", {"merged_id": copy})).json()
    wards = await relations(customers, copy)
    assert [(one["customer_id"], one["related_customer_id"], one["kind"]) for one in wards] == [
        (ada, child, "ward")
    ] * 2
    assert (await relate(customers, copy, ada, "spouse")).json()["errors"][0]["code"] == "same_customer"
    await customers.request("POST", f"/v1/merges/{merge['id']}/undo")
    assert [one["kind"] for one in await relations(customers, copy)] == ["ward", "spouse"]
    assert {one["related_customer_id"] for one in await relations(customers, child)} == {ada, copy}
