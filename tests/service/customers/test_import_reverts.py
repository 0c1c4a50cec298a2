"""Undone imports, exports of other systems, and chunks that are done twice."""

from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from services.customers.transfer.imports import reverts
from tests.support.duplicates import duplicates, search
from tests.support.facts import a_customer, known_as
from tests.support.service import ServiceUnderTest
from tests.support.transfer import act, counts, errors, imported, read, records, upload

SALESFORCE = Path(__file__).parents[3] / "examples" / "data" / "salesforce_export"
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


async def test_a_revert_removes_records_that_a_search_for_duplicates_has_compared(customers: ServiceUnderTest) -> None:
    file = "Id,Name,Mail,Crm\n1,Ada,ada@x.org,\n2,Ada,ada@x.org,\n"
    done = await imported(customers, file, mapping=MAPPING)
    assert counts(done) == (2, 0, 0, 0), "an import is not refused for duplicates, as a batch is not"
    await search(customers)
    (pair,) = await duplicates(customers)
    assert {pair["first_id"], pair["second_id"]} == {record["id"] for record in await records(customers)}
    assert (await reverted(customers, done["id"]))["removed"] == 2
    assert (await records(customers), await duplicates(customers)) == ([], [])
    assert (await search(customers))["compared"] == 0
    assert await customers.rows("select from match_key") == []


async def test_an_import_goes_on_after_no_revert_and_a_failed_revert_goes_on(customers: ServiceUnderTest) -> None:
    done = await imported(customers, "name\nA\n")
    await customers.as_owner(f"update job set state = 'failed' where id = '{done['id']}'")
    assert (await act(customers, done["id"], "revert"))["revert"]["state"] == "queued"
    assert (await act(customers, done["id"], "resume"))["code"] == "already_reverted"
    await customers.as_owner(f"update job set state = 'failed' where follows = '{done['id']}'")
    assert (await reverted(customers, done["id"]))["removed"] == 1
    assert (await act(customers, done["id"], "revert"))["code"] == "already_reverted"


async def test_a_record_to_which_later_rows_refer_is_removed_with_them(
    customers: ServiceUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reverts, "RECORDS", 1)
    file = "Id,Name,Parent\n1,A,\n2,B,1\n3,C,1\n"
    mapping = {"Id": "external_ids.till", "Name": "name", "Parent": "relations.parent_account.till"}
    done = await imported(customers, file, kind="organization", mapping=mapping)
    assert (counts(done), done["unrelated"]) == ((3, 0, 0, 0), 0)
    result = await reverted(customers, done["id"])
    assert (result["removed"], result["kept"], await records(customers)) == (3, [], [])


async def test_the_history_of_a_removed_record_has_no_values(customers: ServiceUnderTest) -> None:
    known = (await customers.post("/v1/customers", a_customer(given_name="Known", **known_as("1")))).json()
    file = "Id,Name,Mail\n1,Eve,eve@x.org\n2,Personal,personal@x.org\n"
    done = await imported(customers, file, mapping={name: MAPPING[name] for name in ("Id", "Name", "Mail")})
    assert counts(done) == (1, 1, 0, 0)
    await reverted(customers, done["id"])
    rows = await customers.rows("select entity_id, action, actor, changes from chassis.audit order by id")
    assert [row["action"] for row in rows] == ["created", "updated", "created", "updated", "deleted"]
    removed = [row for row in rows if row["entity_id"] != UUID(known["id"])]
    assert [(row["action"], row["actor"], row["changes"]) for row in removed] == [
        ("created", "key:test", {}),
        ("deleted", "key:test", {}),
    ]
    assert rows[0]["changes"]["given_name"] == [None, "Known"], "the history of a record that exists stays"


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
    (relation,) = (await customers.get(f"/v1/customers/{homer['id']}/relations")).json()["items"]
    works_at = (await customers.get(f"/v1/customers/{relation['related_customer_id']}")).json()
    assert (relation["kind"], works_at["kind"], works_at["external_ids"]) == (
        "account",
        "organization",
        [{"source": "salesforce", "id": "001Nq00000J1MwbIAF"}],
    )
    assert len(await customers.rows("select id from relation")) == 64


async def test_contacts_without_their_accounts_are_imported_and_related_later(customers: ServiceUnderTest) -> None:
    contacts = (SALESFORCE / "Contact.csv").read_bytes()
    alone = await imported(customers, contacts)
    assert (counts(alone), alone["unrelated"]) == ((64, 0, 0, 0), 64)
    listed = (await customers.get(f"/v1/imports/{alone['id']}/errors")).content
    first = (await errors(customers, alone["id"]))[0]
    assert (first["row"], first["code"], first["field"]) == ("1", "unknown_record", "relations.account.salesforce")
    assert first["reason"].endswith("no customer has the id 001Nq00000J1MwbIAF of salesforce")
    await imported(customers, (SALESFORCE / "Account.csv").read_bytes())
    again = await imported(customers, listed)  # the file of the rows with errors is imported as it is
    assert (again["preset"], counts(again), again["unrelated"]) == ("salesforce_contacts", (0, 64, 0, 0), 0)
    await customers.published()
    result = await reverted(customers, again["id"])
    assert (result["restored"], result["kept_count"]) == (64, 0)
    events = [event.type for event in await customers.published()]
    assert events == ["customers.relation_changed.v1"] * 64
    assert await customers.rows("select id from relation") == []


async def test_a_file_of_no_customers_is_reported(customers: ServiceUnderTest) -> None:
    file = (SALESFORCE / "Case.csv").read_bytes()
    done = await imported(customers, file)
    assert (done["state"], done["mapping"], counts(done)) == ("succeeded", {}, (0, 0, 0, 40))
    found = {(error["code"], error["reason"].rpartition(" ")[2]) for error in await errors(customers, done["id"])}
    assert found == {("not_a_customer", "/v1/touch-points")}
    assert await records(customers) == []
    columns = {"Id": "external_ids.case", "SuppliedName": "name", "SuppliedEmail": "emails.1"}  # they name customers
    assert counts(await imported(customers, file, mapping=columns)) == (40, 0, 0, 0)


async def test_relations_that_an_import_made_are_no_use_by_others(customers: ServiceUnderTest) -> None:
    known = {"kind": "organization", "name": "Tea Ltd", **known_as("shop")}
    shop = (await customers.post("/v1/customers", known)).json()
    file = "Id,Name,Shop\n1,A,shop\n2,B,shop\n3,C,shop\n"
    mapping = {"Id": "external_ids.till", "Name": "name", "Shop": "relations.account.till"}
    done = await imported(customers, file, mapping=mapping)
    (first, *_) = (await customers.get(f"/v1/customers/{shop['id']}/relations")).json()["items"]
    etag = {"If-Match": f'"{first["version"]}"'}
    role = await customers.request("PATCH", f"/v1/relations/{first['id']}", json={"role": "buyer"}, headers=etag)
    assert role.status_code == 200, role.text
    result = await reverted(customers, done["id"])
    assert (result["removed"], result["kept"]) == (
        2,
        [{"customer_id": first["related_customer_id"], "deal_id": None, "reason": "in_use"}],
    )
    assert len(await customers.rows("select id from relation")) == 1


async def test_a_relation_that_is_not_allowed_is_listed(customers: ServiceUnderTest) -> None:
    file = "Id,Name,Parent\n1,A,2\n2,B,1\n3,C,3\n4,D,9;1\n"
    mapping = {"Id": "external_ids.till", "Name": "name", "Parent": "relations.parent_account.till"}
    done = await imported(customers, file, kind="organization", mapping=mapping)
    assert (counts(done), done["unrelated"]) == ((4, 0, 0, 0), 3)
    listed = [(error["row"], error["code"]) for error in await errors(customers, done["id"])]
    assert listed == [("2", "relation_cycle"), ("3", "same_customer"), ("4", "unknown_record")]
    assert len(await customers.rows("select id from relation")) == 2


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
