"""Cursors: pages meet at their edges, and a cursor is valid for its own list only."""

import pytest

from chassis.types.ids import uuid7
from tests.support.facts import a_program
from tests.support.problems import assert_problem
from tests.support.requests import a_few_programs
from tests.support.service import ServiceUnderTest


async def test_pages_meet_at_their_edges(loyalty: ServiceUnderTest) -> None:
    made = await a_few_programs(loyalty, 5)
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        answer = await loyalty.get("/v1/programs", limit="2", **cursor)
        page = answer.json()
        seen += [one["id"] for one in page["items"]]
        if page["next_cursor"] is None:
            break
        assert answer.headers["link"].endswith('rel="next"')
        cursor = {"cursor": page["next_cursor"]}
        await loyalty.post("/v1/programs", a_program(name="new"))  # concurrent inserts do not move page boundaries
        made = (
            made
            if len(made) > 6
            else [*made, (await loyalty.get("/v1/programs", limit="200")).json()["items"][-1]["id"]]
        )
    assert seen[:5] == made[:5]
    assert len(seen) == len(set(seen))


async def test_a_cursor_is_good_for_its_own_list_only(running_loyalty: ServiceUnderTest) -> None:
    loyalty, other = await running_loyalty.for_new_tenant(), await running_loyalty.for_new_tenant()
    await a_few_programs(loyalty, 2)
    cursor = (await loyalty.get("/v1/programs", limit="1")).json()["next_cursor"]
    assert (await loyalty.get("/v1/programs", limit="2", cursor=cursor)).status_code == 200
    for answer in (
        await other.get("/v1/programs", limit="1", cursor=cursor),
        await loyalty.get("/v1/memberships", cursor=cursor),
        await loyalty.get("/v1/memberships", cursor=cursor, customer_id=str(uuid7())),
        await loyalty.get("/v1/programs", cursor=cursor[:-2] + ("AA" if cursor[-2:] != "AA" else "BB")),
        await loyalty.get("/v1/programs", cursor="é"),
        await loyalty.get("/v1/programs", cursor=""),
    ):
        assert_problem(answer, 400, "invalid_cursor")


@pytest.mark.parametrize("limit", ["0", "201", "-1", "x", "1.5"])
async def test_a_page_has_between_one_and_two_hundred_rows(loyalty: ServiceUnderTest, limit: str) -> None:
    problem = assert_problem(await loyalty.get("/v1/programs", limit=limit), 422, "validation_failed")
    assert [(one["in"], one["pointer"]) for one in problem["errors"]] == [("query", "/limit")]
