"""Two households are merged and separated again, and one is erased: every service follows, and totals stay right."""

import asyncio
from collections import Counter
from dataclasses import dataclass
from typing import Any

from rich.table import Table

from examples.demo.expectations import Check
from examples.demo.figures import Figures
from examples.demo.shop import Shop

ACTIONS = ("deleted", "anonymised", "kept")
SERVICES = ["analytics", "customers", "gateway", "interactions", "loyalty"]


@dataclass(frozen=True)
class Held:
    """Everything that services hold about a customer, in counts."""

    points: int
    timeline: Counter[str]

    def __add__(self, other: "Held") -> "Held":
        return Held(self.points + other.points, self.timeline + other.timeline)


async def held_about(shop: Shop, customer: str) -> Held:
    """Return the points and the timeline of a customer."""
    memberships = await shop.all("/v1/memberships", customer_id=customer)
    members = {str(number): membership["id"] for number, membership in enumerate(memberships)}
    balances = await shop.balances(members, lambda _: None)
    timeline = await shop.all(f"/v1/timelines/{customer}")
    return Held(sum(balances.values()), Counter(entry["kind"] for entry in timeline))


async def merge_and_undo(shop: Shop, survivor: str, merged: str) -> list[Check]:
    """Merge two customers, undo it, and compare everything that services hold about them before, between and after."""
    before = [await held_about(shop, customer) for customer in (survivor, merged)]
    merge = await shop.ask("POST", f"/v1/customers/{survivor}/merge", json={"merged_id": merged})
    await shop.wait_until_drained(lambda _: None)
    old_id = await shop.ask("GET", f"/v1/customers/{merged}")
    united = await held_about(shop, survivor)
    await shop.ask("POST", f"/v1/merges/{merge['id']}/undo")
    await shop.wait_until_drained(lambda _: None)
    after = [await held_about(shop, customer) for customer in (survivor, merged)]
    return [
        Check("the id of a merged household finds the other", survivor, old_id["id"]),
        Check("points of two merged households", (before[0] + before[1]).points, united.points),
        Check("timeline of two merged households", (before[0] + before[1]).timeline, united.timeline),
        Check("both households after the merge is undone", before, after),
    ]


async def erase(shop: Shop, figures: Figures, customer: str) -> tuple[list[Check], Table]:
    """Erase a customer, and return the checks and the certificate."""
    revenue = (await figures.pareto())["revenue"]
    body = {"customer_id": customer, "reason": "requested", "grace_days": 0}
    erasure = await shop.ask("POST", "/v1/erasures", json=body)
    certificate = await certificate_of(shop, erasure["id"])
    await shop.wait_until_drained(lambda _: None)
    answered = sorted(answer["service"] for answer in certificate["answers"])
    differences = (await shop.ask("GET", "/v1/ledger/verify"))["differences"]
    checks = [
        Check("services that certify an erasure", SERVICES, answered),
        Check("the record of an erased household", "person_erased", await refusal(shop, f"/v1/customers/{customer}")),
        Check("sales after the erasure", revenue, (await figures.pareto())["revenue"]),
        Check("wallets that differ after the erasure", [], differences),
    ]
    return checks, shown(certificate)


async def certificate_of(shop: Shop, erasure: str, seconds: float = 60) -> dict[str, Any]:
    """Return the certificate of an erasure, once every service has answered."""
    async with asyncio.timeout(seconds):
        while (await shop.ask("GET", f"/v1/erasures/{erasure}"))["state"] != "completed":  # noqa: ASYNC110
            await asyncio.sleep(0.2)
    return dict(await shop.ask("GET", f"/v1/erasures/{erasure}/certificate"))


async def refusal(shop: Shop, path: str) -> str:
    """Return the code with which a read is refused."""
    try:
        await shop.ask("GET", path)
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
