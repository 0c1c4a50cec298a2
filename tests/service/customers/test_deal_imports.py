"""Imports of deals: the opportunities of another system, found again by their ids."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from chassis.types.ids import uuid7
from tests.service.customers.test_erasures import erase
from tests.service.customers.test_import_reverts import reverted
from tests.support.sales import a_pipeline, created
from tests.support.service import ServiceUnderTest
from tests.support.transfer import JSON_LINES, act, counts, errors, imported, read, records, upload

SALESFORCE = Path(__file__).parents[3] / "examples" / "data" / "salesforce_export"
COLUMNS = ("Id", "AccountId", "Name", "StageName", "Amount", "CurrencyIsoCode", "CloseDate", "IsClosed", "IsWon")
KETTLES = {"Id": "o1", "AccountId": "a1", "Name": "Kettles", "StageName": "Proposal", "CloseDate": "2026-06-30"}


def a_file(*rows: dict[str, str]) -> str:
    """Return an export of opportunities. Rows are kettles unless they say otherwise."""
    lines = [",".join((KETTLES | row).get(column, "") for column in COLUMNS) for row in rows]
    return "\n".join([",".join(COLUMNS), *lines, ""])


async def an_account(customers: ServiceUnderTest, id: str = "a1") -> str:
    known = {"source": "salesforce", "id": id}
    return str((await created(customers, "/v1/customers", {**TEA, "external_ids": [known]}))["id"])


TEA = {"kind": "organization", "name": "Tea Ltd"}


async def deals(customers: ServiceUnderTest, **query: str) -> list[dict[str, Any]]:
    return list((await customers.get("/v1/deals", limit="200", **query)).json()["items"])


async def stage_names(customers: ServiceUnderTest, found: list[dict[str, Any]]) -> list[str]:
    pipelines = (await customers.get("/v1/pipelines")).json()["items"]
    names = {stage["id"]: stage["name"] for pipeline in pipelines for stage in pipeline["stages"]}
    return [names[deal["stage_id"]] for deal in found]


async def test_the_opportunities_of_salesforce_become_deals_of_their_accounts(customers: ServiceUnderTest) -> None:
    file = (SALESFORCE / "Opportunity.csv").read_bytes()
    await imported(customers, (SALESFORCE / "Account.csv").read_bytes())
    await customers.published()
    done = await imported(customers, file, currency="EUR")
    assert (done["preset"], done["record_kind"]) == ("salesforce_opportunities", "deal")
    assert counts(done) == (58, 0, 0, 0), await errors(customers, done["id"])
    (deal,) = await deals(customers, external_id="salesforce:006Nq00000BGi8PIAT")
    account = (await customers.get(f"/v1/customers/{deal['customer_id']}")).json()
    assert account["external_ids"] == [{"source": "salesforce", "id": "001Nq00000J1MwVIAV"}]
    assert (deal["amount"], deal["currency"], deal["state"]) == ("35000.00", "EUR", "won")
    assert (deal["closed_at"][:10], deal["owner_id"], deal["source"]) == ("2024-07-28", "005Nq00000AU6ztIAD", SOURCE)
    assert deal["custom"] == {"opportunity_type": "Existing Business"}
    states = [each["state"] for each in await deals(customers)]
    assert (states.count("won"), states.count("open")) == (34, 24)
    kinds = [event.type.split("_", 1)[1] for event in await customers.published() if "deal" in event.type]
    assert (kinds.count("created.v1"), kinds.count("won.v1")) == (58, 34)
    assert counts(await imported(customers, file, currency="EUR")) == (0, 0, 58, 0)
    assert (await customers.published(), len(await deals(customers))) == ([], 58)


SOURCE = "Purchased List"


async def test_a_closed_deal_is_opened_and_closed_on_its_day(customers: ServiceUnderTest) -> None:
    await an_account(customers)
    closed = {"StageName": "Closed Lost", "IsClosed": "true", "CloseDate": "2024-07-29"}
    await imported(customers, a_file({**closed, "Amount": "10", "CurrencyIsoCode": "JPY"}))
    (deal,) = await deals(customers)
    assert (deal["state"], deal["lost_reason"], deal["amount"]) == ("lost", "unknown", "10")
    path = f"/v1/deals/{deal['id']}"
    opened, lost = (await customers.get(f"{path}/stage-changes")).json()["items"]
    assert [opened["to_stage_name"], lost["to_stage_name"]] == ["Qualification", "Lost"]
    assert (opened["kind"], lost["kind"], lost["seconds_in_previous"]) == ("created", "lost", None)
    assert (await customers.post(f"{path}/reopen", {})).json()["stage_id"] == opened["to_stage_id"]
    again = await imported(customers, a_file({**closed, "CloseDate": "2199-01-01"}))
    assert counts(again) == (0, 1, 0, 0), "the file says that it is lost"
    (deal,) = await deals(customers)
    assert deal["closed_at"] <= deal["updated_at"], "it is not closed in the future"


@pytest.mark.parametrize(
    ("row", "code", "field", "reason"),
    [
        ({"AccountId": "a9"}, "unknown_record", "/customer_id", "no customer has the id a9 of salesforce"),
        ({"AccountId": ""}, "required", "customer", "needs the id of the customer in another system"),
        ({"Id": ""}, "required", "external_ids", "needs the id of the deal in a single system"),
        ({"Name": ""}, "required", "/name", "a name is expected"),
        ({"Amount": "12.50"}, "currency_needed", "amount", "is an amount without a currency: state that of the file"),
        ({"Amount": "12.505", "CurrencyIsoCode": "EUR"}, "not_an_amount", "/amount", "EUR has at most 2 decimals"),
        ({"Amount": '"1.234,50"', "CurrencyIsoCode": "EUR"}, "locale_needed", "Amount", "is a number only in some"),
        ({"Amount": "-5", "CurrencyIsoCode": "EUR"}, "wrong_format", "/amount", ""),
        ({"Amount": "5", "CurrencyIsoCode": "XXY"}, "unknown_currency", "/currency", ""),
        ({"CloseDate": "soon"}, "not_a_date", "/expected_close_on", ""),
        ({"StageName": "Dreaming"}, "unknown_record", "/stage", "no stage is called Dreaming: the pipeline has Qual"),
        ({"IsClosed": "1", "IsWon": "1"}, "stage_contradicts", "/stage", "the deal is won, and Proposal is a stage of"),
        ({"StageName": "Won", "IsClosed": "0"}, "stage_contradicts", "/stage", "the deal is open, and Won is a stage"),
        ({"IsClosed": "maybe"}, "not_a_boolean", "IsClosed", ""),
    ],
)
async def test_a_row_that_would_need_a_guess_is_refused_alone(
    customers: ServiceUnderTest, row: dict[str, str], code: str, field: str, reason: str
) -> None:
    await an_account(customers)
    done = await imported(customers, a_file({"Id": "o0"}, row, {"Id": "o2"}))
    assert counts(done) == (2, 0, 0, 1)
    (error,) = await errors(customers, done["id"])
    assert (error["row"], error["code"], error["field"]) == ("2", code, field)
    assert reason in error["reason"]
    assert [deal["external_ids"][0]["id"] for deal in await deals(customers)] == ["o0", "o2"]


async def test_stages_of_the_file_are_named_in_the_request(customers: ServiceUnderTest) -> None:
    await an_account(customers)
    await created(customers, "/v1/deals", {"customer_id": await an_account(customers, "a2"), "name": "first"})
    pipeline = await a_pipeline(customers)
    stages = {"Value Proposition": "OFFER", "Closed Won": "won"}
    file = a_file(
        {"Id": "o1", "StageName": "value proposition"},
        {"Id": "o2", "StageName": "talks"},
        {"Id": "o3", "StageName": "Closed Won"},
    )
    done = await imported(customers, file, pipeline_id=pipeline["id"], stages=stages)
    assert counts(done) == (3, 0, 0, 0), await errors(customers, done["id"])
    found = await deals(customers, pipeline_id=pipeline["id"])
    assert await stage_names(customers, found) == ["Offer", "Talks", "Won"]
    default = await imported(customers, file, stages={"Value Proposition": "Proposal"})
    assert counts(default) == (0, 0, 1, 2), "a deal stays in its pipeline, where these stages do not exist"


@pytest.mark.parametrize(
    ("start", "pointer", "code"),
    [
        ({"stages": {"A/B": "Nowhere"}}, "/stages/A~1B", "unknown_record"),
        ({"pipeline_id": str(uuid7())}, "/pipeline_id", "unknown_record"),
        ({"currency": "EURO"}, "/currency", "wrong_format"),
        ({"mapping": {"Name": "name"}, "currency": "EUR"}, "/currency", "only_for_deals"),
        ({"mapping": {"Name": "given_name"}, "preset": "salesforce_opportunities"}, "/mapping/Name", "unknown_target"),
        ({"mapping": {"Name": "relations.account.x"}, "preset": "salesforce_opportunities"}, "/mapping/Name", None),
        ({"mapping": {"Name": "id"}, "preset": "salesforce_opportunities"}, "/mapping/Name", "unknown_target"),
        ({"mapping": {"Name": "customer.x"}}, "/mapping/Name", "unknown_target"),
    ],
)
async def test_a_start_that_fits_no_deals_is_refused(
    customers: ServiceUnderTest, start: dict[str, Any], pointer: str, code: str | None
) -> None:
    uploaded = await upload(customers, a_file({}))
    problem = await act(customers, uploaded["id"], "start", start)
    (error,) = problem["errors"]
    assert (problem["status"], error["pointer"], error["code"]) == (422, pointer, code or "unknown_target")
    assert (await customers.get("/v1/pipelines")).json()["items"] == []


async def test_a_repeated_import_changes_what_has_changed(customers: ServiceUnderTest) -> None:
    await an_account(customers)
    euros = {"CurrencyIsoCode": "EUR", "Amount": "10.00"}
    await imported(customers, a_file({**euros}, {"Id": "o2", "StageName": "Closed Won", "IsWon": "1"}))
    await customers.published()
    file = a_file(
        {"Amount": "12.5", "CurrencyIsoCode": "EUR", "StageName": "Negotiation", "Name": "More kettles"},
        {"Id": "o2", "StageName": "Signing", "IsClosed": "false"},
        {"Id": "o1", "Name": "", "StageName": "", "CloseDate": "", "CurrencyIsoCode": "USD"},
    )
    assert counts(await imported(customers, file)) == (0, 2, 1, 0), "an empty cell and a bare currency change nothing"
    first, second = await deals(customers)
    assert (first["name"], first["amount"], first["currency"]) == ("More kettles", "12.50", "EUR")
    assert (second["state"], second["closed_at"]) == ("open", None)
    assert await stage_names(customers, [first, second]) == ["Negotiation", "Signing"]
    events = [event.type.removeprefix("customers.deal_") for event in await customers.published()]
    assert events == ["updated.v1", "stage_changed.v1", "reopened.v1"]


async def test_a_deal_keeps_its_customer_and_its_lines_their_amount(customers: ServiceUnderTest) -> None:
    for account in ("a1", "a2"):
        await an_account(customers, account)
    file = a_file({"Amount": "10", "CurrencyIsoCode": "EUR"})
    await imported(customers, file)
    (deal,) = await deals(customers)
    lines = {"lines": [{"name": "Delivery", "quantity": "1", "unit_price": "25.00"}]}
    assert (await customers.put(f"/v1/deals/{deal['id']}/lines", lines)).status_code == 200
    moved = a_file({"AccountId": "a2"}, {"Amount": "11", "CurrencyIsoCode": "EUR"}, {"StageName": "Signing"})
    done = await imported(customers, moved)
    assert counts(done) == (0, 1, 0, 2)
    assert [error["code"] for error in await errors(customers, done["id"])] == ["other_customer", "amount_from_lines"]
    (after,) = await deals(customers)
    assert (after["customer_id"], after["amount"]) == (deal["customer_id"], "25.00")


async def test_an_unapproved_discount_is_not_won_by_an_import(customers: ServiceUnderTest) -> None:
    await an_account(customers)
    pipeline = await a_pipeline(customers, discount_percent="5", required=["amount"])
    refused = await imported(customers, a_file({"StageName": "Offer"}))
    assert [error["code"] for error in await errors(customers, refused["id"])] == ["required"]
    await imported(customers, a_file({"StageName": "Talks"}))
    (deal,) = await deals(customers)
    product = await created(customers, "/v1/products", {"sku": "k", "name": "Kettle", "list_price": "10.00"})
    lines = {"lines": [{"product_id": product["id"], "quantity": "1", "discount": "5.00"}]}
    assert (await customers.put(f"/v1/deals/{deal['id']}/lines", lines)).status_code == 200
    won = await imported(customers, a_file({"StageName": "Won"}), pipeline_id=pipeline["id"])
    assert [error["code"] for error in await errors(customers, won["id"])] == ["discount_not_approved"]


async def test_a_dry_run_of_deals_changes_nothing(customers: ServiceUnderTest) -> None:
    await an_account(customers)
    await customers.published()
    tried = await imported(customers, a_file({}, {"Id": "o2", "StageName": "Dreaming"}), dry_run=True)
    assert counts(tried) == (1, 0, 0, 1)
    assert (await deals(customers), await customers.published()) == ([], [])
    assert (await customers.get("/v1/pipelines")).json()["items"] == []
    await act(customers, tried["id"], "start", {})
    await customers.run_jobs()
    assert counts(await read(customers, tried["id"])) == (1, 0, 0, 1)


async def test_a_revert_removes_new_deals_and_restores_the_others(customers: ServiceUnderTest) -> None:
    await an_account(customers)
    await imported(customers, a_file({"Amount": "10", "CurrencyIsoCode": "EUR"}))
    (before,) = await deals(customers)
    await customers.published()
    file = a_file(
        {"StageName": "Closed Won", "IsWon": "1", "Amount": "20", "CurrencyIsoCode": "EUR", "Name": "More"},
        {"Id": "o2"},
    )
    done = await imported(customers, file)
    await customers.published()
    result = await reverted(customers, done["id"])
    assert (result["state"], result["removed"], result["restored"], result["kept"]) == ("succeeded", 1, 1, [])
    (after,) = await deals(customers)
    assert without_versions(after) == without_versions(before)
    events = sorted(event.type.removeprefix("customers.deal_") for event in await customers.published())
    assert events == ["removed.v1", "reopened.v1", "updated.v1"]
    assert await deals(customers, external_id="salesforce:o2") == []
    assert counts(await imported(customers, file)) == (1, 1, 0, 0), "the ids of a removed deal are free"


def without_versions(deal: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in deal.items() if name not in ("version", "updated_at")}


async def test_a_revert_leaves_deals_alone_that_changed_or_are_in_use(customers: ServiceUnderTest) -> None:
    await an_account(customers)
    done = await imported(customers, a_file({}, {"Id": "o2"}, {"Id": "o3"}))
    first, second, _ = await deals(customers)
    assert (await customers.patch(f"/v1/deals/{first['id']}", {"competitor": "Pots & Co"})).status_code == 200
    contract = {"customer_id": second["customer_id"], "deal_id": second["id"], "name": "Rent"}
    await created(customers, "/v1/contracts", {**contract, "starts_on": "2026-01-01"})
    result = await reverted(customers, done["id"])
    assert (result["removed"], result["kept_count"]) == (1, 2)
    kept = {(each["deal_id"], each["customer_id"], each["reason"]) for each in result["kept"]}
    customer = first["customer_id"]
    assert kept == {(first["id"], customer, "changed_since"), (second["id"], customer, "in_use")}
    assert [deal["id"] for deal in await deals(customers)] == [first["id"], second["id"]]


async def test_two_imports_of_the_same_deals_at_once_create_each_once(customers: ServiceUnderTest) -> None:
    await an_account(customers)
    file = a_file(*({"Id": f"o{number}"} for number in range(100)))
    ids = []
    for _ in range(3):
        ids.append((await upload(customers, file))["id"])
        await act(customers, ids[-1], "start", {})
    await asyncio.gather(*(customers.run_chunk(id) for id in ids))
    await customers.run_jobs()
    done = [counts(await read(customers, id)) for id in ids]
    assert sorted(done) == [(0, 0, 100, 0), (0, 0, 100, 0), (100, 0, 0, 0)]
    assert len(await deals(customers)) == 100


async def test_a_killed_worker_leaves_no_deal_behind(customers: ServiceUnderTest) -> None:
    """The connection is lost after the rows are written and before the commit."""
    await an_account(customers)
    id = (await upload(customers, a_file({}, {"Id": "o2"})))["id"]
    await act(customers, id, "start", {})
    await customers.as_owner(
        "create function lose() returns trigger language plpgsql as $$ begin "
        "perform pg_terminate_backend(pg_backend_pid()); return new; end $$",
        "create trigger lose after update on job for each row when (new.done = 2) execute function lose()",
    )
    await customers.run_jobs(chunks=1)
    await customers.as_owner("drop trigger lose on job", "drop function lose")
    assert await deals(customers) == []
    await customers.run_jobs()
    assert counts(await read(customers, id)) == (2, 0, 0, 0)
    assert len(await deals(customers)) == 2


async def test_json_lines_of_opportunities(customers: ServiceUnderTest) -> None:
    await an_account(customers)
    line = '{"Id":"o1","AccountId":"a1","Name":"Kettles","StageName":"Closed Won","IsClosed":true,"IsWon":true,'
    line += '"Amount":35000.0,"CloseDate":"2024-07-29"}'
    start = {"preset": "salesforce_opportunities", "currency": "EUR"}
    done = await imported(customers, line, JSON_LINES, **start)
    assert counts(done) == (1, 0, 0, 0), await errors(customers, done["id"])
    (deal,) = await deals(customers)
    assert (deal["state"], deal["amount"]) == ("won", "35000.00")


async def test_merged_and_erased_accounts(customers: ServiceUnderTest) -> None:
    account, other = await an_account(customers), await an_account(customers, "a2")
    file = a_file({}, {"Id": "o2", "AccountId": "a2"})
    await imported(customers, file)
    merge = await customers.post(f"/v1/customers/{other}/merge", {"merged_id": account})
    assert merge.status_code == 201, merge.text
    assert counts(await imported(customers, file)) == (0, 0, 2, 0), "the deals are now with the same customer"
    await erase(customers, other)
    assert [deal["external_ids"] for deal in await deals(customers)] == [[], []]
    assert await customers.rows("select from deal_external_id") == []
    assert counts(await imported(customers, file)) == (0, 0, 0, 2)


async def test_the_same_ids_in_another_tenant_are_other_deals(customers: ServiceUnderTest) -> None:
    await an_account(customers)
    await imported(customers, a_file({}))
    other = await customers.for_new_tenant()
    assert await deals(other, external_id="salesforce:o1") == []
    assert counts(await imported(other, a_file({}))) == (0, 0, 0, 1), "nor is the account theirs"
    await an_account(other)
    assert counts(await imported(other, a_file({}))) == (1, 0, 0, 0)
    refused = await customers.get("/v1/deals", external_id="no colon")
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/external_id")
    assert len(await records(customers)) == 1
