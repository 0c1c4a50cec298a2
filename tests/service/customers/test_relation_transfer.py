"""Relations in exports and imports: kept with their roles and days, also those to customers of later rows."""

import json
from typing import Any
from uuid import UUID

import pytest

from chassis import file_path
from services.customers.transfer.imports import rows
from tests.support.facts import known_as
from tests.support.round_trips import statements
from tests.support.service import ServiceUnderTest
from tests.support.transfer import (
    CSV,
    JSON_LINES,
    act,
    counts,
    errors,
    exported,
    imported,
    read,
    records,
    rows_of,
    upload,
)

RELATIONS = [
    ("Ada", "household_member", "Ben", {"role": "twin"}),
    ("Ada", "employer", "Tea Ltd", {"role": "=buyer", "valid_from": "2020-02-29", "valid_to": "2021-01-01"}),
    ("Ada", "employer", "Pots Ltd", {"role": "engineer; lead", "valid_from": "2021-01-01"}),
    ("Kid", "guardian", "Ada", {"role": "mother"}),
    ("Kid", "guardian", "Ben", {}),
    ("Ben", "referred_by", "Kid", {}),
]


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "ROWS", 2)


async def a_town(customers: ServiceUnderTest) -> None:
    """Create customers who are related to earlier and to later ones."""
    bodies = [{"kind": "person", "name": name} for name in ("Ada", "Ben", "Kid")]
    bodies += [{"kind": "organization", "name": name} for name in ("Tea Ltd", "Pots Ltd")]
    ids = {body["name"]: (await customers.post("/v1/customers", body)).json()["id"] for body in bodies}
    for name, kind, related, fields in RELATIONS:
        body = {"kind": kind, "related_customer_id": ids[related], **fields}
        response = await customers.post(f"/v1/customers/{ids[name]}/relations", body)
        assert response.status_code == 201, response.text


async def relations(customers: ServiceUnderTest) -> list[tuple[Any, ...]]:
    """Return the relations of all customers from both ends, by their names."""
    names = {record["id"]: record["name"] for record in await records(customers)}
    found = []
    for id, name in names.items():
        for each in (await customers.get(f"/v1/customers/{id}/relations")).json()["items"]:
            related = names[each["related_customer_id"]]
            found.append(
                (name, each["kind"], related, each["role"] or "", each["valid_from"] or "", each["valid_to"] or "")
            )
    return sorted(found)


def without_ids(content: bytes, format: str) -> list[Any]:
    """Return the records of an export, with the names of customers in place of their ids."""
    lines: list[Any] = rows_of(content) if format == "csv" else [json.loads(line) for line in content.splitlines()]
    text = json.dumps(lines)
    for line in lines:
        text = text.replace(line["id"], line["name"])
    left_out = ("created_at", "updated_at", "external_ids")
    return [{name: value for name, value in line.items() if not name.startswith(left_out)} for line in json.loads(text)]


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize(("format", "type"), [("csv", CSV), ("jsonl", JSON_LINES)])
async def test_relations_are_moved_to_another_tenant(customers: ServiceUnderTest, format: str, type: str) -> None:
    await a_town(customers)
    content, before = await exported(customers, format=format), await relations(customers)
    assert len(before) == 2 * len(RELATIONS)
    again = await imported(customers, content, type)
    assert (counts(again), again["unrelated"]) == ((0, 0, 5, 0), 0), await errors(customers, again["id"])
    other = await customers.for_new_tenant()
    moved = await imported(other, content, type)
    assert (counts(moved), moved["unrelated"]) == ((5, 0, 0, 0), 0), await errors(other, moved["id"])
    assert await relations(other) == before
    assert counts(await imported(other, content, type)) == (0, 0, 5, 0)
    assert await relations(other) == before
    assert without_ids(await exported(other, format=format), format) == without_ids(content, format)


@pytest.mark.usefixtures("small_chunks")
async def test_a_relation_to_a_customer_outside_the_file_is_listed(customers: ServiceUnderTest) -> None:
    await a_town(customers)
    content = await exported(customers, filter={"kind": ["person"]})
    other = await customers.for_new_tenant()
    moved = await imported(other, content)
    assert (counts(moved), moved["unrelated"]) == ((3, 0, 0, 0), 1)
    (error,) = await errors(other, moved["id"])
    assert (error["row"], error["code"], error["field"]) == ("1", "unknown_record", "relations.employer.rapport")
    assert (error["name"], len(await relations(other))) == ("Ada", 8)


@pytest.mark.usefixtures("small_chunks")
async def test_a_worker_that_dies_before_the_last_relations_goes_on_with_them(customers: ServiceUnderTest) -> None:
    file = "Id,Name,Parent\n1,A,5\n2,B,6;9\n3,C,5\n4,D,\n5,E,\n6,F,\n"
    mapping = {"Id": "external_ids.till", "Name": "name", "Parent": "relations.parent_account.till"}
    id = (await upload(customers, file))["id"]
    await act(customers, id, "start", {"kind": "organization", "mapping": mapping})
    await customers.run_jobs(chunks=3)
    now = await read(customers, id)
    assert (now["state"], counts(now), now["unrelated"]) == ("running", (6, 0, 0, 0), 0)
    await customers.run_jobs(chunks=1)
    await customers.as_owner(
        "create function lose() returns trigger language plpgsql as $$ begin "
        "perform pg_terminate_backend(pg_backend_pid()); return new; end $$",
        "create trigger lose after update on job for each row when (new.state = 'succeeded') execute function lose()",
    )
    await customers.run_jobs(chunks=1)
    await customers.as_owner("drop trigger lose on job", "drop function lose")
    assert len(await customers.rows("select id from relation")) == 2, "the last chunk has left nothing"
    await customers.run_jobs()
    done = await read(customers, id)
    assert (done["state"], counts(done), done["unrelated"], done["done"]) == ("succeeded", (6, 0, 0, 0), 1, 6)
    assert [error["row"] for error in await errors(customers, id)] == ["2"]
    assert [each[::2][:2] for each in await relations(customers) if each[1] == "parent_account"] == [
        ("A", "E"),
        ("B", "F"),
        ("C", "E"),
    ]
    files = customers.shared.running.files
    assert [file.path async for file in files.files_in(file_path(customers.tenant.id, UUID(id), "upload"))] == []


@pytest.mark.usefixtures("small_chunks")
async def test_a_revert_deletes_the_relations_to_later_rows(customers: ServiceUnderTest) -> None:
    known = (await customers.post("/v1/customers", {"kind": "person", "name": "Known", **known_as("1")})).json()
    file = "Id,Name,Boss\n1,,4\n2,B,1\n3,C,4\n4,D,\n"
    mapping = {"Id": "external_ids.till", "Name": "name", "Boss": "relations.referred_by.till"}
    done = await imported(customers, file, mapping=mapping)
    assert (counts(done), done["unrelated"]) == ((3, 1, 0, 0), 0), "a new relation changes a row"
    assert len(await relations(customers)) == 6
    await act(customers, done["id"], "revert")
    await customers.run_jobs()
    result = (await read(customers, done["id"]))["revert"]
    assert (result["removed"], result["restored"], result["kept"]) == (3, 1, [])
    assert [record["id"] for record in await records(customers)] == [known["id"]]
    assert await customers.rows("select id from relation") == []


async def test_a_file_of_another_system_names_roles_and_days(customers: ServiceUnderTest) -> None:
    file = "Id,Name,Boss,Role,From,To\n1,A,2,buyer,,\n2,B,,seller,,\n3,C,1,,2021-01-01,2020-01-01\n4,D,1,,someday,\n"
    parts = {"Boss": "till", "Role": "role", "From": "valid_from", "To": "valid_to"}
    mapping = {"Id": "external_ids.till", "Name": "name"}
    mapping |= {column: f"relations.referred_by.1.{part}" for column, part in parts.items()}
    done = await imported(customers, file, mapping=mapping)
    assert (counts(done), done["unrelated"]) == ((3, 0, 0, 1), 1)
    listed = [(error["row"], error["code"], error["field"]) for error in await errors(customers, done["id"])]
    assert listed == [
        ("3", "not_after", "relations.referred_by.till"),
        ("4", "not_a_date", "/relations/0/valid_from"),
    ]
    assert [each[:4] for each in await relations(customers) if each[1] == "referred_by"] == [
        ("A", "referred_by", "B", "buyer")
    ]


async def test_many_relations_take_as_many_statements_as_one(customers: ServiceUnderTest) -> None:
    """The time of an import must not grow by a round trip for each relation."""
    counted = []
    for count in (1, 30):
        tenant = await customers.for_new_tenant()
        lines = "".join(f"{number},N{number},0\n" for number in range(1, count + 1))
        mapping = {"Id": "external_ids.till", "Name": "name", "Boss": "relations.referred_by.till"}
        id = (await upload(tenant, f"Id,Name,Boss\n0,N,\n{lines}"))["id"]
        await act(tenant, id, "start", {"mapping": mapping})
        with statements() as sent:
            await tenant.run_chunk(id)
        counted.append(len(sent))
        assert len(await tenant.rows("select id from relation")) == count
    assert counted[0] == counted[1], counted
