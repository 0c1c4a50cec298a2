"""Exports: filtered, safe in a spreadsheet, and imported back to the same records."""

import csv
import io
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.customers.transfer.exports import pages
from services.customers.transfer.rules.cells import neutralise, restore
from services.customers.transfer.rules.mapping import cell_of_json, cell_of_texts, texts_of
from tests.support.facts import a_customer, known_as
from tests.support.service import ServiceUnderTest
from tests.support.transfer import CSV, JSON_LINES, counts, errors, exported, imported, records, rows_of

ODD: list[dict[str, Any]] = [
    a_customer(given_name="=SUM(A1)", family_name="+1", phones=[{"number": "+31 20 794 0800", "label": "work"}]),
    a_customer(given_name="'=x", emails=[{"address": "a@x.org"}, {"address": "b@x.org", "label": "home"}]),
    {
        "kind": "organization",
        "name": 'Tea "and" Co, Ltd;',
        "addresses": [{"street": "Mill Lane 1\nApt 2", "latitude": -33.8, "longitude": 0.00001, "country": "AU"}],
        "tags": ["a;b", "[c]", "@d"],
        "languages": ["nl", "fr"],
        "external_ids": [{"source": "till", "id": "1"}, {"source": "till", "id": "2"}, {"source": "crm", "id": "=3"}],
    },
    {
        "kind": "organization",
        "name": "Big",
        "preferences": {"payment": "invoice", "times": [{"start": "09:00", "end": "12:00", "days": ["monday"]}]},
        "firmographics": {
            "employees": 12,
            "website": "big.example",
            "annual_revenue": {"amount": "1.50", "currency": "EUR"},
        },
        "social_profiles": [{"network": "x", "handle": "@big"}],
        "strategic": True,
        "strategic_reason": "+1",
    },
    a_customer(birthday="--05-17", owner_id="agent-7", travel_distance_km=25, needs=["tea", "a;b"]),
    a_customer(
        birth_date="1815-12-10",
        lifecycle="client",
        custom={"a": "12", "b": 12, "c": None, "d": {"e": [1]}, "f": "", "g:number": '"', "=h": " x", "i": True},
        **known_as("9"),
    ),
]


def without_identity(record: dict[str, Any]) -> dict[str, Any]:
    left_out = ("id", "version", "created_at", "updated_at", "profile_completed_at")
    kept = {name: value for name, value in record.items() if name not in left_out}
    return kept | {"external_ids": [each for each in record["external_ids"] if each["source"] != "rapport"]}


@pytest.mark.parametrize(("format", "type"), [("csv", CSV), ("jsonl", JSON_LINES)])
async def test_an_export_is_imported_back_to_the_same_records(
    customers: ServiceUnderTest, format: str, type: str
) -> None:
    for body in ODD:
        response = await customers.post("/v1/customers", body)
        assert response.status_code == 201, response.text
    content, before = await exported(customers, format=format), await records(customers)
    again = await imported(customers, content, type)
    assert counts(again) == (0, 0, len(ODD), 0), await errors(customers, again["id"])
    assert await records(customers) == before
    other = await customers.for_new_tenant()
    moved = await imported(other, content, type)
    assert counts(moved) == (len(ODD), 0, 0, 0), await errors(other, moved["id"])
    found = await records(other)
    assert [without_identity(record) for record in found] == [without_identity(record) for record in before]
    assert counts(await imported(other, content, type)) == (0, 0, len(ODD), 0), "their former ids find them"


async def test_a_row_with_the_id_of_a_merged_customer_changes_the_survivor(customers: ServiceUnderTest) -> None:
    survivor, merged = [(await customers.post("/v1/customers", a_customer(given_name="A"))).json() for _ in range(2)]
    merge = await customers.post(f"/v1/customers/{survivor['id']}/merge", {"merged_id": merged["id"]})
    assert merge.status_code == 201, merge.text
    done = await imported(customers, f"id,given_name\n{merged['id']},B\n")
    assert counts(done) == (0, 1, 0, 0)
    assert (await customers.get(f"/v1/customers/{survivor['id']}")).json()["given_name"] == "B"
    assert [row["id"] for row in rows_of(await exported(customers))] == [survivor["id"]]


async def test_no_cell_of_an_export_is_a_formula(customers: ServiceUnderTest) -> None:
    for body in ODD:
        await customers.post("/v1/customers", body)
    content = await exported(customers)
    cells = [cell for row in csv.reader(io.StringIO(content.decode(), newline="")) for cell in row]
    assert [cell for cell in cells if cell[:1] in ("=", "+", "-", "@", "\t", "\r")] == []
    (first, *_) = rows_of(content)
    assert (first["given_name"], first["family_name"], first["phones.1.number"]) == (
        "'=SUM(A1)",
        "'+1",
        "'+31 20 794 0800",
    )


@given(st.text(alphabet="'=+-@\t\ra1", max_size=6))
@settings(max_examples=300)
def test_a_neutralised_cell_is_read_as_its_text(text: str) -> None:
    assert restore(neutralise(text)) == text
    assert neutralise(text)[:1] not in ("=", "+", "-", "@", "\t", "\r")


@given(st.lists(st.text(alphabet='[]";a, ', min_size=1, max_size=4).filter(lambda text: text.strip() == text)))
def test_a_list_is_read_as_it_was_written(texts: list[str]) -> None:
    assert texts_of(cell_of_texts(texts)) == texts


@given(st.recursive(st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=4), st.lists))
def test_a_custom_value_is_never_an_empty_cell(value: Any) -> None:
    assert cell_of_json(value) != ""


async def test_an_export_is_filtered_as_the_list_is(customers: ServiceUnderTest) -> None:
    for body in ODD:
        await customers.post("/v1/customers", body)
    everyone = [{"kind": ["person"]}, {"tag": ["@d", "z"]}, {"lifecycle": ["client"]}, {"email": "B@X.org"}]
    cases: list[dict[str, Any]] = [*everyone, {"external_id": "crm:=3"}, {"created_before": "2020-01-01T00:00:00Z"}]
    for wanted, count in zip(cases, (4, 1, 2, 1, 1, 0), strict=True):
        assert len(rows_of(await exported(customers, filter=wanted))) == count, wanted
    refused = await customers.post("/v1/exports", {"filter": {"external_id": "no colon"}})
    assert (refused.status_code, refused.json()["code"]) == (422, "validation_failed")


async def test_records_that_outgrow_the_columns_let_the_export_begin_again(
    customers: ServiceUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "PAGE", 2)
    monkeypatch.setattr(pages, "_NEXT", pages.Query(pages.CustomerRow, pages._NEXT.text.replace("1000", "2")))
    ids = [(await customers.post("/v1/customers", a_customer())).json()["id"] for _ in range(5)]
    path = (await customers.post("/v1/exports", {})).headers["location"]
    await customers.run_jobs(chunks=1)
    await customers.patch(f"/v1/customers/{ids[4]}", {"custom": {"new": 1}, "emails": [{"address": "a@x.org"}]})
    await customers.run_jobs()
    rows = rows_of((await customers.get(f"{path}/file")).content)
    assert [row["id"] for row in rows] == ids
    assert (rows[4]["custom.new"], rows[4]["emails.1.address"], rows[0]["custom.new"]) == ("1", "a@x.org", "")
    assert (await customers.get(path)).json()["done"] == 5


async def test_an_export_is_paused_resumed_and_cancelled(customers: ServiceUnderTest) -> None:
    path = (await customers.post("/v1/exports", {})).headers["location"]
    for verb, state in (("pause", "paused"), ("resume", "queued"), ("cancel", "cancelled")):
        assert (await customers.post(f"{path}/{verb}", None)).json()["state"] == state
    assert await customers.run_jobs() == 0
    other = await customers.for_new_tenant()
    assert (await other.get(f"{path}/file")).status_code == 404
