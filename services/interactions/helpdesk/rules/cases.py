"""The states of cases, and which changes of them are allowed.

Complaints follow the stages of ISO 10002: receipt, acknowledgement, assessment, investigation, the communication of the
decision, and closing, with an escalation inside the business before one outside of it. Requests and questions take a
shorter way.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from typing_extensions import TypeAliasType, TypedDict

CaseKind = TypeAliasType("CaseKind", Literal["request", "question", "complaint"])
CasePriority = TypeAliasType("CasePriority", Literal["low", "normal", "high", "urgent"])
CaseSeverity = TypeAliasType("CaseSeverity", Literal["low", "medium", "high", "critical"])
CaseState = TypeAliasType(
    "CaseState",
    Literal[
        "received",
        "acknowledged",
        "assessed",
        "investigating",
        "in_progress",
        "waiting_for_customer",
        "decision_communicated",
        "escalated_internal",
        "escalated_external",
        "resolved",
        "closed",
    ],
)
"""`assessed`, `investigating`, `decision_communicated` and the escalations are states of complaints. `in_progress` and
`resolved` are states of requests and questions."""
AboutKind = TypeAliasType("AboutKind", Literal["purchase", "asset", "contract", "bill", "product"])
ComplaintDecision = TypeAliasType("ComplaintDecision", Literal["upheld", "partly_upheld", "not_upheld"])
"""Whether the business agrees with the complaint."""
ComplaintOutcome = TypeAliasType("ComplaintOutcome", Literal["accepted", "rejected"])
"""Whether the customer accepts the decision."""
CaseEscalation = TypeAliasType("CaseEscalation", Literal["none", "internal", "external"])
"""How far a complaint was escalated: nowhere, inside the business, or to a body outside of it."""
CaseTransitionKind = TypeAliasType(
    "CaseTransitionKind",
    Literal["opened", "state_changed", "reopened", "priority_changed", "assigned", "message_recorded"],
)
CaseLinkKind = TypeAliasType("CaseLinkKind", Literal["related", "part_of", "duplicate_of", "follow_up_of"])
RELATED: CaseLinkKind = "related"
"""The only kind that holds in both directions."""
MessageDirection = TypeAliasType("MessageDirection", Literal["inbound", "outbound"])
MessageVisibility = TypeAliasType("MessageVisibility", Literal["public", "internal"])

CAUSES = ("little_support", "delay", "poor_work", "poor_service", "overpricing", "other")
REMEDIES = ("repair", "replacement", "refund", "discount", "apology", "explanation", "other")
"""The causes and remedies of a tenant that has chosen none. Its categories are any text."""
REOPEN_DAYS = 30
MEDIATOR_AFTER = 3

ENDED: frozenset[str] = frozenset(("resolved", "decision_communicated", "closed"))
"""The states in which nothing is left to do, unless the case is reopened or escalated."""
WAITING: CaseState = "waiting_for_customer"
REASON_NEEDED: frozenset[str] = frozenset(("escalated_internal", "escalated_external"))


class EvidenceDocument(TypedDict):
    """A piece of evidence, as stored."""

    kind: str
    reference: str | None
    note: str | None


@dataclass(frozen=True, slots=True)
class CaseFacts:
    """The facts of a case on which its next state depends."""

    kind: str
    state: str
    resumes_to: str | None
    escalation: str


_SIMPLE: Mapping[str, frozenset[str]] = {
    "received": frozenset(("acknowledged", "in_progress", WAITING, "resolved")),
    "acknowledged": frozenset(("in_progress", WAITING, "resolved")),
    "in_progress": frozenset((WAITING, "resolved")),
    WAITING: frozenset(("in_progress", "resolved")),
    "resolved": frozenset(("closed", "in_progress")),
    "closed": frozenset(("in_progress",)),
}
_COMPLAINT: Mapping[str, frozenset[str]] = {
    "received": frozenset(("acknowledged",)),
    "acknowledged": frozenset(("assessed",)),
    "assessed": frozenset(("investigating", WAITING)),
    "investigating": frozenset((WAITING, "decision_communicated", "escalated_internal")),
    "decision_communicated": frozenset(("closed", "investigating", "escalated_internal", "escalated_external")),
    "escalated_internal": frozenset((WAITING, "decision_communicated", "escalated_external")),
    "escalated_external": frozenset((WAITING, "decision_communicated")),
    "closed": frozenset(("investigating", "escalated_internal", "escalated_external")),
}


def next_states(case: CaseFacts) -> list[str]:
    """Return the states to which a case may move, in alphabetical order.

    A complaint that waits for the customer returns to the state that it left. It is escalated outside of the business
    only after it was inside.
    """
    if case.kind != "complaint":
        return sorted(_SIMPLE[case.state])
    if case.state == WAITING:
        return [case.resumes_to or "investigating"]
    states = _COMPLAINT[case.state]
    if case.escalation == "none":
        states -= {"escalated_external"}
    elif case.escalation == "external":
        states -= {"escalated_internal"}
    return sorted(states)


def is_reopening(before: str, after: str) -> bool:
    """Return whether a change of state takes up an ended case again. An escalation is none."""
    return before in ENDED and after in ("in_progress", "investigating")


def needed_fields(kind: str, state: str) -> tuple[str, ...]:
    """Return the fields that a case needs in a state."""
    if kind != "complaint":
        return ()
    return {
        "assessed": ("severity",),
        "decision_communicated": ("severity", "cause", "decision"),
        "closed": ("outcome",),
    }.get(state, ())


def may_reopen(resolved_at: datetime, now: datetime, reopen_days: int | None) -> bool:
    """Return whether a case that was resolved at a time may still be reopened. None is no limit."""
    return reopen_days is None or now <= resolved_at + timedelta(days=reopen_days)


def needs_mediator(reopened_count: int, escalation: str, mediator_after: int | None) -> bool:
    """Return whether a mediator is called: reopenings and steps of escalation have reached a number.

    None calls no mediator.
    """
    steps = {"none": 0, "internal": 1, "external": 2}[escalation]
    return mediator_after is not None and reopened_count + steps >= mediator_after


def reopened_state(kind: str) -> CaseState:
    """Return the state in which an ended case is taken up again."""
    return "investigating" if kind == "complaint" else "in_progress"


def resumed_state(kind: str, left: str) -> CaseState | None:
    """Return the state to which a case returns when the customer for whom it waits has written."""
    if kind != "complaint":
        return "in_progress"
    return {"escalated_internal": "escalated_internal", "escalated_external": "escalated_external"}.get(
        left, "investigating"
    )  # type: ignore[return-value]
