"""Erasures reach the files of imports and exports, and what their jobs say of persons."""

from typing import Any

import pytest

from chassis import uuid7
from tests.service.customers.test_erasures import TEXTS, erase, texts_left
from tests.support.facts import a_customer
from tests.support.service import ServiceUnderTest
from tests.support.transfer import act, errors, imported, read, upload

ROWS = "name,email\nZebedina,zebedina@quorthon.example\nZebra Quorthon,no address\n"


async def names(customers: ServiceUnderTest) -> list[str]:
    """Return the names of the tenant's files, without those of their jobs."""
    files = customers.shared.running.files
    return sorted([file.path.split("/", 2)[2] async for file in files.files_in(str(customers.tenant.id))])


async def contents(customers: ServiceUnderTest) -> bytes:
    files = customers.shared.running.files
    paths = [file.path async for file in files.files_in(str(customers.tenant.id))]
    return b"".join([piece for path in paths async for piece in files.read(path)])


async def an_export(customers: ServiceUnderTest, **filter: Any) -> str:
    created = await customers.post("/v1/exports", {"filter": filter}, Idempotency_Key=str(uuid7()))
    return str(created.headers["location"])


async def test_an_upload_is_deleted_when_its_import_has_ended(customers: ServiceUnderTest) -> None:
    await imported(customers, ROWS, dry_run=True)
    assert await names(customers) == ["errors-1/000000000000", "upload"], "it is imported after the trial"
    other = await customers.for_new_tenant()
    await imported(other, ROWS)
    assert await names(other) == ["errors-1/000000000000"]
    third = await customers.for_new_tenant()
    await act(third, (await upload(third, ROWS))["id"], "cancel")
    await third.run_jobs()
    assert await names(third) == []


async def test_an_erasure_deletes_the_files_of_jobs_that_have_ended(customers: ServiceUnderTest) -> None:
    trial = await imported(customers, ROWS, dry_run=True)
    done = await imported(customers, ROWS)
    export = await an_export(customers, email="zebedina@quorthon.example")
    await customers.run_jobs()
    assert b"Quorthon" in await contents(customers)
    (person,) = (await customers.get("/v1/customers")).json()["items"]
    await erase(customers, person["id"])
    refused = [await customers.get(f"{export}/file"), await customers.get(f"/v1/imports/{done['id']}/errors")]
    assert [(answer.status_code, answer.json()["code"]) for answer in refused] == [(410, "file_erased")] * 2
    assert (await act(customers, trial["id"], "start", {}))["code"] == "file_erased"
    await customers.run_jobs()
    await customers.run_periodic_tasks()
    assert (await names(customers), await texts_left(customers)) == ([], [])
    later = await an_export(customers)
    await customers.run_jobs()
    assert (await customers.get(f"{later}/file")).status_code == 200


async def test_an_unfinished_import_goes_on_without_cells_of_refused_rows(customers: ServiceUnderTest) -> None:
    rows = "".join(f"Name {number},n{number}@x.org\n" for number in range(998))
    id = (await upload(customers, f"{ROWS}{rows}Zed Quorthon,still no address\n"))["id"]
    await act(customers, id, "start", {})
    await customers.run_jobs(chunks=1)
    (person, *_) = (await customers.get("/v1/customers", email="zebedina@quorthon.example")).json()["items"]
    assert [error["email"] for error in await errors(customers, id)] == ["no address"]
    await erase(customers, person["id"])
    await customers.run_jobs()
    done = await read(customers, id)
    assert (done["state"], done["created"], done["refused"]) == ("succeeded", 999, 2)
    (error,) = await errors(customers, id)
    assert (error["row"], error["code"], error["name"], error["email"]) == ("1001", "not_an_address", "", "")
    assert b"Quorthon" not in await contents(customers)


async def test_an_unfinished_export_begins_again(customers: ServiceUnderTest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.customers.transfer.exports.pages.PAGE", 0)
    person = (await customers.post("/v1/customers", a_customer(**TEXTS))).json()["id"]
    await customers.post("/v1/customers", a_customer(given_name="Bob"))
    export, waiting = await an_export(customers), await an_export(customers, external_id="till:zeb-4711")
    await customers.run_jobs(chunks=1)
    assert (await customers.get(export)).json()["state"] == "running"
    await erase(customers, person)
    assert (await customers.get(export)).json()["done"] == 0
    shown = (await customers.get(waiting)).json()
    assert (shown["state"], shown["filter"]["external_id"]) == ("cancelled", None), "it would find nothing any more"
    monkeypatch.undo()
    await customers.run_jobs()
    file = (await customers.get(f"{export}/file")).text
    assert ("Bob" in file, "Zebedina" in file) == (True, False)
    assert await names(customers) == ["parts-1/00000000"]
    assert "public.job" not in await texts_left(customers)


async def test_an_erasure_that_is_repeated_leaves_later_files(customers: ServiceUnderTest) -> None:
    person = (await customers.post("/v1/customers", a_customer(**TEXTS))).json()["id"]
    await erase(customers, person)
    export = await an_export(customers)
    await customers.run_jobs()
    await customers.as_owner("update chassis.erased_person set erased_at = erased_at - interval '1 hour'")
    await customers.run_periodic_tasks()
    await customers.run_jobs()
    assert (await customers.get(f"{export}/file")).status_code == 200


async def test_a_file_with_the_id_of_an_erased_person_brings_nothing_back(customers: ServiceUnderTest) -> None:
    (person,) = [(await customers.post("/v1/customers", a_customer(given_name="Zebedina"))).json()]
    await erase(customers, person["id"])
    export = await an_export(customers)
    await customers.run_jobs()
    assert len((await customers.get(f"{export}/file")).content.splitlines()) == 1, "its row is not exported"
    done = await imported(customers, f"id,given_name,email\n{person['id']},Zebedina,zebedina@quorthon.example\n")
    assert (done["refused"], [error["code"] for error in await errors(customers, done["id"])]) == (1, ["person_erased"])
    await customers.run_periodic_tasks()
    assert await texts_left(customers) == []
