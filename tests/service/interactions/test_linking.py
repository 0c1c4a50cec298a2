"""Touch points of authors: linked to a customer once it is known who they are."""

from typing import Any

from chassis.types.ids import uuid7
from tests.support.erasure import erasure_of
from tests.support.interactions import a_touch_point
from tests.support.merges import customers_merged, merge_undone
from tests.support.service import ServiceUnderTest


async def a_post(interactions: ServiceUnderTest, handle: str = "@ada", channel: str = "social") -> dict[str, Any]:
    body = a_touch_point(author={"handle": handle, "display_name": "Ada"}, channel=channel)
    return dict((await interactions.post("/v1/touch-points", body)).json())


async def link(interactions: ServiceUnderTest, post: dict[str, Any], customer: object, **fields: Any) -> Any:
    return await interactions.post(f"/v1/touch-points/{post['id']}/link", {"customer_id": str(customer), **fields})


async def test_a_linked_touch_point_is_on_the_timeline_of_the_customer(interactions: ServiceUnderTest) -> None:
    customer, post = uuid7(), await a_post(interactions)
    await interactions.published()
    linked = (await link(interactions, post, customer)).json()
    assert (linked["touch_point"]["customer_id"], linked["others_linked"]) == (str(customer), 0)
    assert linked["touch_point"]["linked_at"] is not None
    assert linked["touch_point"]["author"] == post["author"]
    (event,) = await interactions.published()
    assert (event.type, event.subject) == ("interactions.touch_point_linked.v1", str(customer))
    (entry,) = (await interactions.get(f"/v1/timelines/{customer}")).json()["items"]
    assert entry["id"] == post["id"]
    again = await link(interactions, post, customer)
    assert (again.json()["touch_point"], await interactions.published()) == (linked["touch_point"], [])


async def test_all_touch_points_of_the_author_are_linked_on_request(interactions: ServiceUnderTest) -> None:
    customer = uuid7()
    posts = [await a_post(interactions) for _ in range(3)]
    others = [await a_post(interactions, "@ida"), await a_post(interactions, channel="review")]
    linked = (await link(interactions, posts[0], customer, all_of_author=True)).json()
    assert (linked["others_linked"], linked["has_more"]) == (2, False)
    timeline = (await interactions.get(f"/v1/timelines/{customer}")).json()["items"]
    assert {entry["id"] for entry in timeline} == {post["id"] for post in posts}
    by_author = (await interactions.get("/v1/touch-points", author="@ida")).json()["items"]
    assert [item["id"] for item in by_author] == [others[0]["id"]]


async def test_more_than_a_thousand_are_linked_by_several_requests(interactions: ServiceUnderTest) -> None:
    author = {"handle": "@ada"}
    for _ in range(2):
        items = [a_touch_point(author=author, channel="social") for _ in range(600)]
        await interactions.post("/v1/touch-points/batch", {"items": items})
    post, customer = await a_post(interactions), uuid7()
    first = (await link(interactions, post, customer, all_of_author=True)).json()
    second = (await link(interactions, post, customer, all_of_author=True)).json()
    assert [(result["others_linked"], result["has_more"]) for result in (first, second)] == [
        (1_000, True),
        (200, False),
    ]


async def test_a_wrong_link_is_corrected_and_a_source_is_not(interactions: ServiceUnderTest) -> None:
    wrong, right, post = uuid7(), uuid7(), await a_post(interactions)
    await link(interactions, post, wrong)
    assert (await link(interactions, post, right)).json()["touch_point"]["customer_id"] == str(right)
    assert (await interactions.published())[-1].data["previous_customer_id"] == str(wrong)
    named = (await interactions.post("/v1/touch-points", a_touch_point(right, author={"handle": "@ada"}))).json()
    refused = await link(interactions, named, wrong)
    assert (refused.status_code, refused.json()["code"]) == (409, "customer_named_by_source")
    assert (await link(interactions, named, right)).status_code == 200


async def test_a_repeat_of_a_linked_touch_point_is_unchanged(interactions: ServiceUnderTest) -> None:
    body = a_touch_point(author={"handle": "@ada"}, channel="social")
    post = (await interactions.post("/v1/touch-points", body)).json()
    await link(interactions, post, uuid7())
    repeat = await interactions.post("/v1/touch-points", body)
    assert (repeat.status_code, repeat.json()["id"]) == (200, post["id"])


async def test_an_unknown_touch_point_is_not_linked(interactions: ServiceUnderTest) -> None:
    assert (await link(interactions, {"id": uuid7()}, uuid7())).status_code == 404


async def test_a_link_to_a_merged_customer_returns_with_the_undo(interactions: ServiceUnderTest) -> None:
    survivor, merged, merge_id = uuid7(), uuid7(), uuid7()
    post = await a_post(interactions)
    await interactions.deliver(customers_merged(survivor, merged, merge_id=merge_id))
    linked = (await link(interactions, post, merged)).json()
    assert linked["touch_point"]["customer_id"] == str(survivor)
    await interactions.deliver(merge_undone(survivor, merged, merge_id=merge_id))
    (entry,) = (await interactions.get(f"/v1/timelines/{merged}")).json()["items"]
    assert entry["id"] == post["id"]


async def test_an_erased_customer_is_not_linked(interactions: ServiceUnderTest) -> None:
    customer, post = uuid7(), await a_post(interactions)
    await interactions.deliver(erasure_of(customer))
    refused = await link(interactions, post, customer)
    assert (refused.status_code, refused.json()["code"]) == (410, "person_erased")
