"""Undone imports, exports of other systems, and chunks that are done twice."""

from pathlib import Path
from typing import Any

from tests.support.facts import a_customer, known_as
from tests.support.service import ServiceUnderTest
from tests.support.transfer import act, counts, errors, imported, read, records, upload

SALESFORCE = Path(__file__).parents[2] / "data" / "salesforce_export"
MAPPING = {"Id": "external_ids.till", "Name": "given_name", "Mail": "emails.1", "Crm": "external_ids.crm"}


async def reverted(customers: ServiceUnderTest, id: str) -> dict[str, Any]:
    """Revert an import, and return the result."""
    answer = await act(customers, id, "revert")
    assert answer["revert"]["state"] == "queued", answer
    await customers.run_jobs()
    return dict((await read(customers, id))["revert"])


def content(record: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value for name, value in record.items() if name not in ("version", "updated_at", "profile_completed_at")
    }


async def test_a_revert_removes_created_records_and_restores_updated_ones(customers: ServiceUnderTest) -> None:
    known = a_customer(given_name="Ada", emails=[{"address": "ada@x.org"}], birth_date="1980-05-01", **known_as("1"))
    before = (await customers.post("/v1/customers", known)).json()
    file = "Id,Name,Mail,Crm,birth_date\n1,Eve,eve@x.org,c1,1990-01-01\n2,New,,c2,\n1,Eva,,,\n"
    done = await imported(customers, file, mapping={**MAPPING, "birth_date": "birth_date"})
    assert counts(done) == (1, 2, 0, 0)
    await customers.published()
    result = await reverted(customers, done["id"])
    assert (result["state"], result["removed"], result["restored"], result["kept_count"]) == ("succeeded", 1, 1, 0)
    (after,) = await records(customers)
    assert content(after) == content(before)
    events = [event.type for event in await customers.published()]
    assert sorted(events) == ["customers.customer_removed.v1", "customers.customer_updated.v1"]
    found = [len((await customers.get("/v1/customers", **query)).json()["items"]) for query in LOOK_UPS]
    assert found == [1, 0, 0, 0], "the look-ups are as before"
    again = await imported(customers, file, mapping=MAPPING)
    assert counts(again) == (1, 2, 0, 0), "the ids of a removed record are free"


LOOK_UPS: list[dict[str, str]] = [
    {"email": "ada@x.org"},
    {"email": "eve@x.org"},
    {"external_id": "crm:c1"},
    {"external_id": "till:2"},
]


async def test_a_revert_leaves_records_alone_that_changed_or_are_in_use(customers: ServiceUnderTest) -> None:
    done = await imported(customers, "Id,Name\n1,A\n2,B\n3,C\n", mapping={"Id": "external_ids.till", "Name": "name"})
    first, second, third = await records(customers)
    await customers.patch(f"/v1/customers/{first['id']}", {"name": "Changed"})
    consent = {"purpose": "newsletter", "channel": "email", "decision": "granted", "source": "form"}
    assert (await customers.post(f"/v1/customers/{second['id']}/consents", consent)).status_code == 201
    result = await reverted(customers, done["id"])
    assert (result["removed"], result["kept_count"]) == (1, 2)
    assert {(each["customer_id"], each["reason"]) for each in result["kept"]} == {
        (first["id"], "changed_since"),
        (second["id"], "in_use"),
    }
    assert {record["id"] for record in await records(customers)} == {first["id"], second["id"]}
    assert (await act(customers, done["id"], "revert"))["code"] == "already_reverted"
    assert (await customers.get(f"/v1/customers/{third['id']}")).status_code == 404


async def test_a_running_import_is_not_reverted(customers: ServiceUnderTest) -> None:
    id = (await upload(customers, "name\nA\n"))["id"]
    assert (await act(customers, id, "revert"))["code"] == "job_not_in_state"
    await act(customers, id, "start", {})
    assert (await act(customers, id, "revert"))["code"] == "job_not_in_state"
    await act(customers, id, "cancel")
    assert (await reverted(customers, id))["state"] == "succeeded"


async def test_an_export_of_salesforce_is_imported_with_ids_and_relations(customers: ServiceUnderTest) -> None:
    accounts = (SALESFORCE / "Account.csv").read_bytes()
    contacts = (SALESFORCE / "Contact.csv").read_bytes()
    leads = (SALESFORCE / "Lead.csv").read_bytes()
    for file, preset, rows in (
        (accounts, "salesforce_accounts", 94),
        (contacts, "salesforce_contacts", 64),
        (leads, "salesforce_leads", 14),
    ):
        done = await imported(customers, file)
        assert (done["preset"], counts(done)) == (preset, (rows, 0, 0, 0)), await errors(customers, done["id"])
        assert counts(await imported(customers, file, preset=preset)) == (0, 0, rows, 0), "nothing is stored twice"
    homer = (await customers.get("/v1/customers", external_id="salesforce:003Nq00000MXh2CIAT")).json()["items"][0]
    assert (homer["given_name"], homer["family_name"], homer["kind"]) == ("Homer", "Sampson", "person")
    account = homer["custom"]["salesforce_account_id"]
    works_at = (await customers.get("/v1/customers", external_id=f"salesforce:{account}")).json()["items"][0]
    assert (works_at["kind"], works_at["addresses"][0]["country"]) == ("organization", "US")


async def test_a_worker_that_dies_between_two_rows_repeats_the_chunk(customers: ServiceUnderTest) -> None:
    """The connection is lost after the rows are written and before the commit, which is what a kill leaves behind."""
    rows = "\n".join(f"{number},Name {number}" for number in range(1, 2501))
    id = (await upload(customers, f"Id,Name\n{rows}\nno,more,cells\n"))["id"]
    await act(
        customers, id, "start", {"mapping": {"Name": "name"}}
    )  # without ids, a repeated row would be a new record
    await customers.run_jobs(chunks=1)
    await customers.as_owner(
        "create function lose() returns trigger language plpgsql as $$ begin "
        "perform pg_terminate_backend(pg_backend_pid()); return new; end $$",
        "create trigger lose after update on job for each row when (new.done = 2000) execute function lose()",
    )
    await customers.run_jobs(chunks=1)
    await customers.as_owner("drop trigger lose on job", "drop function lose")
    assert (await read(customers, id))["done"] == 1000
    assert len(await customers.rows("select id from customer")) == 1000, "the second chunk has left nothing"
    await customers.run_jobs()
    done = await read(customers, id)
    assert (counts(done), done["done"]) == ((2500, 0, 0, 1), 2501)
    (found,) = await customers.rows("select count(*), count(distinct name) as names from customer")
    assert (found["count"], found["names"]) == (2500, 2500)
    assert [error["row"] for error in await errors(customers, id)] == ["2501"]
