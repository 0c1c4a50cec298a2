"""Suggestions: each voter counts once, also for duplicates, at the same time, and after merges and erasures."""

import asyncio
import random
from typing import Any
from uuid import UUID

import httpx
import pytest

from chassis.types.ids import uuid7
from tests.support.disorder import SEED
from tests.support.erasure import erase, tables_with
from tests.support.merges import customers_merged, merge_undone
from tests.support.promises import created, events_of
from tests.support.service import ServiceUnderTest
from tests.support.voice import a_suggestion, a_vote

PATH = "/v1/suggestions"


async def posted(service: ServiceUnderTest, customer: object = None, **fields: Any) -> str:
    return str((await created(service, PATH, a_suggestion(customer, **fields)))["id"])


async def read(service: ServiceUnderTest, id: str) -> dict[str, Any]:
    return dict((await service.get(f"{PATH}/{id}")).json())


async def votes_of(service: ServiceUnderTest, id: str) -> int:
    return int((await read(service, id))["votes"])


async def vote(service: ServiceUnderTest, id: str, voter: object) -> httpx.Response:
    return await service.post(f"{PATH}/{id}/vote", a_vote(voter))


async def withdraw(service: ServiceUnderTest, id: str, voter: object) -> httpx.Response:
    return await service.post(f"{PATH}/{id}/withdraw-vote", a_vote(voter))


async def changed(service: ServiceUnderTest, id: str, **fields: Any) -> dict[str, Any]:
    response = await service.patch(f"{PATH}/{id}", fields)
    assert response.status_code == 200, response.text
    return dict(response.json())


async def listed(service: ServiceUnderTest, **params: Any) -> list[str]:
    return [item["id"] for item in (await service.get(PATH, **params)).json()["items"]]


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"title": " "}, "/title"),
        ({"description": ""}, "/description"),
        ({"customer_id": str(uuid7())}, ""),
        ({"votes": 100}, "/votes"),
        ({"state": "done"}, "/state"),
    ],
)
async def test_bad_input_is_refused_with_its_place(
    interactions: ServiceUnderTest, fields: dict[str, Any], pointer: str
) -> None:
    response = await interactions.post(PATH, a_suggestion() | fields)
    assert response.status_code == 422, response.text
    assert [error["pointer"] for error in response.json()["errors"]] == [pointer]


async def test_a_suggestion_needs_an_author(interactions: ServiceUnderTest) -> None:
    body = a_suggestion()
    del body["staff_id"]
    assert (await interactions.post(PATH, body)).status_code == 422


async def test_a_voter_counts_once_and_a_vote_can_be_withdrawn(interactions: ServiceUnderTest) -> None:
    id, ada = await posted(interactions), uuid7()
    for _ in range(2):
        tally = (await vote(interactions, id, ada)).json()
        assert tally == {"suggestion_id": id, "votes": 1, "has_voted": True}
    staff = await interactions.post(f"{PATH}/{id}/vote", {"staff_id": str(ada)})
    assert staff.json()["votes"] == 2
    for _ in range(2):
        assert (await withdraw(interactions, id, ada)).json() == {"suggestion_id": id, "votes": 1, "has_voted": False}
    (left,) = (await interactions.get(f"{PATH}/{id}/votes")).json()["items"]
    assert (left["staff_id"], left["customer_id"]) == (str(ada), None)
    assert (await interactions.post(f"{PATH}/{id}/vote", {})).status_code == 422
    assert (await vote(interactions, str(uuid7()), ada)).status_code == 404


async def test_votes_at_once_are_all_counted_and_those_of_a_voter_once(interactions: ServiceUnderTest) -> None:
    for _ in range(5):
        id = await posted(interactions)
        voters = [uuid7() for _ in range(6)]
        answers = await asyncio.gather(*(vote(interactions, id, voter) for voter in voters * 2))
        assert {answer.status_code for answer in answers} == {200}
        assert await votes_of(interactions, id) == 6
        await asyncio.gather(*(withdraw(interactions, id, voter) for voter in voters[:3] * 2))
        assert await votes_of(interactions, id) == 3


async def test_a_vote_changes_the_etag_so_that_no_cache_shows_old_votes(interactions: ServiceUnderTest) -> None:
    id = await posted(interactions)
    await vote(interactions, id, uuid7())
    fresh = await interactions.request("GET", f"{PATH}/{id}", headers={"if-none-match": '"1"'})
    assert (fresh.status_code, fresh.json()["votes"], fresh.json()["version"]) == (200, 1, 2)


async def test_the_votes_of_a_duplicate_count_for_its_original_once(interactions: ServiceUnderTest) -> None:
    original, copy, other = [await posted(interactions) for _ in range(3)]
    ada, grace = uuid7(), uuid7()
    for id, voter in ((original, ada), (copy, ada), (copy, grace), (other, grace)):
        await vote(interactions, id, voter)
    linked = await changed(interactions, copy, duplicate_of_id=original)
    assert (linked["votes"], linked["duplicate_of_id"]) == (0, original)
    assert await votes_of(interactions, original) == 2
    tally = (await vote(interactions, copy, uuid7())).json()
    assert (tally["suggestion_id"], tally["votes"]) == (original, 3)
    assert (await withdraw(interactions, original, ada)).json()["votes"] == 2
    # a duplicate of a duplicate, and an original that becomes one, lead to the same original
    assert (await changed(interactions, original, duplicate_of_id=other))["votes"] == 0
    assert (await read(interactions, copy))["duplicate_of_id"] == other
    assert await votes_of(interactions, other) == 2
    assert await listed(interactions, duplicate_of_id=other, sort="created_at") == [original, copy]
    assert (await changed(interactions, copy, duplicate_of_id=None))["votes"] == 2
    assert await votes_of(interactions, other) == 1


async def test_a_link_to_itself_or_to_nothing_is_refused(interactions: ServiceUnderTest) -> None:
    original, copy = [await posted(interactions) for _ in range(2)]
    await changed(interactions, copy, duplicate_of_id=original)
    for id, named, code in (
        (original, original, "own_duplicate"),
        (original, copy, "own_duplicate"),
        (original, str(uuid7()), "unknown_record"),
    ):
        refused = await interactions.patch(f"{PATH}/{id}", {"duplicate_of_id": named})
        assert refused.status_code == 422
        assert [(error["pointer"], error["code"]) for error in refused.json()["errors"]] == [("/duplicate_of_id", code)]
    refused = await interactions.patch(f"{PATH}/{copy}", {"state": "planned"})
    assert (refused.status_code, refused.json()["duplicate_of_id"]) == (409, original)


async def test_two_that_become_duplicates_of_each_other_at_once_keep_their_votes(
    interactions: ServiceUnderTest,
) -> None:
    for _ in range(5):
        one, two = [await posted(interactions) for _ in range(2)]
        await vote(interactions, one, uuid7())
        links = (interactions.patch(f"{PATH}/{a}", {"duplicate_of_id": b}) for a, b in ((one, two), (two, one)))
        ballots = (vote(interactions, id, uuid7()) for id in (one, two))
        answers = await asyncio.gather(*links, *ballots)
        assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 422]
        assert sorted([await votes_of(interactions, one), await votes_of(interactions, two)]) == [0, 3]


async def test_a_done_suggestion_is_announced_once_and_takes_no_votes(interactions: ServiceUnderTest) -> None:
    customer = uuid7()
    id = await posted(interactions, customer, sku="KETTLE-2")
    await vote(interactions, id, uuid7())
    await changed(interactions, id, state="planned", answer="Next year.")
    for _ in range(2):
        done = await changed(interactions, id, state="done")
    assert done["done_at"] is not None
    (event,) = await events_of(interactions, "suggestion_done")
    assert (event.data["customer_id"], event.data["votes"], event.data["sku"]) == (str(customer), 1, "KETTLE-2")
    for response in (await vote(interactions, id, uuid7()), await withdraw(interactions, id, uuid7())):
        assert (response.status_code, response.json()["code"]) == (409, "suggestion_ended")
    assert (await changed(interactions, id, state="planned"))["done_at"] is None


async def test_a_declined_suggestion_has_an_answer(interactions: ServiceUnderTest) -> None:
    id = await posted(interactions)
    refused = await interactions.patch(f"{PATH}/{id}", {"state": "declined"})
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/answer")
    await changed(interactions, id, state="declined", answer="It would wake the neighbours.")
    assert (await interactions.patch(f"{PATH}/{id}", {"answer": None})).status_code == 422
    assert (await interactions.patch(f"{PATH}/{id}", {"title": "x"}, if_match='"1"')).status_code == 412


async def test_a_customers_token_posts_votes_and_reads_its_own(interactions: ServiceUnderTest) -> None:
    ada, grace = uuid7(), uuid7()
    own = interactions.for_customer(ada)
    mine, other = await posted(own, ada), await posted(interactions, grace)
    assert (await own.post(PATH, a_suggestion(grace))).status_code == 403
    assert (await own.post(PATH, a_suggestion())).status_code == 403
    assert (await vote(own, other, ada)).json()["votes"] == 1
    assert (await vote(own, other, grace)).status_code == 403
    assert (await withdraw(own, other, grace)).status_code == 403
    assert await listed(own, customer_id=str(ada)) == [mine]
    assert (await own.get(f"{PATH}/{mine}")).status_code == 200
    assert (await own.get(f"{PATH}/{other}")).status_code == 404
    for response in (await own.get(f"{PATH}/{mine}/votes"), await own.patch(f"{PATH}/{mine}", {"state": "done"})):
        assert (response.status_code, response.json()["code"]) == (403, "owner_access_denied")


async def test_lists_are_filtered_and_sorted_by_votes(interactions: ServiceUnderTest) -> None:
    customer = uuid7()
    first = await posted(interactions, customer, sku="K", topic="noise")
    second = await posted(interactions)
    await vote(interactions, first, uuid7())
    assert await listed(interactions) == [second, first]
    assert await listed(interactions, sort="-votes") == [first, second]
    for params in ({"customer_id": str(customer)}, {"sku": "K"}, {"topic": "noise"}):
        assert await listed(interactions, **params) == [first], params
    assert await listed(interactions, staff_id="agent-7", state="new") == [second]
    assert await listed(interactions, state="done") == []


async def test_any_votes_and_links_count_as_in_a_simple_model(interactions: ServiceUnderTest) -> None:
    chance = random.Random(SEED)
    ids, voters = [await posted(interactions) for _ in range(4)], [uuid7() for _ in range(4)]
    cast: dict[str, set[UUID]] = {id: set() for id in ids}
    original = {id: id for id in ids}
    for _ in range(60):
        id, voter, other = chance.choice(ids), chance.choice(voters), chance.choice(ids)
        step = chance.choice(("vote", "vote", "withdraw", "link", "unlink"))
        if step == "vote":
            await vote(interactions, id, voter)
            cast[id].add(voter)
        elif step == "withdraw":
            await withdraw(interactions, id, voter)
            for each in ids:
                cast[each] -= {voter} if original[each] == original[id] else set()
        elif step == "unlink":
            await changed(interactions, id, duplicate_of_id=None)
            original[id] = id
        elif original[other] != id:
            await changed(interactions, id, duplicate_of_id=other)
            original = {each: original[other] if id in (each, original[each]) else original[each] for each in ids}
        counted = {id: len(set().union(*(cast[each] for each in ids if original[each] == id))) for id in ids}
        assert {id: await votes_of(interactions, id) for id in ids} == counted, step


async def merged(service: ServiceUnderTest, survivor: UUID, other: UUID) -> UUID:
    merge_id = uuid7()
    await service.deliver(customers_merged(survivor, other, merge_id=merge_id))
    return merge_id


async def test_two_voters_who_are_merged_count_once_until_the_merge_is_undone(interactions: ServiceUnderTest) -> None:
    ada, twin = uuid7(), uuid7()
    id, written = await posted(interactions), await posted(interactions, twin)
    for voter in (ada, twin):
        await vote(interactions, id, voter)
    merge_id = await merged(interactions, ada, twin)
    assert await votes_of(interactions, id) == 1
    assert await listed(interactions, customer_id=str(ada)) == [written]
    assert (await vote(interactions, id, twin)).json()["votes"] == 1
    await interactions.deliver(merge_undone(ada, twin, merge_id=merge_id))
    assert await votes_of(interactions, id) == 2


async def test_an_erasure_deletes_votes_and_the_texts_of_the_author(interactions: ServiceUnderTest) -> None:
    customer, other = uuid7(), uuid7()
    mine = await posted(interactions, customer, title="Zebedina asks", description="Yours, Zebedina", topic="zebedina")
    theirs = await posted(interactions)
    await changed(interactions, mine, state="declined", answer="Sorry, Zebedina.")
    for voter in (customer, other):
        await vote(interactions, theirs, voter)
    counts = await erase(interactions, customer)
    assert (counts["suggestion", "anonymised"], counts["suggestion_vote", "anonymised"]) == (1, 1)
    assert await tables_with(interactions, "zebedina") == []
    kept = await read(interactions, mine)
    assert (kept["title"], kept["description"], kept["topic"], kept["answer"]) == ("", "", None, "")
    assert await votes_of(interactions, theirs) == 1
    for response in (await vote(interactions, theirs, customer), await interactions.post(PATH, a_suggestion(customer))):
        assert (response.status_code, response.json()["code"]) == (410, "person_erased")
