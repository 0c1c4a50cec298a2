"""An erasure through the running system: no text of the person is left in any table, feed, topic, log or look-up."""

import asyncio
from typing import Any

from chassis.types.ids import uuid7
from local import PROCESSES
from services.customers.lifecycle.rules.erasing import SERVICES
from tests.auditor.audit import records_of
from tests.support.facts import a_purchase
from tests.support.patience import PATIENCE_SECONDS
from tests.support.stack import RunningStack, Visitor
from tests.system.test_stories import a_program_with_points, finished

MARK = "zzyxa"
"""Is part of every text about the person."""


async def a_marked_person(visitor: Visitor) -> str:
    """Create a person with records in every service, and the mark in each of their texts. Returns the id."""
    await a_program_with_points(visitor)
    person = {
        "kind": "person",
        **{name: f"{MARK} {name}" for name in ("given_name", "family_name", "occupation", "area")},
        "emails": [{"address": f"{MARK}@example.org", "label": f"{MARK} mail"}],
        "phones": [{"number": "+31207940802", "label": f"{MARK} phone"}],
        "addresses": [{"street": f"{MARK} street", "city": f"{MARK} city", "postal_code": f"{MARK} code"}],
        "languages": ["en"],
        "preferred_name": f"{MARK} nickname",
        "preferred_channel": f"{MARK} channel",
        "external_ids": [{"source": "till", "id": f"{MARK}-1"}],
        "tags": [f"{MARK}-tag"],
        "custom": {"note": f"{MARK} note"},
    }
    customer = str((await sent(visitor, "/v1/customers", person))["id"])
    await visitor.request("PATCH", f"/v1/customers/{customer}", json={"occupation": f"{MARK} former"})
    await visitor.request("PATCH", f"/v1/customers/{customer}", json={"preferred_name": f"{MARK} familiar"})
    consent = {"purpose": "newsletter", "channel": "email", "decision": "granted", "source": f"{MARK} form"}
    await sent(visitor, f"/v1/customers/{customer}/consents", consent | {"wording": f"{MARK} wording"})
    end = {"reason": "competitor", "competitor": f"{MARK} ltd", "note": f"{MARK} said so"}
    await sent(visitor, f"/v1/customers/{customer}/end-relationship", end)
    line = {"sku": "tea", "name": f"Tea for {MARK}", "quantity": "1", "amount": "50.00"}
    purchase = await sent(visitor, "/v1/purchases", a_purchase(customer, source_id=f"{MARK}-2", lines=[line]))
    refund = {"source": "till", "source_id": f"{MARK}-3", "refunded_at": "2026-03-02T10:00:00Z", "amount": "4.00"}
    await sent(visitor, f"/v1/purchases/{purchase['id']}/refunds", refund)
    call = {"customer_id": customer, "source": "phone", "source_id": f"{MARK}-4", "channel": "phone"}
    call |= {"direction": "inbound", "occurred_at": "2026-03-02T10:00:00Z", "data": {"caller": MARK}}
    await sent(visitor, "/v1/touch-points", call | {"subject": f"{MARK} asks", "body": f"{MARK} asked."})
    await visitor.drained()
    (membership,) = (await visitor.request("GET", f"/v1/memberships?customer_id={customer}")).json()["items"]
    path = f"/v1/memberships/{membership['id']}"
    await sent(visitor, f"{path}/adjustments", {"points": 5, "reason": f"{MARK} was kind"})
    await sent(visitor, f"{path}/redemptions", {"points": 9, "mode": "reserve", "order_reference": f"{MARK}-5"})
    await in_files(visitor)
    await visitor.drained()
    return customer


async def in_files(visitor: Visitor) -> None:
    """Import a file that is refused in part, and export the person."""
    content = f"name,email\n{MARK} of a file,no address\n"
    file = await visitor.request("POST", "/v1/imports", content=content, headers={"content-type": "text/csv"})
    await visitor.request("POST", f"/v1/imports/{file.json()['id']}/start", json={})
    await finished(visitor, f"/v1/imports/{file.json()['id']}")
    export = await sent(visitor, "/v1/exports", {"filter": {"email": f"{MARK}@example.org"}})
    assert (await finished(visitor, f"/v1/exports/{export['id']}"))["done"] == 1


def files_with_the_mark(stack: RunningStack) -> list[str]:
    """Return the files of imports and exports that contain the mark."""
    files = (path for path in (stack.data_dir.root / "files").rglob("*") if path.is_file())
    return [str(path) for path in files if MARK.encode() in path.read_bytes()]


async def sent(visitor: Visitor, path: str, body: Any) -> dict[str, Any]:
    answer = await visitor.request("POST", path, json=body, headers={"Idempotency-Key": str(uuid7())})
    assert answer.is_success, f"{path}: {answer.text}"
    return dict(answer.json())


async def tables_with_the_mark(stack: RunningStack) -> list[str]:
    """Return every table of every database with the mark in a column, also in bytes."""
    found = []
    for service in PROCESSES:
        tables = await stack.rows(
            service,
            "select format('%I.%I', nspname, relname) as name from pg_class join pg_namespace on "
            "pg_namespace.oid = relnamespace where relkind in ('r', 'm') and nspname in ('public', 'chassis')",
        )
        for name in (table["name"] for table in tables):
            statement = f"select count(*) from {name} as each where each::text ilike $1 or each::text ilike $2"
            (row,) = await stack.rows(service, statement, f"%{MARK}%", f"%{MARK.encode().hex()}%")
            if row["count"]:
                found.append(f"{service}: {name}")
    return found


async def certificate_of(visitor: Visitor, erasure: str) -> dict[str, Any]:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while (answer := await visitor.request("GET", f"/v1/erasures/{erasure}/certificate")).status_code == 409:  # noqa: ASYNC110
            await asyncio.sleep(0.2)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def marked_records(stack: RunningStack) -> set[tuple[str, int, int]]:
    """Return the records on Kafka that contain the mark."""
    return {
        (record.topic, record.partition, record.offset)
        for service in PROCESSES
        for record in await records_of(stack, f"rapport.{service}")
        if MARK.encode() in (record.value or b"")
    }


async def test_after_an_erasure_nothing_leads_to_the_person(stack: RunningStack, visitor: Visitor) -> None:
    customer = await a_marked_person(visitor)
    before = await marked_records(stack)
    assert len(await tables_with_the_mark(stack)) > 15, "the search finds the person before"
    assert len(files_with_the_mark(stack)) == 2
    erasure = await sent(visitor, "/v1/erasures", {"customer_id": customer, "reason": "requested", "grace_days": 0})
    certificate = await certificate_of(visitor, erasure["id"])
    assert [answer["service"] for answer in certificate["answers"]] == sorted(SERVICES)

    # Late writes and requests of the person.
    refused = await visitor.request("POST", "/v1/purchases", json=a_purchase(customer, source_id=f"{MARK}-6"))
    assert (refused.status_code, refused.json()["code"]) == (410, "person_erased")
    for query in (f"email={MARK}@example.org", f"q={MARK}", f"external_id=till:{MARK}-1", "phone=%2B31207940802"):
        assert (await visitor.request("GET", f"/v1/customers?{query}")).json()["items"] == [], query
    await visitor.drained()

    await words_removed(stack)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while files_with_the_mark(stack):  # noqa: ASYNC110
            await asyncio.sleep(0.2)
    assert await tables_with_the_mark(stack) == []
    feed = (await visitor.request("GET", f"/v1/events?subject={customer}&limit=1000")).text
    assert MARK not in feed
    assert "customers.customer_erased.v1" in feed
    assert await marked_records(stack) == before, "no new record; those of before stay until Kafka's retention ends"
    for service in PROCESSES:
        assert MARK not in stack.data_dir.log(service).read_text(), service


async def words_removed(stack: RunningStack) -> None:
    async with stack.superuser("customers") as connection:
        for tenant in await connection.fetch("select distinct tenant_id from name_word"):
            await connection.execute("select set_config('app.tenant', $1, false)", str(tenant["tenant_id"]))
            await connection.execute("select remove_unused_words(1000)")
