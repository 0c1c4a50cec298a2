"""The story of an incident: reported with harm to staff, confirmed by another key, and shown on the agent card."""

from tests.support.conduct import an_incident
from tests.support.facts import a_customer
from tests.support.records import made
from tests.support.stack import RunningStack, Visitor


async def test_harm_to_staff_warns_agents_and_opens_an_urgent_case(stack: RunningStack, visitor: Visitor) -> None:
    # given a customer, and an agent and a manager with a key each
    customer = (await made(visitor, "/v1/customers", a_customer()))["id"]
    keys = [
        (await made(visitor, "/v1/api-keys", {"name": "key", "scopes": scopes}))["key"]
        for scopes in (["interactions:write"], ["interactions:decide"])
    ]
    agent, manager = [Visitor(stack, key) for key in keys]

    # when the agent reports an incident, and the manager confirms it
    incident = await made(agent, "/v1/conduct-incidents", an_incident(customer, staff_harmed=True))
    await made(manager, f"/v1/conduct-incidents/{incident['id']}/confirm", {})
    await visitor.drained()

    # then the card warns, safety comes first, and a case is urgent
    (card,) = (await visitor.request("GET", f"/v1/agent-cards?customer_id={customer}")).json()["items"]
    assert [(warning["id"], warning["state"]) for warning in card["warnings"]] == [(incident["id"], "confirmed")]
    assert card["suggestion"]["kind"] == "ensure_safety"
    case = (await visitor.request("GET", f"/v1/cases/{incident['case_id']}")).json()
    assert case["priority"] == "urgent"
    feed = (await visitor.request("GET", "/v1/events?types=interactions.*")).json()["items"]
    types = {event["type"].split(".")[1] for event in feed}
    assert types == {"case_opened", "conduct_incident_reported", "conduct_incident_confirmed"}
    for client in (agent, manager):
        await client.close()
