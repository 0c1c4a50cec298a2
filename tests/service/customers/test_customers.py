"""Customers: each customer has a single record, no matter which client sends it and how often."""

import asyncio
from collections import Counter
from typing import Any

import pytest

from chassis.types.ids import uuid7
from tests.support.facts import a_customer, known_as
from tests.support.service import ServiceUnderTest


async def upsert(customers: ServiceUnderTest, *items: dict[str, Any]) -> list[dict[str, Any]]:
    answer = await customers.post("/v1/customers/batch", {"items": list(items)})
    assert answer.status_code == 200, answer.text
    results: list[dict[str, Any]] = answer.json()["results"]
    return results


def statuses(results: list[dict[str, Any]]) -> list[str]:
    return [one["status"] for one in results]


async def read(customers: ServiceUnderTest, id: str) -> dict[str, Any]:
    record: dict[str, Any] = (await customers.get(f"/v1/customers/{id}")).json()
    return record


async def test_a_customer_reads_back_as_it_was_recorded(customers: ServiceUnderTest) -> None:
    body = a_customer(
        family_name="Lovelace",
        emails=[{"address": "Ada@Example.com", "label": "home"}],
        phones=[{"number": "020 794 0800"}],
        addresses=[{"city": "London", "country": "GB", "latitude": 51.5}],
        birth_date="1815-12-10",
        tags=["vip"],
        custom={"nested": {"deep": [1, 2.5, None]}},
        **known_as("1"),
    )
    created = (await customers.post("/v1/customers", body)).json()
    assert await read(customers, created["id"]) == created
    email = {"address": "Ada@Example.com", "label": "home", "primary": True, "normal": "ada@example.com"}
    assert created["emails"] == [email]
    assert (created["version"], created["state"], created["birth_date"]) == (1, "active", "1815-12-10")
    assert created["custom"] == {"nested": {"deep": [1, 2.5, None]}}
    points = await customers.rows("select kind, normal from contact_point order by kind")
    assert [(one["kind"], one["normal"]) for one in points] == [("email", "ada@example.com"), ("phone", "+31207940800")]
    event, completed = await customers.published()
    assert (event.type, event.subject) == ("customers.customer_created.v1", created["id"])
    assert completed.type == "customers.profile_completed.v1"
    assert event.data["contact"]["name"] == "Ada Lovelace"
    assert "vip" not in str(event.data)  # events contain what readers need, not whole records


async def test_somebody_must_be_meant(customers: ServiceUnderTest) -> None:
    answer = await customers.post("/v1/customers", {"kind": "person", "occupation": "analyst"})
    assert (answer.status_code, answer.json()["code"]) == (422, "not_identifiable")
    assert (await customers.post("/v1/customers", {"kind": "person", **known_as("card 7")})).status_code == 201


async def test_an_external_id_names_one_customer(customers: ServiceUnderTest) -> None:
    first = (await customers.post("/v1/customers", a_customer(**known_as("1")))).json()
    again = await customers.post("/v1/customers", a_customer(**known_as("1")))
    assert (again.status_code, again.json()["code"]) == (409, "external_id_taken")
    assert again.json()["customer_id"] == first["id"]
    assert (await customers.post("/v1/customers", a_customer(**known_as("1", "shop")))).status_code == 201


async def test_of_parallel_creations_with_one_external_id_one_wins(customers: ServiceUnderTest) -> None:
    requests = (customers.post("/v1/customers", a_customer(**known_as("1"))) for _ in range(10))
    assert Counter(answer.status_code for answer in await asyncio.gather(*requests)) == {201: 1, 409: 9}
    assert len(await customers.rows("select * from customer")) == 1


async def test_an_upsert_keeps_absent_fields_and_clears_null_ones(customers: ServiceUnderTest) -> None:
    (created,) = await upsert(customers, a_customer(area="north", **known_as("1")))
    (updated,) = await upsert(customers, {"kind": "person", "area": None, "tags": ["a"], **known_as("1")})
    assert (created["status"], updated["status"], created["id"]) == ("created", "updated", updated["id"])
    record = await read(customers, created["id"])
    assert (record["given_name"], record["area"], record["tags"], record["version"]) == ("Ada", None, ["a"], 2)


async def test_an_upsert_that_changes_nothing_says_nothing(customers: ServiceUnderTest) -> None:
    body = a_customer(emails=[{"address": "a@example.com"}], birth_date="1990-01-01", **known_as("1"))
    await upsert(customers, body)
    await customers.published()
    (result,) = await upsert(customers, body)
    assert result["status"] == "unchanged"
    assert await customers.published() == []
    assert (await read(customers, result["id"]))["version"] == 1


async def test_true_is_not_one(customers: ServiceUnderTest) -> None:
    """Python compares `True == 1`, so a change from 1 to true was once ignored."""
    (created,) = await upsert(customers, a_customer(custom={"vip": 1, "list": [0]}, **known_as("1")))
    (updated,) = await upsert(customers, a_customer(custom={"vip": True, "list": [0]}, **known_as("1")))
    assert updated["status"] == "updated"
    path = f"/v1/customers/{created['id']}"
    patched = (await customers.patch(path, {"custom": {"list": [False]}})).json()
    assert str(patched["custom"]) == "{'vip': True, 'list': [False]}"
    assert patched["version"] == 3


async def test_the_same_id_twice_in_a_batch_is_two_updates(customers: ServiceUnderTest) -> None:
    results = await upsert(
        customers,
        a_customer(**known_as("1")),
        a_customer(area="north", **known_as("1")),
        a_customer(area="north", **known_as("1")),
    )
    assert statuses(results) == ["created", "updated", "unchanged"]
    assert len({one["id"] for one in results}) == 1
    assert (await read(customers, results[0]["id"]))["version"] == 2
    assert [event.data["version"] for event in await customers.published()] == [1, 2]


async def test_ids_that_point_at_two_records_refuse_the_item(customers: ServiceUnderTest) -> None:
    await upsert(customers, a_customer(**known_as("1")), a_customer(**known_as("2")))
    both = {"external_ids": [*known_as("1")["external_ids"], *known_as("2")["external_ids"]]}
    results = await upsert(customers, a_customer(**both), a_customer(area="x", **known_as("2")))
    assert statuses(results) == ["refused", "updated"]
    assert results[0]["problem"]["code"] == "ambiguous_external_ids"
    assert len(results[0]["problem"]["customer_ids"]) == 2


async def test_a_second_id_joins_the_first_and_both_find_the_customer(customers: ServiceUnderTest) -> None:
    both = {"external_ids": [*known_as("1")["external_ids"], *known_as("9", "shop")["external_ids"]]}
    results = await upsert(
        customers, a_customer(**known_as("1")), a_customer(**both), a_customer(**known_as("9", "shop"))
    )
    assert statuses(results) == ["created", "updated", "unchanged"]
    assert (await read(customers, results[0]["id"]))["external_ids"] == both["external_ids"]


async def test_parallel_batches_over_the_same_ids_make_each_customer_once(customers: ServiceUnderTest) -> None:
    items = [a_customer(**known_as(str(number))) for number in range(40)]
    batches = await asyncio.gather(*(upsert(customers, *items[::step]) for step in (1, -1, 1, -1)))
    assert Counter(one["status"] for batch in batches for one in batch) == {"created": 40, "unchanged": 120}
    assert len(await customers.rows("select * from customer")) == 40


async def test_put_by_external_id_creates_then_changes(customers: ServiceUnderTest) -> None:
    path = "/v1/customers/by-external-id?source=shop&id=a/b%20c"
    created = await customers.put(path, a_customer())
    assert (created.status_code, created.json()["external_ids"]) == (201, [{"source": "shop", "id": "a/b c"}])
    changed = await customers.put(path, {"kind": "person", "area": "north"})
    assert (changed.status_code, changed.json()["id"]) == (200, created.json()["id"])
    assert (changed.json()["given_name"], changed.json()["area"], changed.headers["etag"]) == ("Ada", "north", '"2"')


@pytest.mark.parametrize(
    ("patch", "name", "value"),
    [
        ({"given_name": None, "name": "A"}, "given_name", None),
        ({"tags": ["b"]}, "tags", ["b"]),
        ({"tags": None}, "tags", []),
        ({"custom": {"a": {"x": None}, "c": 3}}, "custom", {"a": {"y": 2}, "c": 3}),
        ({"custom": None}, "custom", {}),
        ({"custom": {}}, "custom", {"a": {"x": 1, "y": 2}}),
    ],
)
async def test_a_patch_is_a_merge(customers: ServiceUnderTest, patch: dict[str, Any], name: str, value: object) -> None:
    body = a_customer(tags=["a"], custom={"a": {"x": 1, "y": 2}})
    created = (await customers.post("/v1/customers", body)).json()
    changed = (await customers.patch(f"/v1/customers/{created['id']}", patch)).json()
    assert changed[name] == value
    assert await read(customers, created["id"]) == changed


async def test_a_patch_moves_what_a_customer_is_found_by(customers: ServiceUnderTest) -> None:
    body = a_customer(emails=[{"address": "old@example.com"}], **known_as("1"))
    created = (await customers.post("/v1/customers", body)).json()
    patch = {"emails": [{"address": "new@example.com"}], **known_as("2")}
    assert (await customers.patch(f"/v1/customers/{created['id']}", patch)).status_code == 200
    assert [one["normal"] for one in await customers.rows("select normal from contact_point")] == ["new@example.com"]
    results = await upsert(customers, a_customer(**known_as("2")), a_customer(given_name="Eve", **known_as("1")))
    assert statuses(results) == ["unchanged", "created"]


async def test_a_patch_leaves_somebody_who_is_meant(customers: ServiceUnderTest) -> None:
    created = (await customers.post("/v1/customers", a_customer())).json()
    answer = await customers.patch(f"/v1/customers/{created['id']}", {"given_name": None})
    assert (answer.status_code, answer.json()["code"]) == (422, "not_identifiable")
    assert (await customers.patch(f"/v1/customers/{uuid7()}", {"name": "x"})).status_code == 404


async def test_a_taken_id_is_refused_again_under_the_same_idempotency_key(customers: ServiceUnderTest) -> None:
    """The first attempt does not look for the id: the unique constraint fails, and the retry looks."""
    first = (await customers.post("/v1/customers", a_customer(**known_as("1")))).json()
    body = a_customer(given_name="Eve", **known_as("1"))
    answers = [await customers.post("/v1/customers", body, idempotency_key="eve") for _ in range(2)]
    assert [(answer.status_code, answer.json()["customer_id"]) for answer in answers] == [(409, first["id"])] * 2
    assert len(await customers.rows("select * from customer")) == 1
