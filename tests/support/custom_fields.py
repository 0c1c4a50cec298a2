"""Custom fields in tests of the customers service."""

from typing import Any

from tests.support.facts import a_customer
from tests.support.service import ServiceUnderTest

MANY_CUSTOMERS = """
    insert into customer (kind, version, created_at, updated_at, account_kinds, emails, phones, addresses,
        external_ids, languages, tags, lifecycle, state, given_name, custom)
    select 'person', 1, now(), now(), '{}', '[]', '[]', '[]', '[]', '{}', '{}', 'prospect', 'active', 'Ada',
        jsonb_build_object('number', number, 'code', 'c' || number)
    from generate_series(1, 2500) as number
"""
"""2,500 customers with the custom fields `number`, from 1, and `code`."""


async def define(customers: ServiceUnderTest, name: str, type: str = "text", **properties: Any) -> dict[str, Any]:
    """Define a custom field of customers and return it."""
    misfits = properties.pop("misfits", "refuse")
    body = {"record_kind": properties.pop("record_kind", "customer"), "name": name, "type": type, **properties}
    answer = await customers.request("POST", "/v1/custom-fields", params={"misfits": misfits}, json=body)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def customer_with(customers: ServiceUnderTest, **custom: Any) -> str:
    """Create a customer with these custom fields and return the id."""
    answer = await customers.post("/v1/customers", a_customer(custom=custom))
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def custom_of(customers: ServiceUnderTest, **params: Any) -> list[dict[str, Any]]:
    """Return the custom fields of the customers of a list, page by page, two at a time."""
    found: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        answer = await customers.get("/v1/customers", **params, limit="2", **cursor)
        assert answer.status_code == 200, answer.text
        found += [item["custom"] for item in answer.json()["items"]]
        if answer.json()["next_cursor"] is None:
            return found
        cursor = {"cursor": answer.json()["next_cursor"]}


def choices(*values: str) -> list[dict[str, str]]:
    """Return the options of a choice."""
    return [{"value": value} for value in values]
