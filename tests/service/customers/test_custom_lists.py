"""Lists of customers by custom fields: filters, sorts, and those that are refused."""

import pytest

from tests.support.custom_fields import MANY_CUSTOMERS, choices, custom_of, customer_with, define
from tests.support.round_trips import statements
from tests.support.rows_read import rows_read
from tests.support.service import ServiceUnderTest


async def a_tea_club(customers: ServiceUnderTest) -> None:
    await define(customers, "tea", "choice", options=choices("assam", "mate"), indexed=True)
    await define(customers, "note", indexed=True)
    await define(customers, "cups", "number", indexed=True)
    await define(customers, "since", "date", indexed=True)
    await define(customers, "vip", "boolean", indexed=True)
    await define(customers, "colour")
    for custom in (
        {"tea": "assam", "note": "Straße 1", "cups": 2, "since": "2026-03-01", "vip": True},
        {"tea": "mate", "note": "ΟΔΟΣ", "cups": "10.5", "since": "2025-01-31"},
        {"tea": "assam", "cups": -3, "vip": False},
        {},
    ):
        await customer_with(customers, **custom)


@pytest.mark.parametrize(
    ("params", "cups"),
    [
        ({"custom.tea": "assam"}, [2, -3]),
        ({"custom.tea": ["assam", "mate"]}, [2, "10.5", -3]),
        ({"custom.note": "STRAße 1"}, [2]),
        ({"custom.note": "οδος"}, ["10.5"]),
        ({"custom.cups": "10.50"}, ["10.5"]),
        ({"custom.cups.gt": "-3", "custom.cups.lte": "10.5"}, [2, "10.5"]),
        ({"custom.since.lt": "2026-03-01"}, ["10.5"]),
        ({"custom.since": "2026-03-01", "custom.vip": "true"}, [2]),
        ({"custom.vip.exists": "true", "lifecycle": "prospect"}, [2, -3]),
        ({"custom.note.exists": "false", "custom.tea": "assam"}, [-3]),
        ({"custom.tea": "assam", "q": "ada"}, [2, -3]),
    ],
)
async def test_customers_are_found_by_custom_fields(
    customers: ServiceUnderTest, params: dict[str, object], cups: list[object]
) -> None:
    await a_tea_club(customers)
    answer = await customers.get("/v1/customers", **params)
    assert answer.status_code == 200, answer.text
    assert [item["custom"]["cups"] for item in answer.json()["items"]] == cups


@pytest.mark.parametrize(
    ("sort", "column", "values"),
    [
        ("custom.cups", "cups", [-3, 2, "10.5", None]),
        ("-custom.cups", "cups", [None, "10.5", 2, -3]),
        ("custom.since", "since", ["2025-01-31", "2026-03-01", None, None]),
        ("-custom.note", "note", [None, None, "ΟΔΟΣ", "Straße 1"]),
        ("custom.vip", "vip", [False, True, None, None]),
    ],
)
async def test_customers_are_sorted_page_by_page(
    customers: ServiceUnderTest, sort: str, column: str, values: list[object]
) -> None:
    await a_tea_club(customers)
    assert [custom.get(column) for custom in await custom_of(customers, sort=sort)] == values


@pytest.mark.parametrize(
    ("params", "pointer", "code"),
    [
        ({"custom.colour": "red"}, "/custom.colour", "not_indexed"),
        ({"sort": "custom.colour"}, "/sort", "not_indexed"),
        ({"custom.teaa": "assam"}, "/custom.teaa", "undefined_field"),
        ({"custom.tea": "chai"}, "/custom.tea", "not_one_of"),
        ({"custom.tea.gte": "assam"}, "/custom.tea.gte", "unknown_parameter"),
        ({"custom.cups.near": "2"}, "/custom.cups.near", "unknown_parameter"),
        ({"custom.cups": "two"}, "/custom.cups", "wrong_format"),
        ({"custom.cups.gte": ["1", "2"]}, "/custom.cups.gte", "bound_repeated"),
        ({"custom.since.gt": "2026-02-30"}, "/custom.since.gt", "not_a_date"),
        ({"custom.vip": "yes"}, "/custom.vip", "not_one_of"),
        ({"sort": "cups"}, "/sort", "not_one_of"),
    ],
)
async def test_a_filter_that_no_index_answers_is_refused(
    customers: ServiceUnderTest, params: dict[str, object], pointer: str, code: str
) -> None:
    await a_tea_club(customers)
    answer = await customers.get("/v1/customers", **params)
    assert answer.status_code == 422
    assert [(error["pointer"], error["code"]) for error in answer.json()["errors"]] == [(pointer, code)]


@pytest.mark.parametrize(
    ("params", "position"),
    [
        ({"sort": "custom.number"}, 1_200),
        ({"sort": "-custom.number"}, 1_200),
        ({"sort": "name"}, 1_200),
        ({"custom.number": "1234"}, None),
        ({"custom.number.gte": "2400", "custom.number.lt": "2403"}, None),
    ],
)
async def test_a_page_reads_little_more_than_its_rows(
    running_customers: ServiceUnderTest, params: dict[str, str], position: int | None
) -> None:
    """Also if most tenants are far smaller, by whose size PostgreSQL estimates."""
    for _ in range(25):
        small = await running_customers.for_new_tenant()
        await define(small, "number", "number", indexed=True)
        await customer_with(small, number=1)
    customers = await running_customers.for_new_tenant()
    async with customers.transaction_of_worker() as transaction:
        await (await transaction.begin()).execute(MANY_CUSTOMERS)
    await define(customers, "number", "number", indexed=True)
    await customers.run_periodic_tasks()
    await customers.as_owner("analyze customer", "analyze custom_field_value")
    more = {}
    while position is not None and position > 0:
        page = (await customers.get("/v1/customers", **params, limit="200", **more)).json()
        more, position = {"cursor": page["next_cursor"]}, position - 200
    with statements() as sent:
        answer = await customers.get("/v1/customers", **params, limit="3", **more)
    assert len(answer.json()["items"]) == (1 if params.get("custom.number") else 3)
    for table in ("customer", "custom_field_value"):
        assert await rows_read(customers, sent, table) <= 8
