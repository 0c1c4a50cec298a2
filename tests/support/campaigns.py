"""Templates and campaigns for tests."""

from typing import Any
from uuid import UUID

from chassis.types.ids import uuid7
from tests.support.interactions import a_contact, consent, customer_created
from tests.support.promises import created, later
from tests.support.service import ServiceUnderTest

CAMPAIGNS = "/v1/campaigns"


def a_template(**fields: Any) -> dict[str, Any]:
    """Return a body for POST /v1/templates."""
    return {"name": "Kettles", "subject": "Kettles are back", "text": "Dear {{ customer.name }}, look."} | fields


def a_campaign(template: str, **fields: Any) -> dict[str, Any]:
    """Return a body for POST /v1/campaigns."""
    body = {"name": "Kettles", "nature": "selling", "purpose": "newsletter", "audience": {"kind": "all"}}
    return body | {"variants": [{"template_id": template}]} | fields


async def a_draft(service: ServiceUnderTest, **fields: Any) -> dict[str, Any]:
    """Create a campaign, with a template of its own."""
    template = await created(service, "/v1/templates", a_template())
    return await created(service, CAMPAIGNS, a_campaign(template["id"], **fields))


async def a_reader(service: ServiceUnderTest, address: str = "", *, permits: bool = True, **contact: Any) -> UUID:
    """Announce a customer with an e-mail address who permits newsletters."""
    customer = uuid7()
    fields = {"name": "Ada"} | contact
    await service.deliver(customer_created(customer, contact=a_contact(address or f"{customer}@example.org", **fields)))
    if permits:
        await service.deliver(consent("granted", customer))
    return customer


async def step(service: ServiceUnderTest, campaign: dict[str, Any], name: str, **body: Any) -> dict[str, Any]:
    """Take a step of a campaign and return the campaign."""
    response = await service.post(f"{CAMPAIGNS}/{campaign['id']}/{name}", body if name == "schedule" else None)
    assert response.status_code == 200, response.text
    return dict(response.json())


async def work_through(service: ServiceUnderTest) -> None:
    """Let the worker do all that is due now."""
    await service.run_periodic_tasks()
    await service.run_jobs()


async def sent_campaign(service: ServiceUnderTest, **fields: Any) -> dict[str, Any]:
    """Create a campaign, send it now, and return it."""
    campaign = await a_draft(service, **fields)
    await step(service, campaign, "schedule")
    await work_through(service)
    return await read(service, campaign)


async def read(service: ServiceUnderTest, campaign: dict[str, Any]) -> dict[str, Any]:
    """Return a campaign as it is now."""
    return dict((await service.get(f"{CAMPAIGNS}/{campaign['id']}")).json())


async def recipients(service: ServiceUnderTest, campaign: dict[str, Any]) -> dict[UUID, dict[str, Any]]:
    """Return the recipients of a campaign, by customer."""
    items = (await service.get(f"{CAMPAIGNS}/{campaign['id']}/recipients", limit=200)).json()["items"]
    return {UUID(item["customer_id"]): item for item in items}


async def outcomes(service: ServiceUnderTest, campaign: dict[str, Any]) -> dict[UUID, tuple[str, str | None]]:
    """Return the state and the reason of each recipient of a campaign, by customer."""
    return {id: (each["state"], each["reason"]) for id, each in (await recipients(service, campaign)).items()}


async def mails(service: ServiceUnderTest) -> list[dict[str, Any]]:
    """Remove the tenant's events from the outbox and return the messages that were requested."""
    return [event.data for event in await service.published() if event.type == "interactions.message_requested.v1"]


async def at(sandbox: ServiceUnderTest, hours: float) -> ServiceUnderTest:
    """Return the same sandbox with a later clock, after the worker has run."""
    moved = await later(sandbox, hours=hours)
    await work_through(moved)
    return moved
