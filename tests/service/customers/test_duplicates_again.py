"""Searches for duplicates that begin by themselves, and the event of each new pair."""

import asyncio
from uuid import UUID

import pytest

from chassis.messaging.periodic import run_once
from chassis.types import json
from services.customers.lifecycle.duplicates import searching, starting
from services.customers.lifecycle.duplicates.events import DuplicateFound
from services.customers.people.tables import Customer
from tests.service.customers.test_duplicates import ADA, HOME, change, create, merge, undo
from tests.support.duplicates import duplicates, job_runner, search
from tests.support.erasure import erase
from tests.support.facts import a_customer
from tests.support.round_trips import statements
from tests.support.rows_read import rows_read
from tests.support.service import ServiceUnderTest

FOUND = DuplicateFound.event_type


async def found(customers: ServiceUnderTest) -> list[tuple[str, str]]:
    """Take the events of pairs out of the outbox. Return the ids of their records."""
    events = [event for event in await customers.published() if event.type == FOUND]
    assert all(event.subject == event.data["customer_id"] for event in events)
    return sorted((event.data["customer_id"], event.data["other_customer_id"]) for event in events)


async def run_task(customers: ServiceUnderTest) -> None:
    """Run the periodic task that starts searches."""
    (task,) = (task for task in customers.service.tasks if task.run is starting.search_again)
    assert not await run_once(customers.shared.worker_pool, task, customers.tenant)


async def searches(customers: ServiceUnderTest) -> list[tuple[str, str]]:
    """Return the state and the actor of each search, newest first."""
    items = (await customers.get("/v1/duplicate-searches")).json()["items"]
    return [(item["state"], item["actor"]) for item in items]


async def begun(customers: ServiceUnderTest) -> bool:
    """Run the task, and do the search that it starts. Returns whether it has started one."""
    before = len(await searches(customers))
    await run_task(customers)
    await customers.run_jobs()
    return len(await searches(customers)) > before


async def set_last(customers: ServiceUnderTest, sql: str) -> None:
    await customers.as_owner(
        f"update job set {sql} where tenant_id = '{customers.tenant.id}' and kind = 'duplicate_search'"
    )


# Events


async def test_a_new_pair_is_published_with_its_score_and_without_personal_text(customers: ServiceUnderTest) -> None:
    first = await create(customers, **ADA, emails=[{"address": "ada@example.com"}], addresses=[HOME])
    second = await create(customers, **ADA, emails=[{"address": "king@example.com"}])
    await customers.published()
    await search(customers)
    (event,) = await customers.published()
    (pair,) = await duplicates(customers)
    assert (event.type, event.subject) == (FOUND, first)
    assert event.data == {
        "duplicate_id": pair["id"],
        "customer_id": first,
        "other_customer_id": second,
        "score": 99,
        "attributes": ["name", "birth_date"],
        "reported": False,
        "found_at": pair["created_at"],
    }
    assert not any(text in json.dumps_str(event.data) for text in ("Ada", "Lovelace", "1952", "example.com"))


async def test_a_pair_that_is_found_again_is_not_published_again(customers: ServiceUnderTest) -> None:
    first, second, third = [await create(customers, **ADA) for _ in range(3)]
    await search(customers)
    assert await found(customers) == [(first, second), (first, third), (second, third)]
    (decided,) = (pair for pair in await duplicates(customers) if pair["first_id"] == second)
    await customers.patch(f"/v1/duplicates/{decided['id']}", {"state": "not_a_duplicate"})
    merged = await merge(customers, first, second)
    for id in (first, third):
        await change(customers, id, addresses=[HOME])
    assert (await search(customers))["found"] == 1
    await undo(customers, merged)
    for id in (first, second, third):
        await change(customers, id, addresses=[HOME | {"city": "Utrecht"}])
    assert (await search(customers))["found"] == 3
    assert await found(customers) == []


async def test_a_pair_with_the_survivor_of_a_merge_is_new(customers: ServiceUnderTest) -> None:
    first, second = await create(customers, **ADA), await create(customers, given_name="Grace", family_name="Hopper")
    await search(customers)
    third = await create(customers, given_name="Grace", family_name="Hopper", phones=[{"number": "+31207940800"}])
    await merge(customers, first, second)
    await change(customers, first, phones=[{"number": "+31207940800"}], given_name="Grace", family_name="Hopper")
    await search(customers)
    assert await found(customers) == [(first, third)]


async def test_a_pair_that_was_refuted_and_confirmed_is_new(customers: ServiceUnderTest) -> None:
    first, second = await create(customers, **ADA), await create(customers, **ADA)
    await search(customers)
    assert await found(customers) == [(first, second)]
    for birth_date, published in (("1988-01-22", []), (ADA["birth_date"], [(first, second)])):
        await change(customers, second, birth_date=birth_date, given_name="Ada" if published else "Byron")
        await search(customers)
        assert await found(customers) == published


async def test_a_reported_pair_is_published_once_and_never_found(customers: ServiceUnderTest) -> None:
    first, second = await create(customers, **ADA), await create(customers, **ADA)
    await customers.published()
    body = {"customer_id": second, "other_customer_id": first}
    await asyncio.gather(*(customers.post("/v1/duplicates", body) for _ in range(4)))
    (event,) = await customers.published()
    assert (event.type, event.data["reported"], event.data["score"]) == (FOUND, True, 99)
    for id in (first, second):
        await change(customers, id, addresses=[HOME])
    assert (await search(customers))["found"] == 1
    assert await found(customers) == []


async def test_an_erased_record_is_in_no_later_pair(customers: ServiceUnderTest) -> None:
    first, second = await create(customers, **ADA), await create(customers, **ADA)
    await search(customers)
    await erase(customers, first)
    assert await found(customers) == []
    third = await create(customers, **ADA)
    await search(customers)
    assert await found(customers) == [(second, third)]


async def test_a_chunk_publishes_with_its_pairs_or_not_at_all(
    customers: ServiceUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searching, "CHUNK_SIZE", 20)
    for _ in range(45):
        await create(customers, **ADA)
    started = UUID((await customers.request("POST", "/v1/duplicate-searches")).json()["id"])
    runner = job_runner(customers)
    await customers.published()
    published = []
    for _ in range(2):  # the count, and twenty records
        await runner.run_chunk(customers.tenant, started)
        published += await found(customers)
    assert len(published) == 20 * 19 / 2 == (await customers.rows("select count(*) from duplicate"))[0]["count"]
    with monkeypatch.context() as patch:
        patch.setattr(searching, "Chunk", None)  # it fails when everything is stored
        await runner.run_chunk(customers.tenant, started)
    assert await found(customers) == []
    await set_last(customers, "retry_at = null")
    await customers.run_jobs()
    published += await found(customers)
    stored = await customers.rows("select first_id::text, second_id::text from duplicate")
    assert sorted(published) == sorted((row["first_id"], row["second_id"]) for row in stored)
    assert len(published) > 20 * 19 / 2


# Searches that begin by themselves


async def test_a_changed_record_is_compared_without_a_request(customers: ServiceUnderTest) -> None:
    first = await create(customers, **ADA)
    assert not await begun(customers), "the tenant has not searched yet"
    await search(customers)
    assert not await begun(customers), "nothing has changed"
    second = await create(customers, **ADA)
    await customers.published()
    assert await begun(customers)
    assert await searches(customers) == [("succeeded", "chore:duplicates"), ("succeeded", "key:test")]
    assert await found(customers) == [(first, second)]
    assert not await begun(customers)
    await customers.post(f"/v1/customers/{second}/archive", None)
    assert not await begun(customers), "an archived record is not compared"
    await customers.post(f"/v1/customers/{second}/restore", None)
    assert await begun(customers)


async def test_no_search_begins_beside_another(customers: ServiceUnderTest) -> None:
    await create(customers, **ADA)
    await search(customers)
    await create(customers, **ADA)
    async with customers.work() as work:
        await starting.start_or_find(work)
        other_worker = asyncio.create_task(run_task(customers))
        await asyncio.sleep(0.2)
    await other_worker
    await run_task(customers)
    assert await searches(customers) == [("queued", "key:test"), ("succeeded", "key:test")]
    await customers.run_jobs()
    await create(customers, **ADA)
    await run_task(customers)
    again = await customers.request("POST", "/v1/duplicate-searches")
    assert again.json()["actor"] == "chore:duplicates", "a request returns the running search"
    other = await customers.for_new_tenant()
    await run_task(other)
    assert await searches(other) == []


async def test_none_begins_after_a_cancelled_search_until_the_next_request(customers: ServiceUnderTest) -> None:
    await create(customers, **ADA)
    await search(customers)
    await create(customers, **ADA)
    await run_task(customers)
    (started, *_) = (await customers.get("/v1/duplicate-searches")).json()["items"]
    await customers.request("POST", f"/v1/duplicate-searches/{started['id']}/cancel")
    assert not await begun(customers)
    assert (await search(customers))["compared"] == 1
    await create(customers, **ADA)
    assert await begun(customers)


async def test_a_failed_and_a_forgotten_search_are_followed_by_another(customers: ServiceUnderTest) -> None:
    await create(customers, **ADA)
    await search(customers)
    await set_last(customers, "state = 'failed'")
    assert await begun(customers)
    assert not await begun(customers)
    await customers.as_owner(f"delete from job where tenant_id = '{customers.tenant.id}'")
    assert await begun(customers)
    assert not await begun(customers)


async def test_a_change_that_is_committed_after_the_search_is_not_missed(customers: ServiceUnderTest) -> None:
    """Its time is before the search, which did not see it."""
    first = await create(customers, **ADA)
    await search(customers)
    async with customers.work() as work:
        record = await work.get(Customer, UUID(first), for_update=True)
        await work.update(record, birth_date=None)
        await create(customers, **ADA)
        assert (await search(customers))["compared"] == 1
    assert await begun(customers)
    assert [pair["state"] for pair in await duplicates(customers)] == []
    assert not await begun(customers)


async def test_the_look_for_changes_reads_no_more_than_they_are(
    customers: ServiceUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    await customers.post("/v1/customers/batch", {"items": [a_customer()] * 300})
    await search(customers)
    assert not await begun(customers), "they are looked through"
    with monkeypatch.context() as patch:
        patch.setattr(starting, "MANY_CHANGES", 200)
        assert await begun(customers), "they are too many for that"
    await set_last(customers, "created_at = created_at + interval '1 hour'")
    await customers.as_owner("analyze customer", "analyze compared_record")
    with statements() as sent:
        await run_task(customers)
    reads = {table: await rows_read(customers, sent, table) for table in ("customer", "compared_record")}
    assert reads == {"customer": 0, "compared_record": 0}
