"""The record that an event is about, for endpoints that ask for it with each event."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from chassis.types import json


@dataclass(frozen=True, slots=True)
class RecordKind:
    """A kind of record: which events are about it, and where it is read."""

    service: str
    types: str
    """How the types of its events begin."""
    field: str
    """The field of the data that has its id."""
    path: str
    scope: str


# The first kind whose types match is that of an event.
KINDS = (
    RecordKind("customers", "customers.quote_", "quote_id", "/v1/quotes", "customers:read"),
    RecordKind("customers", "customers.asset_", "asset_id", "/v1/assets", "customers:read"),
    RecordKind("customers", "customers.contract_", "contract_id", "/v1/contracts", "customers:read"),
    RecordKind("customers", "customers.custom_field_", "field_id", "/v1/custom-fields", "customers:read"),
    RecordKind("customers", "customers.deal_", "deal_id", "/v1/deals", "customers:read"),
    RecordKind("customers", "customers.discount_", "approval_id", "/v1/discount-approvals", "customers:read"),
    RecordKind("customers", "customers.lead_", "lead_id", "/v1/leads", "customers:read"),
    RecordKind("customers", "customers.pipeline_", "pipeline_id", "/v1/pipelines", "customers:read"),
    RecordKind("customers", "customers.product_problem_", "problem_id", "/v1/product-problems", "customers:read"),
    RecordKind("customers", "customers.product_", "product_id", "/v1/products", "customers:read"),
    RecordKind("customers", "customers.", "customer_id", "/v1/customers", "customers:read"),
    RecordKind("interactions", "interactions.purchase_", "purchase_id", "/v1/purchases", "interactions:read"),
    RecordKind("interactions", "interactions.touch_point_", "touch_point_id", "/v1/touch-points", "interactions:read"),
    RecordKind("interactions", "interactions.case_", "case_id", "/v1/cases", "interactions:read"),
    RecordKind("interactions", "interactions.complaint_", "case_id", "/v1/cases", "interactions:read"),
    RecordKind("interactions", "interactions.message_", "message_id", "/v1/messages", "interactions:read"),
    RecordKind("interactions", "interactions.promise_", "promise_id", "/v1/promises", "interactions:read"),
    RecordKind("interactions", "interactions.task_", "task_id", "/v1/tasks", "interactions:read"),
    RecordKind("interactions", "interactions.customer_change_", "run_id", "/v1/automation-runs", "interactions:read"),
    RecordKind("interactions", "interactions.campaign_", "campaign_id", "/v1/campaigns", "interactions:read"),
    RecordKind("interactions", "interactions.unsubscribed.", "campaign_id", "/v1/campaigns", "interactions:read"),
    RecordKind("interactions", "interactions.suggestion_", "suggestion_id", "/v1/suggestions", "interactions:read"),
    RecordKind("interactions", "interactions.review_", "review_id", "/v1/reviews", "interactions:read"),
    RecordKind("interactions", "interactions.article_", "article_id", "/v1/articles", "interactions:read"),
    RecordKind(
        "interactions",
        "interactions.conduct_incident_",
        "incident_id",
        "/v1/conduct-incidents",
        "interactions:read",
    ),
    RecordKind("interactions", "interactions.agent_", "profile_id", "/v1/agents", "interactions:read"),
    RecordKind(
        "interactions",
        "interactions.survey_invitation_",
        "invitation_id",
        "/v1/survey-invitations",
        "interactions:read",
    ),
    RecordKind("interactions", "interactions.survey_answer", "survey_id", "/v1/surveys", "interactions:read"),
    RecordKind("interactions", "interactions.detractor_", "survey_id", "/v1/surveys", "interactions:read"),
    RecordKind("interactions", "interactions.sla_", "clock_id", "/v1/sla-clocks", "interactions:read"),
    RecordKind("loyalty", "loyalty.program_", "program_id", "/v1/programs", "loyalty:read"),
    RecordKind("loyalty", "loyalty.earning_rule_", "program_id", "/v1/programs", "loyalty:read"),
    RecordKind("loyalty", "loyalty.", "membership_id", "/v1/memberships", "loyalty:read"),
)


@dataclass(frozen=True, slots=True)
class RecordAddress:
    """Where the record of an event is read, and the scope that this needs."""

    service: str
    path: str
    scope: str


def kind_of(type: str) -> RecordKind | None:
    """Return the kind of record that events of a type are about, or None.

    The completion of an erasure is about a record of customers, which a key for the other service may not read.
    """
    if ".erasure_completed." in type:
        return None
    return next((kind for kind in KINDS if type.startswith(kind.types)), None)


def scopes_for(types: Iterable[str]) -> set[str]:
    """Return the scopes that the records of these types need."""
    return {kind.scope for kind in map(kind_of, types) if kind is not None}


def address_of(type: str, data: str) -> RecordAddress | None:
    """Return where the record of an event is read, or None if its event is about no record."""
    kind = kind_of(type)
    if kind is None:
        return None
    content: dict[str, Any] = json.loads(data)
    try:
        id = UUID(str(content.get(kind.field)))
    except ValueError:
        return None
    return RecordAddress(kind.service, f"{kind.path}/{id}", kind.scope)


def with_record(data: str, record: str | None) -> str:
    """Return an event's data with its record as the last field. The text of both is copied, digit for digit."""
    beginning = data.rstrip()[:-1].rstrip()
    comma = "" if beginning == "{" else ","
    return f'{beginning}{comma}"record":{record or "null"}}}'
