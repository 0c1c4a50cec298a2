"""Threads of touch points: complete, in whatever order their records arrive."""

from itertools import permutations
from typing import Any

import pytest

from chassis.types.ids import uuid7
from services.interactions.contact.rules.threads import own_thread
from tests.support.interactions import a_touch_point
from tests.support.service import ServiceUnderTest


async def thread_ids(interactions: ServiceUnderTest) -> dict[str, str]:
    items = (await interactions.get("/v1/touch-points", limit="200")).json()["items"]
    return {item["source_id"]: item["thread_id"] for item in items}


def conversation(customer: object) -> list[dict[str, Any]]:
    """Return a message, two answers to it, and an answer to an answer."""
    answers = {"m-1": None, "m-2": "m-1", "m-3": "m-2", "m-4": "m-1"}
    return [
        a_touch_point(customer, source_id=id, **({"reply_to": answered} if answered else {}))
        for id, answered in answers.items()
    ]


async def test_a_thread_is_the_same_in_any_order_of_its_records(running_interactions: ServiceUnderTest) -> None:
    """Its id follows from the tenant and from the record that begins it."""
    for order in list(permutations(range(4)))[::3]:
        shop = await running_interactions.for_new_tenant()
        messages = conversation(uuid7())
        for number in order:
            assert (await shop.post("/v1/touch-points", messages[number])).status_code == 201
        found = await thread_ids(shop)
        begun = own_thread(shop.tenant.id, messages[0]["source"], messages[0]["source_id"])
        assert set(found.values()) == {str(begun)}, (order, found)


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 2, 1, 0), (2, 0, 3, 1)])
async def test_the_records_of_a_batch_are_a_thread(interactions: ServiceUnderTest, order: tuple[int, ...]) -> None:
    messages = conversation(uuid7())
    batch = {"items": [messages[number] for number in order]}
    results = (await interactions.post("/v1/touch-points/batch", batch)).json()["results"]
    assert {result["status"] for result in results} == {"created"}
    (thread,) = set((await thread_ids(interactions)).values())
    listed = (await interactions.get("/v1/touch-points", thread_id=thread, sort="occurred_at")).json()["items"]
    assert len(listed) == 4


async def test_records_that_answer_each_other_in_a_circle_are_a_thread(interactions: ServiceUnderTest) -> None:
    circle = [a_touch_point(uuid7(), source_id=f"m-{n}", reply_to=f"m-{(n + 1) % 3}") for n in range(3)]
    results = (await interactions.post("/v1/touch-points/batch", {"items": circle})).json()["results"]
    assert {result["status"] for result in results} == {"created"}
    assert len(set((await thread_ids(interactions)).values())) == 1
    alone = await interactions.post("/v1/touch-points", a_touch_point(uuid7(), source_id="x", reply_to="x"))
    assert alone.status_code == 201


async def test_a_thread_may_have_a_name_of_its_source(interactions: ServiceUnderTest) -> None:
    for source_id, source in (("1", "chat"), ("2", "chat"), ("1", "sms")):
        body = a_touch_point(uuid7(), source=source, source_id=source_id, thread="t-1")
        assert (await interactions.post("/v1/touch-points", body)).json()["thread"] == "t-1"
    items = (await interactions.get("/v1/touch-points", source="chat")).json()["items"]
    (thread,) = {item["thread_id"] for item in items}
    assert len((await interactions.get("/v1/touch-points", thread_id=thread)).json()["items"]) == 2
    both = await interactions.post("/v1/touch-points", a_touch_point(uuid7(), thread="t", reply_to="m"))
    assert (both.status_code, both.json()["errors"][0]["pointer"]) == (422, "")


async def test_a_reply_begins_the_thread_of_a_record_without_one(interactions: ServiceUnderTest) -> None:
    first = (await interactions.post("/v1/touch-points", a_touch_point(uuid7(), source_id="m-1"))).json()
    await interactions.rows("update touch_point set thread_id = null returning id")
    assert (await interactions.get(f"/v1/touch-points/{first['id']}")).json()["thread_id"] is None
    reply = a_touch_point(uuid7(), source_id="m-2", reply_to="m-1")
    assert (await interactions.post("/v1/touch-points", reply)).json()["thread_id"] == first["thread_id"]
    assert len((await interactions.get("/v1/touch-points", thread_id=first["thread_id"])).json()["items"]) == 2
