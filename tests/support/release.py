"""Store the data of a release: `python -m tests.support.release VERSION` runs the system, uses all of it, and writes

tests/data/releases/VERSION/<service>.sql   a dump of each database
tests/data/events/<type>.json               an event of each type without an example, as it was sent through Kafka
tests/data/openapi/VERSION.json.gz          the OpenAPI document, with which later ones are compared
"""

import asyncio
import re
import signal
import subprocess
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from chassis.service import load
from chassis.types import json
from chassis.types.ids import uuid7
from local import PROCESSES
from local.generated import ROOT
from local.postgres import binaries
from tests.support.facts import a_customer, a_program, a_purchase, a_rule
from tests.support.openapi_changes import keep_document
from tests.support.patience import PATIENCE_SECONDS
from tests.support.records import an_issuer
from tests.support.release_of_campaigns import use_campaigns
from tests.support.release_of_cases import use_cases
from tests.support.release_of_conduct import use_conduct
from tests.support.release_of_contact import use_contact
from tests.support.release_of_customers import a_known_customer, use_customers
from tests.support.release_of_messages import use_messages
from tests.support.release_of_orders import use_orders
from tests.support.release_of_promises import use_promises
from tests.support.release_of_routing import use_routing
from tests.support.release_of_sales import post, use_sales
from tests.support.release_of_service_levels import use_service_levels
from tests.support.release_of_surveys import use_surveys
from tests.support.release_of_tasks import use_tasks
from tests.support.release_of_voice import use_voice
from tests.support.stack import RunningStack, Visitor, a_visitor

DATA = Path(__file__).parents[1] / "data"
RELEASES, EVENTS = DATA / "releases", DATA / "events"
CHASSIS = {"tenant", "outbox", "inbox", "dead_letter", "idempotency", "audit"}
NEVER_FILLED = {
    "customers": {"dead_letter"},
    "analytics": {"outbox", "audit"},
    "gateway": {"dead_letter"},
}
"""Tables of the chassis that the scenario below leaves empty in a service."""
CLV = {"average_value": "20.00", "purchases_per_period": "12", "periods": 5}


async def main(version: str) -> None:
    """Write the files."""
    with tempfile.TemporaryDirectory() as folder:
        stack = RunningStack(Path(folder), SHARED_RATE_LIMITS="true")
        stack.start()
        try:
            visitor = a_visitor(stack, timezone="Europe/Amsterdam")
            await use_everything(visitor)
            await visitor.drained()
            await park_something(stack)
            await keep_events(stack)
            stack.kill("kafka", signal.SIGSTOP)
            await leave_something_in_the_outboxes(visitor)
            await visitor.close()
            empty = [f"{service}.{one}" for service in PROCESSES for one in await empty_tables(stack, service)]
            assert empty == [], f"the story leaves tables empty: {empty}"
            for service in PROCESSES:
                dump(stack, service, RELEASES / version)
            keep_document(version, json.loads((ROOT / "contracts" / "openapi.json").read_bytes()))
        finally:
            stack.kill("kafka", signal.SIGCONT)
            stack.stop()


async def use_everything(visitor: Visitor) -> None:
    """Run a scenario in which everything happens once, so that each table has rows and each event is published."""
    customer = await a_known_customer(visitor)
    other = str(uuid7())  # a customer without an event
    await post(visitor, "/v1/touch-points", a_touch_point(customer))
    mailed = {"direction": "outbound", "occurred_at": datetime.now(UTC).isoformat()}
    await post(visitor, "/v1/touch-points", a_touch_point(customer) | mailed)
    await use_contact(visitor, customer)
    merged = await post(visitor, "/v1/customers", a_customer())
    merge = await post(visitor, f"/v1/customers/{customer}/merge", {"merged_id": merged["id"]})
    await post(visitor, f"/v1/merges/{merge['id']}/undo")
    await use_customers(visitor, customer)
    await use_sales(visitor.stack)
    await use_messages(visitor, customer)
    await use_cases(visitor, customer)
    await use_conduct(visitor, customer)
    await use_voice(visitor, customer)
    await use_promises(visitor.stack)
    await use_tasks(visitor.stack)
    await use_campaigns(visitor.stack)
    await use_surveys(visitor, customer)
    await use_service_levels(visitor.stack)
    await use_routing(visitor)
    program = await post(
        visitor, "/v1/programs", a_program(pending_days=1, expiry_policy="rolling_months", expiry_months=12)
    )
    rules = f"/v1/programs/{program['id']}/earning-rules"
    rule = await post(visitor, rules, a_rule())
    now = datetime.now(UTC)
    activates = now - timedelta(days=1) + timedelta(seconds=6)
    for at in (now - timedelta(days=1000), now - timedelta(days=90), activates):
        purchase_recorded = await post(visitor, "/v1/purchases", a_purchase(customer, purchased_at=at.isoformat()))
        await post(visitor, f"/v1/purchases/{purchase_recorded['id']}/refunds", a_refund())
    await post(visitor, "/v1/purchases", a_purchase(other))
    await post(visitor, "/v1/refunds", a_refund() | {"purchase": {"source": "till", "source_id": "not told yet"}})
    await use_orders(visitor, other)
    await visitor.drained()
    await asyncio.sleep(7)  # until the last purchase's points can be spent
    (member,) = (await visitor.request_until_answered("GET", f"/v1/memberships?customer_id={customer}")).json()["items"]
    path = f"/v1/memberships/{member['id']}"
    await post(visitor, f"{path}/adjustments", {"points": 10, "reason": "sorry"})
    held = [await post(visitor, f"{path}/redemptions", {"points": 1, "mode": "reserve"}) for _ in range(3)]
    await post(visitor, f"/v1/redemptions/{held[0]['id']}/capture")
    await post(visitor, f"/v1/redemptions/{held[1]['id']}/release")
    await post(visitor, f"{rules}/{rule['id']}/versions", {"points": 2, "per": "1.00"})
    twin = await post(visitor, "/v1/customers", a_customer())
    await post(visitor, "/v1/purchases", a_purchase(twin["id"]))
    await visitor.drained()
    await post(visitor, f"/v1/customers/{customer}/merge", {"merged_id": twin["id"]})
    await post(visitor, "/v1/analytics/clv/simple", CLV)
    wrong = Visitor(visitor.stack, visitor.key[:-8] + "wrong-se")
    assert (await wrong.request("GET", "/v1/tenants")).status_code == 401
    await wrong.close()
    made = await post(visitor, "/v1/api-keys", {"name": "till", "scopes": ["customers:read"]})
    assert (await visitor.request("DELETE", f"/v1/api-keys/{made['id']}")).status_code == 204
    await post(visitor, "/v1/issuers", an_issuer())
    receiver = {"url": "http://127.0.0.1:9/hook", "event_types": ["*"]}
    endpoint = await post(visitor, "/v1/webhook-endpoints", receiver)
    await post(visitor, f"/v1/webhook-endpoints/{endpoint['id']}/test", {})
    other = await post(visitor, "/v1/webhook-endpoints", receiver)
    disabled = await visitor.request("PATCH", f"/v1/webhook-endpoints/{other['id']}", json={"state": "disabled"})
    assert disabled.status_code == 200, disabled.text


def a_touch_point(customer: str) -> dict[str, Any]:
    return {
        "customer_id": customer,
        "source": "phone",
        "source_id": str(uuid7()),
        "channel": "phone",
        "direction": "inbound",
        "occurred_at": "2026-03-01T10:00:00Z",
    }


def a_refund() -> dict[str, Any]:
    at = datetime.now(UTC).isoformat()
    return {"source": "till", "source_id": str(uuid7()), "refunded_at": at, "amount": "1.00"}


async def park_something(stack: RunningStack) -> None:
    """Publish an unreadable event for each service that consumes events."""
    producer = AIOKafkaProducer(bootstrap_servers=kafka(stack))
    await producer.start()
    try:
        for topic in ("rapport.customers", "rapport.interactions"):
            await producer.send_and_wait(topic, b"not JSON")
    finally:
        await producer.stop()
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await stack.rows("interactions", "select 1 from chassis.dead_letter"):  # noqa: ASYNC110
            await asyncio.sleep(0.1)


async def keep_events(stack: RunningStack) -> None:
    """Write the first event of each type that has no example yet."""
    topics = [f"rapport.{service}" for service in PROCESSES]
    consumer = AIOKafkaConsumer(*topics, bootstrap_servers=kafka(stack), auto_offset_reset="earliest")
    await consumer.start()
    try:
        while batches := await consumer.getmany(timeout_ms=2_000):
            for record in (one for batch in batches.values() for one in batch if one.headers):
                keep_event({name: value.decode() for name, value in record.headers}, record.value)
    finally:
        await consumer.stop()


def keep_event(headers: dict[str, str], value: bytes) -> None:
    file = EVENTS / f"{headers['ce_type']}.json"
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps_str({"headers": headers, "data": json.loads(value)}) + "\n")


async def leave_something_in_the_outboxes(visitor: Visitor) -> None:
    """Create outbox rows that are not yet published, because Kafka may be unavailable during an upgrade."""
    (member, *_) = (await visitor.request_until_answered("GET", "/v1/memberships")).json()["items"]
    customer = await post(visitor, "/v1/customers", a_customer())
    await post(visitor, "/v1/purchases", a_purchase(customer["id"]))
    await post(visitor, f"/v1/memberships/{member['id']}/adjustments", {"points": 1, "reason": "sorry"})
    (tenant,) = (await visitor.request("GET", "/v1/tenants")).json()["items"]
    assert (await visitor.request("PATCH", f"/v1/tenants/{tenant['id']}", json={"name": "Till"})).status_code == 200


async def empty_tables(stack: RunningStack, service: str) -> list[str]:
    """Return the tables of a service that are unexpectedly empty."""
    chassis = CHASSIS - NEVER_FILLED.get(service, set())
    tables = [*load(service).metadata.tables, *(f"chassis.{name}" for name in chassis)]
    return [one for one in tables if not await stack.rows(service, f"select 1 from {one} limit 1")]


def dump(stack: RunningStack, service: str, folder: Path) -> None:
    """Write the database of a service as plain SQL."""
    folder.mkdir(parents=True, exist_ok=True)
    command = [str(binaries() / "pg_dump"), "--restrict-key=release", stack.admin_url(service)]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    (folder / f"{service}.sql").write_text(re.sub(r"--\n-- [^\n]*\n--\n\n", "", said))  # without its headings


def kafka(stack: RunningStack) -> str:
    ports = json.loads((stack.data_dir.root / "ports.json").read_bytes())
    return f"127.0.0.1:{ports['kafka']}"


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
