"""Reviews: recorded once, rated on any scale, linked when their author becomes known, and answered."""

import asyncio
from typing import Any

import asyncpg
import pytest

from chassis import Command
from chassis.types.ids import uuid7
from tests.support.erasure import erase, tables_with
from tests.support.merges import customers_merged, merge_undone
from tests.support.promises import created, events_of
from tests.support.service import ServiceUnderTest
from tests.support.voice import a_review

PATH = "/v1/reviews"


async def recorded(service: ServiceUnderTest, **fields: Any) -> dict[str, Any]:
    return await created(service, PATH, a_review(**fields))


async def listed(service: ServiceUnderTest, **params: Any) -> list[str]:
    return [item["id"] for item in (await service.get(PATH, **params)).json()["items"]]


async def test_a_review_is_recorded_once_and_its_event_has_no_text(interactions: ServiceUnderTest) -> None:
    body = a_review(rating={"value": 8, "lowest": 1, "highest": 10}, sku="KETTLE-2", text="Ada likes it.")
    review = await created(interactions, PATH, body)
    assert (review["rating"], review["stars"]) == ({"value": 8.0, "lowest": 1, "highest": 10}, 4.11)
    assert (await interactions.get(f"{PATH}/{review['id']}")).json() == review
    repeated = await interactions.post(PATH, body)
    assert (repeated.status_code, repeated.json()) == (200, review)
    other = await interactions.post(PATH, body | {"text": "Ada hates it."})
    assert (other.status_code, other.json()["code"]) == (409, "source_id_reused")
    (event,) = await interactions.published()
    assert (event.type, event.data["stars"], event.data["sku"]) == (
        "interactions.review_recorded.v1",
        4.11,
        "KETTLE-2",
    )
    assert "Ada" not in str(event.data)


async def test_the_same_review_at_once_is_recorded_once(interactions: ServiceUnderTest) -> None:
    body = a_review()
    answers = await asyncio.gather(*(interactions.post(PATH, body) for _ in range(6)))
    assert sorted(answer.status_code for answer in answers) == [200] * 5 + [201]
    assert len(await events_of(interactions, "review_recorded")) == 1


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"rating": {"value": 6}}, "/rating"),
        ({"rating": {"value": 0.5}}, "/rating"),
        ({"rating": {"value": 3, "lowest": 5, "highest": 1}}, "/rating"),
        ({"rating": {"value": 3, "lowest": 3, "highest": 3}}, "/rating"),
        ({"rating": {"value": 1e9, "highest": 10**10}}, "/rating/value"),
        ({"posted_at": "2199-01-01T00:00:00Z"}, "/posted_at"),
        ({"answer": "Thanks"}, "/answer"),
    ],
)
async def test_bad_input_is_refused_with_its_place(
    interactions: ServiceUnderTest, fields: dict[str, Any], pointer: str
) -> None:
    response = await interactions.post(PATH, a_review(**fields))
    assert response.status_code == 422, response.text
    assert response.json()["errors"][0]["pointer"] == pointer
    assert await listed(interactions) == []


async def test_a_review_without_rating_and_text_is_refused(interactions: ServiceUnderTest) -> None:
    body = a_review()
    del body["rating"]
    post = await created(interactions, PATH, body | {"text": "Look at my kettle."})
    assert (post["rating"], post["stars"]) == (None, None)
    assert (await interactions.post(PATH, body | {"source_id": "x"})).status_code == 422


async def test_an_answer_is_stored_and_replaced(interactions: ServiceUnderTest) -> None:
    review = await recorded(interactions)
    path = f"{PATH}/{review['id']}/answer"
    first = (await interactions.put(path, {"answer": "Thanks."})).json()
    assert (first["answer"], first["answered_by"]) == ("Thanks.", "key:test")
    second = (await interactions.put(path, {"answer": "Thank you.", "answered_by": "agent-7"})).json()
    assert (second["answer"], second["answered_by"]) == ("Thank you.", "agent-7")
    assert (await interactions.get(f"{PATH}/{review['id']}")).json() == second
    assert await listed(interactions, answered=True) == [review["id"]]
    assert await listed(interactions, answered=False) == []
    repeated = await interactions.post(PATH, a_review(source_id=review["source_id"]))
    assert repeated.json() == second


async def test_a_review_is_linked_to_the_customer_that_its_author_turned_out_to_be(
    interactions: ServiceUnderTest,
) -> None:
    review, wrong, right = await recorded(interactions), uuid7(), uuid7()
    await interactions.published()
    for customer in (wrong, right, right):
        linked = await interactions.post(f"{PATH}/{review['id']}/link", {"customer_id": str(customer)})
        assert (linked.status_code, linked.json()["customer_id"]) == (200, str(customer))
    assert await listed(interactions, customer_id=str(right)) == [review["id"]]
    events = await events_of(interactions, "review_linked")
    assert [event.data["previous_customer_id"] for event in events] == [None, str(wrong)]
    named = await recorded(interactions, customer_id=str(wrong))
    refused = await interactions.post(f"{PATH}/{named['id']}/link", {"customer_id": str(right)})
    assert (refused.status_code, refused.json()["code"]) == (409, "reviewer_named_by_source")


async def test_the_ratings_of_articles_are_summarised(interactions: ServiceUnderTest) -> None:
    for value in (1, 1.5, 4, 5, 5):
        await recorded(interactions, sku="A", rating={"value": value})
    await recorded(interactions, sku="B", rating={"value": 92, "lowest": 0, "highest": 100})
    await recorded(interactions, sku="C", rating={"value": 2})
    summaries = (await interactions.get("/v1/review-summaries", sku=["B", "A", "none"])).json()["items"]
    assert summaries == [
        {"sku": "A", "count": 5, "mean_stars": 3.3, "distribution": [1, 1, 0, 1, 2]},
        {"sku": "B", "count": 1, "mean_stars": 4.68, "distribution": [0, 0, 0, 0, 1]},
    ]
    for skus in ([], ["x"] * 51):
        assert (await interactions.get("/v1/review-summaries", sku=skus)).status_code == 422


async def test_reviews_are_filtered_and_sorted(interactions: ServiceUnderTest) -> None:
    customer = uuid7()
    first = await recorded(interactions, customer_id=str(customer), sku="A", rating={"value": 4.5})
    second = await recorded(interactions, source="forum", author_handle="@ida", posted_at="2026-03-02T10:00:00Z")
    assert await listed(interactions) == [second["id"], first["id"]]
    assert await listed(interactions, sort="posted_at") == [first["id"], second["id"]]
    for params in (
        {"customer_id": str(customer)},
        {"sku": "A"},
        {"stars": [5, 1]},
        {"source": "reviews.example.com"},
        {"posted_at.lt": "2026-03-02T00:00:00Z"},
    ):
        assert await listed(interactions, **params) == [first["id"]], params
    assert await listed(interactions, author="@ida", stars=4) == [second["id"]]


@pytest.mark.parametrize("statement", ["update review set text = 'x'", "delete from review"])
async def test_the_content_of_a_review_never_changes(interactions: ServiceUnderTest, statement: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with interactions.work() as work:
            await work.execute(Command(statement))


async def test_a_linked_review_follows_a_merge_and_returns(interactions: ServiceUnderTest) -> None:
    survivor, merged, merge_id = uuid7(), uuid7(), uuid7()
    review = await recorded(interactions)
    await interactions.deliver(customers_merged(survivor, merged, merge_id=merge_id))
    linked = await interactions.post(f"{PATH}/{review['id']}/link", {"customer_id": str(merged)})
    assert linked.json()["customer_id"] == str(survivor)
    await interactions.deliver(merge_undone(survivor, merged, merge_id=merge_id))
    assert await listed(interactions, customer_id=str(merged)) == [review["id"]]
    assert await listed(interactions, customer_id=str(survivor)) == []


async def test_an_erasure_deletes_the_reviews_of_a_customer(interactions: ServiceUnderTest) -> None:
    customer = uuid7()
    review = await recorded(interactions, text="Zebedina writes.", author_handle="@zebedina")
    await interactions.post(f"{PATH}/{review['id']}/link", {"customer_id": str(customer)})
    await interactions.put(f"{PATH}/{review['id']}/answer", {"answer": "Thanks, Zebedina."})
    assert (await erase(interactions, customer))["review", "deleted"] == 1
    assert await tables_with(interactions, "zebedina") == []
    refused = await interactions.post(PATH, a_review(customer_id=str(customer)))
    assert (refused.status_code, refused.json()["code"]) == (410, "person_erased")
