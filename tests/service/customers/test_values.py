"""Values of real records: odd ones are kept, impossible ones are refused, and repeated ones are stored once."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from tests.support.facts import a_customer, known_as
from tests.support.service import ServiceUnderTest

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
REPEATED = {"source": "till", "id": "1"}


async def create(customers: ServiceUnderTest, **fields: Any) -> dict[str, Any]:
    answer = await customers.post("/v1/customers", a_customer(**fields))
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def error_of(customers: ServiceUnderTest, **fields: Any) -> tuple[str, str, str]:
    """Return pointer, code and text of the error of a record, which a batch refuses for the same reason."""
    answer = await customers.post("/v1/customers", a_customer(**fields))
    assert answer.status_code == 422, answer.text
    batch = await customers.post("/v1/customers/batch", {"items": [a_customer(**fields), a_customer(given_name="Eve")]})
    refused, created = batch.json()["results"]
    assert (refused["problem"]["errors"][0]["code"], created["status"]) == (
        answer.json()["errors"][0]["code"],
        "created",
    )
    (error,) = answer.json()["errors"]
    return error["pointer"], error["code"], error["detail"]


# Contact points


@pytest.mark.parametrize(
    ("number", "e164", "looked_up"),
    [
        ("+52 1 55 1234 5678", None, "+5215512345678"),
        ("+22559005608", None, "+225 59 00 56 08"),
        ("1515", None, "15 15"),
        ("020 7940800 (thuis)", "+31207940800", "+31 20 794 0800"),
        ("12", None, "1-2"),
    ],
)
async def test_an_odd_number_is_kept_and_found(
    customers: ServiceUnderTest, number: str, e164: str | None, looked_up: str
) -> None:
    created = await create(customers, phones=[{"number": number}])
    assert created["phones"] == [{"number": number, "label": None, "primary": True, "e164": e164}]
    assert (await customers.get("/v1/customers", phone=looked_up)).json()["items"] == [created]
    patched = await customers.patch(f"/v1/customers/{created['id']}", {"emails": [{"address": "a@example.com"}]})
    assert patched.status_code == 200


async def test_a_number_without_digits_is_refused(customers: ServiceUnderTest) -> None:
    pointer, _, _ = await error_of(customers, phones=[{"number": "020 794 0800"}, {"number": "unknown"}])
    assert pointer == "/phones/1/number"


@pytest.mark.parametrize("address", ["a..b.@docomo.ne.jp", '"Ada Lovelace"@example.com', "ADA@localhost"])
async def test_an_odd_address_is_kept_and_found(customers: ServiceUnderTest, address: str) -> None:
    created = await create(customers, emails=[{"address": address}])
    assert created["emails"][0]["address"] == address
    assert (await customers.get("/v1/customers", email=address.upper())).json()["items"] == [created]


# Names and addresses


async def test_a_street_has_several_lines(customers: ServiceUnderTest) -> None:
    street = {"street": "Keizersgracht 1\r\nApt 2\rBell 3", "country": "NL"}
    created = await create(customers, addresses=[street])
    assert created["addresses"][0]["street"] == "Keizersgracht 1\nApt 2\nBell 3"


async def test_a_pasted_name_is_cleaned(customers: ServiceUnderTest) -> None:
    assert (await create(customers, given_name="Ada\tAugusta\n"))["given_name"] == "Ada Augusta"


async def test_an_invisible_name_is_refused(customers: ServiceUnderTest) -> None:
    assert (await error_of(customers, given_name="\u200b\u2060"))[:2] == ("/given_name", "empty")


async def test_a_mistaken_country_is_refused_with_the_one_meant(customers: ServiceUnderTest) -> None:
    pointer, code, detail = await error_of(customers, addresses=[{"country": "UK"}])
    assert (pointer, code) == ("/addresses/0/country", "unknown_country")
    assert "did you mean GB?" in detail
    assert (await create(customers, addresses=[{"country": "YU"}]))["addresses"][0]["country"] == "YU"


# Dates


async def test_a_birth_date_may_be_a_day_ahead_and_no_more(running_customers: ServiceUnderTest) -> None:
    customers = await running_customers.for_new_tenant(kind="sandbox", clock_at=NOW, timezone="Pacific/Auckland")
    today = date(2026, 3, 2)  # in Auckland
    assert (await create(customers, birth_date=today.replace(day=3).isoformat()))["version"] == 1
    assert (await error_of(customers, birth_date="2026-03-04"))[:2] == ("/birth_date", "in_the_future")
    created = await create(customers)
    patched = await customers.patch(f"/v1/customers/{created['id']}", {"birth_date": "2150-01-01"})
    assert (patched.status_code, patched.json()["errors"][0]["pointer"]) == (422, "/birth_date")


# Lists and documents


async def test_repeated_values_are_stored_once_in_their_order(customers: ServiceUnderTest) -> None:
    fields = {
        "tags": ["b", "a", "b "],
        "languages": ["nl", "en", "nl"],
        "account_kinds": ["vendor", "vendor"],
        "external_ids": [REPEATED, {"source": "shop", "id": "1"}, REPEATED],
    }
    created = await create(customers, **fields)
    assert (created["tags"], created["languages"]) == (["b", "a"], ["nl", "en"])
    assert (created["account_kinds"], len(created["external_ids"])) == (["vendor"], 2)
    again = await customers.post("/v1/customers/batch", {"items": [a_customer(**fields)]})
    assert again.json()["results"][0]["status"] == "unchanged"


async def test_custom_fields_have_a_limit_also_when_patches_add_up(customers: ServiceUnderTest) -> None:
    assert (await error_of(customers, custom={"a": "x" * 65_536}))[:2] == ("/custom", "not_storable")
    created = await create(customers, custom={"a": "x" * 40_000})
    path = f"/v1/customers/{created['id']}"
    patched = await customers.patch(path, {"custom": {"b": "x" * 40_000}})
    assert (patched.status_code, patched.json()["errors"][0]["code"]) == (422, "custom_too_large")
    assert (await customers.patch(path, {"custom": {"a": None, "b": "x" * 40_000}})).status_code == 200


# Kinds


async def test_an_upsert_does_not_turn_a_person_into_an_organization(customers: ServiceUnderTest) -> None:
    person = await create(customers, **known_as("1"))
    organization = {"kind": "organization", "name": "Engines Ltd", **known_as("1")}
    (result,) = (await customers.post("/v1/customers/batch", {"items": [organization]})).json()["results"]
    assert (result["problem"]["code"], result["problem"]["customer_id"]) == ("kind_differs", person["id"])
    put = await customers.put("/v1/customers/by-external-id?source=till&id=1", organization)
    assert (put.status_code, put.json()["code"]) == (409, "kind_differs")
    assert (await customers.patch(f"/v1/customers/{person['id']}", {"kind": "organization"})).status_code == 200
    assert (await customers.put("/v1/customers/by-external-id?source=till&id=1", organization)).status_code == 200
