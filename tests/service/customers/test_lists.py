"""Lists of customers: filtered by identifiers and attributes, and searched by an approximate name."""

from typing import Any

import pytest

from tests.support.facts import a_customer, known_as
from tests.support.service import ServiceUnderTest

MANY_CUSTOMERS = """
    insert into customer (kind, version, created_at, updated_at, account_kinds, emails, phones, addresses,
        external_ids, languages, tags, lifecycle, state, custom)
    select 'person', 1, now(), now() - interval '1 second' * number, '{}', '[]', '[]', '[]', '[]', '{}', '{}',
        'prospect', 'active', '{}'
    from generate_series(1, 20000) as number
"""


async def names(customers: ServiceUnderTest, **params: str) -> list[str]:
    answer = await customers.get("/v1/customers", **params)
    assert answer.status_code == 200, answer.text
    return [one["given_name"] or one["name"] for one in answer.json()["items"]]


async def some_customers(customers: ServiceUnderTest) -> None:
    bodies: list[dict[str, Any]] = [
        a_customer(given_name="Zoë", family_name="Müller", emails=[{"address": "Zoe@Example.com"}], tags=["vip"]),
        a_customer(given_name="Jörg", family_name="Schmidt", phones=[{"number": "020 794 0800"}]),
        a_customer(given_name="Ada", family_name="Lovelace", lifecycle="client", **known_as("a:b/1")),
        {"kind": "organization", "name": "Muller Bakery"},
    ]
    for body in bodies:
        assert (await customers.post("/v1/customers", body)).status_code == 201


@pytest.mark.parametrize(
    ("case", "params", "found"),
    [
        ("by e-mail, however it is written", {"email": "zoe@EXAMPLE.com"}, ["Zoë"]),
        ("by phone, however it is written", {"phone": "+31 20 7940800"}, ["Jörg"]),
        ("by external id, colons and slashes in it", {"external_id": "till:a:b/1"}, ["Ada"]),
        ("by tag", {"tag": "vip"}, ["Zoë"]),
        ("by lifecycle", {"lifecycle": "client"}, ["Ada"]),
        ("by state", {"state": "blocked"}, []),
        ("by an address that nobody has", {"email": "nobody@example.com"}, []),
        ("accents forgiven", {"q": "muller"}, ["Muller Bakery", "Zoë"]),
        ("accents given", {"q": "Müller"}, ["Muller Bakery", "Zoë"]),
        ("a letter wrong", {"q": "lovelaice"}, ["Ada"]),
        ("the beginning", {"q": "schm"}, ["Jörg"]),
        ("a fragment and a filter", {"q": "muller", "tag": "vip"}, ["Zoë"]),
        ("nothing like it", {"q": "xyzzy"}, []),
    ],
)
async def test_customers_are_found(
    customers: ServiceUnderTest, case: str, params: dict[str, str], found: list[str]
) -> None:
    await some_customers(customers)
    assert sorted(await names(customers, **params)) == sorted(found)


async def test_what_a_filter_leaves_out_hides_nobody_further_away(customers: ServiceUnderTest) -> None:
    await customers.post("/v1/customers", a_customer(given_name="Jansen", lifecycle="former"))
    await customers.post("/v1/customers", a_customer(given_name="Jonsen", lifecycle="client"))
    assert await names(customers, q="jansen") == ["Jansen"]
    assert await names(customers, q="jansen", lifecycle="client") == ["Jonsen"]


async def test_a_changed_name_is_found_and_the_old_one_is_not(customers: ServiceUnderTest) -> None:
    created = (await customers.post("/v1/customers", a_customer(given_name="Augusta"))).json()
    await customers.patch(f"/v1/customers/{created['id']}", {"given_name": "Byron"})
    assert (await names(customers, q="byron"), await names(customers, q="augusta")) == (["Byron"], [])


async def test_a_fragment_finds_nobody_of_another_tenant(running_customers: ServiceUnderTest) -> None:
    one, other = await running_customers.for_new_tenant(), await running_customers.for_new_tenant()
    await some_customers(one)
    assert await names(other, q="muller") == []
    assert await names(other, email="zoe@example.com") == []


@pytest.mark.parametrize("q", ["", "a" * 101, "'; drop table customer; --", "%", "%%%", "_", "\u0627\u0301"])
async def test_a_strange_fragment_finds_nobody_or_is_refused(customers: ServiceUnderTest, q: str) -> None:
    await some_customers(customers)
    answer = await customers.get("/v1/customers", q=q)
    assert answer.status_code == (200 if 1 <= len(q) <= 100 else 422)
    assert answer.json().get("items", []) == []


@pytest.mark.parametrize(
    "params",
    [{"phone": "none"}, {"email": "nobody"}, {"external_id": "till"}, {"sort": "surname"}, {"created_at.gte": "x"}],
)
async def test_what_cannot_be_looked_up_is_refused(customers: ServiceUnderTest, params: dict[str, str]) -> None:
    assert (await customers.get("/v1/customers", **params)).status_code == 422


async def test_lists_are_sorted_and_bounded_in_time(customers: ServiceUnderTest) -> None:
    await some_customers(customers)
    rising = (await customers.get("/v1/customers")).json()["items"]
    falling = await names(customers, sort="-created_at")
    assert falling == [one["given_name"] or one["name"] for one in reversed(rising)]
    second = rising[1]["created_at"]
    assert len(await names(customers, **{"created_at.gte": second})) == 3
    assert len(await names(customers, **{"created_at.gt": second})) == 2
    assert len(await names(customers, **{"created_at.lt": second})) == 1
    assert len(await names(customers, **{"created_at.lte": second, "created_at.gte": second})) == 1
    await customers.patch(f"/v1/customers/{rising[0]['id']}", {"area": "north"})
    assert (await names(customers, sort="-updated_at"))[0] == "Zoë"


async def test_pages_of_a_filtered_sorted_list_meet(customers: ServiceUnderTest) -> None:
    for number in range(7):
        await customers.post("/v1/customers", a_customer(given_name=f"n{number}", tags=["odd"] if number % 2 else []))
    first = (await customers.get("/v1/customers", tag="odd", sort="-created_at", limit="2")).json()
    rest = await names(customers, tag="odd", sort="-created_at", limit="2", cursor=first["next_cursor"])
    assert [one["given_name"] for one in first["items"]] + rest == ["n5", "n3", "n1"]
    moved = await customers.get("/v1/customers", sort="-created_at", limit="2", cursor=first["next_cursor"])
    assert moved.json()["code"] == "invalid_cursor"


async def test_addresses_that_differ_in_a_letter_are_two(customers: ServiceUnderTest) -> None:
    for given_name, address in (("Groß", "weiß@straße.de"), ("Gross", "weiss@strasse.de")):
        await customers.post("/v1/customers", a_customer(given_name=given_name, emails=[{"address": address}]))
    assert await names(customers, email="weiß@Straße.de") == ["Groß"]
    assert await names(customers, email="Weiss@strasse.de") == ["Gross"]


@pytest.mark.parametrize(
    ("case", "params", "found"),
    [
        ("any of several stages", {"lifecycle": ["client", "former"]}, ["Ada"]),
        ("any of several tags", {"tag": ["gold", "vip"]}, ["Zoë"]),
        ("a kind", {"kind": ["organization"]}, ["Muller Bakery"]),
        ("every state", {"state": ["active", "blocked"]}, ["Ada", "Jörg", "Muller Bakery", "Zoë"]),
        ("two filters", {"kind": ["person"], "lifecycle": ["prospect"]}, ["Jörg", "Zoë"]),
        ("with a search", {"q": ["muller"], "kind": ["person", "organization"]}, ["Muller Bakery", "Zoë"]),
    ],
)
async def test_a_filter_takes_several_values(
    customers: ServiceUnderTest, case: str, params: dict[str, list[str]], found: list[str]
) -> None:
    await some_customers(customers)
    answer = await customers.request("GET", "/v1/customers", params=params)
    assert sorted(one["given_name"] or one["name"] for one in answer.json()["items"]) == found
    wrong = await customers.request("GET", "/v1/customers", params={"kind": ["person", "pet"]})
    assert wrong.status_code == 422


async def test_changes_are_followed_by_their_time(customers: ServiceUnderTest) -> None:
    await some_customers(customers)
    seen = (await customers.get("/v1/customers", sort="-updated_at", limit="1")).json()["items"][0]
    first = (await customers.get("/v1/customers", limit="1")).json()["items"][0]
    changed = (await customers.patch(f"/v1/customers/{first['id']}", {"area": "north"})).json()
    params = {"updated_at.gt": seen["updated_at"], "sort": "updated_at"}
    assert (await customers.get("/v1/customers", **params)).json()["items"] == [changed]
    assert len(await names(customers, **{"updated_at.lte": seen["updated_at"]})) == 3


async def test_an_index_serves_the_list_of_changes(customers: ServiceUnderTest) -> None:
    await customers.rows(MANY_CUSTOMERS)
    await customers.as_owner("analyze customer")
    plan = await customers.rows(
        "explain select * from customer where updated_at >= now() - interval '1 hour' order by updated_at, id limit 9"
    )
    text = "\n".join(row["QUERY PLAN"] for row in plan)
    assert "Index Scan using ix_customer_tenant_id_updated_at_id" in text
    assert "Sort" not in text
