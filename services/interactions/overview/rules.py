"""The vocabulary of timelines, and the next action that an agent card suggests. Plain values in, plain values out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from typing_extensions import TypeAliasType

TimelineEntryKind = TypeAliasType("TimelineEntryKind", Literal["touch_point", "purchase", "refund"])
NextActionKind = TypeAliasType(
    "NextActionKind",
    Literal[
        "ensure_safety", "keep_promise", "respond_to_case", "apologize", "follow_up_purchase", "ask_for_permission"
    ],
)

PROMISE_HORIZON = timedelta(days=1)
"""An open promise is urgent this long before it is due."""
REGRET_PERIOD = timedelta(days=30)
"""An agent apologizes for what went wrong within this time."""
FOLLOW_UP_PERIOD = timedelta(days=14)
"""A purchase is followed up within this time."""


@dataclass(frozen=True, slots=True)
class Happened:
    """A record and its time: when a promise is due, when a case was opened, when a purchase was made."""

    id: UUID
    at: datetime


@dataclass(frozen=True, slots=True)
class Situation:
    """The facts of a customer on which the next action depends."""

    now: datetime
    incidents: Sequence[Happened]
    """Conduct incidents that are not dismissed."""
    open_promises: Sequence[Happened]
    unanswered_cases: Sequence[Happened]
    regrets: Sequence[Happened]
    """Promises that were broken, and bad answers to surveys."""
    last_purchase: Happened | None
    last_contact_at: datetime | None
    has_permission: bool
    """Whether the customer permits anything that needs permission."""


@dataclass(frozen=True, slots=True)
class NextAction:
    """A suggestion to the agent, with its reason and the record that it is about."""

    kind: NextActionKind
    reason: str
    record_id: UUID | None


def next_action(situation: Situation) -> NextAction | None:
    """Return the most urgent action, or None if nothing is due. Safety precedes promises, and they the rest."""
    for rule in _RULES:
        if (action := rule(situation)) is not None:
            return action
    return None


def _ensure_safety(of: Situation) -> NextAction | None:
    incident = max(of.incidents, key=lambda incident: incident.at, default=None)
    if incident is None:
        return None
    return NextAction(
        "ensure_safety", f"There was an incident at {_text(incident.at)}. Do not serve the customer alone.", incident.id
    )


def _keep_promise(of: Situation) -> NextAction | None:
    promise = min(of.open_promises, key=lambda promise: promise.at, default=None)
    if promise is None or promise.at > of.now + PROMISE_HORIZON:
        return None
    state = "was due" if promise.at < of.now else "is due"
    return NextAction("keep_promise", f"A promise {state} at {_text(promise.at)}.", promise.id)


def _respond_to_case(of: Situation) -> NextAction | None:
    case = min(of.unanswered_cases, key=lambda case: case.at, default=None)
    if case is None:
        return None
    return NextAction("respond_to_case", f"A case has had no response since {_text(case.at)}.", case.id)


def _apologize(of: Situation) -> NextAction | None:
    regret = max(of.regrets, key=lambda regret: regret.at, default=None)
    if regret is None or regret.at <= of.now - REGRET_PERIOD:
        return None
    if of.last_contact_at is not None and of.last_contact_at > regret.at:
        return None
    return NextAction(
        "apologize", f"The customer was let down at {_text(regret.at)}, without a contact since.", regret.id
    )


def _follow_up_purchase(of: Situation) -> NextAction | None:
    purchase = of.last_purchase
    if purchase is None or purchase.at <= of.now - FOLLOW_UP_PERIOD:
        return None
    if of.last_contact_at is not None and of.last_contact_at > purchase.at:
        return None
    return NextAction(
        "follow_up_purchase", f"There was no contact since the purchase at {_text(purchase.at)}.", purchase.id
    )


def _ask_for_permission(of: Situation) -> NextAction | None:
    if of.has_permission:
        return None
    return NextAction("ask_for_permission", "The customer has not permitted any message that needs permission.", None)


_RULES: tuple[Callable[[Situation], NextAction | None], ...] = (
    _ensure_safety,
    _keep_promise,
    _respond_to_case,
    _apologize,
    _follow_up_purchase,
    _ask_for_permission,
)


def _text(at: datetime) -> str:
    return at.isoformat(timespec="minutes").replace("+00:00", "Z")
