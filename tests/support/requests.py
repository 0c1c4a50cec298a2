"""Valid requests for every operation of a service, on records created for them."""

from dataclasses import dataclass
from typing import Any

import httpx

from chassis.http.forms import FORM
from chassis.types.ids import uuid7
from tests.support.automations import an_automation
from tests.support.campaigns import a_campaign, a_template
from tests.support.cases import a_case
from tests.support.conduct import an_incident
from tests.support.facts import a_customer, a_pipeline, a_product, a_program, a_purchase, known_as
from tests.support.interactions import a_status
from tests.support.operations import BODIES, QUERIES, Operation, operations, with_other, with_records
from tests.support.promises import an_open_promise
from tests.support.records import A_PROPOSAL, A_SURVEY, RECORDS, an_issuer
from tests.support.routing import a_queue, an_agent
from tests.support.service import ServiceUnderTest
from tests.support.tasks import a_task
from tests.support.voice import a_review, a_suggestion, an_article

A_REFUND = {"source": "till", "source_id": "early", "refunded_at": "2026-03-02T10:00:00Z", "amount": "1.00"}
A_TOUCH_POINT = {
    "customer_id": str(uuid7()),
    "source": "phone",
    "source_id": "2",
    "channel": "phone",
    "direction": "inbound",
    "occurred_at": "2026-03-01T10:00:00Z",
}
A_RECEIPT = {
    "customer_id": str(uuid7()),
    "purpose": "newsletter",
    "channel": "email",
    "decision": "granted",
    "source": "former CRM",
    "decided_at": "2026-01-01T10:00:00Z",
}
OFFICE_HOURS = [{"days": ["monday"], "opens": "09:00", "closes": "17:00"}]
COLLECTIONS: dict[str, Any] = {
    "POST /v1/custom-fields": {"record_kind": "customer", "name": "favourite_tea", "type": "text"},
    "POST /v1/views": {"record_kind": "customer", "name": "All", "filters": {}},
    "PUT /v1/custom-fields/rules": {"record_kind": "deal", "allow_undefined": False},
    "POST /v1/customers": a_customer(),
    "POST /v1/customers/batch": {"items": [a_customer(**known_as("1")), a_customer(**known_as("2"))]},
    "PUT /v1/customers/by-external-id": a_customer(),
    "POST /v1/duplicates": {"customer_id": str(uuid7()), "other_customer_id": str(uuid7())},
    "POST /v1/exports": {"format": "jsonl"},
    "POST /v1/imports": b"name\nAda\n",
    "POST /v1/end-reasons": {"reason": "bankruptcy"},
    "POST /v1/products": a_product(),
    "POST /v1/assets": {"customer_id": str(uuid7()), "product_id": str(uuid7())},
    "POST /v1/preference-links": {"customer_id": str(uuid7())},
    "PATCH /v1/consent-settings": {"frequency_caps": [{"contacts": 3, "days": 7}]},
    "POST /v1/consents/batch": {"items": [A_RECEIPT | {"source_id": str(number)} for number in (1, 2)]},
    "POST /v1/deselections": A_PROPOSAL,
    "POST /v1/erasures": {"customer_id": str(uuid7()), "reason": "requested"},
    "POST /v1/pipelines": a_pipeline(),
    "POST /v1/quotes": {"deal_id": str(uuid7())},
    "POST /v1/leads": {"kind": "person", "given_name": "Grace"},
    "POST /v1/contracts": {"customer_id": str(uuid7()), "name": "Service", "starts_on": "2026-01-01"},
    "POST /v1/deals": {"customer_id": str(uuid7()), "name": "Kettles"},
    "POST /v1/purchases": a_purchase(),
    "POST /v1/purchases/batch": {"items": [a_purchase(), a_purchase()]},
    "POST /v1/refunds": A_REFUND | {"purchase": {"source": "till", "source_id": "not told yet"}},
    "POST /v1/messages": {"customer_id": str(uuid7()), "channel": "email", "body": "The kettle arrives tomorrow."},
    "POST /v1/order-statuses": {"status": "at_customs", "position": 450, "kind": "open"},
    "POST /v1/purchase-status-changes": a_status() | {"purchase": {"source": "till", "source_id": "not told yet"}},
    "POST /v1/touch-points": A_TOUCH_POINT,
    "POST /v1/touch-points/batch": {"items": [A_TOUCH_POINT | {"source_id": str(number)} for number in (3, 4)]},
    "POST /v1/cases": a_case(),
    "POST /v1/conduct-incidents": an_incident(),
    "POST /v1/promises": an_open_promise(),
    "POST /v1/articles": an_article(),
    "POST /v1/reviews": a_review(source_id="r-9"),
    "POST /v1/suggestions": a_suggestion(uuid7()),
    "POST /v1/tasks": a_task(),
    "POST /v1/automations": an_automation("Thank you"),
    "POST /v1/templates": a_template(),
    "POST /v1/campaigns": a_campaign(str(uuid7())),
    "PATCH /v1/campaign-settings": {"max_messages": 3},
    "POST /v1/surveys": A_SURVEY,
    "POST /v1/survey-invitations": {"survey_id": str(uuid7()), "customer_id": str(uuid7())},
    "POST /v1/survey-links": {"survey_id": str(uuid7()), "store": "Amsterdam"},
    "PATCH /v1/survey-settings": {"quarantine_days": 7},
    "POST /v1/calendars": {"name": "Office", "timezone": "UTC", "weekly_hours": OFFICE_HOURS},
    "POST /v1/sla-policies": {
        "name": "Standard",
        "targets": [{"kind": "resolution", "seconds": 3600, "time": "elapsed"}],
    },
    "POST /v1/agents": an_agent(),
    "POST /v1/queues": a_queue(),
    "POST /v1/survey-answers/{token}": b"q.recommend=8",
    "POST /v1/mailboxes": {"address": "help@shop.example", "domains": ["shop.example"]},
    "POST /v1/emails": b"From: ada@example.org\nMessage-ID: <m-1@example.org>\n\nHello",
    "POST /v1/touch-point-schemas": {"channel": "letter", "schema_document": {"type": "object"}},
    "PATCH /v1/case-settings": {"mediator_after": 2},
    "POST /v1/programs": a_program(),
    "POST /v1/memberships": {"customer_id": str(uuid7())},
    "POST /v1/issuers": an_issuer(),
    "POST /v1/session-tokens": {"scopes": ["tenants:read"]},
    "POST /v1/customer-tokens": {"customer_id": str(uuid7())},
    "POST /v1/analytics/clv/simple": {"average_value": "20.00", "purchases_per_period": "12", "periods": 5},
}
"""The bodies of operations without a record in their path."""
IN_EVENTS_ALONE = ("unsubscribes",)
"""The kinds of tokens that no response contains, so that no request can be sent to them without a worker."""
PARAMETERS: dict[str, Any] = QUERIES | {
    "PUT /v1/customers/by-external-id": {"source": "till", "id": "3"},
    "GET /v1/customers/by-external-id": {"source": "till", "id": "1"},  # each release has this customer
    "GET /v1/analytics/retention": {"from": "2026-01-01T00:00:00Z", "to": "2026-06-01T00:00:00Z"},
    "GET /v1/promise-keeping-rates": {"from": "2026-01-01", "to": "2026-06-01"},
}


@dataclass(frozen=True)
class AnyRequest:
    """A valid request of an operation."""

    method: str
    path: str
    params: dict[str, str] | None
    body: Any
    operation: Operation

    async def sent_to(self, service: ServiceUnderTest, key: str | None = None) -> httpx.Response:
        """Send the request, with an Idempotency-Key if given, and return the response."""
        headers = {"idempotency-key": key} if key else {}
        options: dict[str, Any] = {} if self.body is None else {"json": self.body}
        if isinstance(self.body, bytes):
            is_form = FORM in self.operation.described["requestBody"]["content"]
            of_a_file = "message/rfc822" if self.operation.kind == "emails" else "text/csv"
            headers, options = headers | {"content-type": FORM if is_form else of_a_file}, {"content": self.body}
        return await service.request(self.method, self.path, params=self.params, headers=headers, **options)


async def every_request(service: ServiceUnderTest, *, safe: bool) -> list[AnyRequest]:
    """Return a request for every operation that reads (`safe`) or writes. The records that they need are created."""
    ids = await RECORDS[service.service.name](service)
    if "programs" in ids:
        ids["open to all"] = (await service.post("/v1/programs", a_program(enrolment="open"))).json()["id"]
    known = [operation for operation in operations_of(service) if operation.kind not in IN_EVENTS_ALONE]
    return [request_of(operation, ids) for operation in known if (operation.method == "GET") is safe]


async def a_few_programs(loyalty: ServiceUnderTest, count: int) -> list[str]:
    """Create programs in sequence and return their ids."""
    return [(await loyalty.post("/v1/programs", a_program(name=f"p{n}"))).json()["id"] for n in range(count)]


def operations_of(service: ServiceUnderTest) -> list[Operation]:
    """Return every operation of a service's document."""
    return list(operations(service.service.openapi()))


def request_of(operation: Operation, ids: dict[str, str]) -> AnyRequest:
    """Return a request for an operation, on the record of its kind."""
    name = str(operation)
    body = (BODIES | COLLECTIONS).get(name)
    assert (body is not None) is ("requestBody" in operation.described), (
        f"{operation}: add its body to tests/support/requests.py"
    )
    if isinstance(body, dict):
        body = with_records(body, ids)
    if name == "POST /v1/memberships":
        body = body | {"program_id": ids["open to all"]}
    if name == "POST /v1/campaigns":
        body = body | {"variants": [{"template_id": ids["templates"]}]}
    path = operation.at(ids.get(operation.kind) or str(uuid7()), ids.get("rule_id", ""))
    record = ids.get(operation.kind, "")
    params, body = with_other(PARAMETERS.get(name), record), with_other(body, record)
    return AnyRequest(operation.method, path, params, body, operation)
