"""Links between cases: readable from both ends, and without cycles, also under concurrency."""

import asyncio

import pytest

from tests.support.cases import opened
from tests.support.service import ServiceUnderTest


async def cases(interactions: ServiceUnderTest, number: int) -> list[str]:
    return [(await opened(interactions))["id"] for _ in range(number)]


async def link(
    interactions: ServiceUnderTest, case: str, other: str, kind: str = "part_of"
) -> tuple[int, dict[str, str]]:
    response = await interactions.post(f"/v1/cases/{case}/links", {"linked_case_id": other, "kind": kind})
    return response.status_code, response.json()


async def links_of(interactions: ServiceUnderTest, case: str) -> list[str]:
    return [item["id"] for item in (await interactions.get(f"/v1/cases/{case}/links")).json()["items"]]


async def test_a_link_is_read_from_both_ends_and_created_once(interactions: ServiceUnderTest) -> None:
    one, other, third = await cases(interactions, 3)
    await interactions.published()
    answers = await asyncio.gather(*(link(interactions, one, other, "duplicate_of") for _ in range(5)))
    assert sorted(status for status, _ in answers) == [200, 200, 200, 200, 201]
    (created,) = {body["id"] for _, body in answers}
    assert await links_of(interactions, one) == await links_of(interactions, other) == [created]
    assert await links_of(interactions, third) == []
    assert (await interactions.request("DELETE", f"/v1/case-links/{created}")).status_code == 204
    assert await links_of(interactions, one) == []
    published = await interactions.published()
    assert [event.type.split(".")[1] for event in published] == ["case_linked", "case_unlinked"]
    assert [event.data["linked_case_id"] for event in published] == [other, other]


async def test_related_cases_have_one_link_whichever_is_named_first(interactions: ServiceUnderTest) -> None:
    one, other = await cases(interactions, 2)
    first, second = await link(interactions, one, other, "related"), await link(interactions, other, one, "related")
    assert (first[0], second[0], first[1]["id"]) == (201, 200, second[1]["id"])


@pytest.mark.parametrize("kind", ["part_of", "duplicate_of", "follow_up_of"])
async def test_no_case_is_a_part_of_itself(interactions: ServiceUnderTest, kind: str) -> None:
    first, second, third = await cases(interactions, 3)
    assert [(await link(interactions, *pair, kind))[0] for pair in ((first, second), (second, third))] == [201, 201]
    status, problem = await link(interactions, third, first, kind)
    assert (status, problem["code"]) == (409, "case_link_cycle")
    assert (await link(interactions, third, first, "related"))[0] == 201


async def test_concurrent_links_close_no_cycle(interactions: ServiceUnderTest) -> None:
    for _ in range(5):
        ring = await cases(interactions, 4)
        pairs = zip(ring, [*ring[1:], ring[0]], strict=True)
        answers = await asyncio.gather(*(link(interactions, *pair) for pair in pairs))
        assert sorted(status for status, _ in answers) == [201, 201, 201, 409]


async def test_a_case_is_linked_to_another_case_of_the_tenant(interactions: ServiceUnderTest) -> None:
    (case,) = await cases(interactions, 1)
    (of_another_tenant,) = await cases(await interactions.for_new_tenant(), 1)
    for other, code in ((case, "same_case"), (of_another_tenant, "unknown_record")):
        status, problem = await link(interactions, case, other)
        assert (status, problem["errors"][0]["code"]) == (422, code)
