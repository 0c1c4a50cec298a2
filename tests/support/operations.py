"""Every operation of an OpenAPI document, with a record of each kind and a valid body to call it.

Any object with a `request` method can send the requests: a service under test, or a client of the gateway.
"""

import re
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

import httpx

from chassis.types.ids import uuid7
from tests.support.cases import a_case
from tests.support.facts import a_customer, a_product, a_program, a_purchase, a_rule, known_as
from tests.support.interactions import a_status, an_exchange
from tests.support.promises import an_open_promise
from tests.support.tasks import a_task

NO_RECORD = ("timelines", "shopping-histories", "analytics")
"""Operations on these return an empty result for an unknown customer."""

BODIES: dict[str, Any] = {
    "PUT /v1/preferences/{token}": {"choices": [{"purpose": "newsletter", "channel": "email", "allowed": True}]},
    "PATCH /v1/customers/{id}": {"occupation": "poet"},
    "PATCH /v1/duplicates/{id}": {"state": "not_a_duplicate"},
    "PATCH /v1/views/{id}": {"name": "Our clients"},
    "PATCH /v1/custom-fields/{id}": {"label": "Tea"},
    "POST /v1/custom-fields/{id}/check": {"required": True},
    "POST /v1/customers/{id}/merge": {"merged_id": "{other}"},
    "POST /v1/customers/{id}/consents": {
        "purpose": "newsletter",
        "channel": "email",
        "decision": "granted",
        "source": "form",
    },
    "POST /v1/customers/{id}/end-relationship": {"reason": "price"},
    "POST /v1/customers/{id}/personal-data": {"requested_by": "by letter"},
    "POST /v1/deselections/{id}/decide": {"decision": "rejected", "reason": "The figures are old."},
    "POST /v1/deselections/{id}/appeal": {"reason": "The faults were yours."},
    "POST /v1/deselections/{id}/decide-appeal": {"outcome": "upheld", "reason": "They were not."},
    "POST /v1/customers/{id}/relations": {"kind": "employer", "related_customer_id": "{other}"},
    "PATCH /v1/relations/{id}": {"role": "engineer"},
    "PATCH /v1/products/{id}": {"name": "Pot"},
    "POST /v1/products/{id}/problems": {"severity": "low", "description": "The lid rattles."},
    "POST /v1/product-problems/{id}/resolve": {"resolution": "A new lid."},
    "PATCH /v1/assets/{id}": {"state": "returned"},
    "POST /v1/assets/{id}/maintenance": {},
    "PATCH /v1/pipelines/{id}": {"allows_skipping": False},
    "PATCH /v1/deals/{id}": {"competitor": "Pots & Co"},
    "PUT /v1/deals/{id}/lines": {"lines": [{"name": "Kettles", "quantity": "2", "unit_price": "9.00"}]},
    "POST /v1/deals/{id}/stage-changes": {"stage_id": str(uuid7())},
    "POST /v1/deals/{id}/lose": {"reason": "price"},
    "POST /v1/deals/{id}/reopen": {},
    "POST /v1/deals/{id}/discount-approvals": {"reason": "A large order."},
    "POST /v1/discount-approvals/{id}/approve": {},
    "POST /v1/discount-approvals/{id}/refuse": {"reason": "Below cost."},
    "PATCH /v1/leads/{id}": {"state": "working"},
    "PATCH /v1/quotes/{id}": {"note": "Free delivery."},
    "POST /v1/quotes/{id}/versions": {},
    "POST /v1/quotes/{id}/decline": {},
    "POST /v1/leads/{id}/convert": {},
    "PATCH /v1/contracts/{id}": {"notice_days": 60},
    "POST /v1/contracts/{id}/renew": {"ends_on": "2199-06-30"},
    "POST /v1/contracts/{id}/end": {"reason": "moved"},
    "POST /v1/purchases/{id}/refunds": {
        "source": "till",
        "source_id": "r",
        "refunded_at": "2026-03-02T10:00:00Z",
        "amount": "1.00",
    },
    "POST /v1/messages/{id}/outcomes": {"outcome": "delivered"},
    "PATCH /v1/calendars/{id}": {"timezone": "Europe/Paris"},
    "POST /v1/calendars/{id}/preview": {"start_at": "2026-03-02T10:00:00Z", "seconds": 3600},
    "POST /v1/purchases/{id}/status-changes": a_status(),
    "POST /v1/purchases/{id}/exchanges": an_exchange(),
    "PATCH /v1/order-statuses/{id}": {"label": "At customs"},
    "PATCH /v1/cases/{id}": {"priority": "high", "agent_id": "agent-7"},
    "POST /v1/cases/{id}/transitions": {"state": "acknowledged"},
    "POST /v1/cases/{id}/messages": {"body": "We have received it."},
    "POST /v1/cases/{id}/links": {"linked_case_id": "{other}", "kind": "part_of"},
    "PATCH /v1/promises/{id}": {"owner_id": "agent-9"},
    "PATCH /v1/tasks/{id}": {"priority": "urgent"},
    "POST /v1/tasks/{id}/claim": {"owner_id": "agent-7"},
    "POST /v1/tasks/{id}/cancel": {"reason": "The customer has called."},
    "POST /v1/promises/{id}/withdraw": {"reason": "The customer prefers a new kettle."},
    "PUT /v1/survey-answers/{token}": {"answers": [{"question": "recommend", "number": 9}]},
    "PATCH /v1/surveys/{id}": {"edit_minutes": 5},
    "PATCH /v1/sla-policies/{id}": {"warn_percents": [75]},
    "PATCH /v1/mailboxes/{id}": {"name": "Help desk"},
    "POST /v1/touch-points/{id}/link": {"customer_id": str(uuid7())},
    "POST /v1/programs/{id}/earning-rules": a_rule(),
    "POST /v1/programs/{id}/earning-rules/{rule_id}/versions": {"points": 2, "per": "1.00"},
    "POST /v1/memberships/{id}/redemptions": {"points": 1, "mode": "reserve"},
    "POST /v1/memberships/{id}/adjustments": {"points": 1, "reason": "sorry"},
    "POST /v1/imports/{id}/start": {},
    "PATCH /v1/tenants/{id}": {"name": "Other Shop"},
    "POST /v1/api-keys/{id}/rotate": {"overlap_seconds": 60},
    "PATCH /v1/webhook-endpoints/{id}": {"description": "Other receiver"},
    "POST /v1/webhook-endpoints/{id}/test": {"event_type": "customers.customer_created.v1"},
    "POST /v1/webhook-endpoints/{id}/rotate-secret": {"overlap_seconds": 60},
    "POST /v1/webhook-endpoints/{id}/recover": {"since": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"},
    "PATCH /v1/issuers/{id}": {"name": "Other login"},
}
"""The bodies of operations on a record. They are valid, so that only the record can be missing.

`{other}` is another record of the same tenant, which `OTHERS` names.
"""
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
QUERIES = {
    "GET /v1/customers/{id}/may-contact": {"purpose": "newsletter", "channel": "email"},
    "POST /v1/preferences/{token}": {"action": "stop"},
    "POST /v1/emails": {"mailbox_id": "{other}"},
    "GET /v1/customers/{id}/merge-preview": {"merged_id": "{other}"},
    "GET /v1/agent-cards": {"customer_id": str(uuid7())},
}
OTHERS: dict[str, str] = {}
"""Another record of the same kind and tenant, for the records of `RECORDS` that have one."""


def with_other(values: Any, id: str) -> Any:
    """Return a body or a query that names the other record of a record."""
    if not isinstance(values, dict):
        return values
    return {name: OTHERS.get(id, str(uuid7())) if value == "{other}" else value for name, value in values.items()}


class Asker(Protocol):
    """A client that sends requests for a tenant."""

    async def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Send a request."""


@dataclass(frozen=True, repr=False)
class Operation:
    """An operation of a document."""

    method: str
    path: str
    described: dict[str, Any]

    def __repr__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def kind(self) -> str:
        """The first segment of the path: the kind of record."""
        return self.path.split("/")[2]

    @property
    def scope(self) -> str | None:
        """The scope that the operation declares, or None if every credential may call it."""
        return self.described.get("x-scope")

    @property
    def is_public(self) -> bool:
        """Return whether a link token in the path takes the place of a credential."""
        return bool(self.described.get("x-public"))

    @property
    def returns_secret(self) -> bool:
        """Return whether the response contains a secret, which is not stored for a repeated request."""
        return "secret_not_replayable" in self.described["responses"].get("409", {}).get("description", "")

    @property
    def takes_json(self) -> bool:
        """Return whether the operation has a body of JSON. Others take files."""
        media_types = self.described.get("requestBody", {}).get("content", ())
        return any(media_type.endswith(("/json", "+json")) for media_type in media_types)

    @property
    def is_on_a_record(self) -> bool:
        """Return whether the path contains an id."""
        return "{" in self.path

    @property
    def needs_parameters(self) -> bool:
        """Return whether a parameter is required."""
        return any(one.get("required") for one in self.described.get("parameters", []))

    def at(self, id: str, rule_id: str = "") -> str:
        """Return the path with ids."""
        return re.sub(r"\{\w+\}", id, self.path.replace("{rule_id}", rule_id))

    async def send(
        self, asker: Asker, id: str, rule_id: str = "", *, records: dict[str, str] | None = None, **headers: str
    ) -> httpx.Response:
        """Call the operation on that record. Its body names these records."""
        body = with_other(BODIES.get(str(self)), id)
        if isinstance(body, dict):
            body = with_records(body, records or {})
        if self.method != "GET":
            headers = {"idempotency-key": str(uuid7())} | headers
        options = {} if body is None else {"json": body}
        return await asker.request(
            self.method, self.at(id, rule_id), params=with_other(QUERIES.get(str(self)), id), headers=headers, **options
        )


def operations(document: dict[str, Any]) -> Iterator[Operation]:
    """Yield every operation of a document."""
    for path, methods in document["paths"].items():
        for method, described in methods.items():
            yield Operation(method.upper(), path, described)


# Records


async def made(asker: Asker, path: str, body: Any, **headers: str) -> dict[str, Any]:
    """Create a record by a POST request and return it."""
    answer = await asker.request("POST", path, json=body, headers=headers)
    assert answer.is_success, f"{path}: {answer.text}"
    return dict(answer.json())


def with_records(body: dict[str, Any], ids: dict[str, str]) -> dict[str, Any]:
    """Return a body whose fields `<thing>_id` name the records of these ids."""
    named = {name: ids[f"{name[:-3]}s"] for name in body if name.endswith("_id") and f"{name[:-3]}s" in ids}
    return body | named


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
        **await in_surveys(asker),
        "tasks": (await made(asker, "/v1/tasks", a_task(purchase["customer_id"])))["id"],
    }


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


# Responses


def without_what_differs(answer: httpx.Response, *ids: str) -> str:
    """Return the text of a response without its trace id and the requested ids."""
    text = answer.text
    if answer.headers.get("content-type") == "application/problem+json":
        text = text.replace(answer.json()["trace_id"], "")
    for id in ids:
        text = text.replace(id, "")
    return text
