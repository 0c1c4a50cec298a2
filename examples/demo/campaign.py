"""A campaign: a letter to those who complained, sent to those alone who permit it."""

import asyncio
from typing import Any

from examples.demo.client import Client
from examples.demo.expectations import Check

PURPOSE, CHANNEL = "research", "post"


async def write_to(client: Client, customers: list[str], permitting: int) -> list[Check]:
    """Let some of these customers permit letters, write to all of them, and check who gets one."""
    for customer in customers[:permitting]:
        await permit(client, customer)
    await client.wait_until_drained(lambda _: None)
    await client.ask("PATCH", "/v1/campaign-settings", json={"quiet_from": None, "quiet_until": None})
    texts = {"subject": "Thank you", "text": "You told us what went wrong. {{ campaign.present }} is yours."}
    template = await client.ask(
        "POST", "/v1/templates", json={"name": "After a complaint", "variables": ["present"], **texts}
    )
    campaign = await client.ask("POST", "/v1/campaigns", json=a_campaign(template["id"]))
    path = f"/v1/campaigns/{campaign['id']}"
    await client.ask("POST", f"{path}/customers", json={"customer_ids": customers})
    await client.ask("POST", f"{path}/schedule", json={})
    await completed(client, path)
    sent = {recipient["customer_id"] for recipient in await client.all(f"{path}/recipients", state="sent")}
    suppressed = await client.all(f"{path}/recipients", state="suppressed")
    refused = [recipient for recipient in suppressed if recipient["reason"] == "no_permission"]
    permitted = set(customers[:permitting])
    return [
        Check("letters to those who permit them, and to others", (permitting, 0), counts(sent, permitted)),
        Check("letters that were not sent for lack of permission", len(customers) - permitting, len(refused)),
    ]


async def permit(client: Client, customer: str) -> None:
    """Record the permission of a customer."""
    receipt = {"purpose": PURPOSE, "channel": CHANNEL, "decision": "granted", "source": "phone call"}
    receipt["wording"] = "You may write to me."
    await client.ask("POST", f"/v1/customers/{customer}/consents", json=receipt)


def a_campaign(template: str) -> dict[str, Any]:
    """Return the body of a campaign with this template, to the customers on its list."""
    campaign = {"name": "After a complaint", "nature": "relational", "channel": CHANNEL, "purpose": PURPOSE}
    audience = {"audience": {"kind": "customers"}, "variants": [{"template_id": template}]}
    return {**campaign, **audience, "variables": {"present": "A bag of coffee"}}


async def completed(client: Client, path: str, seconds: float = 120) -> None:
    """Wait until every recipient of a campaign is decided."""
    async with asyncio.timeout(seconds):
        while (await client.ask("GET", path))["state"] != "completed":  # noqa: ASYNC110
            await asyncio.sleep(0.2)


def counts(some: set[str], expected: set[str]) -> tuple[int, int]:
    """Return how many customers are expected ones, and how many are others."""
    return len(some & expected), len(some - expected)
