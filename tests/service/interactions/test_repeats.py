"""Repeats: a single record is inserted without a look-up, and a repeat of it is noticed by the database."""

import asyncio
from collections import Counter
from typing import Any

import pytest

from chassis.types.ids import uuid7
from tests.support.facts import a_purchase
from tests.support.interactions import a_refund_by_source, a_touch_point
from tests.support.service import ServiceUnderTest

RECORDS = [("/v1/purchases", a_purchase, "store"), ("/v1/touch-points", a_touch_point, "agent_id")]
each_record = pytest.mark.parametrize(("path", "a_record", "field"), RECORDS)


@each_record
async def test_parallel_repeats_record_once(
    interactions: ServiceUnderTest, path: str, a_record: Any, field: str
) -> None:
    body = a_record(uuid7())
    responses = await asyncio.gather(*(interactions.post(path, body) for _ in range(20)))
    assert Counter(response.status_code for response in responses) == {201: 1, 200: 19}
    assert all(response.json() == responses[0].json() for response in responses)
    assert len(await interactions.published()) == 1
    assert await interactions.rows("select records from awaited_customer") == [{"records": 1}]


@each_record
async def test_of_parallel_records_under_one_number_the_others_are_rejected_with_its_id(
    interactions: ServiceUnderTest, path: str, a_record: Any, field: str
) -> None:
    body = a_record(uuid7())
    responses = await asyncio.gather(*(interactions.post(path, body | {field: str(number)}) for number in range(10)))
    assert Counter(response.status_code for response in responses) == {201: 1, 409: 9}
    ids = {response.json()["id"] for response in responses}
    assert len(ids) == 1, "a rejection names the record that exists"
    assert {response.json().get("code") for response in responses} == {None, "source_id_reused"}


@each_record
async def test_a_repeat_with_an_idempotency_key_is_answered_and_kept(
    interactions: ServiceUnderTest, path: str, a_record: Any, field: str
) -> None:
    body = a_record(uuid7())
    first = await interactions.post(path, body)
    for key in ("a", "b"):
        repeat = await interactions.post(path, body, idempotency_key=key)
        again = await interactions.post(path, body, idempotency_key=key)
        assert (repeat.status_code, again.status_code) == (200, 200)
        assert first.json() == repeat.json() == again.json()
        assert again.headers["idempotency-replayed"] == "true"
    other = await interactions.post(path, body | {field: "other"}, idempotency_key="c")
    assert (other.status_code, other.json()["id"]) == (409, first.json()["id"])
    assert len(await interactions.published()) == 1


async def test_a_refund_that_waits_is_recorded_although_its_purchase_is_repeated(
    interactions: ServiceUnderTest,
) -> None:
    body = a_purchase()
    refund = a_refund_by_source(body["source_id"], amount="1.00")
    requests = [("/v1/refunds", refund), ("/v1/purchases", body)] * 5
    responses = await asyncio.gather(*(interactions.post(path, sent) for path, sent in requests))
    assert {response.status_code for response in responses} <= {200, 201, 202}, [one.text for one in responses]
    await interactions.run_periodic_tasks()
    (purchase,) = {response.json()["id"] for response in responses[1::2]}
    assert len((await interactions.get(f"/v1/purchases/{purchase}/refunds")).json()["items"]) == 1
    assert (await interactions.get("/v1/waiting-refunds")).json()["items"] == []
