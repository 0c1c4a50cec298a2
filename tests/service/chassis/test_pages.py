"""Pagination: lists of a test feature on a real service, page by page, sorted by columns of any type and name."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

import httpx
import pytest
from fastapi import Query

from chassis import DatabaseView, Feature, Page, PageParams, Resource, Work, paginate
from chassis.core.identity import HEADER
from chassis.http.router import Router
from services.customers.people import tables
from tests.support.facts import a_customer
from tests.support.service import ServiceUnderTest


@dataclass(frozen=True, slots=True)
class KnownRow:
    id: UUID
    since: datetime
    birth_date: date | None


KNOWN = DatabaseView(
    "known_of_a_test",
    KnownRow,
    "create or replace view known_of_a_test with (security_invoker = true) as "
    "select id, created_at as since, birth_date from customer",
)


class Known(Resource, row=KnownRow):
    id: UUID
    since: datetime
    birth_date: date | None


class Born(Resource, row=tables.Customer):
    id: UUID
    birth_date: date | None


feature = Feature("pages-of-a-test")
Sort = Annotated[str, Query()]


@feature.get("/known", scope="customers:read")
async def list_known(work: Work, params: PageParams, sort: Sort) -> Page[Known]:
    """List the view."""
    return await paginate(work, params, KNOWN, Known, sort=sort)


@feature.get("/born", scope="customers:read")
async def list_born(work: Work, params: PageParams, sort: Sort) -> Page[Born]:
    """List the table."""
    return await paginate(work, params, tables.Customer, Born, sort=sort)


@pytest.fixture
async def seven(customers: ServiceUnderTest) -> AsyncIterator[ServiceUnderTest]:
    """Create the view and seven customers, some of them with the same date of birth."""
    await customers.as_owner(KNOWN.sql, f"grant select on {KNOWN.name} to rapport_customers_api")
    for number in range(7):
        born = date(2000, 3, 1) - timedelta(days=number // 2 * 100)
        await customers.post("/v1/customers", a_customer(birth_date=born.isoformat()))
    yield customers
    await customers.as_owner(f"drop view {KNOWN.name}")


async def pages_of(service: ServiceUnderTest, path: str, **parameters: Any) -> list[list[dict[str, Any]]]:
    """Read a list of the feature, page by page."""
    transport = httpx.ASGITransport(app=Router(service.shared.running, feature.operations, []))
    headers = {HEADER: service.shared.signer.sign(service.caller, service.service.name)}
    pages: list[list[dict[str, Any]]] = []
    async with httpx.AsyncClient(transport=transport, base_url="http://test", headers=headers) as client:
        while True:
            answer = await client.get(path, params=parameters)
            assert answer.status_code == 200, answer.text
            pages.append(answer.json()["items"])
            parameters["cursor"] = answer.json()["next_cursor"]
            if parameters["cursor"] is None:
                return pages


@pytest.mark.parametrize(
    ("path", "column"), [("/v1/known", "since"), ("/v1/known", "birth_date"), ("/v1/born", "birth_date")]
)
@pytest.mark.parametrize("direction", ["", "-"], ids=["ascending", "descending"])
async def test_a_list_goes_on_after_any_value_that_it_is_sorted_by(
    seven: ServiceUnderTest, path: str, column: str, direction: str
) -> None:
    pages = await pages_of(seven, path, sort=direction + column, limit=2)
    assert [len(page) for page in pages] == [2, 2, 2, 1]
    items = [item for page in pages for item in page]
    assert len({item["id"] for item in items}) == 7
    order = [(item[column], item["id"]) for item in items]
    assert order == sorted(order, reverse=direction == "-")
