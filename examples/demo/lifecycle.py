"""Customers are merged and separated again, and one is erased: every service follows, and totals stay right."""

import asyncio
from collections import Counter
from typing import Any

from rich.table import Table

from examples.demo.client import Client
from examples.demo.expectations import Check
from examples.demo.figures import Figures

ACTIONS = ("deleted", "anonymised", "kept")
SERVICES = ["analytics", "customers", "gateway", "interactions", "loyalty"]


async def held_about(client: Client, customer: str) -> Counter[str]:
    """Return how many points, relations and entries in the timeline a customer has."""
    memberships = await client.all("/v1/memberships", customer_id=customer)
    balances = [await client.ask("GET", f"/v1/memberships/{member['id']}/balance") for member in memberships]
    relations = await client.all(f"/v1/customers/{customer}/relations")
    timeline = await client.all(f"/v1/timelines/{customer}")
    held = Counter(f"{entry['kind'].replace('_', ' ')}s" for entry in timeline)
    held.update(points=sum(balance["available"] for balance in balances), relations=len(relations))
    return held


async def state_of(client: Client, customer: str) -> dict[str, Any]:
    """Return a customer's record, and what services hold about it."""
    record = await client.ask("GET", f"/v1/customers/{customer}")
    return {**record, "held": await held_about(client, customer)}


async def merge_and_undo(client: Client, who: str, survivor: str, merged: str) -> list[Check]:
    """Merge two customers, undo it, and compare everything that services hold about them before, between and after."""
    before = [await state_of(client, customer) for customer in (survivor, merged)]
    merge = await client.ask("POST", f"/v1/customers/{survivor}/merge", json={"merged_id": merged})
    await client.wait_until_drained(lambda _: None)
    old_id = await client.ask("GET", f"/v1/customers/{merged}")
    united = await held_about(client, survivor)
    await client.ask("POST", f"/v1/merges/{merge['id']}/undo")
    await client.wait_until_drained(lambda _: None)
    after = [await state_of(client, customer) for customer in (survivor, merged)]
    return [
        Check(f"{who}: the id of the merged record finds the other", survivor, old_id["id"]),
        Check(f"{who}: held about both together", listed(before[0]["held"] + before[1]["held"]), listed(united)),
        Check(f"{who}: fields that differ after the undo", [], differences(before, after)),
    ]


def listed(held: Counter[str]) -> str:
    """Return counts as a text."""
    return ", ".join(f"{count:,} {kind}" for kind, count in sorted(held.items()) if count)


def differences(before: list[dict[str, Any]], after: list[dict[str, Any]]) -> list[str]:
    """Return the names of the fields that differ, apart from those that every change sets."""
    return [
        name
        for was, became in zip(before, after, strict=True)
        for name in was
        if was[name] != became[name] and name not in ("version", "updated_at")
    ]


async def erase(client: Client, figures: Figures, customer: str) -> tuple[list[Check], Table]:
    """Erase a customer, and return the checks and the certificate."""
    revenue = (await figures.pareto())["revenue"]
    body = {"customer_id": customer, "reason": "requested", "grace_days": 0}
    erasure = await client.ask("POST", "/v1/erasures", json=body)
    certificate = await certificate_of(client, erasure["id"])
    await client.wait_until_drained(lambda _: None)
    answered = sorted(answer["service"] for answer in certificate["answers"])
    ledger = await client.ask("GET", "/v1/ledger/verify")
    checks = [
        Check("services that certify an erasure", SERVICES, answered),
        Check("the record of an erased household", "person_erased", await refusal(client, f"/v1/customers/{customer}")),
        Check("sales after the erasure", revenue, (await figures.pareto())["revenue"]),
        Check("wallets that differ after the erasure", [], ledger["differences"]),
    ]
    return checks, shown(certificate)


async def certificate_of(client: Client, erasure: str, seconds: float = 60) -> dict[str, Any]:
    """Return the certificate of an erasure, once every service has answered."""
    async with asyncio.timeout(seconds):
        while (await client.ask("GET", f"/v1/erasures/{erasure}"))["state"] != "completed":  # noqa: ASYNC110
            await asyncio.sleep(0.2)
    return dict(await client.ask("GET", f"/v1/erasures/{erasure}/certificate"))


async def refusal(client: Client, path: str) -> str:
    """Return the code with which a read is refused."""
    try:
        await client.ask("GET", path)
    except RuntimeError as error:
        return "person_erased" if "person_erased" in str(error) else str(error)
    return "it can still be read"


def shown(certificate: dict[str, Any]) -> Table:
    """Return the certificate as a table."""
    remaining = certificate["remaining"]
    until = f"copies in Kafka until {remaining['kafka_until'][:10]}, in backups until {remaining['backups_until'][:10]}"
    table = Table("service", *ACTIONS, title="Certificate of an erasure", caption=until)
    for answer in certificate["answers"]:
        table.add_row(answer["service"], *(_rows(answer["tables"], action) for action in ACTIONS))
    return table


def _rows(tables: list[dict[str, Any]], action: str) -> str:
    return ", ".join(f"{row['rows']:,} {row['table']}" for row in tables if row["action"] == action and row["rows"])
