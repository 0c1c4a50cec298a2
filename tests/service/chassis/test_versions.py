"""Versions: ETags, If-Match and If-None-Match, on routes of the existing services."""

import asyncio
from collections import Counter

import pytest

from chassis.core.identity import HEADER
from tests.support.facts import a_customer, a_rule
from tests.support.problems import assert_problem
from tests.support.requests import a_few_programs
from tests.support.service import ServiceUnderTest


async def test_of_fifty_changes_of_one_version_one_wins(customers: ServiceUnderTest) -> None:
    customer = (await customers.post("/v1/customers", a_customer())).json()
    path = f"/v1/customers/{customer['id']}"
    patches = (customers.patch(path, {"name": f"n{number}"}, if_match='"1"') for number in range(50))
    statuses = Counter(answer.status_code for answer in await asyncio.gather(*patches))
    assert statuses == {200: 1, 412: 49}
    assert (await customers.get(path)).json()["version"] == 2


async def test_etags_say_what_a_caller_has_seen(customers: ServiceUnderTest) -> None:
    created = await customers.post("/v1/customers", a_customer())
    path = f"/v1/customers/{created.json()['id']}"
    assert created.headers["etag"] == '"1"'
    seen = await customers.request("GET", path, headers={"if-none-match": '"1"'})
    assert (seen.status_code, seen.content) == (304, b"")
    changed = await customers.patch(path, {"name": "Byron"}, if_match='"1"')
    assert changed.headers["etag"] == '"2"'
    assert_problem(await customers.patch(path, {"name": "King"}, if_match='"1"'), 412, "version_mismatch")
    problem = assert_problem(await customers.patch(path, {"name": "King"}, if_match="W/2"), 400, "malformed_request")
    assert problem["detail"] == 'an ETag in double quotes is expected, e.g. "1"'
    assert (await customers.request("GET", path, headers={"if-none-match": '"1"'})).status_code == 200


@pytest.mark.parametrize(
    ("tags", "status"),
    [
        ('"2"', 200),
        ("*", 200),
        ('"1", "2"', 200),
        ('W/"2"', 200),
        ('"1"', 412),
        ('W/"1"', 412),
        ('"9", "abc"', 412),
        ("2", 400),
        ('"2", 3', 400),
    ],
)
async def test_an_if_match_takes_lists_and_tags_that_a_proxy_has_weakened(
    customers: ServiceUnderTest, tags: str, status: int
) -> None:
    path = f"/v1/customers/{(await customers.post('/v1/customers', a_customer())).json()['id']}"
    await customers.patch(path, {"name": "Byron"})  # version 2
    assert (await customers.patch(path, {"name": "King"}, if_match=tags)).status_code == status


async def test_an_if_match_over_several_lines_is_a_list(customers: ServiceUnderTest) -> None:
    path = f"/v1/customers/{(await customers.post('/v1/customers', a_customer())).json()['id']}"
    lines = [("if-match", '"7"'), ("if-match", '"1"'), (HEADER, customers.signed())]
    answer = await customers.shared.client.patch(path, json={"name": "Byron"}, headers=lines)
    assert answer.status_code == 200


@pytest.mark.parametrize("tags", ['W/"1"', "*", '"7", "1"', '"7",W/"1"'])
async def test_an_if_none_match_that_names_the_version_gets_a_304(customers: ServiceUnderTest, tags: str) -> None:
    path = f"/v1/customers/{(await customers.post('/v1/customers', a_customer())).json()['id']}"
    seen = await customers.request("GET", path, headers={"if-none-match": tags})
    assert (seen.status_code, seen.content, seen.headers["etag"]) == (304, b"", '"1"')


async def test_only_a_resource_that_declares_an_etag_has_one(
    customers: ServiceUnderTest, analytics: ServiceUnderTest, loyalty: ServiceUnderTest
) -> None:
    """The version of a formula and the number of a rule's version are ordinary fields, not versions of a record."""
    customer = (await customers.post("/v1/customers", a_customer())).json()
    assert (await customers.get(f"/v1/customers/{customer['id']}")).headers["etag"] == f'"{customer["version"]}"'

    figures = {"average_value": "20.00", "purchases_per_period": "12", "periods": 5}
    value = await analytics.post("/v1/analytics/clv/simple", figures)
    assert (value.status_code, value.json()["version"]) == (200, "1")
    assert "etag" not in value.headers

    (program,) = await a_few_programs(loyalty, 1)
    rule = await loyalty.post(f"/v1/programs/{program}/earning-rules", a_rule())
    assert (rule.status_code, rule.json()["version"]) == (201, 1)
    assert "etag" not in rule.headers
