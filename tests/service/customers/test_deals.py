"""Deals: stages, history, win, lose, reopen, stalls, and what several clients do at once."""

import asyncio
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest

from chassis.types.ids import uuid7
from tests.support.custom_fields import define
from tests.support.sales import a_deal, a_pipeline, a_product_of, events_of, ids_of
from tests.support.service import ServiceUnderTest

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


async def move(customers: ServiceUnderTest, deal: dict[str, Any], stage: str) -> Any:
    return await customers.post(f"/v1/deals/{deal['id']}/stage-changes", {"stage_id": stage})


async def test_the_first_deals_at_once_create_one_default_pipeline(customers: ServiceUnderTest) -> None:
    buyer = (await customers.post("/v1/customers", {"kind": "organization", "name": "Tea House"})).json()["id"]
    body = {"customer_id": buyer, "name": "Kettles"}
    responses = await asyncio.gather(*(customers.post("/v1/deals", body) for _ in range(6)))
    assert Counter(response.status_code for response in responses) == {201: 6}
    (pipeline,) = (await customers.get("/v1/pipelines")).json()["items"]
    assert {response.json()["stage_id"] for response in responses} == {pipeline["stages"][0]["id"]}
    assert (pipeline["is_default"], pipeline["stages"][0]["probability"]) == (True, "0.1")
    (opened, *_) = await events_of(customers, "customers.deal_created.v1")
    assert (opened.subject, opened.data["amount"]) == (buyer, None)
    assert "Kettles" not in str(opened.data)


async def test_a_move_is_recorded_with_its_duration_and_actor(customers: ServiceUnderTest) -> None:
    shop = await customers.for_new_tenant(kind="sandbox", clock_at=NOW)
    pipeline = await a_pipeline(shop)
    first, second, *_ = ids_of(pipeline["stages"])
    deal = await a_deal(shop, pipeline)
    later = shop.for_tenant(shop.tenant.model_copy(update={"clock_at": NOW.replace(hour=13)}))
    moved = (await move(later, deal, second)).json()
    assert (moved["stage_id"], moved["version"]) == (second, 2)
    created, change = (await shop.get(f"/v1/deals/{deal['id']}/stage-changes")).json()["items"]
    assert (created["kind"], created["from_stage_id"], created["seconds_in_previous"]) == ("created", None, None)
    assert (change["from_stage_id"], change["to_stage_name"]) == (first, "Offer")
    assert (change["seconds_in_previous"], change["actor"]) == (3600, "key:test")
    (event,) = await events_of(shop, "customers.deal_stage_changed.v1")
    assert (event.data["previous_stage_id"], event.data["seconds_in_previous_stage"]) == (first, 3600)


async def test_a_stage_is_neither_repeated_nor_foreign_nor_closing(customers: ServiceUnderTest) -> None:
    pipeline, other = await a_pipeline(customers), await a_pipeline(customers, name="Other")
    deal = await a_deal(customers, pipeline)
    first, _, _, won, _ = ids_of(pipeline["stages"])
    assert (await move(customers, deal, first)).json()["code"] == "same_stage"
    assert (await move(customers, deal, won)).json()["code"] == "closing_stage"
    for foreign in (ids_of(other["stages"])[0], str(uuid7())):
        refusal = await move(customers, deal, foreign)
        assert (refusal.status_code, refusal.json()["errors"][0]["pointer"]) == (422, "/stage_id")
    assert (await customers.get(f"/v1/deals/{deal['id']}")).json()["version"] == 1


async def test_a_pipeline_may_forbid_to_skip_stages(customers: ServiceUnderTest) -> None:
    pipeline = await a_pipeline(customers, allows_skipping=False)
    deal = await a_deal(customers, pipeline)
    _, second, third, _, _ = ids_of(pipeline["stages"])
    refusal = await move(customers, deal, third)
    assert (refusal.status_code, refusal.json()["code"]) == (409, "stage_skipped")
    assert (await customers.post(f"/v1/deals/{deal['id']}/win", None)).json()["code"] == "stage_skipped"
    assert [(await move(customers, deal, stage)).status_code for stage in (second, third)] == [200, 200]
    assert (await customers.request("POST", f"/v1/deals/{deal['id']}/win")).status_code == 200


async def test_missing_fields_are_listed_by_their_pointers(customers: ServiceUnderTest) -> None:
    pipeline = await a_pipeline(customers, required=["amount", "expected_close_on", "custom.size"])
    deal = await a_deal(customers, pipeline, expected_close_on="2026-06-30")
    second = ids_of(pipeline["stages"])[1]
    refusal = (await move(customers, deal, second)).json()
    assert refusal["code"] == "stage_fields_missing"
    assert [error["pointer"] for error in refusal["errors"]] == ["/amount", "/custom/size"]
    path = f"/v1/deals/{deal['id']}"
    assert (await customers.patch(path, {"amount": "1.00", "custom": {"size": "large"}})).status_code == 200
    assert (await move(customers, deal, second)).status_code == 200
    taken = (await customers.patch(path, {"expected_close_on": None})).json()
    assert (taken["code"], taken["errors"][0]["pointer"]) == ("stage_fields_missing", "/expected_close_on")
    body = {"customer_id": deal["customer_id"], "name": "x", "pipeline_id": pipeline["id"], "stage_id": second}
    assert (await customers.post("/v1/deals", body)).json()["code"] == "stage_fields_missing"


async def test_a_deal_is_lost_with_a_known_reason_and_reopened_where_it_was(customers: ServiceUnderTest) -> None:
    pipeline = await a_pipeline(customers, lost_reasons=["no licence"])
    second = ids_of(pipeline["stages"])[1]
    deal = await a_deal(customers, pipeline, stage_id=second)
    path = f"/v1/deals/{deal['id']}"
    assert (await customers.post(f"{path}/lose", {"reason": "bad mood"})).json()["errors"][0]["code"] == "not_one_of"
    lost = (await customers.post(f"{path}/lose", {"reason": "no licence", "note": "Next year."})).json()
    assert (lost["state"], lost["lost_reason"], lost["lost_note"]) == ("lost", "no licence", "Next year.")
    assert (await move(customers, deal, second)).json()["code"] == "deal_closed"
    reopened = (await customers.post(f"{path}/reopen", {})).json()
    assert (reopened["state"], reopened["stage_id"], reopened["lost_reason"]) == ("open", second, None)
    assert (await customers.post(f"{path}/reopen", {})).json()["code"] == "deal_open"
    types = [event.type for event in await customers.published() if event.subject == deal["customer_id"]]
    assert types[-2:] == ["customers.deal_lost.v1", "customers.deal_reopened.v1"]


async def test_of_parallel_ends_one_ends_the_deal(customers: ServiceUnderTest) -> None:
    deal = await a_deal(customers, await a_pipeline(customers), amount="10.00")
    path = f"/v1/deals/{deal['id']}"
    ends = [customers.request("POST", f"{path}/win") for _ in range(4)]
    ends += [customers.post(f"{path}/lose", {"reason": "price"}) for _ in range(4)]
    assert Counter(response.status_code for response in await asyncio.gather(*ends)) == {200: 1, 409: 7}
    ended = await events_of(customers, "customers.deal_won.v1", "customers.deal_lost.v1")
    assert len(ended) == 1
    changes = (await customers.get(f"{path}/stage-changes")).json()["items"]
    assert len(changes) == 2


async def test_the_amount_of_a_deal_is_the_sum_of_its_lines(customers: ServiceUnderTest) -> None:
    product = await a_product_of(customers, list_price="39.00")
    deal = await a_deal(customers, await a_pipeline(customers), amount="1.00")
    path = f"/v1/deals/{deal['id']}"
    body = {
        "lines": [
            {"product_id": product["id"], "quantity": "10", "discount": "40.00"},
            {"name": "Delivery", "quantity": "1.5", "unit_price": "0.333"},
        ]
    }
    lines = (await customers.put(f"{path}/lines", body, if_match='"1"')).json()
    assert [line["amount"] for line in lines["lines"]] == ["350.00", "0.50"]
    assert (lines["total"], lines["discount_percent"]) == ({"amount": "350.50", "currency": "EUR"}, "10.25")
    assert (await customers.get(path)).json()["amount"] == "350.50"
    assert (await customers.patch(path, {"amount": "2.00"})).json()["code"] == "amount_from_lines"
    assert (await customers.put(f"{path}/lines", body)).json()["version"] == 2  # nothing has changed
    none = (await customers.put(f"{path}/lines", {"lines": []})).json()
    assert (none["total"], (await customers.get(path)).json()["amount"]) == (None, None)


@pytest.mark.parametrize(
    ("line", "pointer"),
    [
        ({"product_id": str(uuid7()), "quantity": "1"}, "/lines/0/product_id"),
        ({"name": "x", "quantity": "1"}, "/lines/0/unit_price"),
        ({"quantity": "1", "unit_price": "1"}, "/lines/0/name"),
        ({"name": "x", "quantity": "1", "unit_price": "1", "discount": "1.01"}, "/lines/0/discount"),
        ({"name": "x", "quantity": "999999999", "unit_price": "999999999999"}, "/lines/0/quantity"),
    ],
)
async def test_a_wrong_line_is_named(customers: ServiceUnderTest, line: dict[str, Any], pointer: str) -> None:
    deal = await a_deal(customers, await a_pipeline(customers))
    refusal = await customers.put(f"/v1/deals/{deal['id']}/lines", {"lines": [line]})
    assert (refusal.status_code, refusal.json()["errors"][0]["pointer"]) == (422, pointer)


async def test_a_stalled_deal_is_announced_once_until_it_changes(customers: ServiceUnderTest) -> None:
    shop = await customers.for_new_tenant(kind="sandbox", clock_at=NOW)
    deal = await a_deal(shop, await a_pipeline(shop, stalled_after_days=10))
    later = shop.for_tenant(shop.tenant.model_copy(update={"clock_at": NOW.replace(day=11)}))
    await asyncio.gather(later.run_periodic_tasks(), later.run_periodic_tasks())
    await later.run_periodic_tasks()
    assert [event.data["deal_id"] for event in await events_of(later, "customers.deal_stalled.v1")] == [deal["id"]]
    assert ids_of((await later.get("/v1/deals", stalled="true")).json()["items"]) == [deal["id"]]
    changed = (await later.patch(f"/v1/deals/{deal['id']}", {"competitor": "Pots & Co"})).json()
    assert changed["stalled"] is False
    assert (await later.get("/v1/deals", stalled="true")).json()["items"] == []
    end = shop.for_tenant(shop.tenant.model_copy(update={"clock_at": NOW.replace(day=21)}))
    await end.run_periodic_tasks()
    assert len(await events_of(end, "customers.deal_stalled.v1")) == 1


async def test_lists_are_sorted_over_pages_also_by_what_is_not_known(customers: ServiceUnderTest) -> None:
    pipeline = await a_pipeline(customers)
    amounts = ["5.00", None, "1.00", "5.00", None]
    deals = [await a_deal(customers, pipeline, **({"amount": amount} if amount else {})) for amount in amounts]
    expected = ids_of([deals[at] for at in (3, 0, 2, 4, 1)])
    seen: list[str] = []
    cursor = {}
    while cursor is not None:
        page = (await customers.get("/v1/deals", sort="-amount", limit=2, **cursor)).json()
        seen += ids_of(page["items"])
        cursor = {"cursor": page["next_cursor"]} if page["next_cursor"] else None
    assert seen == expected
    mine = (await customers.get("/v1/deals", customer_id=deals[2]["customer_id"], state="open")).json()["items"]
    assert ids_of(mine) == [deals[2]["id"]]


async def test_a_deal_needs_a_customer_of_the_tenant(customers: ServiceUnderTest) -> None:
    other = await customers.for_new_tenant()
    foreign = (await a_deal(other, await a_pipeline(other)))["customer_id"]
    refusal = await customers.post("/v1/deals", {"customer_id": foreign, "name": "x"})
    assert (refusal.status_code, refusal.json()["errors"][0]["pointer"]) == (422, "/customer_id")
    assert (await customers.get("/v1/pipelines")).json()["items"] == []


async def test_custom_fields_of_deals_are_checked_and_found(customers: ServiceUnderTest) -> None:
    await define(customers, "seats", "number", indexed=True, record_kind="deal")
    await define(customers, "tender", indexed=True, unique=True, record_kind="deal")
    pipeline = await a_pipeline(customers)
    large = await a_deal(customers, pipeline, custom={"seats": 200, "tender": "T-1"})
    small = await a_deal(customers, pipeline, custom={"seats": 3})
    path = f"/v1/deals/{small['id']}"
    refusal = await customers.patch(path, {"custom": {"seats": "many"}})
    assert (refusal.status_code, refusal.json()["errors"][0]["pointer"]) == (422, "/custom/seats")
    assert (await customers.patch(path, {"custom": {"tender": "t-1"}})).json()["code"] == "custom_value_taken"
    assert (await customers.patch(path, {"custom": {"seats": 300}})).status_code == 200
    found = (await customers.get("/v1/deals", **{"custom.seats.gte": "250"})).json()["items"]
    assert ids_of(found) == [small["id"]]
    ordered = (await customers.get("/v1/deals", sort="-custom.seats")).json()["items"]
    assert ids_of(ordered) == [small["id"], large["id"]]


async def test_deals_of_a_merged_customer_belong_to_the_survivor(customers: ServiceUnderTest) -> None:
    pipeline = await a_pipeline(customers)
    deal = await a_deal(customers, pipeline)
    survivor = (await a_deal(customers, pipeline))["customer_id"]
    merged = deal["customer_id"]
    response = await customers.post(f"/v1/customers/{survivor}/merge", {"merged_id": merged})
    assert response.is_success, response.text
    body = {"customer_id": merged, "name": "More kettles"}
    later = (await customers.post("/v1/deals", body)).json()
    assert later["customer_id"] == survivor
    found = (await customers.get("/v1/deals", customer_id=merged)).json()["items"]
    assert {deal["id"], later["id"]} < set(ids_of(found))
