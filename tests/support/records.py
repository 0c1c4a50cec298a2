"""A record of each kind in each service, for the tests of every operation."""

from collections.abc import Awaitable, Callable
from typing import Any

from chassis.types.ids import uuid7
from tests.support.automations import an_automation
from tests.support.campaigns import a_campaign, a_template
from tests.support.cases import a_case
from tests.support.conduct import an_incident
from tests.support.facts import a_customer, a_product, a_program, a_purchase, a_rule, known_as
from tests.support.operations import BODIES, OTHERS, Asker
from tests.support.promises import an_open_promise
from tests.support.routing import a_queue, an_agent
from tests.support.tasks import a_task
from tests.support.voice import a_review, a_suggestion, an_article

A_SURVEY = {
    "name": "After your visit",
    "questions": [
        {"key": "recommend", "kind": "nps", "text": "How likely are you to recommend us?"},
        {"key": "comment", "kind": "text", "text": "What can we do better?"},
    ],
}
A_PROPOSAL = {
    "customer_id": str(uuid7()),
    "treatment": "repricing",
    "reason": "Visits cost more than the purchases bring in.",
    "evidence": [{"kind": "contribution", "value": "-120.00", "period_days": 365}],
}


async def made(asker: Asker, path: str, body: Any, **headers: str) -> dict[str, Any]:
    """Create a record by a POST request and return it."""
    answer = await asker.request("POST", path, json=body, headers=headers)
    assert answer.is_success, f"{path}: {answer.text}"
    return dict(answer.json())


async def in_customers(asker: Asker) -> dict[str, str]:
    customer, other, survivor, merged = [(await made(asker, "/v1/customers", a_customer()))["id"] for _ in range(4)]
    OTHERS[customer] = other
    ids = {"customers": customer, "survivors": survivor, "merged": merged}
    ids["merges"] = (await made(asker, f"/v1/customers/{survivor}/merge", {"merged_id": merged}))["id"]
    pair = {"customer_id": customer, "other_customer_id": other}
    ids["duplicates"] = (await made(asker, "/v1/duplicates", pair))["id"]
    ids["other_customers"] = other
    ids["duplicate-searches"] = (await made(asker, "/v1/duplicate-searches", None))["id"]
    field = {"record_kind": "customer", "name": f"f{uuid7().hex}", "type": "text", "indexed": True}
    view = {"record_kind": "customer", "name": "Clients", "filters": {"lifecycle": ["client"]}}
    ids["views"] = (await made(asker, "/v1/views", view))["id"]
    ids["custom-fields"] = (await made(asker, "/v1/custom-fields", field))["id"]
    ids["end-reasons"] = (await made(asker, "/v1/end-reasons", {"reason": f"r{uuid7().hex}"}))["id"]
    ids["related_customers"] = other
    relation = {"kind": "spouse", "related_customer_id": other}
    ids["relations"] = (await made(asker, f"/v1/customers/{customer}/relations", relation))["id"]
    erased = await made(asker, "/v1/customers", a_customer())
    erasure = await made(asker, "/v1/erasures", {"customer_id": erased["id"], "reason": "requested"})
    ids |= {"erasures": erasure["id"], "erased": erased["id"]}
    ids |= await a_block(asker)
    asked = await made(asker, f"/v1/customers/{customer}/personal-data", {})
    ids["personal-data-requests"] = ids["personal-data"] = asked["id"]
    proposal = A_PROPOSAL | {"customer_id": erased["id"]}
    ids["deselections"] = (await made(asker, "/v1/deselections", proposal))["id"]
    ids |= await in_permission(asker, customer)
    return ids | await in_transfer(asker) | await in_sales(asker, customer)


async def in_transfer(asker: Asker) -> dict[str, str]:
    """Create an import, and an export that is not carried out."""
    file = {"content": b"email,amount\nada@example.com,12\n", "headers": {"content-type": "text/csv"}}
    uploaded = await asker.request("POST", "/v1/imports", **file)
    assert uploaded.is_success, uploaded.text
    export = (await made(asker, "/v1/exports", {}))["id"]
    await asker.request("POST", f"/v1/exports/{export}/cancel")
    return {"imports": uploaded.json()["id"], "exports": export}


async def a_block(asker: Asker) -> dict[str, str]:
    """Erase a customer, and return the ids of the erasure and of the block that it leaves."""
    blocked = await made(asker, "/v1/customers/batch", {"items": [a_customer(**known_as(uuid7().hex))]})
    erasure = {"customer_id": blocked["results"][0]["id"], "reason": "requested", "grace_days": 0, "block": True}
    id = (await made(asker, "/v1/erasures", erasure))["id"]
    (block,) = (await asker.request("GET", f"/v1/blocks?erasure_id={id}")).json()["items"]
    return {"blocks": block["id"], "blocking_erasures": id}


async def in_permission(asker: Asker, customer: str) -> dict[str, str]:
    revoked, link = [await made(asker, "/v1/preference-links", {"customer_id": customer}) for _ in range(2)]
    return {"preference-links": revoked["id"], "preferences": link["token"]}


async def in_sales(asker: Asker, customer: str) -> dict[str, str]:
    product = (await made(asker, "/v1/products", a_product()))["id"]
    problem = await made(asker, f"/v1/products/{product}/problems", BODIES["POST /v1/products/{id}/problems"])
    asset = await made(asker, "/v1/assets", {"customer_id": customer, "product_id": product})
    return {
        "products": product,
        "product-problems": problem["id"],
        "assets": asset["id"],
        **await in_deals(asker, customer),
    }


async def in_deals(asker: Asker, customer: str) -> dict[str, str]:
    stages = [
        {"name": "Talks"},
        {"name": "Offer"},
        {"name": "Won", "kind": "won"},
        {"name": "Lost", "kind": "lost"},
    ]
    body = {"name": f"p{uuid7().hex}", "stages": stages, "discount_percent": "10"}
    pipeline = await made(asker, "/v1/pipelines", body)
    deal = await made(asker, "/v1/deals", {"customer_id": customer, "name": "Kettles", "pipeline_id": pipeline["id"]})
    path = f"/v1/deals/{deal['id']}"
    lines = {"lines": [{"name": "Kettles", "quantity": "1", "unit_price": "9.00", "discount": "4.00"}]}
    await asker.request("PUT", f"{path}/lines", json=lines)
    approval = await made(asker, f"{path}/discount-approvals", {"reason": "A large order."})
    quote = await made(asker, "/v1/quotes", {"deal_id": deal["id"]})
    lead = await made(asker, "/v1/leads", {"kind": "person", "given_name": "Grace"})
    term = {"customer_id": customer, "name": "Service", "starts_on": "2026-01-01", "ends_on": "2029-06-30"}
    return {
        "leads": lead["id"],
        "quotes": quote["id"],
        "contracts": (await made(asker, "/v1/contracts", term))["id"],
        "pipelines": pipeline["id"],
        "stages": pipeline["stages"][1]["id"],
        "first_stages": pipeline["stages"][0]["id"],
        "deals": deal["id"],
        "discount-approvals": approval["id"],
    }


async def in_interactions(asker: Asker) -> dict[str, str]:
    purchase = await made(asker, "/v1/purchases", a_purchase())
    touch_point = {
        "author": {"handle": "@ada"},
        "source": "phone",
        "source_id": str(uuid7()),
        "channel": "phone",
        "direction": "inbound",
        "occurred_at": "2026-03-01T10:00:00Z",
    }
    contact = await made(asker, "/v1/touch-points", touch_point)
    schema = {"channel": f"c{uuid7().hex}", "schema_document": {"type": "object"}}
    mailbox = (await made(asker, "/v1/mailboxes", {"address": f"{uuid7().hex}@shop.example"}))["id"]
    OTHERS[mailbox] = mailbox
    mail = f"From: ada@example.org\nMessage-ID: <{uuid7()}@example.org>\n\nHello".encode()
    of_mail = {"content-type": "message/rfc822"}
    sent = await asker.request("POST", f"/v1/emails?mailbox_id={mailbox}", content=mail, headers=of_mail)
    assert sent.status_code == 201, sent.text
    return {
        "mailboxes": mailbox,
        "emails": mailbox,
        "purchases": purchase["id"],
        "touch-points": contact["id"],
        "threads": contact["thread_id"],
        "touch-point-schemas": (await made(asker, "/v1/touch-point-schemas", schema))["id"],
        **await in_contact(asker),
        **await in_orders(asker),
        **await in_the_help_desk(asker, purchase["customer_id"]),
        **await in_routing(asker),
        **await in_surveys(asker),
        **await in_voice(asker, purchase["customer_id"]),
        **await in_campaigns(asker),
        **await in_outreach(asker, purchase["customer_id"]),
    }


async def in_outreach(asker: Asker, customer: str) -> dict[str, str]:
    wait = [{"after_minutes": 525_600, "task": {"title": "Call"}}]
    automation = (await made(asker, "/v1/automations", an_automation(f"a{uuid7().hex}", steps=wait)))["id"]
    by_hand = {"idempotency-key": str(uuid7())}
    run = await made(asker, f"/v1/automations/{automation}/runs", {"customer_id": customer}, **by_hand)
    tried = await made(asker, f"/v1/automations/{automation}/dry-runs", {"since": "2020-01-01T00:00:00Z"})
    return {
        "automations": automation,
        "automation-dry-runs": tried["id"],
        "automation-runs": run["id"],
        "tasks": (await made(asker, "/v1/tasks", a_task(customer)))["id"],
    }


async def in_campaigns(asker: Asker) -> dict[str, str]:
    """Create a template, and a campaign that is a draft with a list of customers."""
    template = (await made(asker, "/v1/templates", a_template()))["id"]
    campaign = await made(asker, "/v1/campaigns", a_campaign(template, audience={"kind": "customers"}))
    return {"templates": template, "campaigns": campaign["id"]}


async def in_contact(asker: Asker) -> dict[str, str]:
    message = {"customer_id": str(uuid7()), "channel": "email", "body": "The kettle arrives tomorrow."}
    return {"messages": (await made(asker, "/v1/messages", message, **{"idempotency-key": str(uuid7())}))["id"]}


async def in_orders(asker: Asker) -> dict[str, str]:
    own = {"status": f"s{uuid7().hex}", "position": 450, "kind": "open"}
    return {"order-statuses": (await made(asker, "/v1/order-statuses", own))["id"]}


async def in_the_help_desk(asker: Asker, customer: str) -> dict[str, str]:
    return {
        **await in_service_levels(asker),
        **await in_cases(asker, customer),
        "conduct-incidents": (await made(asker, "/v1/conduct-incidents", an_incident(customer)))["id"],
        "promises": (await made(asker, "/v1/promises", an_open_promise(customer)))["id"],
    }


async def in_cases(asker: Asker, customer: str) -> dict[str, str]:
    case, other = [(await made(asker, "/v1/cases", a_case(customer)))["id"] for _ in range(2)]
    OTHERS[case] = other
    link = await made(asker, f"/v1/cases/{case}/links", {"linked_case_id": other, "kind": "related"})
    return {"cases": case, "case-links": link["id"], "linked_cases": other}


async def in_service_levels(asker: Asker) -> dict[str, str]:
    hours = [{"days": ["monday"], "opens": "09:00", "closes": "17:00"}]
    calendar = {"name": f"c{uuid7().hex}", "timezone": "UTC", "weekly_hours": hours}
    channel = f"c{uuid7().hex}"
    target = {"kind": "first_response", "seconds": 3600, "time": "elapsed"}
    policy = {"name": f"p{uuid7().hex}", "channels": [channel], "targets": [target]}
    policy_id = (await made(asker, "/v1/sla-policies", policy))["id"]
    case = await made(asker, "/v1/cases", {"kind": "request", "subject": "The kettle", "channel": channel})
    (clock,) = (await asker.request("GET", f"/v1/cases/{case['id']}/clocks")).json()["items"]
    return {
        "calendars": (await made(asker, "/v1/calendars", calendar))["id"],
        "sla-policies": policy_id,
        "sla-clocks": clock["id"],
    }


async def in_routing(asker: Asker) -> dict[str, str]:
    """Create a queue that no other case enters, agents, and an assignment whose case was resolved."""
    unique = f"c{uuid7().hex}"
    agent = (await made(asker, "/v1/agents", an_agent(unique)))["id"]
    if not (await asker.request("GET", "/v1/agents?agent_id=agent-7")).json()["items"]:
        agent = (await made(asker, "/v1/agents", an_agent(capacity=1000)))["id"]
    online = await asker.request("PUT", f"/v1/agents/{agent}/presence", json={"presence": "online"})
    assert online.status_code == 200, online.text
    queue = (await made(asker, "/v1/queues", a_queue(unique, channels=[unique], wrap_up_seconds=86_400)))["id"]
    case = (await made(asker, "/v1/cases", {"kind": "request", "subject": "The kettle", "channel": "letter"}))["id"]
    routing = await asker.request(
        "POST", f"/v1/cases/{case}/transfer", json={"queue_id": queue, "reason": "It needs an engineer."}
    )
    (assignment,) = routing.json()["assignments"]
    await asker.request("POST", f"/v1/cases/{case}/transitions", json={"state": "resolved"})
    return {"agents": agent, "queues": queue, "assignments": assignment["id"]}


async def in_surveys(asker: Asker) -> dict[str, str]:
    """Create two live surveys: of one, an invitation with an answer, and a link. The other may be ended."""
    answered, ended = [(await made(asker, "/v1/surveys", A_SURVEY))["id"] for _ in range(2)]
    for id in (answered, ended):
        await made(asker, f"/v1/surveys/{id}/publish", None)
    invitation = {"survey_id": answered, "customer_id": str(uuid7()), "delivery": "link"}
    invited = await made(asker, "/v1/survey-invitations", invitation)
    body = BODIES["PUT /v1/survey-answers/{token}"]
    assert (await asker.request("PUT", invited["path"], json=body)).status_code == 200
    link = await made(asker, "/v1/survey-links", {"survey_id": answered, "store": "Amsterdam"})
    return {
        "surveys": ended,
        "answered_surveys": answered,
        "survey-invitations": invited["id"],
        "survey-answers": invited["path"].rpartition("/")[2],
        "survey-links": link["id"],
    }


async def in_voice(asker: Asker, customer: str) -> dict[str, str]:
    return {
        "suggestions": (await made(asker, "/v1/suggestions", a_suggestion(customer)))["id"],
        "reviews": (await made(asker, "/v1/reviews", a_review()))["id"],
        "articles": (await made(asker, "/v1/articles", an_article()))["id"],
    }


async def in_loyalty(asker: Asker) -> dict[str, str]:
    program = await made(asker, "/v1/programs", a_program(enrolment="open"))
    rule = await made(asker, f"/v1/programs/{program['id']}/earning-rules", a_rule())
    joining = {"program_id": program["id"], "customer_id": str(uuid7())}
    membership = await made(asker, "/v1/memberships", joining)
    path = f"/v1/memberships/{membership['id']}"
    await made(asker, f"{path}/adjustments", {"points": 100, "reason": "welcome"}, **{"idempotency-key": "welcome"})
    hold = {"points": 1, "mode": "reserve"}
    await made(asker, f"{path}/redemptions", hold, **{"idempotency-key": "held-1"})
    held = await made(asker, f"{path}/redemptions", hold, **{"idempotency-key": "held-2"})
    return {
        "programs": program["id"],
        "memberships": membership["id"],
        "members": joining["customer_id"],
        "redemptions": held["id"],
        "rule_id": rule["id"],
    }


async def in_analytics(_: Asker) -> dict[str, str]:
    return {}


def an_issuer(**fields: Any) -> dict[str, Any]:
    """Return the body of an issuer that no tenant has."""
    return {"name": "login", "url": f"https://{uuid7()}.example.com", "audience": "rapport", **fields}


async def in_the_gateway(asker: Asker) -> dict[str, str]:
    (tenant,) = (await asker.request("GET", "/v1/tenants")).json()["items"]
    key = await made(asker, "/v1/api-keys", {"name": "till", "scopes": ["customers:read"]})
    issuer = await made(asker, "/v1/issuers", an_issuer())
    # An event that occurs in no test, so that only the two samples are sent, each once.
    receiver = {"url": "http://127.0.0.1:9/hook", "event_types": ["gateway.tenant_deleted.v1"]}
    for _ in range(2):
        endpoint = (await made(asker, "/v1/webhook-endpoints", receiver))["id"]
        delivery = await made(asker, f"/v1/webhook-endpoints/{endpoint}/test", {})
    return {
        "tenants": tenant["id"],
        "api-keys": key["id"],
        "issuers": issuer["id"],
        "webhook-endpoints": endpoint,
        "deliveries": delivery["id"],
    }


RECORDS: dict[str, Callable[[Asker], Awaitable[dict[str, str]]]] = {
    "customers": in_customers,
    "interactions": in_interactions,
    "loyalty": in_loyalty,
    "analytics": in_analytics,
    "gateway": in_the_gateway,
}
"""Functions that create a record of each kind in each service. They return ids by the preceding path segment."""
