"""Duplicates among existing records: searched in chunks, explained, decided by a person, and closed by merges."""

import asyncio
from typing import Any
from uuid import UUID

import pytest

from chassis.types.ids import uuid7
from services.customers.lifecycle.duplicates import searching
from tests.support.duplicates import duplicates, job_runner, search
from tests.support.erasure import erase
from tests.support.service import ServiceUnderTest

ADA = {"given_name": "Ada", "family_name": "Lovelace", "birth_date": "1952-11-27"}
HOME = {"street": "Keizersgracht 1", "city": "Amsterdam", "postal_code": "1015 CC", "country": "NL"}


async def create(customers: ServiceUnderTest, **fields: Any) -> str:
    body = {"kind": "person", "allow_duplicate": True, **fields}
    response = await customers.post("/v1/customers", body)
    assert response.status_code == 201, response.text
    return str(response.json()["id"])


async def change(customers: ServiceUnderTest, id: str, **fields: Any) -> None:
    assert (await customers.patch(f"/v1/customers/{id}", fields)).status_code == 200


async def merge(customers: ServiceUnderTest, survivor: str, merged: str) -> str:
    response = await customers.post(f"/v1/customers/{survivor}/merge", {"merged_id": merged})
    assert response.status_code == 201, response.text
    return str(response.json()["id"])


async def undo(customers: ServiceUnderTest, merge: str) -> None:
    assert (await customers.request("POST", f"/v1/merges/{merge}/undo")).status_code == 200


def ids_of(pairs: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(pair["first_id"], pair["second_id"]) for pair in pairs]


async def test_a_pair_is_found_scored_and_explained(customers: ServiceUnderTest) -> None:
    first = await create(customers, **ADA, addresses=[HOME])
    second = await create(customers, **ADA | {"given_name": "Adá"}, phones=[{"number": "+31207940800"}])
    await create(customers, given_name="Grace", family_name="Hopper", addresses=[HOME])
    done = await search(customers)
    assert (done["compared"], done["total"], done["found"], done["actor"]) == (3, 3, 1, "key:test")
    (pair,) = await duplicates(customers)
    assert (pair["first_id"], pair["second_id"], pair["state"], pair["score"]) == (first, second, "open", 99)
    assert pair["evidence"] == [
        {"attribute": "name", "similarity": 1.0, "points": 7.0},
        {"attribute": "birth_date", "similarity": 1.0, "points": 8.0},
    ]
    assert (await customers.get(f"/v1/duplicates/{pair['id']}")).json() == pair
    assert await duplicates(customers, min_score=100) == []
    assert len(await duplicates(customers, customer_id=second, state="open")) == 1
    assert await duplicates(customers, customer_id=str(uuid7())) == []


@pytest.mark.parametrize(
    ("one", "other", "is_pair"),
    [
        ({"phones": [{"number": "+5531988888888"}]}, {"phones": [{"number": "+553188888888"}]}, True),
        ({"emails": [{"address": "a@x.org"}]}, {"emails": [{"address": "A@X.org"}]}, True),
        ({"name": "李伟", "addresses": [HOME]}, {"family_name": "李", "given_name": "伟", "addresses": [HOME]}, True),
        ({**ADA}, ADA | {"birth_date": "1952-12-27"}, True),
        ({**ADA}, {"given_name": "Lovelace", "family_name": "Ada", "birth_date": "1952-11-27"}, True),
        ({"given_name": "Ada", "family_name": "Lovelace"}, {"given_name": "Ada", "family_name": "Lovelace"}, False),
        ({**ADA}, ADA | {"given_name": "Byron", "birth_date": "1988-01-22"}, False),
        ({"given_name": "Ada", "addresses": [HOME]}, {"given_name": "Grace", "addresses": [HOME]}, False),
        (
            {"kind": "organization", "name": "Kettle & Sons Ltd.", "addresses": [HOME]},
            {"kind": "organization", "name": "Kettle & Sons", "addresses": [HOME]},
            True,
        ),
        (
            {"kind": "organization", "name": "Ada", "emails": [{"address": "a@x.org"}]},
            {"given_name": "Ada", "emails": [{"address": "a@x.org"}]},
            False,
        ),
    ],
)
async def test_similar_records_are_pairs(
    customers: ServiceUnderTest, one: dict[str, Any], other: dict[str, Any], is_pair: bool
) -> None:
    await create(customers, **one)
    await create(customers, **other)
    assert (await search(customers))["found"] == is_pair


async def test_the_next_search_compares_only_new_and_changed_records(customers: ServiceUnderTest) -> None:
    first, second = await create(customers, **ADA), await create(customers, given_name="Grace")
    assert (await search(customers))["compared"] == 2
    assert (await search(customers))["compared"] == 0
    third = await create(customers, **ADA)
    done = await search(customers)
    assert (done["compared"], done["found"]) == (1, 1)
    await change(customers, second, **ADA)
    done = await search(customers)
    assert (done["compared"], done["found"]) == (1, 2)
    assert sorted(ids_of(await duplicates(customers))) == [(first, second), (first, third), (second, third)]


async def test_a_pair_that_a_change_refutes_disappears_unless_it_was_decided(customers: ServiceUnderTest) -> None:
    first, second, third = [await create(customers, **ADA) for _ in range(3)]
    await search(customers)
    decided = next(
        pair for pair in await duplicates(customers) if (pair["first_id"], pair["second_id"]) == (first, third)
    )
    await customers.patch(f"/v1/duplicates/{decided['id']}", {"state": "not_a_duplicate"})
    await change(customers, first, family_name="Byron", given_name="George", birth_date="1988-01-22")
    await search(customers)
    found = {(pair["first_id"], pair["second_id"]): pair["state"] for pair in await duplicates(customers)}
    assert found == {(second, third): "open", (first, third): "not_a_duplicate"}


async def test_a_decision_stays_with_the_next_search_and_is_withdrawn(customers: ServiceUnderTest) -> None:
    _, second = await create(customers, **ADA), await create(customers, **ADA)
    await search(customers)
    (pair,) = await duplicates(customers)
    path = f"/v1/duplicates/{pair['id']}"
    decided = await customers.patch(path, {"state": "not_a_duplicate"}, If_Match='"1"')
    assert (decided.json()["state"], decided.json()["version"]) == ("not_a_duplicate", 2)
    assert (await customers.patch(path, {"state": "open"}, If_Match='"1"')).status_code == 412
    await change(customers, second, occupation="mathematician")
    assert (await search(customers))["compared"] == 1
    assert [pair["state"] for pair in await duplicates(customers)] == ["not_a_duplicate"]
    assert (await customers.patch(path, {"state": "open"})).json()["state"] == "open"
    for state in ("merged", None, "closed"):
        assert (await customers.patch(path, {"state": state})).status_code == 422


async def test_a_merge_closes_its_pair_and_an_undo_opens_it(customers: ServiceUnderTest) -> None:
    first, second, third = [await create(customers, **ADA) for _ in range(3)]
    await search(customers)
    merged = await merge(customers, first, second)
    states = {(pair["first_id"], pair["second_id"]): pair["state"] for pair in await duplicates(customers)}
    assert states == {(first, second): "merged", (first, third): "open"}, "the pair of the merged record is left out"
    (closed,) = await duplicates(customers, state="merged")
    refusal = await customers.patch(f"/v1/duplicates/{closed['id']}", {"state": "open"})
    assert (refusal.status_code, refusal.json()["code"]) == (409, "duplicate_merged")
    await undo(customers, merged)
    assert len(await duplicates(customers, state="open")) == 3


async def test_chained_merges_close_every_pair_among_them(customers: ServiceUnderTest) -> None:
    first, second, third = [await create(customers, **ADA) for _ in range(3)]
    await search(customers)
    await merge(customers, first, second)
    last = await merge(customers, third, first)
    assert len(await duplicates(customers, state="merged")) == 3
    await undo(customers, last)
    assert [(pair["first_id"], pair["second_id"]) for pair in await duplicates(customers, state="merged")] == [
        (first, second)
    ]
    assert (await search(customers))["found"] == 1, "the survivor and the third record"


async def test_archived_records_are_neither_compared_nor_listed(customers: ServiceUnderTest) -> None:
    first, _ = await create(customers, **ADA), await create(customers, **ADA)
    await search(customers)
    await customers.post(f"/v1/customers/{first}/archive", None)
    assert await duplicates(customers) == []
    await create(customers, **ADA)
    assert (await search(customers))["found"] == 1


async def test_a_search_that_ended_early_is_made_up_for(
    customers: ServiceUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searching, "CHUNK_SIZE", 2)
    for _ in range(5):
        await create(customers, **ADA)
    started = (await customers.request("POST", "/v1/duplicate-searches")).json()
    again = (await customers.request("POST", "/v1/duplicate-searches")).json()
    assert again["id"] == started["id"], "the search is still running"
    runner = job_runner(customers)
    for _ in range(2):  # the count, and two records
        await runner.run_chunk(customers.tenant, UUID(started["id"]))
    cancelled = (await customers.request("POST", f"/v1/duplicate-searches/{started['id']}/cancel")).json()
    assert (cancelled["state"], cancelled["compared"], cancelled["found"]) == ("cancelled", 2, 1)
    assert not await runner.run_chunk(customers.tenant, UUID(started["id"]))
    again = await customers.request("POST", f"/v1/duplicate-searches/{started['id']}/cancel")
    assert again.json()["code"] == "job_not_in_state"
    done = await search(customers)
    assert (done["compared"], len(await duplicates(customers))) == (3, 10)
    listed = (await customers.get("/v1/duplicate-searches")).json()["items"]
    assert [item["id"] for item in listed] == [done["id"], started["id"]]


async def test_a_chunk_that_is_done_twice_changes_nothing(customers: ServiceUnderTest) -> None:
    for _ in range(3):
        await create(customers, **ADA)
    await search(customers)
    before = await duplicates(customers)
    for table in ("compared_record", "match_key"):
        await customers.as_owner(f"delete from {table} where tenant_id = '{customers.tenant.id}'")
    assert (await search(customers))["compared"] == 3
    assert await duplicates(customers) == before


async def test_a_value_of_many_records_is_compared_with_some_of_them(
    customers: ServiceUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searching, "MAX_BLOCK", 3)
    for _ in range(10):
        await create(customers, emails=[{"address": "info@example.com"}])
    await search(customers)
    assert len(await duplicates(customers)) <= 3 * 10


async def test_a_pair_is_erased_with_a_customer_and_other_tenants_see_nothing(customers: ServiceUnderTest) -> None:
    first, _ = await create(customers, **ADA), await create(customers, **ADA)
    await search(customers)
    (pair,) = await duplicates(customers)
    other = await customers.for_new_tenant()
    assert await duplicates(other) == []
    assert (await search(other))["compared"] == 0
    assert (await other.get(f"/v1/duplicates/{pair['id']}")).status_code == 404
    await erase(customers, first)
    for table in ("duplicate", "compared_record", "match_key"):
        rows = await customers.rows(f"select * from {table}")
        assert first not in str(rows), table
    assert (await search(customers))["compared"] == 0


async def test_a_reported_pair_is_stored_once_and_no_search_removes_it(customers: ServiceUnderTest) -> None:
    ada, grace = await create(customers, **ADA), await create(customers, given_name="Grace", family_name="Hopper")
    body = {"customer_id": grace, "other_customer_id": ada}
    responses = await asyncio.gather(*(customers.post("/v1/duplicates", body) for _ in range(4)))
    assert sorted(response.status_code for response in responses) == [200, 200, 200, 201]
    (pair,) = {response.json()["id"]: response.json() for response in responses}.values()
    assert (pair["first_id"], pair["second_id"], pair["reported_by"]) == (ada, grace, "key:test")
    assert pair["score"] < 50
    await search(customers)
    assert await duplicates(customers) == [pair]
    for other, status in ((grace, 422), (str(uuid7()), 422)):
        assert (await customers.post("/v1/duplicates", body | {"other_customer_id": other})).status_code == status
