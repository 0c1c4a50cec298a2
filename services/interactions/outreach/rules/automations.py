"""Automations: the events that start one, their conditions, the texts of their steps, and how loops are cut off."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Literal
from uuid import NAMESPACE_URL, UUID, uuid5

from typing_extensions import TypeAliasType, TypedDict

from chassis.types.codes import FieldCode
from services.interactions.helpdesk.rules.cases import CaseKind, CasePriority
from services.interactions.outreach.rules.tasks import TaskPriority

AutomationTrigger = TypeAliasType(
    "AutomationTrigger",
    Literal[
        "asset_maintenance_due",
        "asset_warranty_ending",
        "case_opened",
        "case_reopened",
        "case_resolved",
        "contract_ending",
        "contract_notice_approaching",
        "customer_created",
        "deal_lost",
        "deal_stalled",
        "deal_won",
        "detractor_detected",
        "lifecycle_changed",
        "member_joined",
        "points_expired",
        "promise_broken",
        "promise_due_soon",
        "purchase_recorded",
        "purchase_refunded",
        "purchase_status_changed",
        "relationship_ended",
        "task_due",
    ],
)
AutomationSubject = TypeAliasType(
    "AutomationSubject",
    Literal["answer", "asset", "case", "contract", "customer", "deal", "membership", "promise", "purchase", "task"],
)
"""The records that the events of triggers are about. An answer is one to a survey."""
AutomationRunState = TypeAliasType("AutomationRunState", Literal["running", "done", "stopped", "failed", "cut_off"])
DryRunState = TypeAliasType("DryRunState", Literal["queued", "done"])
AutomationAction = TypeAliasType("AutomationAction", Literal["task", "message", "case", "customer"])
AutomationOutcome = TypeAliasType("AutomationOutcome", Literal["done", "suppressed", "skipped", "failed"])


@dataclass(frozen=True, slots=True)
class TriggerKind:
    """The event behind a trigger, and the facts of it that conditions and texts can name."""

    event_type: str
    about: AutomationSubject
    """The kind of its record, whose id is in the field `<about>_id`."""
    facts: tuple[str, ...]
    money: str | None = None
    """The field with an amount, whose facts are `amount` and `currency`."""
    time: str | None = None
    """The field that says when it happened. Default: when it was published."""


_SOLD = ("store", "channel", "sold_through")
_CASE = ("kind", "priority", "team", "number")
_PROMISE = ("made_by_kind", "owner_id", "team")
_DEAL = ("pipeline_id", "stage_id", "owner_id")
TRIGGERS: Mapping[AutomationTrigger, TriggerKind] = {
    "asset_maintenance_due": TriggerKind("customers.asset_maintenance_due.v1", "asset", ("sku", "due_on")),
    "asset_warranty_ending": TriggerKind("customers.asset_warranty_ending.v1", "asset", ("sku", "warranty_until")),
    "case_opened": TriggerKind(
        "interactions.case_opened.v1", "case", (*_CASE, "category", "channel", "severity", "cause")
    ),
    "case_reopened": TriggerKind("interactions.case_reopened.v1", "case", (*_CASE, "reopened_count")),
    "case_resolved": TriggerKind("interactions.case_resolved.v1", "case", (*_CASE, "cause", "reopened_count")),
    "contract_ending": TriggerKind("customers.contract_ending.v1", "contract", ("renewal", "ends_on")),
    "contract_notice_approaching": TriggerKind(
        "customers.contract_notice_approaching.v1", "contract", ("renewal", "ends_on", "last_notice_on")
    ),
    "customer_created": TriggerKind("customers.customer_created.v1", "customer", ("kind", "lifecycle")),
    "deal_lost": TriggerKind("customers.deal_lost.v1", "deal", (*_DEAL, "reason"), money="amount"),
    "deal_stalled": TriggerKind("customers.deal_stalled.v1", "deal", _DEAL, money="amount"),
    "deal_won": TriggerKind("customers.deal_won.v1", "deal", _DEAL, money="amount"),
    "detractor_detected": TriggerKind(
        "interactions.detractor_detected.v1", "answer", ("survey_id", "store", "agent_id")
    ),
    "lifecycle_changed": TriggerKind("customers.customer_updated.v1", "customer", ("lifecycle", "previous_lifecycle")),
    "member_joined": TriggerKind("loyalty.member_joined.v1", "membership", ("program_id",)),
    "points_expired": TriggerKind("loyalty.points_expired.v1", "membership", ("program_id", "points")),
    "promise_broken": TriggerKind("interactions.promise_broken.v1", "promise", _PROMISE),
    "promise_due_soon": TriggerKind("interactions.promise_due_soon.v1", "promise", _PROMISE),
    "purchase_recorded": TriggerKind(
        "interactions.purchase_recorded.v1", "purchase", _SOLD, money="total", time="purchased_at"
    ),
    "purchase_refunded": TriggerKind(
        "interactions.purchase_refunded.v1", "purchase", _SOLD, money="amount", time="refunded_at"
    ),
    "purchase_status_changed": TriggerKind(
        "interactions.purchase_status_changed.v1", "purchase", ("status", "store", "channel"), time="changed_at"
    ),
    "relationship_ended": TriggerKind("customers.relationship_ended.v1", "customer", ("reason", "previous_lifecycle")),
    "task_due": TriggerKind("interactions.task_due.v1", "task", ("priority", "owner_id", "team", "about_kind")),
}
CUSTOMER_FACTS = (
    "customer.name",
    "customer.given_name",
    "customer.kind",
    "customer.lifecycle",
    "customer.language",
    "customer.country",
    "customer.owner_id",
)
"""The facts of the customer, at the moment of the event, that conditions and texts can name for every event."""
MAX_AGE = timedelta(days=7)
"""Records of the past are imported, too. An older event starts nothing."""
MAX_CHAIN = 5
"""The number of automations that may start one another in a row."""
ACTOR = "automation:"
"""The principal of what a run does is this, followed by the id of the run."""

UNKNOWN_PLACEHOLDER = FieldCode(
    "unknown_placeholder",
    "The text names a fact that the event does not have.",
    "Send placeholders with the facts in the text.",
)
NO_CONDITION = FieldCode(
    "no_condition",
    "The condition compares the fact with nothing.",
    "Send `one_of`, `none_of`, `at_least` or `at_most`.",
)
ONE_ACTION = FieldCode(
    "one_action", "A step does exactly one thing.", "Send one of `task`, `message`, `case` and `customer`."
)
NO_CHANGE = FieldCode("no_change", "The step changes nothing.", "Send `owner_id`, `add_tags` or `remove_tags`.")

_PLACEHOLDER = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)


class ConditionDocument(TypedDict):
    """A condition, as stored. A comparison that is null is left out."""

    fact: str
    one_of: list[str] | None
    none_of: list[str] | None
    at_least: str | None
    at_most: str | None


class MatchDocument(TypedDict):
    """A record whose past event would have started a run, as stored. It does not name the customer."""

    about_kind: str
    about_id: str
    occurred_at: str


class TaskDocument(TypedDict):
    """A task to create, as stored."""

    title: str
    description: str | None
    owner_id: str | None
    team: str | None
    priority: TaskPriority
    due_in_minutes: int | None


class MessageDocument(TypedDict):
    """A message to request, as stored."""

    channel: str
    purpose: str | None
    subject: str | None
    body: str


class CaseDocument(TypedDict):
    """A case to open, as stored."""

    kind: CaseKind
    subject: str
    description: str | None
    category: str | None
    priority: CasePriority
    team: str | None


class CustomerDocument(TypedDict):
    """A change of the customer's record, as stored."""

    owner_id: str | None
    add_tags: list[str]
    remove_tags: list[str]


class StepDocument(TypedDict):
    """A step, as stored. One of the actions is not null."""

    after_minutes: int
    task: TaskDocument | None
    message: MessageDocument | None
    case: CaseDocument | None
    customer: CustomerDocument | None


Facts = Mapping[str, str | None]


def known_facts(trigger: AutomationTrigger) -> tuple[str, ...]:
    """Return the facts that conditions and texts of an automation with this trigger can name."""
    kind = TRIGGERS[trigger]
    return (*kind.facts, *(("amount", "currency") if kind.money else ()), *CUSTOMER_FACTS)


def applies(conditions: Sequence[ConditionDocument], facts: Facts) -> bool:
    """Return whether the facts of an event fulfil every condition.

    A fact that is absent is one of no values, none of any values, and neither at least nor at most a number.
    """
    return all(_holds(condition, facts.get(condition["fact"])) for condition in conditions)


def _holds(condition: ConditionDocument, value: str | None) -> bool:
    one_of, none_of = condition["one_of"], condition["none_of"]
    if (one_of is not None and value not in one_of) or (none_of is not None and value in none_of):
        return False
    bounds = condition["at_least"], condition["at_most"]
    if bounds == (None, None):
        return True
    number = _number(value)
    if number is None:
        return False
    at_least, at_most = map(_number, bounds)
    return (at_least is None or number >= at_least) and (at_most is None or number <= at_most)


def _number(value: str | None) -> Decimal | None:
    """Return the number that a text is, or None."""
    try:
        number = Decimal(value) if value is not None else None
    except InvalidOperation:
        return None
    return number if number is not None and number.is_finite() else None


def unknown_placeholders(text: str, trigger: AutomationTrigger) -> list[str]:
    """Return the placeholders of a text that name no fact of the event."""
    names = [match.strip() for match in _PLACEHOLDER.findall(text)]
    return [name for name in names if name not in known_facts(trigger)]


def fill(text: str, facts: Facts, limit: int) -> str:
    """Return a text with each `{{ fact }}` replaced by its value, or by nothing if it is absent, cut to a length.

    What is inserted is not searched for placeholders again: values come from outside.
    """
    return _PLACEHOLDER.sub(lambda match: facts.get(match[1].strip()) or "", text)[:limit]


def fill_line(text: str, facts: Facts, limit: int) -> str:
    """Return a text with its facts as a single line. If nothing is left of it, the placeholders stay as they are."""
    line = " ".join(fill(text, facts, limit).split())
    return line or text[:limit]


def is_recent(occurred_at: datetime, now: datetime) -> bool:
    """Return whether an event happened recently enough to start an automation."""
    return occurred_at > now - MAX_AGE


def run_of_actor(actor: str) -> UUID | None:
    """Return the run whose step caused an event, by the principal of the event. None if no automation did."""
    return UUID(actor.removeprefix(ACTOR)) if actor.startswith(ACTOR) else None


def is_cut_off(automation_id: UUID, chain: Sequence[str]) -> bool:
    """Return whether a run would be a loop. `chain` has the ids of the automations that led to its event."""
    return str(automation_id) in chain or len(chain) >= MAX_CHAIN


def step_id(run_id: UUID, number: int) -> UUID:
    """Return the id under which a step is the cause of a record. It is the same when the step is repeated."""
    return uuid5(NAMESPACE_URL, f"{run_id}/{number}")
