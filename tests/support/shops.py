"""Two shops for the tests of isolation: tenants with the same names, external ids, source ids and keys."""

import asyncio
from dataclasses import dataclass
from typing import Any

import httpx

from chassis.types.ids import uuid7
from tests.support.automations import an_automation
from tests.support.campaigns import a_campaign, a_template
from tests.support.cases import a_case
from tests.support.conduct import an_incident
from tests.support.facts import a_customer, a_product, a_program, a_purchase, known_as
from tests.support.interactions import a_status, a_touch_point, an_exchange
from tests.support.operations import NO_RECORD, OTHERS, Operation
from tests.support.patience import PATIENCE_SECONDS
from tests.support.promises import a_promise
from tests.support.records import A_SURVEY, RECORDS, an_issuer, in_customers, in_interactions, in_transfer, made
from tests.support.stack import RunningStack, Visitor, a_visitor
from tests.support.tasks import a_task
from tests.support.voice import a_review, a_suggestion, a_vote, an_article

ADA = a_customer(
    family_name="Lovelace",
    emails=[{"address": "ada@example.com"}],
    phones=[{"number": "+31201234567"}],
    tags=["vip"],
    account_kinds=["customer"],
    custom={"tea": "assam"},
    birth_date="1815-12-10",
    addresses=[{"city": "Amsterdam", "latitude": 52.37, "longitude": 4.89}],
    owner_id="agent-7",
    **known_as("7"),
)
NAME = "Ada Lovelace"
SALE = {"store": "Dam 1", "channel": "email", "lines": [{"sku": "7", "quantity": "1", "amount": "5.00"}]}
SOUGHT = {
    "drained": "true",
    "complete": "true",
    "id": "7",
    "source": "till",
    "store": "Dam 1",
    "agent_id": "agent-7",
    "email": "ada@example.com",
    "phone": "+31201234567",
    "external_id": "till:7",
    "q": "lovela",
    "tag": "vip",
    "from": "2026-01-01T00:00:00Z",
    "to": "2026-06-01T00:00:00Z",
    "purpose": "newsletter",
    "channel": "email",
    "as_of": "2026-06-01T00:00:00Z",
    "timezone": "Europe/Amsterdam",
    "currency": "EUR",
    "entity": "api_key",
    "actor": "command",
    "event_type": "customers.customer_created.v1",
    "types": "customers.customer_created.v1",
    "custom": "assam",
    "owner_id": "agent-7",
    "birthday": "--12-10",
    "near": "52.37,4.89,10",
    "serial_number": "7",
    "sku": "7",
    "category": "tea",
    "reason": "price",
    "number": "1",
    "min_score": "0",
    "author": "@ada",
    "status": "shipped",
    "team": "repairs",
    "made_by_id": "agent-7",
    "cause_kind": "request",
    "staff_id": "agent-7",
    "topic": "tea",
    "stars": "4",
    "language": "nl",
    "cause": "delay",
}
"""The value that finds Ada, by parameter."""
SENT_AS = {"custom": "custom.tea"}
"""The name of a parameter in a query, if it differs from that in the document."""


@dataclass(frozen=True)
class Shop:
    """A tenant and its records, none of which it shares."""

    visitor: Visitor
    ids: dict[str, str]

    async def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Send a request as a client of the tenant."""
        return await self.visitor.request(method, path, **options)

    def of(self, operation: Operation) -> tuple[str, str]:
        """Return the ids that fill an operation's path."""
        kind = "customers" if operation.kind in NO_RECORD else operation.kind
        assert kind in self.ids, f"{operation}: add a record of this kind to tests/support/records.py"
        return self.ids[kind], self.ids["rule_id"]


async def a_shop(stack: RunningStack) -> Shop:
    """Create a tenant and its records. Every tenant sends the same values with the same keys."""
    visitor, ids = a_visitor(stack), {}
    for make in (in_customers, *RECORDS.values()):
        ids |= await make(visitor)
    same = {"idempotency-key": "same"}
    for kind in ("customer", "deal"):
        field = {"record_kind": kind, "name": "tea", "type": "text", "indexed": True}
        await made(visitor, "/v1/custom-fields", field, **{"idempotency-key": f"same-{kind}"})
    ada = await made(visitor, "/v1/customers", ADA, **same)
    await made(visitor, "/v1/touch-point-schemas", {"channel": "email", "schema_document": {}}, **same)
    OTHERS[ada["id"]] = ids["related_customers"]
    ids["contracted_deals"] = await sell_to(visitor, ada["id"], ids["pipelines"])
    purchase = await made(visitor, "/v1/purchases", a_purchase(ada["id"], **SALE, source_id="p-1"), **same)
    refund = {"source": "till", "source_id": "p-1", "refunded_at": "2026-03-02T10:00:00Z", "amount": "0.01"}
    await made(visitor, f"/v1/purchases/{purchase['id']}/refunds", refund, **same)
    contact = a_touch_point(
        ada["id"], source="till", source_id="p-1", channel="email", agent_id="agent-7", subject=NAME
    )
    await made(visitor, "/v1/touch-points", contact, **same)
    for number in (1, 2):
        again = {"idempotency-key": f"same-{number}"}
        await made(visitor, "/v1/issuers", an_issuer(), **again)
        bo = await made(visitor, "/v1/customers", a_customer(given_name="Bo"), **again)
        await made(visitor, f"/v1/customers/{bo['id']}/end-relationship", {"reason": "price"}, **again)
        await made(visitor, "/v1/touch-points", a_touch_point(ada["id"], source_id=f"t-{number}"), **again)
        sold = await made(visitor, "/v1/purchases", a_purchase(ada["id"], source_id=f"s-{number}"), **again)
        returned = refund | {"source_id": f"r-{number}"}
        await made(visitor, f"/v1/purchases/{sold['id']}/refunds", returned, **again)
        await made(visitor, "/v1/refunds", early_refund(f"early-{number}"), **again)
        program = await made(visitor, "/v1/programs", a_program(enrolment="open"), **again)
        joining = {"program_id": program["id"], "customer_id": ada["id"]}
        await made(visitor, "/v1/memberships", joining, **again)
        ids |= await in_transfer(visitor) | await in_interactions(visitor)
        ids |= await in_orders_of(visitor, purchase["id"], number)
        ids |= await help_ada(visitor, ada["id"], purchase["id"], again)
        ids |= await suggest(visitor, ada["id"], again)
    ids["exports"] = await an_exported_file(visitor)
    ids["unsubscribes"] = await an_unsubscribe_token(visitor, ada["id"])
    await import_a_deal(visitor)
    await be_refused(stack, visitor)
    others = {"with_sales": ids["customers"], "ended": bo["id"]}
    return Shop(visitor, ids | others | {"customers": ada["id"], "purchases": purchase["id"]})


async def an_exported_file(visitor: Visitor) -> str:
    """Export the customers, and return the id of the export when its file can be read."""
    export = (await made(visitor, "/v1/exports", {}))["id"]
    async with asyncio.timeout(PATIENCE_SECONDS):
        while (await visitor.request("GET", f"/v1/exports/{export}/file")).status_code == 409:  # noqa: ASYNC110
            await asyncio.sleep(0.2)
    return str(export)


async def an_unsubscribe_token(visitor: Visitor, ada: str) -> str:
    """Send a campaign to a customer who permits it, and return the token of the link of its message."""
    news = {"purpose": "newsletter", "channel": "email", "decision": "granted", "source": "form"}
    await made(visitor, f"/v1/customers/{ada}/consents", news)
    await visitor.drained()
    template = (await made(visitor, "/v1/templates", a_template()))["id"]
    campaign = await made(visitor, "/v1/campaigns", a_campaign(template, audience={"kind": "customers"}))
    path = f"/v1/campaigns/{campaign['id']}"
    await made(visitor, f"{path}/customers", {"customer_ids": [ada]})
    await made(visitor, f"{path}/schedule", {})
    async with asyncio.timeout(PATIENCE_SECONDS):
        while (await visitor.request("GET", path)).json()["state"] != "completed":  # noqa: ASYNC110
            await asyncio.sleep(0.2)
    await visitor.drained()
    events = (await visitor.request("GET", "/v1/events?types=interactions.message_requested.v1&limit=200")).json()
    (link,) = [event["data"]["unsubscribe_path"] for event in events["items"] if event["data"]["unsubscribe_path"]]
    return str(link).rpartition("/")[2]


async def import_a_deal(visitor: Visitor) -> None:
    """Import a deal of Ada, and wait until it exists."""
    file = {"content": b"Id,AccountId,Name\n7,7,Cups\n", "headers": {"content-type": "text/csv"}}
    id = (await visitor.request("POST", "/v1/imports", **file)).json()["id"]
    targets = {"Id": "external_ids.till", "AccountId": "customer.till"}
    start = {"preset": "salesforce_opportunities", "mapping": targets}
    await visitor.request("POST", f"/v1/imports/{id}/start", json=start)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not (await visitor.request("GET", "/v1/deals?external_id=till:7")).json()["items"]:  # noqa: ASYNC110
            await asyncio.sleep(0.2)


async def sell_to(visitor: Visitor, ada: str, pipeline: str) -> str:
    """Record a sale of each kind to a customer, and return the id of the deal."""
    same = {"idempotency-key": "same"}
    deal = {"name": "Pots", "pipeline_id": pipeline, "custom": ADA["custom"], "owner_id": "agent-7"}
    deal |= {"source": "till", "expected_close_on": "2029-01-01"}
    term = {"name": "Service", "starts_on": "2026-01-01", "ends_on": "2029-06-30", "notice_days": 30}
    term["owner_id"] = "agent-7"
    lead = {"kind": "person", "given_name": "Grace", "owner_id": "agent-7", "source": "till"}
    deal_id = (await made(visitor, "/v1/deals", deal | {"customer_id": ada}, **same))["id"]
    await made(visitor, "/v1/contracts", term | {"customer_id": ada, "deal_id": deal_id}, **same)
    converted = await made(visitor, "/v1/leads", lead, **same)
    await made(visitor, f"/v1/leads/{converted['id']}/convert", {"customer_id": ada}, **same)
    product = await made(visitor, "/v1/products", a_product(sku="7", category="tea"), **same)
    asset = {"customer_id": ada, "product_id": product["id"], "serial_number": "7", "warranty_until": "2030-01-01"}
    asset["next_maintenance_on"] = "2029-01-01"
    await made(visitor, "/v1/assets", asset, **same)
    return str(deal_id)


async def in_orders_of(visitor: Visitor, purchase: str, number: int) -> dict[str, str]:
    """Record a change of status, one that waits for its purchase, and an exchange of a part of a purchase."""
    named = {"source": "till", "source_id": f"p-{number}"}
    status = a_status(payment_status="open", **named)
    await made(visitor, f"/v1/purchases/{purchase}/status-changes", status)
    unknown = {"source": "till", "source_id": "unknown"}
    await made(visitor, "/v1/purchase-status-changes", status | {"source_id": f"early-{number}", "purchase": unknown})
    exchange = an_exchange(amount="0.01", source_id=f"x-{number}")
    exchanged = await made(visitor, f"/v1/purchases/{purchase}/exchanges", exchange)
    return {"new_purchases": exchanged["new_purchase_id"]}


async def help_ada(visitor: Visitor, ada: str, purchase: str, same: dict[str, str]) -> dict[str, str]:
    """Open a case about a purchase, and record all that follows from it. Return the ids that a list is filtered by."""
    agent = {"team": "repairs", "agent_id": "agent-7"}
    about = {"kind": "purchase", "id": purchase}
    case = a_case(ada, kind="request", priority="low", category="tea", about=about, **agent)
    await made(visitor, "/v1/cases", case, **same)
    await made(visitor, "/v1/promises", a_promise(ada, owner_id="agent-7", due_at="2189-01-01T00:00:00Z"), **same)
    task = a_task(
        ada, priority="low", owner_id="agent-7", about_kind="case", about_id=purchase, due_at="2189-01-01T00:00:00Z"
    )
    await made(visitor, "/v1/tasks", task, **same)
    incident = an_incident(ada, kind="disruption", severity="low")
    await made(visitor, "/v1/conduct-incidents", incident, **same)
    wait = [{"after_minutes": 525_600, "task": {"title": "Call"}}]
    automation = await made(visitor, "/v1/automations", an_automation(f"Thank {uuid7()}", steps=wait), **same)
    await made(visitor, f"/v1/automations/{automation['id']}/runs", {"customer_id": ada}, **same)
    message = {"customer_id": ada, "channel": "email", "body": "The kettle arrives tomorrow."}
    sent = await made(visitor, "/v1/messages", message, **same)
    survey = await made(visitor, "/v1/surveys", A_SURVEY, **same)
    live = (await made(visitor, "/v1/surveys", A_SURVEY, **{key: f"{value}-live" for key, value in same.items()}))["id"]
    await made(visitor, f"/v1/surveys/{live}/publish", None)
    invitation = {"survey_id": live, "customer_id": ada, "send_at": "2190-01-01T00:00:00Z"}
    await made(visitor, "/v1/survey-invitations", invitation, **same)
    await made(visitor, "/v1/survey-links", {"survey_id": live, "store": "Dam 1"}, **same)
    return {"subjects_of_cases": purchase, "causes": sent["cause_id"], "drafts": survey["id"]}


async def suggest(visitor: Visitor, ada: str, same: dict[str, str]) -> dict[str, str]:
    """Record a review of Ada, and post suggestions, one of which repeats another. Return the ids of list filters."""
    original = (await made(visitor, "/v1/suggestions", a_suggestion(ada, sku="7", topic="tea"), **same))["id"]
    copied = {key: f"{value}-copy" for key, value in same.items()}
    copy = (await made(visitor, "/v1/suggestions", a_suggestion(), **copied))["id"]
    await made(visitor, f"/v1/suggestions/{original}/vote", a_vote(ada))
    source_id = same["idempotency-key"].replace("same", "p")
    await made(visitor, "/v1/reviews", a_review(customer_id=ada, source="till", source_id=source_id, sku="7"))
    link = {"duplicate_of_id": original}
    assert (await visitor.request("PATCH", f"/v1/suggestions/{copy}", json=link)).status_code == 200
    article = an_article(categories=["tea"], causes=["delay"], language="nl")
    await made(visitor, "/v1/articles", article, **same)
    return {"original_suggestions": original}


async def be_refused(stack: RunningStack, visitor: Visitor) -> None:
    """Cause two authentication failures, and wait until they are recorded."""
    revoked = await made(visitor, "/v1/api-keys", {"name": "lost", "scopes": ["tenants:read"]})
    assert (await visitor.request("DELETE", f"/v1/api-keys/{revoked['id']}")).status_code == 204
    for key in (revoked["key"], visitor.key[:-8] + "wrong-se"):
        client = Visitor(stack, key)
        assert (await client.request("GET", "/v1/tenants")).status_code == 401
        await client.close()
    async with asyncio.timeout(PATIENCE_SECONDS):
        while len((await visitor.request("GET", "/v1/authentication-failures")).json()["items"]) < 2:  # noqa: ASYNC110
            await asyncio.sleep(0.2)


def early_refund(source_id: str, purchase: str = "unknown") -> dict[str, Any]:
    named = {"source": "till", "source_id": purchase}
    back = {"refunded_at": "2026-03-02T10:00:00Z", "amount": "1.00"}
    return {"source": "till", "source_id": source_id, "purchase": named, **back}
