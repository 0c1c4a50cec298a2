"""Custom fields: their definitions, the values that fit, and the existing records that do not."""

import asyncio
from typing import Any

import asyncpg
import pytest

from chassis.types.ids import uuid7
from services.customers.customization.queries.custom_fields import CustomFields
from services.customers.customization.rules.custom_fields import explain_misfit
from services.customers.customization.tables import CustomField
from tests.support.custom_fields import MANY_CUSTOMERS, choices, custom_of, customer_with, define
from tests.support.facts import a_customer, known_as
from tests.support.round_trips import round_trips
from tests.support.service import ServiceUnderTest

FITTING: list[tuple[str, Any]] = [
    ("text", "Assam"),
    ("text", "x" * 10_000),
    ("number", 12),
    ("number", -0.5),
    ("number", "12.50"),
    ("number", "999999999999999999.9999999999"),
    ("date", "2024-02-29"),
    ("date", "0001-01-01"),
    ("choice", "assam"),
    ("boolean", False),
    ("text", ""),
    ("number", None),
]
MISFITTING: list[tuple[str, Any, str]] = [
    ("text", 5, "wrong_type"),
    ("text", ["Assam"], "wrong_type"),
    ("text", "x" * 10_001, "too_long"),
    ("number", True, "wrong_type"),
    ("number", "12,50", "wrong_format"),
    ("number", "1e3", "wrong_format"),
    ("number", 10**18, "too_many_digits"),
    ("number", "0.12345678901", "too_many_digits"),
    ("date", "2023-02-29", "not_a_date"),
    ("date", "29-02-2024", "not_a_date"),
    ("date", "2024-02-29T10:00:00Z", "not_a_date"),
    ("choice", "mate", "not_one_of"),
    ("choice", {"value": "assam"}, "not_one_of"),
    ("boolean", "true", "wrong_type"),
    ("reference", "4711", "wrong_format"),
]


def a_definition(type: Any) -> CustomField:
    options = [{"value": "assam", "label": None, "retired": False}] if type == "choice" else []
    return CustomField(record_kind="customer", name="f", type=type, options=options)


@pytest.mark.parametrize(("type", "value", "code"), [*((*pair, None) for pair in FITTING), *MISFITTING])
async def test_the_service_and_the_database_agree_on_a_value(
    customers: ServiceUnderTest, type: str, value: Any, code: str | None
) -> None:
    misfit = explain_misfit(a_definition(type), value)
    assert (misfit and misfit[0]) == code
    if value not in (None, ""):
        (row,) = await customers.rows(
            "select custom_value_fits($1, false, array['assam'], $2::jsonb) as fits", type, value
        )
        assert row["fits"] == (code is None)


async def test_a_value_that_does_not_fit_is_refused_wherever_it_is_written(customers: ServiceUnderTest) -> None:
    await define(customers, "age", "number")
    id, wrong = await customer_with(customers, age=40, other="kept"), {"custom": {"age": "forty"}}
    answers = [
        await customers.post("/v1/customers", a_customer(**wrong)),
        await customers.patch(f"/v1/customers/{id}", wrong),
        await customers.put("/v1/customers/by-external-id?source=till&id=1", a_customer(**wrong)),
    ]
    batch = {"items": [a_customer(**wrong, **known_as("2")), a_customer(**known_as("3"))]}
    results = (await customers.post("/v1/customers/batch", batch)).json()["results"]
    assert [result["status"] for result in results] == ["refused", "created"]
    for problem in [*(answer.json() for answer in answers), results[0]["problem"]]:
        assert problem["status"] == 422
        assert [(error["pointer"], error["code"]) for error in problem["errors"]] == [("/custom/age", "wrong_format")]
    assert (await customers.get(f"/v1/customers/{id}")).json()["custom"] == {"age": 40, "other": "kept"}


async def test_a_required_field_is_needed_by_new_records_and_never_removed(customers: ServiceUnderTest) -> None:
    old = await customer_with(customers)
    answer = await customers.post(
        "/v1/custom-fields", {"record_kind": "customer", "name": "tea", "type": "text", "required": True}
    )
    assert (answer.status_code, answer.json()["code"]) == (409, "values_do_not_fit")
    assert (answer.json()["records"], answer.json()["first_ids"]) == (1, [old])
    await define(customers, "tea", required=True, misfits="leave")
    for custom in ({}, {"tea": None}, {"tea": ""}):
        refused = await customers.post("/v1/customers", a_customer(custom=custom))
        assert [error["code"] for error in refused.json()["errors"]] == ["required"]
    new = await customer_with(customers, tea="Assam")
    assert (await customers.patch(f"/v1/customers/{new}", {"custom": {"tea": None}})).status_code == 422
    assert (await customers.patch(f"/v1/customers/{new}", {"custom": None})).status_code == 422
    assert (await customers.patch(f"/v1/customers/{old}", {"custom": {"other": 1}})).status_code == 200


async def test_one_of_many_equal_requests_gets_a_unique_value(customers: ServiceUnderTest) -> None:
    await define(customers, "card", unique=True)
    bodies = [a_customer(custom={"card": text}) for text in ("AB 1", "ab 1", " Ab 1") * 6]
    answers = await asyncio.gather(*(customers.post("/v1/customers", body) for body in bodies))
    winner = next(answer.json()["id"] for answer in answers if answer.status_code == 201)
    refused = [answer.json() for answer in answers if answer.status_code != 201]
    assert len(refused) == len(bodies) - 1
    assert {(one["code"], one["record_id"], one["pointer"]) for one in refused} == {
        ("custom_value_taken", winner, "/custom/card")
    }
    assert (await customers.patch(f"/v1/customers/{winner}", {"custom": {"card": "ab 1"}})).status_code == 200


async def test_a_batch_gives_a_unique_value_to_its_first_item(customers: ServiceUnderTest) -> None:
    await define(customers, "number", "number", unique=True)
    items = [a_customer(custom={"number": value}, **known_as(str(value))) for value in (1, "1.0", 2)]
    results = (await customers.post("/v1/customers/batch", {"items": items})).json()["results"]
    assert [result["status"] for result in results] == ["created", "refused", "created"]
    assert results[1]["problem"]["record_id"] == results[0]["id"]
    again = (await customers.post("/v1/customers/batch", {"items": items[:1]})).json()["results"]
    assert again[0]["status"] == "unchanged"


async def test_a_reference_names_a_customer_of_the_tenant(running_customers: ServiceUnderTest) -> None:
    one, other = await running_customers.for_new_tenant(), await running_customers.for_new_tenant()
    await define(one, "friend", "reference", indexed=True)
    friend, stranger = await customer_with(one), await customer_with(other)
    id = await customer_with(one, friend=friend.upper())
    for unknown in (stranger, str(uuid7())):
        refused = await one.patch(f"/v1/customers/{id}", {"custom": {"friend": unknown}})
        assert [error["code"] for error in refused.json()["errors"]] == ["unknown_record"]
    assert await custom_of(one, **{"custom.friend": friend}) == [{"friend": friend.upper()}]


async def test_a_retired_option_is_kept_and_not_given_again(customers: ServiceUnderTest) -> None:
    field = await define(customers, "tea", "choice", options=choices("assam", "mate"))
    old, new = await customer_with(customers, tea="mate"), await customer_with(customers, tea="assam")
    path = f"/v1/custom-fields/{field['id']}"
    without = await customers.patch(path, {"options": choices("assam")})
    assert (without.status_code, without.json()["records"]) == (409, 1)
    options = [{"value": "assam"}, {"value": "mate", "retired": True}]
    assert (await customers.patch(path, {"options": options})).status_code == 200
    refused = await customers.patch(f"/v1/customers/{new}", {"custom": {"tea": "mate"}})
    assert [error["code"] for error in refused.json()["errors"]] == ["option_retired"]
    assert (await customers.patch(f"/v1/customers/{old}", {"custom": {"tea": "mate", "x": 1}})).status_code == 200


async def test_a_check_reports_the_records_and_changes_nothing(customers: ServiceUnderTest) -> None:
    field = await define(customers, "age")
    misfits = [await customer_with(customers, age=age) for age in ("old", "young")]
    await customer_with(customers, age="41")
    path = f"/v1/custom-fields/{field['id']}"
    report = (await customers.post(f"{path}/check", {"type": "number"})).json()
    assert report == {"records": 2, "first_ids": sorted(misfits)}
    assert (await customers.post(f"{path}/check", {})).json()["records"] == 0
    assert (await customers.post(f"{path}/check", {"unique": True})).json()["records"] == 0
    refused = await customers.patch(path, {"type": "number"})
    assert (refused.json()["code"], refused.json()["records"]) == ("values_do_not_fit", 2)
    assert (await customers.get(path)).json() == field
    changed = await customers.request("PATCH", path, params={"misfits": "leave"}, json={"type": "number"})
    assert (changed.json()["type"], changed.json()["version"]) == ("number", 2)
    assert (await customers.patch(f"/v1/customers/{misfits[0]}", {"area": "north"})).status_code == 200


async def test_values_that_were_left_equal_stay_and_are_not_given_again(customers: ServiceUnderTest) -> None:
    first, second = [await customer_with(customers, card="7") for _ in range(2)]
    await define(customers, "card", unique=True, misfits="leave")
    assert (await customers.patch(f"/v1/customers/{second}", {"custom": {"other": 1}})).status_code == 200
    third = await customers.post("/v1/customers", a_customer(custom={"card": "7"}))
    assert third.json()["record_id"] == first
    assert len(await custom_of(customers, **{"custom.card": "7"})) == 2


async def test_undefined_names_are_allowed_until_the_tenant_refuses_them(customers: ServiceUnderTest) -> None:
    await define(customers, "tea")
    id = await customer_with(customers, tea="Assam", anything={"goes": [1]})
    rules = {"record_kind": "customer", "allow_undefined": False}
    assert (await customers.put("/v1/custom-fields/rules", rules)).json() == rules
    assert (await customers.get("/v1/custom-fields/rules")).json() == rules
    refused = await customers.patch(f"/v1/customers/{id}", {"custom": {"teaa": "Assam"}})
    assert [(error["pointer"], error["code"]) for error in refused.json()["errors"]] == [
        ("/custom/teaa", "undefined_field")
    ]
    for custom in ({"tea": "Mate"}, {"anything": None}):
        assert (await customers.patch(f"/v1/customers/{id}", {"custom": custom})).status_code == 200


async def test_a_definition_is_deleted_once_no_record_has_a_value_or_they_are_left(customers: ServiceUnderTest) -> None:
    field = await define(customers, "age", "number", indexed=True)
    id = await customer_with(customers, age=40)
    path = f"/v1/custom-fields/{field['id']}"
    refused = await customers.request("DELETE", path)
    assert (refused.status_code, refused.json()["first_ids"]) == (409, [id])
    assert (await customers.request("DELETE", path, params={"misfits": "leave"})).status_code == 204
    assert (await customers.patch(f"/v1/customers/{id}", {"custom": {"age": "forty"}})).status_code == 200
    assert await customers.rows("select * from custom_field_value") == []
    types = [event.type for event in await customers.published() if "field" in event.type]
    assert types == ["customers.custom_field_defined.v1", "customers.custom_field_deleted.v1"]


@pytest.mark.parametrize(
    ("properties", "status", "code"),
    [
        ({"name": "Favourite tea"}, 422, "wrong_format"),
        ({"name": "a.b"}, 422, "wrong_format"),
        ({"type": "money"}, 422, "not_one_of"),
        ({"type": "choice"}, 422, "options_misplaced"),
        ({"options": choices("a")}, 422, "options_misplaced"),
        ({"type": "choice", "options": choices("a", "A")}, 422, "option_twice"),
        ({"type": "boolean", "unique": True}, 422, "never_unique"),
        ({"record_kind": "invoice"}, 422, "not_one_of"),
    ],
)
async def test_a_definition_without_sense_is_refused(
    customers: ServiceUnderTest, properties: dict[str, Any], status: int, code: str
) -> None:
    body = {"record_kind": "customer", "name": "f", "type": "text"} | properties
    answer = await customers.post("/v1/custom-fields", body)
    assert (answer.status_code, [error["code"] for error in answer.json()["errors"]]) == (status, [code])


async def test_a_name_is_defined_once(customers: ServiceUnderTest) -> None:
    body = {"record_kind": "customer", "name": "tea", "type": "text"}
    answers = await asyncio.gather(*(customers.post("/v1/custom-fields", body) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409, 409]
    assert (await customers.post("/v1/custom-fields", body | {"record_kind": "deal"})).status_code == 201


async def test_a_record_that_was_checked_by_former_definitions_is_checked_again(customers: ServiceUnderTest) -> None:
    async def check_by_former_definitions() -> None:
        async with customers.work() as work:
            fields = await CustomFields.load(work, "customer")
            await define(customers, "tea", required=True)
            await fields.confirm(work)

    with pytest.raises(asyncpg.SerializationError):
        await check_by_former_definitions()


async def test_definitions_cost_a_single_look_up_and_nothing_without_any(customers: ServiceUnderTest) -> None:
    assert await costs_of_a_record(customers) == 1
    defined = await customers.post("/v1/custom-fields", {"record_kind": "customer", "name": "visits", "type": "number"})
    assert defined.status_code == 201
    refused = await customers.post("/v1/customers", a_customer(custom={"visits": "often"}))
    assert refused.status_code == 422, "the remembered absence of definitions does not hold any longer"
    assert await costs_of_a_record(customers) == 2  # the definitions, and everything else


async def costs_of_a_record(customers: ServiceUnderTest) -> int:
    await customers.post("/v1/customers", a_customer())
    with round_trips() as sent:
        response = await customers.post("/v1/customers", a_customer(custom={"tea": "Assam"}))
    assert response.status_code == 201
    return len(sent)


async def test_existing_values_are_stored_in_batches_until_the_index_is_ready(customers: ServiceUnderTest) -> None:
    async with customers.transaction_of_worker() as transaction:
        await (await transaction.begin()).execute(MANY_CUSTOMERS)
    field = await define(customers, "number", "number", indexed=True)
    assert field["state"] == "building"
    refused = await customers.get("/v1/customers", **{"custom.number": "1"})
    assert (refused.status_code, refused.json()["code"]) == (409, "custom_field_index_building")
    (last,) = await customers.rows("select id from customer order by id desc limit 1")
    await customers.patch(f"/v1/customers/{last['id']}", {"custom": {"number": 0}})
    await customers.published()
    await customers.run_periodic_tasks()
    ready = (await customers.get(f"/v1/custom-fields/{field['id']}")).json()
    assert (ready["state"], ready["version"]) == ("ready", 2)
    assert [event.data["changed"] for event in await customers.published()] == [["state"]]
    found = await custom_of(customers, sort="custom.number", **{"custom.number.lte": "3"})
    assert [custom["number"] for custom in found] == [0, 1, 2, 3]
    (count,) = await customers.rows("select count(*) from custom_field_value")
    assert count["count"] == 2500


async def test_a_unique_value_is_refused_while_its_index_is_building(customers: ServiceUnderTest) -> None:
    async with customers.transaction_of_worker() as transaction:
        await (await transaction.begin()).execute(MANY_CUSTOMERS)
    field = await define(customers, "code", unique=True)
    assert field["state"] == "building"
    refused = await customers.post("/v1/customers", a_customer(custom={"code": "C2400"}))
    assert refused.json()["code"] == "custom_value_taken"
    await customer_with(customers, code="new")
    await customers.run_periodic_tasks()
    assert (await customers.post("/v1/customers", a_customer(custom={"code": "NEW"}))).status_code == 409


async def test_values_leave_the_index_with_their_record(customers: ServiceUnderTest) -> None:
    await define(customers, "card", unique=True)
    merged, deleted = [await customer_with(customers, card=card) for card in ("1", "2")]
    async with customers.transaction_of_worker() as transaction:
        connection = await transaction.begin()
        await connection.execute("update customer set state = 'merged' where id = $1", merged)
        await connection.execute("delete from customer where id = $1", deleted)
    assert await customers.rows("select * from custom_field_value") == []
    await customer_with(customers, card="1")
