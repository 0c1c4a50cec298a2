"""Cases, opened and changed. Every step of a case is recorded here, because service levels are computed from them.

Other areas open cases with `open_case`, move them with `move_case`, and assign them with `assign_case`.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from chassis import (
    REQUIRED,
    UNKNOWN_RECORD,
    Query,
    UnitOfWork,
    ValidationFailed,
    current_person,
    recorded_person,
    reject_erased,
)
from services.interactions.helpdesk import tables
from services.interactions.helpdesk.queries.case_events import (
    CaseAssigned,
    CaseEvent,
    CaseFieldsMissing,
    CaseMediatorCalled,
    CaseMessageRecorded,
    CaseOpened,
    CaseReopened,
    CaseResolved,
    CaseStatusChanged,
    CaseUpdated,
    ComplaintDecided,
    InvalidCaseTransition,
    ReopenLimitReached,
)
from services.interactions.helpdesk.queries.case_settings import case_settings, check_terms
from services.interactions.helpdesk.queries.clocks import start_clocks, update_clocks
from services.interactions.helpdesk.rules import cases as rules
from services.interactions.helpdesk.rules.cases import CaseTransitionKind, EvidenceDocument
from services.interactions.orders.tables import Purchase


async def open_case(work: UnitOfWork, **columns: Any) -> tables.SupportCase:
    """Open a case with these columns: at least its kind, subject and channel. Raises PersonErased."""
    if columns.get("customer_id") is not None:
        await reject_erased(work, columns["customer_id"])
    number = await work.fetch_row(_NEXT_NUMBER)
    case = await work.insert(tables.SupportCase(**columns, number=number, opened_by=work.actor, opened_at=work.now))
    await _insert_transition(work, None, case, "opened")
    await start_clocks(work, case)
    work.publish(CaseOpened.from_row(case, case_id=case.id))
    return case


async def record_transition(
    work: UnitOfWork,
    before: tables.SupportCase,
    kind: CaseTransitionKind,
    changes: Mapping[str, Any],
    *,
    reason: str | None = None,
    evidence: Sequence[EvidenceDocument] = (),
    message: tables.CaseMessage | None = None,
) -> tables.SupportCase:
    """Change a case that is locked, and record the step. Every change of state, priority, agent or team, and every
    public message, is recorded by this function. The events are published by its callers.
    """
    case = await work.update(before, **changes, step_count=before.step_count + 1)
    await _insert_transition(work, before, case, kind, reason=reason, evidence=evidence, message=message)
    await update_clocks(work, case.id)
    return case


async def move_case(
    work: UnitOfWork,
    before: tables.SupportCase,
    state: str,
    *,
    reason: str | None = None,
    evidence: Sequence[EvidenceDocument] = (),
    **changes: Any,
) -> tables.SupportCase:
    """Move a locked case to a state, with further columns.

    Raises InvalidCaseTransition, CaseFieldsMissing, and ReopenLimitReached.
    """
    _check_move(before, state, changes, reason)
    await check_terms(work, changes)
    kind: CaseTransitionKind = "reopened" if rules.is_reopening(before.state, state) else "state_changed"
    settings = await case_settings(work)
    if kind == "reopened":
        _check_reopening(work, before, settings)
    columns = changes | _state_columns(work, before, state, is_reopened=kind == "reopened")
    columns |= _mediator_columns(work, before, columns, settings)
    case = await record_transition(work, before, kind, columns, reason=reason, evidence=evidence)
    await _publish_move(work, before, case)
    return case


async def update_fields(work: UnitOfWork, before: tables.SupportCase, changes: Mapping[str, Any]) -> tables.SupportCase:
    """Change fields of a locked case that are not its state."""
    await check_terms(work, changes)
    assigned = {name: changes[name] for name in ("agent_id", "team") if name in changes}
    others = {name: value for name, value in changes.items() if name not in assigned}
    case = before
    if "priority" in others:
        case = await record_transition(work, case, "priority_changed", others)
    elif others:
        case = await work.update(case, **others)
    if others:
        fields = {"changed": sorted(others)}
        work.publish(await event_of(work, CaseUpdated, case, **fields))
    return await assign_case(work, case, assigned) if assigned else case


async def assign_case(
    work: UnitOfWork, before: tables.SupportCase, changes: Mapping[str, str | None], *, reason: str | None = None
) -> tables.SupportCase:
    """Put another agent or team in charge of a locked case. `changes` has the agent, the team or both."""
    case = await record_transition(work, before, "assigned", changes, reason=reason)
    previous = {"previous_agent_id": before.agent_id, "previous_team": before.team}
    work.publish(await event_of(work, CaseAssigned, case, **previous, assigned_at=work.now))
    return case


async def add_message(work: UnitOfWork, before: tables.SupportCase, **columns: Any) -> tables.CaseMessage:
    """Add a message to a locked case, with its columns except the author's defaults.

    A message of the customer takes up a case that waits for it, or that is resolved or closed.
    """
    message = await work.insert(tables.CaseMessage(**columns, case_id=before.id, recorded_at=work.now))
    case = before
    if message.visibility == "public":
        changes = _message_columns(work, case, message)
        case = await record_transition(work, case, "message_recorded", changes, message=message)
    names = ("direction", "visibility", "automatic", "recorded_at")
    facts = {name: getattr(message, name) for name in names}
    work.publish(await event_of(work, CaseMessageRecorded, case, message_id=message.id, **facts))
    if message.direction == "inbound" and not message.automatic:
        if case.state == rules.WAITING:
            await move_case(work, case, case.resumes_to or "")
        elif case.state in rules.ENDED:
            await move_case(work, case, rules.reopened_state(case.kind))
    return message


async def event_of(work: UnitOfWork, event: type[CaseEvent], case: tables.SupportCase, **computed: Any) -> CaseEvent:
    """Return an event about a case, under the customer for whom the case was recorded."""
    customer = None if case.customer_id is None else await recorded_person(work, case)
    return event.from_row(case, case_id=case.id, customer_id=customer, **computed)


async def check_about(work: UnitOfWork, columns: Mapping[str, Any]) -> None:
    """Raise ValidationFailed for a case about a purchase that the customer did not make."""
    if columns.get("about_kind") != "purchase":
        return
    try:
        purchase = await work.find(Purchase, id=UUID(columns["about_id"]))
    except ValueError:
        purchase = None
    customer_id = columns.get("customer_id")
    current = customer_id and await current_person(work, customer_id)
    if purchase is None or current not in (None, purchase.customer_id):
        raise ValidationFailed.field("/about/id", UNKNOWN_RECORD, "the customer has no purchase with this id")


def _check_move(case: tables.SupportCase, state: str, changes: Mapping[str, Any], reason: str | None) -> None:
    facts = rules.CaseFacts(case.kind, case.state, case.resumes_to, case.escalation)
    allowed = rules.next_states(facts)
    if state not in allowed:
        text = f"A {case.kind} that is {case.state} can become {', '.join(allowed)}."
        raise InvalidCaseTransition(text, state=case.state, allowed=allowed)
    missing = [name for name in rules.needed_fields(case.kind, state) if changes.get(name, getattr(case, name)) is None]
    if missing:
        raise CaseFieldsMissing(f"A {case.kind} that is {state} needs {', '.join(missing)}.", fields=missing)
    if state in rules.REASON_NEEDED and reason is None:
        raise ValidationFailed.field("/reason", REQUIRED, "an escalation needs a reason")


def _check_reopening(work: UnitOfWork, case: tables.SupportCase, settings: tables.CaseSettings) -> None:
    resolved_at = case.resolved_at or work.now
    if not rules.may_reopen(resolved_at, work.now, settings.reopen_days):
        raise ReopenLimitReached(resolved_at=resolved_at.isoformat(), reopen_days=settings.reopen_days)


def _mediator_columns(
    work: UnitOfWork, case: tables.SupportCase, columns: Mapping[str, Any], settings: tables.CaseSettings
) -> dict[str, Any]:
    """Return the time at which a mediator is called: once, when reopenings and escalations reach the limit."""
    reopened_count = columns.get("reopened_count", case.reopened_count)
    escalation = columns.get("escalation", case.escalation)
    if case.mediator_called_at or not rules.needs_mediator(reopened_count, escalation, settings.mediator_after):
        return {}
    return {"mediator_called_at": work.now}


def _state_columns(work: UnitOfWork, case: tables.SupportCase, state: str, *, is_reopened: bool) -> dict[str, Any]:
    """Return the columns that change with the state."""
    is_waiting, is_ended = state == rules.WAITING, state in rules.ENDED
    columns: dict[str, Any] = {
        "state": state,
        "resumes_to": rules.resumed_state(case.kind, case.state) if is_waiting else None,
        "resolved_at": (case.resolved_at or work.now) if is_ended else None,
        "closed_at": work.now if state == "closed" else None,
    }
    if state in rules.REASON_NEEDED:
        columns["escalation"] = state.removeprefix("escalated_")
    if is_reopened:
        columns["reopened_count"] = case.reopened_count + 1
    if case.state in rules.ENDED and not is_ended:
        columns["outcome"] = None
    return columns


def _message_columns(work: UnitOfWork, case: tables.SupportCase, message: tables.CaseMessage) -> dict[str, Any]:
    """Return the columns that a public message changes. An automatic message is no answer."""
    if message.automatic:
        return {}
    if message.direction == "inbound":
        return {"last_customer_message_at": work.now}
    return {"last_answer_at": work.now, "first_response_at": case.first_response_at or work.now}


async def _publish_move(work: UnitOfWork, before: tables.SupportCase, case: tables.SupportCase) -> None:
    previous = {"previous_state": before.state}
    work.publish(await event_of(work, CaseStatusChanged, case, **previous, changed_at=work.now))
    if case.reopened_count > before.reopened_count:
        work.publish(await event_of(work, CaseReopened, case, **previous, reopened_at=work.now))
    if before.resolved_at is None and case.resolved_at is not None:
        work.publish(await event_of(work, CaseResolved, case))
    if before.mediator_called_at is None and case.mediator_called_at is not None:
        work.publish(await event_of(work, CaseMediatorCalled, case))
    if case.state == "decision_communicated":
        work.publish(await event_of(work, ComplaintDecided, case, decided_at=work.now))


async def _insert_transition(
    work: UnitOfWork,
    before: tables.SupportCase | None,
    case: tables.SupportCase,
    kind: CaseTransitionKind,
    *,
    reason: str | None = None,
    evidence: Sequence[EvidenceDocument] = (),
    message: tables.CaseMessage | None = None,
) -> None:
    transition = tables.CaseTransition(
        case_id=case.id,
        number=case.step_count,
        kind=kind,
        from_state=before.state if before else None,
        to_state=case.state,
        from_priority=before.priority if before else None,
        to_priority=case.priority,
        agent_id=case.agent_id,
        team=case.team,
        message_id=message.id if message else None,
        message_direction=message.direction if message else None,
        message_automatic=message.automatic if message else None,
        actor=work.actor,
        reason=reason,
        evidence=list(evidence),
        occurred_at=work.now,
    )
    await work.insert(transition)


_NEXT_NUMBER = Query(
    int,
    """
    insert into number_series (name, last_number) values ('case', 1)
    on conflict (tenant_id, name) do update set last_number = number_series.last_number + 1
    returning last_number
    """,
)
