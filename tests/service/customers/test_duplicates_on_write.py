"""New customers that exist already: refused with the candidates, unless duplicates are allowed."""

import asyncio
from collections import Counter
from typing import Any

import pytest

from tests.support.facts import a_customer, known_as
from tests.support.service import ServiceUnderTest

ADA = {"given_name": "Ada", "family_name": "Lovelace", "emails": [{"address": "ada@example.com"}]}
MOBILE = [{"number": "+5531988888888"}]


async def create(customers: ServiceUnderTest, **fields: Any) -> Any:
    """Create a customer. Fields that are None are left out."""
    body = {"kind": "person"} | {name: value for name, value in fields.items() if value is not None}
    return await customers.post("/v1/customers", body)


async def test_a_customer_with_the_same_address_and_name_is_refused_and_named(customers: ServiceUnderTest) -> None:
    ada = (await create(customers, **ADA)).json()
    again = await create(customers, **ADA | {"emails": [{"address": "ADA@Example.com"}], "given_name": "ada"})
    assert (again.status_code, again.json()["code"]) == (409, "possible_duplicates")
    assert again.json()["candidates"] == [{"customer_id": ada["id"], "matched_by": ["email", "name"]}]
    assert len(await customers.rows("select * from customer")) == 1
    assert len(await customers.rows("select * from contact_point")) == 1


async def test_a_duplicate_is_created_if_it_is_allowed(customers: ServiceUnderTest) -> None:
    await create(customers, **ADA)
    assert (await create(customers, **ADA, allow_duplicate=True)).status_code == 201
    found = (await customers.get("/v1/customers", email="ada@example.com")).json()["items"]
    assert len(found) == 2
    assert (await create(customers, **ADA, allow_duplicate="yes")).status_code == 422


@pytest.mark.parametrize(
    "other",
    [
        {"given_name": "Byron"},
        {"birth_date": "1982-12-10"},
        {"kind": "organization", "name": "Lovelace", "given_name": None, "family_name": None, "birth_date": None},
        {"emails": [{"address": "ada@example.org"}]},
    ],
    ids=["another name", "another birth date", "another kind", "another address"],
)
async def test_another_customer_may_share_the_rest(customers: ServiceUnderTest, other: dict[str, Any]) -> None:
    await create(customers, **ADA, birth_date="1952-11-27")
    assert (await create(customers, **ADA | {"birth_date": "1952-11-27"} | other)).status_code == 201


@pytest.mark.parametrize(
    "similar",
    [
        {"given_name": "A."},
        {"given_name": "Lovelace", "family_name": "Ada"},
        {"given_name": None, "family_name": None, "name": "Lovelace, Ada"},
        {"family_name": "Lovelaces"},
        {"given_name": None, "family_name": None},
        {"given_name": "Adà", "family_name": "LOVELACE"},
    ],
)
async def test_a_similar_name_is_the_same_customer(customers: ServiceUnderTest, similar: dict[str, Any]) -> None:
    await create(customers, **ADA)
    assert (await create(customers, **ADA | similar)).json()["code"] == "possible_duplicates"


@pytest.mark.parametrize(
    ("known", "new"),
    [
        ("+5531988888888", "+553188888888"),
        ("+553188888888", "+55 31 9 8888-8888"),
        ("+52 1 55 1234 5678", "+52 55 1234 5678"),
        ("+54 9 11 2345 6789", "+54 11 2345 6789"),
        ("+31 20 794 0800", "020 794 0800"),
    ],
)
async def test_both_forms_of_a_mobile_number_are_the_same(customers: ServiceUnderTest, known: str, new: str) -> None:
    await create(customers, given_name="Caio", phones=[{"number": known}])
    refusal = (await create(customers, given_name="Caio", phones=[{"number": new}])).json()
    assert refusal["code"] == "possible_duplicates", refusal
    assert refusal["candidates"][0]["matched_by"] == ["name", "phone"]


async def test_names_alone_refuse_nobody(customers: ServiceUnderTest) -> None:
    names = {"given_name": "Ada", "family_name": "Lovelace", "birth_date": "1952-11-27"}
    assert [(await create(customers, **names)).status_code for _ in range(2)] == [201, 201]


@pytest.mark.parametrize("rest", [{}, known_as("2")], ids=["without ids", "with ids"])
async def test_of_requests_at_the_same_time_one_creates_the_customer(
    customers: ServiceUnderTest, rest: dict[str, Any]
) -> None:
    body = ADA | {"phones": MOBILE}
    responses = await asyncio.gather(*(create(customers, **body, **(rest if at else {})) for at in range(8)))
    assert Counter(response.status_code for response in responses) == {201: 1, 409: 7}
    assert len(await customers.rows("select * from customer")) == 1


async def test_records_that_are_not_in_use_are_no_candidates(customers: ServiceUnderTest) -> None:
    first = (await create(customers, **ADA)).json()
    await customers.post(f"/v1/customers/{first['id']}/archive", None)
    second = await create(customers, **ADA)
    assert second.status_code == 201
    assert (await create(customers, **ADA)).json()["candidates"][0]["customer_id"] == second.json()["id"]


async def test_another_tenant_and_upserts_are_not_affected(customers: ServiceUnderTest) -> None:
    await create(customers, **ADA)
    other = await customers.for_new_tenant()
    assert (await create(other, **ADA)).status_code == 201
    upsert = a_customer(**ADA, **known_as("1"))
    batch = await customers.post("/v1/customers/batch", {"items": [upsert, a_customer(**ADA)]})
    assert [item["status"] for item in batch.json()["results"]] == ["created", "created"]


async def test_the_refusal_is_repeated_for_its_key(customers: ServiceUnderTest) -> None:
    await create(customers, **ADA)
    bodies = [await customers.post("/v1/customers", {"kind": "person", **ADA}, Idempotency_Key="k") for _ in range(2)]
    assert [response.status_code for response in bodies] == [409, 409]
    assert bodies[1].headers["Idempotency-Replayed"] == "true"
