"""The customers of the scenario in `tests.support.release`: every record and every event of customers, once."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.support.facts import a_customer, known_as
from tests.support.release_of_sales import patch, post
from tests.support.stack import RunningStack, Visitor, a_sandbox


async def use_customers(visitor: Visitor, customer: str) -> None:
    """Use all that the customers service does, except sales and merges."""
    await complete_a_profile(visitor, customer)
    await save_a_view(visitor)
    await own_a_product(visitor, customer)
    await define_a_custom_field(visitor)
    await find_duplicates(visitor)
    await import_customers(visitor)
    await import_deals(visitor)
    await end_relationships(visitor)
    await answer_for_personal_data(visitor, customer)
    await deselect(visitor.stack)


async def a_known_customer(visitor: Visitor) -> str:
    body = a_customer(
        family_name="Lovelace",
        emails=[{"address": "ada@example.com"}],
        phones=[{"number": "020 1234567"}],
        **known_as("1"),
    )
    customer = await post(visitor, "/v1/customers", body)
    path = f"/v1/customers/{customer['id']}"
    assert (await visitor.request("PATCH", path, json={"tags": ["poet"]})).status_code == 200
    consent = {"purpose": "newsletter", "channel": "email", "source": "form"}
    for decision in ("granted", "withdrawn", "pending"):
        await post(visitor, f"{path}/consents", consent | {"decision": decision})
    now = datetime.now(UTC)
    for channel, expires_at in (("sms", now - timedelta(hours=1)), ("phone", now + timedelta(days=99))):
        decided = {"decided_at": (now - timedelta(days=1)).isoformat(), "expires_at": expires_at.isoformat()}
        await post(visitor, f"{path}/consents", consent | decided | {"channel": channel, "decision": "granted"})
    await post(visitor, "/v1/preference-links", {"customer_id": customer["id"]})
    settings = {"frequency_caps": [{"contacts": 3, "days": 7}]}
    assert (await visitor.request("PATCH", "/v1/consent-settings", json=settings)).status_code == 200
    return str(customer["id"])


async def complete_a_profile(visitor: Visitor, customer: str) -> None:
    place = {"latitude": 52.3738, "longitude": 4.8910}
    address = {"street": "Keizersgracht 1", "city": "Amsterdam", "country": "NL", **place}
    changes = {"owner_id": "agent-1", "birth_date": "1815-12-10", "addresses": [address]}
    await patch(visitor, f"/v1/customers/{customer}", changes)
    other = await post(visitor, "/v1/customers", a_customer())
    relation = {"kind": "spouse", "related_customer_id": other["id"]}
    await post(visitor, f"/v1/customers/{customer}/relations", relation)


async def save_a_view(visitor: Visitor) -> None:
    view = {"record_kind": "customer", "name": "Poets", "filters": {"tag": ["poet"]}, "sort": "-created_at"}
    saved = await post(visitor, "/v1/views", view)
    await patch(visitor, f"/v1/views/{saved['id']}", {"shared": True})


async def own_a_product(visitor: Visitor, customer: str) -> None:
    product = await post(visitor, "/v1/products", {"sku": "kettle-2", "name": "Kettle", "list_price": "39.00"})
    await patch(visitor, f"/v1/products/{product['id']}", {"list_price": "42.00"})
    problem = {"severity": "high", "description": "The lid may come off.", "remedy": "Return it for a new lid."}
    added = await post(visitor, f"/v1/products/{product['id']}/problems", problem)
    await post(visitor, f"/v1/product-problems/{added['id']}/resolve", {"resolution": "New lids since batch 18."})
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    dates = {"warranty_until": today, "next_maintenance_on": today}
    asset = {"customer_id": customer, "product_id": product["id"], **dates}
    owned = await post(visitor, "/v1/assets", asset)
    await patch(visitor, f"/v1/assets/{owned['id']}", {"serial_number": "K2-000817"})
    # Periodic tasks run at once for a tenant that has changed: they remind of both dates.
    (tenant,) = (await visitor.request("GET", "/v1/tenants")).json()["items"]
    await patch(visitor, f"/v1/tenants/{tenant['id']}", {"name": "Kettles"})


async def define_a_custom_field(visitor: Visitor) -> None:
    definition = {"record_kind": "customer", "name": "shirt_size", "type": "text", "indexed": True}
    field = await post(visitor, "/v1/custom-fields", definition)
    await patch(visitor, f"/v1/custom-fields/{field['id']}", {"label": "Size of the shirt"})
    await post(visitor, "/v1/customers", a_customer(custom={"shirt_size": "m"}))
    retired = await post(visitor, "/v1/custom-fields", definition | {"name": "hat_size"})
    deleted = await visitor.request("DELETE", f"/v1/custom-fields/{retired['id']}")
    assert deleted.status_code == 204, deleted.text


async def find_duplicates(visitor: Visitor) -> None:
    ada = a_customer(family_name="Byron", birth_date="1952-11-27", allow_duplicate=True)
    for _ in range(2):
        await post(visitor, "/v1/customers", ada)
    search = await post(visitor, "/v1/duplicate-searches")
    await until(visitor, f"/v1/duplicate-searches/{search['id']}")


async def import_customers(visitor: Visitor) -> None:
    file: dict[str, Any] = {
        "content": b"email,amount\nimported@example.com,12\n",
        "headers": {"content-type": "text/csv"},
    }
    for _ in range(2):
        uploaded = (await visitor.request("POST", "/v1/imports", **file)).json()
        path = f"/v1/imports/{uploaded['id']}"
        await post(visitor, f"{path}/start", {})
        await until(visitor, path)
    await post(visitor, f"{path}/revert")
    export = await post(visitor, "/v1/exports", {})
    await until(visitor, f"/v1/exports/{export['id']}")


async def import_deals(visitor: Visitor) -> None:
    """Import a deal of the known customer, and another that is removed again."""
    targets = {"Id": "external_ids.till", "AccountId": "customer.till"}
    for id in (b"1", b"2"):
        file: dict[str, Any] = {
            "content": b"Id,AccountId,Name\n" + id + b",1,Cups\n",
            "headers": {"content-type": "text/csv"},
        }
        path = f"/v1/imports/{(await visitor.request('POST', '/v1/imports', **file)).json()['id']}"
        await post(visitor, f"{path}/start", {"preset": "salesforce_opportunities", "mapping": targets})
        await until(visitor, path)
    await post(visitor, f"{path}/revert")


async def until(visitor: Visitor, path: str, state: str = "succeeded") -> None:
    """Wait until a job or an erasure is in a state."""
    async with asyncio.timeout(90):
        while (await visitor.request("GET", path)).json()["state"] != state:  # noqa: ASYNC110
            await asyncio.sleep(0.5)


async def end_relationships(visitor: Visitor) -> None:
    await post(visitor, "/v1/end-reasons", {"reason": "bankruptcy", "description": "The company was wound up."})
    lost = await post(visitor, "/v1/customers", a_customer())
    for reason in ("price", "bankruptcy"):
        await post(visitor, f"/v1/customers/{lost['id']}/end-relationship", {"reason": reason})
        await post(visitor, f"/v1/customers/{lost['id']}/resume-relationship")
    await post(visitor, f"/v1/customers/{lost['id']}/end-relationship", {"reason": "competitor"})


async def answer_for_personal_data(visitor: Visitor, customer: str) -> None:
    """Record a request for personal data, and erase a person who must not be recorded again."""
    await post(visitor, f"/v1/customers/{customer}/personal-data", {"requested_by": "by e-mail of 1 March"})
    emails = [{"address": "forgotten@example.com"}]
    forgotten = await post(visitor, "/v1/customers", a_customer(emails=emails, **known_as("2")))
    request = {"customer_id": forgotten["id"], "reason": "requested", "grace_days": 0, "block": True}
    erasure = await post(visitor, "/v1/erasures", request)
    await until(visitor, f"/v1/erasures/{erasure['id']}", "completed")


async def deselect(stack: RunningStack) -> None:
    """In a sandbox, whose clock passes the notice and the end of the treatment."""
    proposer = a_sandbox(stack, clock="2026-03-01T10:00:00Z")
    scopes = ["customers:read", "customers:decide"]
    decider = Visitor(stack, (await post(proposer, "/v1/api-keys", {"name": "decider", "scopes": scopes}))["key"])
    customer = await post(proposer, "/v1/customers", a_customer(lifecycle="client"))
    evidence = {"kind": "contribution", "value": "-120.00", "period_days": 365}
    proposal = {"treatment": "self_service", "reason": "Costs more than it brings.", "evidence": [evidence]}
    proposed = await post(proposer, "/v1/deselections", proposal | {"customer_id": customer["id"]})
    approval = {"decision": "approved", "reason": "A year of losses.", "notice_channel": "post", "notice_days": 14}
    await post(decider, f"/v1/deselections/{proposed['id']}/decide", approval | {"days": 30})
    for _ in range(2):
        await post(proposer, "/v1/sandbox/clock", {"advance": "P31D"})
        await proposer.request("GET", "/v1/sandbox/clock?wait_seconds=30")
    await proposer.close()
    await decider.close()
