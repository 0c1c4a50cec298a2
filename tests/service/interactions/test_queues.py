"""Queues: their conditions and requirements, and overflows without cycles."""

import asyncio
from typing import Any

import pytest

from chassis.types.ids import uuid7
from tests.support.routing import a_queue, created_queue
from tests.support.service import ServiceUnderTest

PATH = "/v1/queues"
SKILLS = [{"skill": "boilers", "level": 3}, {"skill": "gas", "level": 1}]
RELAXATIONS = [{"after_minutes": 30, "reduction": 1}, {"after_minutes": 120, "reduction": 2}]


async def test_a_queue_reads_back_as_created(interactions: ServiceUnderTest) -> None:
    conditions = {"kinds": ["request"], "categories": ["maintenance"], "channels": ["email"], "priorities": ["high"]}
    fields = conditions | {"languages": ["nl"], "required_skills": SKILLS, "relaxations": RELAXATIONS}
    fields |= {"requires_language": True, "wrap_up_seconds": 60, "position": 7}
    queue = await created_queue(interactions, "Repairs", **fields)
    assert {name: queue[name] for name in fields} == fields
    assert (queue["active"], queue["overflow_queue_id"]) == (True, None)
    assert (await interactions.get(f"{PATH}/{queue['id']}")).json() == queue


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"required_skills": [SKILLS[0], SKILLS[0]]}, "/required_skills"),
        ({"relaxations": RELAXATIONS[::-1]}, "/relaxations"),
        ({"relaxations": [RELAXATIONS[1], {"after_minutes": 240, "reduction": 2}]}, "/relaxations"),
        ({"relaxations": [{"after_minutes": 0, "reduction": 1}]}, "/relaxations/0/after_minutes"),
        ({"overflow_after_minutes": 10}, "/overflow_queue_id"),
        ({"overflow_queue_id": str(uuid7())}, "/overflow_after_minutes"),
        ({"overflow_queue_id": str(uuid7()), "overflow_after_minutes": 10}, "/overflow_queue_id"),
        ({"languages": ["Dutch!"]}, "/languages/0"),
        ({"kinds": ["wish"]}, "/kinds/0"),
    ],
)
async def test_bad_input_is_refused_with_its_place(
    interactions: ServiceUnderTest, fields: dict[str, Any], pointer: str
) -> None:
    response = await interactions.post(PATH, a_queue(**fields))
    assert response.status_code == 422, response.text
    assert [error["pointer"] for error in response.json()["errors"]] == [pointer]


async def test_queues_are_listed_in_the_order_in_which_they_are_tried(interactions: ServiceUnderTest) -> None:
    for name, position in (("Last", 9), ("First", 1), ("Second", 5), ("Third", 5)):
        await created_queue(interactions, name, position=position)
    names = [item["name"] for item in (await interactions.get(PATH)).json()["items"]]
    assert names == ["First", "Second", "Third", "Last"]


async def test_a_name_is_taken_once_also_at_once(interactions: ServiceUnderTest) -> None:
    responses = await asyncio.gather(*(interactions.post(PATH, a_queue()) for _ in range(4)))
    assert sorted(response.status_code for response in responses) == [201, 409, 409, 409]
    other = await created_queue(interactions, "Other")
    refused = await interactions.patch(f"{PATH}/{other['id']}", {"name": "All cases"})
    assert (refused.status_code, refused.json()["code"]) == (409, "queue_name_taken")


async def test_a_change_names_its_fields_and_obeys_if_match(interactions: ServiceUnderTest) -> None:
    queue = await created_queue(interactions, required_skills=SKILLS)
    path = f"{PATH}/{queue['id']}"
    changed = (await interactions.patch(path, {"relaxations": RELAXATIONS}, if_match='"1"')).json()
    assert (changed["relaxations"], changed["required_skills"], changed["version"]) == (RELAXATIONS, SKILLS, 2)
    assert (await interactions.patch(path, {"position": 1}, if_match='"1"')).status_code == 412
    assert (await interactions.patch(path, {"relaxations": RELAXATIONS})).json() == changed
    assert (await interactions.patch(path, {"relaxations": None})).json()["relaxations"] == []
    half = await interactions.patch(path, {"overflow_after_minutes": 5})
    assert [error["pointer"] for error in half.json()["errors"]] == ["/overflow_queue_id"]


async def test_an_overflow_that_leads_back_is_refused(interactions: ServiceUnderTest) -> None:
    last = await created_queue(interactions, "Last")
    second = await created_queue(interactions, "Second", overflow_queue_id=last["id"], overflow_after_minutes=5)
    first = await created_queue(interactions, "First", overflow_queue_id=second["id"], overflow_after_minutes=5)
    for target in (first, second, last):
        back = {"overflow_queue_id": target["id"], "overflow_after_minutes": 5}
        refused = await interactions.patch(f"{PATH}/{last['id']}", back)
        assert (refused.status_code, refused.json()["code"]) == (409, "overflow_cycle")
        assert refused.json()["overflow_queue_id"] == target["id"]
    direct = {"overflow_queue_id": last["id"], "overflow_after_minutes": 1}
    assert (await interactions.patch(f"{PATH}/{first['id']}", direct)).status_code == 200


async def test_two_changes_at_once_close_no_circle(interactions: ServiceUnderTest) -> None:
    """The two concern four queues, so the rows that they lock are not the same."""
    for _ in range(3):
        queues = [(await created_queue(interactions, f"q{uuid7().hex}"))["id"] for _ in range(4)]

        async def overflow(queue: str, target: str) -> int:
            body = {"overflow_queue_id": target, "overflow_after_minutes": 5}
            return (await interactions.patch(f"{PATH}/{queue}", body)).status_code

        one, two, three, four = queues
        assert [await overflow(two, three), await overflow(four, one)] == [200, 200]
        assert sorted(await asyncio.gather(overflow(one, two), overflow(three, four))) == [200, 409]


async def test_a_queue_of_another_tenant_is_unknown(interactions: ServiceUnderTest) -> None:
    queue = await created_queue(interactions)
    other = await interactions.for_new_tenant()
    assert (await other.get(f"{PATH}/{queue['id']}")).status_code == 404
    body = a_queue(overflow_queue_id=queue["id"], overflow_after_minutes=5)
    assert (await other.post(PATH, body)).status_code == 422
