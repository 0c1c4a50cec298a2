"""An import whose process is killed: it goes on exactly where it was."""

import asyncio
import csv
import io
from typing import Any
from uuid import UUID

import pytest

from tests.support.stack import RunningStack, Visitor

ROWS = 20_000
REFUSED = range(777, ROWS, 1_000)
"""Rows, one in each chunk, whose address is wrong."""

pytestmark = pytest.mark.slow


def a_file() -> str:
    """Return a file without ids: a row that is imported twice is a second customer."""
    addresses = (f"n{number}@example.org" if number not in REFUSED else "none" for number in range(1, ROWS + 1))
    return "name,email\n" + "".join(f"Name {number},{each}\n" for number, each in enumerate(addresses, 1))


async def read(visitor: Visitor, path: str) -> dict[str, Any]:
    return dict((await visitor.request_until_answered("GET", path)).json())


async def progressed(visitor: Visitor, path: str, done: int) -> dict[str, Any]:
    """Wait until so many rows are done, and return the import."""
    async with asyncio.timeout(120):
        while (job := await read(visitor, path))["done"] < done:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    return job


async def test_a_killed_import_goes_on_where_it_was(stack: RunningStack, visitor: Visitor) -> None:
    file = await visitor.request("POST", "/v1/imports", content=a_file(), headers={"content-type": "text/csv"})
    path = f"/v1/imports/{file.json()['id']}"
    await visitor.request("POST", f"{path}/start", json={})
    for done in (2_000, 8_000):
        before = await progressed(visitor, path, done)
        pid = stack.kill("customers")
        assert before["state"] == "running", "it is killed in the middle"
        await stack.revived("customers", pid)
        assert (await read(visitor, path))["done"] >= before["done"], "it does not begin again"
    done = await progressed(visitor, path, ROWS)
    assert (done["state"], done["created"], done["refused"]) == ("succeeded", ROWS - len(REFUSED), len(REFUSED))
    tenant = UUID((await visitor.request("GET", "/v1/tenants")).json()["items"][0]["id"])
    for counted in (
        "select count(*), count(distinct name) as different from customer where tenant_id = $1",
        "select count(*), count(distinct subject) as different from chassis.published_event "
        "where tenant_id = $1 and type = 'customers.customer_created.v1'",
        "select count(*), count(distinct customer_id) as different from import_change where tenant_id = $1",
    ):
        await visitor.drained()
        (found,) = await stack.rows("customers", counted, tenant)
        assert (found["count"], found["different"]) == (ROWS - len(REFUSED), ROWS - len(REFUSED)), counted
    refused = csv.DictReader(io.StringIO((await visitor.request("GET", f"{path}/errors")).text))
    assert [int(row["row"]) for row in refused] == list(REFUSED)
