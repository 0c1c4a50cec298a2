"""The examples of an OpenAPI document: each is sent as it is, on records that were created for it."""

from datetime import UTC, datetime
from typing import Any

import httpx

from chassis.types.ids import uuid7
from tests.support.facts import a_program
from tests.support.operations import OTHERS, Asker, Operation, operations, with_records
from tests.support.records import RECORDS, made
from tests.support.requests import PARAMETERS

REFUSED_BY_STATE = {
    "POST /v1/automations/{id}/runs": "automation_inactive",
    "POST /v1/conduct-incidents/{id}/confirm": "own_conduct_report",
    "POST /v1/discount-approvals/{id}/approve": "approval_decided",
    "POST /v1/discount-approvals/{id}/refuse": "approval_decided",
    "PATCH /v1/quotes/{id}": "quote_not_draft",
    "POST /v1/quotes/{id}/decline": "quote_not_sent",
}
"""Operations whose examples are valid, and conflict with the examples before them.

The automation was stopped, the reporter does not confirm an incident, the lines of the deal changed, and the quote was
replaced by a version.
"""


async def responses_to_examples(asker: Asker, document: dict[str, Any]) -> dict[str, httpx.Response]:
    """Send the example of every operation with a body. Returns the responses by operation."""
    asked = [operation for operation in operations(document) if operation.takes_json]
    bodies = {str(operation): media_of(operation)[1]["example"] for operation in asked}
    ids = await records_for(asker, asked[0].described["x-service"], bodies)
    responses = {}
    for operation in asked:
        responses[str(operation)] = await asker.request(
            operation.method,
            operation.at(ids.get(operation.kind, ""), ids.get("rule_id", "")),
            params=PARAMETERS.get(str(operation)),
            headers={"Idempotency-Key": str(uuid7()), "Content-Type": media_of(operation)[0]},
            json=bodies[str(operation)],
        )
    return responses


def media_of(operation: Operation) -> tuple[str, dict[str, Any]]:
    """Return the media type of an operation's body, and its description."""
    ((media_type, media),) = operation.described["requestBody"]["content"].items()
    return media_type, media


async def records_for(asker: Asker, service: str, bodies: dict[str, Any]) -> dict[str, str]:
    """Create the records on which the examples are sent, and return their ids. Adapts what depends on them."""
    ids = await RECORDS[service](asker)
    bodies |= {name: with_records(body, ids) for name, body in bodies.items()}
    if "merges" in ids:
        bodies["POST /v1/customers/{id}/merge"] = {"merged_id": OTHERS[ids["customers"]]}
    if "purchases" in ids:  # the example of a refund is of a line of this purchase
        ids["purchases"] = (await made(asker, "/v1/purchases", bodies["POST /v1/purchases"]))["id"]
    if "customers" in ids:
        for item in bodies["POST /v1/consents/batch"]["items"]:
            item["customer_id"] = ids["customers"]
    if "programs" in ids:
        program = await made(asker, "/v1/programs", a_program(enrolment="open"))
        bodies["POST /v1/memberships"] = bodies["POST /v1/memberships"] | {"program_id": program["id"]}
    if "templates" in ids:
        variants = [{"template_id": ids["templates"]}]
        bodies["POST /v1/campaigns"] = bodies["POST /v1/campaigns"] | {"variants": variants}
    if "webhook-endpoints" in ids:
        bodies["POST /v1/webhook-endpoints/{id}/recover"] = {"since": datetime.now(UTC).isoformat()}
    return ids
