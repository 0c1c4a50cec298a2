"""Articles: found for a case by category, cause and language, in versions, and counted once for whom they helped."""

import asyncio
from typing import Any

import asyncpg
import httpx
import pytest

from chassis import Command
from chassis.types.ids import uuid7
from tests.support.cases import opened
from tests.support.erasure import erase, tables_with
from tests.support.interactions import a_contact, customer_created
from tests.support.merges import customers_merged, merge_undone
from tests.support.promises import created, events_of
from tests.support.service import ServiceUnderTest
from tests.support.voice import a_suggestion, an_article

PATH = "/v1/articles"


async def written(service: ServiceUnderTest, *, publish: bool = True, **fields: Any) -> str:
    id = str((await created(service, PATH, an_article(**fields)))["id"])
    if publish:
        await changed(service, id, state="published")
    return id


async def changed(service: ServiceUnderTest, id: str, **fields: Any) -> dict[str, Any]:
    response = await service.patch(f"{PATH}/{id}", fields)
    assert response.status_code == 200, response.text
    return dict(response.json())


async def solved(service: ServiceUnderTest, id: str, **solver: Any) -> httpx.Response:
    body = {name: str(value) for name, value in solver.items()}
    return await service.post(f"{PATH}/{id}/solved", body)


async def count_of(service: ServiceUnderTest, id: str) -> int:
    return int((await service.get(f"{PATH}/{id}")).json()["solved"])


async def listed(service: ServiceUnderTest, path: str = PATH, **params: Any) -> list[str]:
    return [item["id"] for item in (await service.get(path, **params)).json()["items"]]


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"title": " "}, "/title"),
        ({"language": "a language"}, "/language"),
        ({"categories": ["x"] * 51}, "/categories"),
        ({"state": "published"}, "/state"),
        ({"solved": 9}, "/solved"),
    ],
)
async def test_bad_input_is_refused_with_its_place(
    interactions: ServiceUnderTest, fields: dict[str, Any], pointer: str
) -> None:
    response = await interactions.post(PATH, an_article() | fields)
    assert response.status_code == 422, response.text
    assert [error["pointer"] for error in response.json()["errors"]] == [pointer]


async def test_every_text_is_a_version_and_the_published_ones_are_announced(interactions: ServiceUnderTest) -> None:
    id = await written(interactions, publish=False)
    await changed(interactions, id, text="Boil vinegar.")
    assert await interactions.published() == []
    published = await changed(interactions, id, state="published")
    assert (published["revision"], published["published_at"] is not None) == (2, True)
    assert (await changed(interactions, id, state="published"))["version"] == published["version"]
    await changed(interactions, id, categories=["bill"])
    await changed(interactions, id, title="Descale it")
    await changed(interactions, id, state="retired")
    events = await events_of(interactions, "article_published")
    assert [event.data["revision"] for event in events] == [2, 3]
    versions = (await interactions.get(f"{PATH}/{id}/versions")).json()["items"]
    assert [(each["revision"], each["title"]) for each in versions] == [
        (1, "Descale a kettle"),
        (2, "Descale a kettle"),
        (3, "Descale it"),
    ]
    assert (await interactions.patch(f"{PATH}/{id}", {"text": "x"}, if_match='"1"')).status_code == 412


async def test_two_texts_at_once_are_two_versions(interactions: ServiceUnderTest) -> None:
    id = await written(interactions)
    await asyncio.gather(*(changed(interactions, id, text=f"Text {number}.") for number in range(5)))
    versions = (await interactions.get(f"{PATH}/{id}/versions")).json()["items"]
    assert [each["revision"] for each in versions] == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("statement", ["update article_version set text = 'x'", "delete from article_version"])
async def test_a_version_never_changes(interactions: ServiceUnderTest, statement: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with interactions.work() as work:
            await work.execute(Command(statement))


async def test_an_article_counts_once_for_a_case_and_for_a_customer(interactions: ServiceUnderTest) -> None:
    id, customer = await written(interactions), uuid7()
    case = await opened(interactions, customer)
    for _ in range(2):
        assert (await solved(interactions, id, case_id=case["id"])).json() == {"article_id": id, "solved": 1}
    for _ in range(2):
        assert (await solved(interactions, id, customer_id=customer)).json() == {"article_id": id, "solved": 2}
    people = [uuid7() for _ in range(5)]
    await asyncio.gather(*(solved(interactions, id, customer_id=person) for person in people * 2))
    assert await count_of(interactions, id) == 7
    unknown = await solved(interactions, id, case_id=uuid7())
    assert (unknown.status_code, unknown.json()["errors"][0]["pointer"]) == (422, "/case_id")
    for solver in ({}, {"case_id": case["id"], "customer_id": customer}):
        assert (await solved(interactions, id, **solver)).status_code == 422


async def test_a_customers_token_says_what_helped_it(interactions: ServiceUnderTest) -> None:
    id, customer = await written(interactions), uuid7()
    own = interactions.for_customer(customer)
    assert (await solved(own, id, customer_id=customer)).json()["solved"] == 1
    assert (await solved(own, id, customer_id=uuid7())).status_code == 403
    assert (await own.get(f"{PATH}/{id}")).json()["code"] == "owner_access_denied"


async def test_a_case_finds_the_published_articles_of_its_category_or_cause(interactions: ServiceUnderTest) -> None:
    case = await opened(interactions, category="maintenance", cause="delay")
    path = f"/v1/cases/{case['id']}/articles"
    by_category = await written(interactions, categories=["maintenance"])
    by_cause = await written(interactions, categories=[], causes=["delay"])
    await written(interactions, categories=["bill"], causes=["overpricing"])
    await written(interactions, publish=False, categories=["maintenance"])
    await changed(interactions, await written(interactions, categories=["maintenance"]), state="retired")
    await solved(interactions, by_cause, case_id=case["id"])
    assert await listed(interactions, path) == [by_cause, by_category]
    without = await opened(interactions)
    assert await listed(interactions, f"/v1/cases/{without['id']}/articles") == []
    assert (await interactions.get(f"/v1/cases/{uuid7()}/articles")).status_code == 404


async def test_a_case_finds_articles_in_the_languages_of_its_customer(interactions: ServiceUnderTest) -> None:
    customer = uuid7()
    await interactions.deliver(customer_created(customer, contact=a_contact(languages=["pt", "nl-NL"])))
    case = await opened(interactions, customer, category="maintenance")
    path = f"/v1/cases/{case['id']}/articles"
    brazilian, dutch, english = [await written(interactions, language=tag) for tag in ("pt-BR", "nl", "en")]
    assert set(await listed(interactions, path)) == {brazilian, dutch}
    assert await listed(interactions, path, language="en-GB") == [english]
    unknown = await opened(interactions, category="maintenance")
    assert len(await listed(interactions, f"/v1/cases/{unknown['id']}/articles")) == 3


async def test_the_answer_to_a_suggestion_becomes_one_article(interactions: ServiceUnderTest) -> None:
    suggestion = (await created(interactions, "/v1/suggestions", a_suggestion(uuid7())))["id"]
    path, body = f"/v1/suggestions/{suggestion}/article", {"title": "Whistling", "language": "en"}
    refused = await interactions.post(path, body)
    assert (refused.status_code, refused.json()["code"]) == (409, "suggestion_not_answered")
    await interactions.patch(f"/v1/suggestions/{suggestion}", {"state": "planned", "answer": "Take the red one."})
    answers = await asyncio.gather(*(interactions.post(path, body) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 200, 201]
    (article,) = (await interactions.get(PATH)).json()["items"]
    assert (article["text"], article["suggestion_id"], article["state"]) == ("Take the red one.", suggestion, "draft")


async def test_articles_are_filtered_and_sorted(interactions: ServiceUnderTest) -> None:
    first = await written(interactions, language="nl", categories=["bill"], causes=["delay"])
    second = await written(interactions, publish=False)
    assert await listed(interactions, sort="created_at") == [first, second]
    await solved(interactions, second, customer_id=uuid7())
    assert await listed(interactions) == [second, first]
    for params in ({"language": "nl"}, {"category": "bill"}, {"cause": "delay"}, {"state": "published"}):
        assert await listed(interactions, **params) == [first], params


async def test_merged_customers_count_once_and_an_erased_one_no_more(interactions: ServiceUnderTest) -> None:
    ada, twin, merge_id = uuid7(), uuid7(), uuid7()
    id = await written(interactions)
    for person in (ada, twin, uuid7()):
        await solved(interactions, id, customer_id=person)
    await interactions.deliver(customers_merged(ada, twin, merge_id=merge_id))
    assert await count_of(interactions, id) == 2
    await interactions.deliver(merge_undone(ada, twin, merge_id=merge_id))
    assert await count_of(interactions, id) == 3
    assert (await erase(interactions, ada))["article_solution", "anonymised"] == 1
    assert await count_of(interactions, id) == 2
    assert await tables_with(interactions, f"customer:{ada}") == []
    assert (await solved(interactions, id, customer_id=ada)).status_code == 410
