"""Imports: files of every kind, their mistakes, and what becomes of their rows."""

import asyncio
import gzip
from typing import Any

import pytest

from chassis import uuid7
from tests.support.service import ServiceUnderTest
from tests.support.transfer import ANY_FILE, JSON_LINES, act, counts, errors, imported, read, records, upload


async def test_a_byte_order_mark_is_no_part_of_the_first_column(customers: ServiceUnderTest) -> None:
    uploaded = await upload(customers, b"\xef\xbb\xbfemail,given_name\nada@x.org,Ada\n")
    assert (uploaded["columns"], uploaded["encoding"]) == (["email", "given_name"], "utf-8")
    assert uploaded["mapping"] == {"email": "emails.1", "given_name": "given_name"}
    done = await imported(customers, b"\xef\xbb\xbfemail,given_name\nada@x.org,Ada\n")
    (ada,) = await records(customers)
    assert (counts(done), ada["given_name"], ada["emails"][0]["address"]) == ((1, 0, 0, 0), "Ada", "ada@x.org")


async def test_an_amount_is_read_with_a_stated_locale_only(customers: ServiceUnderTest) -> None:
    file = "Naam;E-mail;Bedrag\nJansen;j@x.nl;1.234,56\n"
    mapping = {"Naam": "name", "E-mail": "emails.1", "Bedrag": "custom.amount:number"}
    refused = await imported(customers, file, mapping=mapping)
    assert (refused["delimiter"], counts(refused)) == ("semicolon", (0, 0, 0, 1))
    (error,) = await errors(customers, refused["id"])
    assert (error["row"], error["code"], error["field"], error["Bedrag"]) == (
        "1",
        "locale_needed",
        "Bedrag",
        "1.234,56",
    )
    assert counts(await imported(customers, file, mapping=mapping, locale="nl")) == (1, 0, 0, 0)
    (jansen,) = await records(customers)
    assert jansen["custom"] == {"amount": 1234.56}


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        ("given_name,family_name\nJ,Müller\n".encode("cp1252"), "windows-1252"),
        ("given_name,family_name\nJ,Müller\n".encode("utf-16"), "utf-16"),
        ("given_name,family_name\nJ,Müller\n".encode("utf-16-be"), "utf-16"),
        ("given_name,family_name\r\nJ,Müller\r\n".encode(), "utf-8"),
        ("given_name,family_name\rJ,Müller\r".encode(), "utf-8"),
        ("given_name\tfamily_name\nJ\tMüller".encode(), "utf-8"),
    ],
)
async def test_files_in_several_encodings_are_read(customers: ServiceUnderTest, content: bytes, encoding: str) -> None:
    done = await imported(customers, content)
    assert (done["encoding"], counts(done)) == (encoding, (1, 0, 0, 0))
    assert [record["family_name"] for record in await records(customers)] == ["Müller"]


async def test_a_row_with_bytes_of_another_encoding_is_refused(customers: ServiceUnderTest) -> None:
    content = b"given_name,family_name\nA,M\xfcller\nB,Smith\n"
    done = await imported(customers, content, query={"encoding": "utf-8"})
    assert counts(done) == (1, 0, 0, 1)
    (error,) = await errors(customers, done["id"])
    assert (error["row"], error["code"], error["family_name"]) == ("1", "unreadable_row", "M\\udcfcller")
    assert [record["family_name"] for record in await records(customers)] == ["Smith"]


@pytest.mark.parametrize(
    ("content", "code", "detail"),
    [
        (b"email,email\na@x.org,b@x.org\n", "repeated_column", "The columns 1 and 2 are both called email."),
        (b"ada@x.org,Ada\nbob@x.org,Bob\n", "no_header", "The first row is ada@x.org, Ada."),
        (b"", "empty_file", "The file contains no record."),
        (b"email,given_name\n", "empty_file", "The file contains no record."),
        (b"\xff\xfee\0m\0a", "unreadable_file", "The file begins as UTF-16, and does not go on in it."),
        (b"a\0b,c\n1,2\n", "unreadable_file", "The header contains signs that are no text. Is the encoding right?"),
    ],
)
async def test_a_file_that_cannot_be_imported_is_refused(
    customers: ServiceUnderTest, content: bytes, code: str, detail: str
) -> None:
    problem = await upload(customers, content)
    assert (problem["status"], problem["code"], problem["detail"]) == (422, code, detail)
    assert (await customers.get("/v1/imports")).json()["items"] == []
    files = customers.shared.running.files
    assert [file async for file in files.files_in(str(customers.tenant.id))] == [], "the file is deleted"


async def test_a_quoted_newline_does_not_move_the_numbers_of_later_rows(customers: ServiceUnderTest) -> None:
    file = 'name,addresses.1.street\nA,"Mill Lane 1\nApt 2"\nB,x,too much\nC,Hill 3\n'
    done = await imported(customers, file)
    assert counts(done) == (2, 0, 0, 1)
    first, last = await records(customers)
    assert (first["addresses"][0]["street"], last["name"]) == ("Mill Lane 1\nApt 2", "C")
    assert [error["row"] for error in await errors(customers, done["id"])] == ["2"]


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ("C", "ragged_row"),
        ("C,c@x.org,more", "ragged_row"),
        ("C\0,c@x.org", "unreadable_row"),
        ('"C,c@x.org', "unreadable_row"),
        ("C,no address", "not_an_address"),
        (",", "not_identifiable"),
    ],
)
async def test_a_bad_row_stops_no_other(customers: ServiceUnderTest, row: str, code: str) -> None:
    done = await imported(customers, f"name,email\nA,a@x.org\n{row}\nB,b@x.org\n")
    assert counts(done) == (2, 0, 0, 1)
    assert [record["name"] for record in await records(customers)] == ["A", "B"]
    assert [(error["row"], error["code"]) for error in await errors(customers, done["id"])] == [("2", code)]


async def test_a_ragged_last_row_is_refused_alone(customers: ServiceUnderTest) -> None:
    done = await imported(customers, "name,email\nA,a@x.org\nB,b@x.org\nC\n")
    assert counts(done) == (2, 0, 0, 1)
    assert [record["name"] for record in await records(customers)] == ["A", "B"]
    (error,) = await errors(customers, done["id"])
    assert (error["row"], error["reason"]) == ("3", "has 1 cells, and the header has 2")


async def test_a_bad_row_in_the_middle_of_many(customers: ServiceUnderTest) -> None:
    rows = [f"Name {number},n{number}@x.org" for number in range(1, 2501)]
    rows[1233] = "Name 1234,broken"
    done = await imported(customers, "name,email\n" + "\n".join(rows))
    assert (counts(done), done["done"], done["progress"], done["state"]) == ((2499, 0, 0, 1), 2500, 1.0, "succeeded")
    assert [error["row"] for error in await errors(customers, done["id"])] == ["1234"]


@pytest.mark.parametrize(
    ("start", "pointer", "code"),
    [
        ({"mapping": {"Nmae": "name"}}, "/mapping/Nmae", "unknown_column"),
        ({"mapping": {"Name": "nickname"}}, "/mapping/Name", "unknown_target"),
        ({"mapping": {"Name": "emails.1.nickname"}}, "/mapping/Name", "unknown_target"),
        ({"locale": "xx-nowhere"}, "/locale", "wrong_format"),
    ],
)
async def test_a_start_that_does_not_fit_the_file_is_refused(
    customers: ServiceUnderTest, start: Any, pointer: str, code: str
) -> None:
    uploaded = await upload(customers, "Name,Size\nA,1\n")
    problem = await act(customers, uploaded["id"], "start", start)
    (error,) = problem["errors"]
    assert (problem["status"], error["pointer"], error["code"]) == (422, pointer, code)
    assert (await read(customers, uploaded["id"]))["state"] == "ready"


async def test_rows_follow_the_rules_of_the_batch(customers: ServiceUnderTest) -> None:
    """The same external id is the same customer, an empty cell changes nothing, and a list is replaced."""
    mapping = {"Id": "external_ids.crm", "Name": "name", "Mail": "emails.work", "Tags": "tags", "Lang": "custom.lang"}
    first = "Id,Name,Mail,Tags,Lang\n1,A,a@x.org,vip;tea,nl\n2,B,,,\n"
    assert counts(await imported(customers, first, mapping=mapping)) == (2, 0, 0, 0)
    second = "Id,Name,Mail,Tags,Lang\n1,,b@x.org,,de\n2,B,,,\n1,A2,,,\n"
    assert counts(await imported(customers, second, mapping=mapping)) == (0, 2, 1, 0)
    one, _ = await records(customers)
    assert (one["name"], one["tags"], one["custom"]) == ("A2", ["vip", "tea"], {"lang": "de"})
    assert [(each["address"], each["label"]) for each in one["emails"]] == [("b@x.org", "work")]


async def test_a_column_has_the_type_of_its_custom_field(customers: ServiceUnderTest) -> None:
    for name, type in (("size", "number"), ("vip", "boolean"), ("since", "date")):
        field = {"record_kind": "customer", "name": name, "type": type, "indexed": True}
        assert (await customers.post("/v1/custom-fields", field)).status_code == 201
    mapping = {"n": "name", "s": "custom.size", "v": "custom.vip", "d": "custom.since", "i": "external_ids.till"}
    file = "i,n,s,v,d\n1,A,12.5,yes,31-12-1980\n2,B,large,yes,\n"
    done = await imported(customers, file, mapping=mapping, dates="day_month_year")
    assert counts(done) == (1, 0, 0, 1)
    (record,) = await records(customers)
    assert record["custom"] == {"size": 12.5, "vip": True, "since": "1980-12-31"}
    assert [error["field"] for error in await errors(customers, done["id"])] == ["s"]
    await imported(customers, "i,s\n1,13\n", mapping={"i": "external_ids.till", "s": "custom.size"})
    (record,) = await records(customers)
    assert record["custom"] == {"size": 13, "vip": True, "since": "1980-12-31"}, "the others stay"


async def test_json_lines_and_gzip(customers: ServiceUnderTest) -> None:
    lines = b'{"kind":"person","given_name":"Ada"}\n\n{"kind":"person"}\nnonsense\n{"given_name":"Bob","tags":["a"]}'
    uploaded = await upload(customers, gzip.compress(lines[:20]) + gzip.compress(lines[20:]), JSON_LINES, "gzip")
    await act(customers, uploaded["id"], "start", {})
    await customers.run_jobs()
    assert counts(await read(customers, uploaded["id"])) == (2, 0, 0, 2)
    found = [(error["row"], error["code"]) for error in await errors(customers, uploaded["id"])]
    assert found == [("2", "not_identifiable"), ("3", "unreadable_row")]
    assert [record["given_name"] for record in await records(customers)] == ["Ada", "Bob"]
    problem = await upload(customers, gzip.compress(lines)[:-9], JSON_LINES, "gzip")
    assert (problem["status"], problem["detail"]) == (400, "The compressed file is cut off.")
    problem = await upload(customers, lines, JSON_LINES, "gzip")
    assert (problem["status"], problem["code"]) == (400, "malformed_request")


@pytest.mark.parametrize(
    ("content", "type", "query", "format"),
    [
        ("name\nA\n", ANY_FILE, {}, "csv"),
        ('\n {"name": "A"}\n', ANY_FILE, {}, "jsonl"),
        ('{"name"}\nA\n', ANY_FILE, {"format": "csv"}, "csv"),
        ('{"name": "A"}\n', "text/csv", {"format": "jsonl"}, "jsonl"),
        ('{"name": "A"}\n', "application/x-ndjson", {}, "jsonl"),
    ],
)
async def test_the_format_is_stated_or_found(
    customers: ServiceUnderTest, content: str, type: str, query: dict[str, str], format: str
) -> None:
    assert (await upload(customers, content, type, **query))["format"] == format
    refused = await upload(customers, content, "text/html")
    assert (refused["status"], "application/octet-stream" in refused["detail"]) == (415, True)


async def test_a_dry_run_changes_nothing_and_is_followed_by_the_import(customers: ServiceUnderTest) -> None:
    await customers.published()
    file = "name,email\nA,a@x.org\nB,wrong\n"
    tried = await imported(customers, file, dry_run=True)
    assert (counts(tried), tried["state"], tried["dry_run"]) == ((1, 0, 0, 1), "succeeded", True)
    assert (await records(customers), await customers.published()) == ([], [])
    assert await customers.rows("select * from chassis.audit where tenant_id = $1", customers.tenant.id) == []
    assert [error["row"] for error in await errors(customers, tried["id"])] == ["2"]
    assert (await act(customers, tried["id"], "revert"))["code"] == "job_not_in_state"
    assert (await act(customers, tried["id"], "start", {}))["state"] == "queued"
    await customers.run_jobs()
    assert counts(await read(customers, tried["id"])) == (1, 0, 0, 1)
    assert len(await records(customers)) == 1
    assert (await act(customers, tried["id"], "start", {}))["code"] == "job_not_in_state"


async def test_an_import_is_paused_resumed_and_cancelled(customers: ServiceUnderTest) -> None:
    rows = "\n".join(f"Name {number}" for number in range(3500))
    id = (await upload(customers, f"name\n{rows}\n"))["id"]
    await act(customers, id, "start", {})
    await customers.run_jobs(chunks=1)
    paused = await act(customers, id, "pause")
    assert (paused["state"], paused["created"], 0 < paused["progress"] < 1) == ("paused", 1000, True)
    assert await customers.run_jobs() == 0
    await act(customers, id, "resume")
    await customers.run_jobs(chunks=1)
    assert (await act(customers, id, "cancel"))["state"] == "cancelled"
    assert (await read(customers, id))["created"] == 2000
    assert (await act(customers, id, "resume"))["code"] == "job_not_in_state"


async def test_two_starts_at_once_start_once(customers: ServiceUnderTest) -> None:
    id = (await upload(customers, "name\nA\n"))["id"]
    answers = await asyncio.gather(*(act(customers, id, "start", {}) for _ in range(5)))
    assert sorted(answer.get("code", "started") for answer in answers) == ["job_not_in_state"] * 4 + ["started"]
    await customers.run_jobs()
    assert len(await records(customers)) == 1


async def test_an_import_of_another_tenant_does_not_exist(customers: ServiceUnderTest) -> None:
    id = (await upload(customers, "name\nA\n"))["id"]
    other = await customers.for_new_tenant()
    for verb in ("pause", "resume", "cancel", "revert"):
        assert (await act(other, id, verb))["status"] == 404
    assert (await other.get(f"/v1/imports/{id}/errors")).status_code == 404
    assert (await other.get(f"/v1/imports/{uuid7()}")).status_code == 404


async def test_a_trial_that_was_cancelled_or_failed_is_followed_by_the_import(customers: ServiceUnderTest) -> None:
    id = (await upload(customers, "name\nA\n"))["id"]
    await act(customers, id, "start", {"dry_run": True})
    assert (await act(customers, id, "cancel"))["state"] == "cancelled"
    await customers.run_jobs()
    failure = """failure = '{"code": "x", "detail": "y"}'"""
    await customers.as_owner(f"update job set state = 'failed', attempts = 9, {failure} where id = '{id}'")
    assert (await act(customers, id, "start", {}))["failure"] is None
    await customers.run_jobs()
    assert counts(await read(customers, id)) == (1, 0, 0, 0)


@pytest.mark.parametrize("cell", ["1e7000000", "1e999999999", "sNaN", "NaN", "Infinity"])
async def test_a_number_without_measure_is_refused_alone(customers: ServiceUnderTest, cell: str) -> None:
    mapping = {"Name": "name", "Size": "custom.size:number"}
    done = await imported(customers, f"Name,Size\nA,{cell}\nB,2\n", mapping=mapping, locale="en")
    assert (counts(done), [error["code"] for error in await errors(customers, done["id"])]) == (
        (1, 0, 0, 1),
        ["not_a_number"],
    )


async def test_the_values_of_json_lines_keep_their_types(customers: ServiceUnderTest) -> None:
    line = '{"Name": "A", "Labels": ["vip", "new"], "Price": 1.234, "Big": 5e3, "More": {"a": [true, null]}}\n'
    types = {"Labels": "tags", "Price": "custom.price:number", "Big": "custom.big:number", "More": "custom.more:json"}
    done = await imported(customers, line, JSON_LINES, mapping={"Name": "name", **types}, locale="nl")
    assert counts(done) == (1, 0, 0, 0), await errors(customers, done["id"])
    (record,) = await records(customers)
    assert record["tags"] == ["vip", "new"]
    assert record["custom"] == {"price": 1.234, "big": 5000, "more": {"a": [True, None]}}


async def test_the_file_of_errors_is_imported_without_signs_of_its_own(customers: ServiceUnderTest) -> None:
    done = await imported(customers, "name,email\n'=Ada,wrong\n")
    listed = (await customers.get(f"/v1/imports/{done['id']}/errors")).content
    assert counts(await imported(customers, listed.replace(b"wrong", b"ada@x.org"))) == (1, 0, 0, 0)
    assert [record["name"] for record in await records(customers)] == ["=Ada"]
