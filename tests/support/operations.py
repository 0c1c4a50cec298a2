"""Every operation of an OpenAPI document, with a valid body to call it. The records are in records.py.

Any object with a `request` method can send the requests: a service under test, or a client of the gateway.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

import httpx

from chassis.types.ids import uuid7
from tests.support.facts import a_rule
from tests.support.interactions import a_status, an_exchange

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
    "PATCH /v1/conduct-incidents/{id}": {"severity": "low"},
    "POST /v1/conduct-incidents/{id}/confirm": {"reason": "The recording shows it."},
    "POST /v1/conduct-incidents/{id}/dismiss": {"reason": "It was another person."},
    "POST /v1/conduct-incidents/{id}/evidence": {"kind": "letter", "reference": "letters/1"},
    "POST /v1/cases/{id}/links": {"linked_case_id": "{other}", "kind": "part_of"},
    "PATCH /v1/promises/{id}": {"owner_id": "agent-9"},
    "PATCH /v1/articles/{id}": {"state": "published"},
    "POST /v1/articles/{id}/solved": {"customer_id": str(uuid7())},
    "POST /v1/suggestions/{id}/article": {"title": "Whistling", "text": "Take the red one.", "language": "en"},
    "PUT /v1/reviews/{id}/answer": {"answer": "The next model whistles."},
    "POST /v1/reviews/{id}/link": {"customer_id": str(uuid7())},
    "PATCH /v1/suggestions/{id}": {"state": "considered"},
    "POST /v1/suggestions/{id}/vote": {"customer_id": str(uuid7())},
    "POST /v1/suggestions/{id}/withdraw-vote": {"customer_id": str(uuid7())},
    "PATCH /v1/tasks/{id}": {"priority": "urgent"},
    "PATCH /v1/automations/{id}": {"pause_days": 7},
    "POST /v1/automations/{id}/dry-runs": {"since": "2020-01-01T00:00:00Z"},
    "POST /v1/automations/{id}/runs": {"customer_id": str(uuid7())},
    "POST /v1/automation-runs/{id}/stop": {"reason": "The customer has called."},
    "POST /v1/tasks/{id}/claim": {"owner_id": "agent-7"},
    "POST /v1/tasks/{id}/cancel": {"reason": "The customer has called."},
    "PATCH /v1/campaigns/{id}": {"name": "Pots"},
    "POST /v1/campaigns/{id}/schedule": {"send_at": "2199-01-01T00:00:00Z"},
    "POST /v1/campaigns/{id}/customers": {"customer_ids": [str(uuid7())]},
    "PATCH /v1/templates/{id}": {"text": "Dear {{ customer.name }}"},
    "POST /v1/templates/{id}/preview": {"customer": {"name": "Ada"}},
    "POST /v1/promises/{id}/withdraw": {"reason": "The customer prefers a new kettle."},
    "PUT /v1/survey-answers/{token}": {"answers": [{"question": "recommend", "number": 9}]},
    "PATCH /v1/surveys/{id}": {"edit_minutes": 5},
    "PATCH /v1/sla-policies/{id}": {"warn_percents": [75]},
    "PATCH /v1/agents/{id}": {"capacity": 3},
    "PUT /v1/agents/{id}/presence": {"presence": "online"},
    "POST /v1/cases/{id}/claim": {"agent_id": "agent-7"},
    "POST /v1/cases/{id}/transfer": {"queue_id": str(uuid7()), "reason": "It needs an engineer."},
    "PATCH /v1/queues/{id}": {"wrap_up_seconds": 60},
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
QUERIES = {
    "GET /v1/customers/{id}/may-contact": {"purpose": "newsletter", "channel": "email"},
    "POST /v1/preferences/{token}": {"action": "stop"},
    "POST /v1/emails": {"mailbox_id": "{other}"},
    "GET /v1/customers/{id}/merge-preview": {"merged_id": "{other}"},
    "GET /v1/review-summaries": {"sku": "7"},
    "GET /v1/agent-cards": {"customer_id": str(uuid7())},
}
OTHERS: dict[str, str] = {}
"""Another record of the same kind and tenant, for the records of `RECORDS` that have one."""


def with_other(values: Any, id: str) -> Any:
    """Return a body or a query that names the other record of a record."""
    if not isinstance(values, dict):
        return values
    return {name: OTHERS.get(id, str(uuid7())) if value == "{other}" else value for name, value in values.items()}


def with_records(body: dict[str, Any], ids: dict[str, str]) -> dict[str, Any]:
    """Return a body whose fields `<thing>_id` name the records of these ids. An agent has an id of the tenant's own."""
    kinds = {name: f"{name[:-3]}s" for name in body if name.endswith("_id") and name != "agent_id"}
    named = {name: ids[kind] for name, kind in kinds.items() if kind in ids}
    return body | named


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


# Responses


def without_what_differs(answer: httpx.Response, *ids: str) -> str:
    """Return the text of a response without its trace id and the requested ids."""
    text = answer.text
    if answer.headers.get("content-type") == "application/problem+json":
        text = text.replace(answer.json()["trace_id"], "")
    for id in ids:
        text = text.replace(id, "")
    return text
