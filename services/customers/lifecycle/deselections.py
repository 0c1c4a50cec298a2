"""De-selections: a tenant treats a customer differently, or ends the relationship, by the decision of a person.

A proposal names figures as its evidence. Another person than the proposer decides, with a reason, and says how the
customer is informed. The treatment takes effect after a notice period, in which the customer may appeal, and expires.
An age, an area or a birth date is no evidence: the vocabulary does not have them.
"""

from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import Query as Parameter
from pydantic import Field

from chassis import (
    UNKNOWN_RECORD,
    DecimalText,
    Event,
    Feature,
    FieldCode,
    Fields,
    IfMatch,
    MultilineText,
    NotFound,
    Page,
    PageParams,
    PersonErased,
    Problem,
    Query,
    RequestBody,
    Resource,
    ValidationFailed,
    VersionMismatch,
    Work,
    equals,
    paginate,
)
from services.customers.lifecycle import tables
from services.customers.lifecycle.queries import find_end_in_force, insert_end
from services.customers.lifecycle.rules.deselecting import (
    AppealOutcome,
    DeselectionDecision,
    DeselectionState,
    EvidenceKind,
    NoticeChannel,
    Treatment,
)
from services.customers.people.tables import Customer

feature = Feature("deselections")

NOTICE_REQUIRED = FieldCode(
    "notice_required", "An approval says how the customer is informed.", "Send `notice_channel` with the approval."
)
MIN_NOTICE_DAYS, NOTICE_DAYS, MAX_NOTICE_DAYS = 7, 14, 180
PROPOSAL_DAYS = 90
"""A proposal that is not decided in this time expires: its evidence is out of date."""
MAX_DAYS = 730
BATCH_SIZE = 100


class DeselectionEvent(Event):
    """The fields of every event about a de-selection. Reasons are read from the API, because they are texts."""

    deselection_id: UUID
    """The de-selection."""
    customer_id: UUID
    """The customer."""
    treatment: Treatment
    """The treatment."""


class DeselectionProposed(DeselectionEvent, type="customers.deselection_proposed.v1", partition_key="customer_id"):
    """A de-selection was proposed. It has no effect unless a person approves it."""

    expires_at: datetime
    """When the proposal expires."""


class DeselectionDecided(DeselectionEvent, type="customers.deselection_decided.v1", partition_key="customer_id"):
    """A person has decided on a proposal, or on an appeal. If it is approved, the customer has to be informed."""

    state: DeselectionState
    """The state of the de-selection now."""
    notice_channel: NoticeChannel | None
    """How the customer is informed. Null unless the de-selection is approved."""
    takes_effect_at: datetime | None
    """When the treatment begins. The customer has to be informed before. Null unless it is approved."""
    ends_at: datetime | None
    """When the treatment ends. Null unless it is approved."""


class DeselectionTookEffect(DeselectionEvent, type="customers.deselection_took_effect.v1", partition_key="customer_id"):
    """The notice period has ended, and the treatment applies."""

    ends_at: datetime
    """When the treatment ends."""


class DeselectionEnded(DeselectionEvent, type="customers.deselection_ended.v1", partition_key="customer_id"):
    """A proposal or a treatment has expired. The customer is treated as every other."""


class DeselectionOpen(Problem, status=409):
    """A de-selection of this customer is open.

    `deselection_id` is that de-selection. Decide on it, or wait until it ends.
    """


class DeselectionNotInState(Problem, status=409):
    """The de-selection is not in a state that allows this.

    `state` is its state. A proposal is decided once, and an approved one can be appealed against while it lasts.
    """


class ProposerMayNotDecide(Problem, status=409):
    """The principal that proposed the de-selection may not decide on it.

    A second person decides. Send the decision with the credential of another person.
    """


class EvidenceFields(Fields):
    """A figure on which a proposal is based."""

    kind: EvidenceKind
    """The figure. Age, area and birth date are not among them."""
    value: DecimalText
    """The value: a decimal string. Money is in the currency of the tenant."""
    period_days: Annotated[int, Field(strict=True, ge=1, le=3660)]
    """The days before the proposal to which the figure refers."""


class EvidenceCreate(EvidenceFields, RequestBody):
    """A figure on which a proposal is based."""


class Evidence(EvidenceFields, Resource):
    """A figure on which a proposal is based."""


class DeselectionCreate(RequestBody):
    """A proposal to treat a customer differently."""

    example = {
        "customer_id": "0193a7c2-5b1e-7c3a-9d54-0242ac120002",
        "treatment": "self_service",
        "reason": "Visits cost more than the purchases bring in.",
        "evidence": [{"kind": "contribution", "value": "-120.00", "period_days": 365}],
    }

    customer_id: UUID
    """The customer."""
    treatment: Treatment
    """The treatment that is proposed."""
    reason: MultilineText
    """The reason for the proposal."""
    evidence: Annotated[list[EvidenceCreate], Field(min_length=1, max_length=20)]
    """The figures on which it is based."""


class DeselectionDecisionCreate(RequestBody):
    """The decision of a person on a proposal."""

    example = {
        "decision": "approved",
        "reason": "A year of losses, and two offers that were refused.",
        "notice_channel": "post",
        "notice_days": 30,
        "days": 365,
    }

    decision: DeselectionDecision
    """The decision."""
    reason: MultilineText
    """The reason for the decision, which the customer can ask for."""
    notice_channel: NoticeChannel | None = None
    """How the customer is informed. Required for an approval: no treatment begins in silence."""
    notice_days: Annotated[int, Field(strict=True, ge=MIN_NOTICE_DAYS, le=MAX_NOTICE_DAYS)] | None = None
    """Days until the treatment begins. Default: 14."""
    days: Annotated[int, Field(strict=True, ge=1, le=MAX_DAYS)] | None = None
    """Days that the treatment lasts. Default: 365."""


class AppealCreate(RequestBody):
    """An appeal of the customer against a de-selection."""

    example = {"reason": "The returns were faults of the delivery."}

    reason: MultilineText
    """The customer's reason."""


class AppealDecisionCreate(RequestBody):
    """The decision on an appeal."""

    example = {"outcome": "reversed", "reason": "Confirmed by the carrier."}

    outcome: AppealOutcome
    """The de-selection stands, or is reversed."""
    reason: MultilineText
    """The reason for the decision."""


class Deselection(Resource, row=tables.Deselection, etag="version"):
    """A de-selection: a proposal, its decision, and the treatment that follows."""

    id: UUID
    """Identifies the de-selection."""
    version: int
    """Counts the changes. It is the ETag."""
    customer_id: UUID
    """The customer."""
    treatment: Treatment
    """Other prices, self-service only, or the end of the relationship."""
    state: DeselectionState
    """A proposal, approved with notice, in effect, under appeal, rejected, reversed, or expired."""
    reason: str
    """The reason for the proposal."""
    evidence: list[Evidence]
    """The figures on which it is based."""
    proposed_by: str
    """The principal that proposed it: `key:<id>` for an API key."""
    expires_at: datetime
    """When it expires: the proposal if it is not decided, or else the treatment."""
    decided_by: str | None
    """The principal that decided, or null."""
    decided_at: datetime | None
    """When it was decided, or null."""
    decision_reason: str | None
    """The reason for the decision, or null."""
    notice_channel: NoticeChannel | None
    """How the customer is informed, or null."""
    takes_effect_at: datetime | None
    """When the treatment begins, or null."""
    appeal_reason: str | None
    """The customer's reason for an appeal, or null."""
    appealed_at: datetime | None
    """When the customer appealed, or null."""
    appeal_decided_by: str | None
    """The principal that decided on the appeal, or null."""
    appeal_decision_reason: str | None
    """The reason for that decision, or null."""
    created_at: datetime
    """When it was proposed."""
    updated_at: datetime
    """When it last changed."""


@feature.post("/deselections", scope="customers:write", status_code=201, raises=[DeselectionOpen, PersonErased])
async def propose_deselection(work: Work, body: DeselectionCreate) -> Deselection:
    """Propose to treat a customer differently. Nothing happens until another person approves it."""
    try:
        customer = await work.get(Customer, body.customer_id, for_update=True)
    except NotFound:
        raise ValidationFailed.field("/customer_id", UNKNOWN_RECORD, "the customer does not exist") from None
    existing = await work.fetch(_OPEN, customer_id=customer.id)
    if existing:
        raise DeselectionOpen(deselection_id=str(existing[0]))
    row = await work.insert(
        tables.Deselection(
            customer_id=customer.id,
            treatment=body.treatment,
            reason=body.reason,
            evidence=[
                {"kind": item.kind, "value": item.value, "period_days": item.period_days} for item in body.evidence
            ],
            proposed_by=work.actor,
            expires_at=work.now + timedelta(days=PROPOSAL_DAYS),
        )
    )
    work.publish(DeselectionProposed.from_row(row, deselection_id=row.id))
    return Deselection.from_row(row)


@feature.get("/deselections", scope="customers:read")
async def list_deselections(
    work: Work,
    params: PageParams,
    customer_id: Annotated[UUID | None, Parameter(description="Only those of this customer.")] = None,
    state: Annotated[list[DeselectionState] | None, Parameter(description="Any of these states.")] = None,
    treatment: Annotated[Treatment | None, Parameter(description="Only those with this treatment.")] = None,
) -> Page[Deselection]:
    """List de-selections, newest first."""
    where = equals(customer_id=customer_id, state=state, treatment=treatment)
    return await paginate(work, params, tables.Deselection, Deselection, sort="-created_at", where=where)


@feature.get("/deselections/{id:uuid}", scope="customers:read")
async def read_deselection(work: Work, id: UUID) -> Deselection:
    """Return a de-selection."""
    return Deselection.from_row(await work.get(tables.Deselection, id))


@feature.post(
    "/deselections/{id:uuid}/decide",
    scope="customers:decide",
    raises=[DeselectionNotInState, ProposerMayNotDecide, VersionMismatch],
)
async def decide_deselection(work: Work, id: UUID, body: DeselectionDecisionCreate, if_match: IfMatch) -> Deselection:
    """Approve or reject a proposal. The proposer may not decide. An approval names how the customer is informed."""
    row = await _in_state(work, id, "proposed")
    work.check_version(row, if_match)
    if row.proposed_by == work.actor:
        raise ProposerMayNotDecide
    decided = {"decided_by": work.actor, "decided_at": work.now, "decision_reason": body.reason}
    if body.decision == "rejected":
        row = await work.update(row, state="rejected", **decided)
    else:
        if body.notice_channel is None:
            raise ValidationFailed.field("/notice_channel", NOTICE_REQUIRED, "is required for an approval")
        takes_effect_at = work.now + timedelta(days=body.notice_days or NOTICE_DAYS)
        row = await work.update(
            row,
            state="approved",
            notice_channel=body.notice_channel,
            takes_effect_at=takes_effect_at,
            expires_at=takes_effect_at + timedelta(days=body.days or 365),
            **decided,
        )
    _publish_decision(work, row)
    return Deselection.from_row(row)


@feature.post("/deselections/{id:uuid}/appeal", scope="customers:write", raises=[DeselectionNotInState])
async def appeal_deselection(work: Work, id: UUID, body: AppealCreate) -> Deselection:
    """Record the customer's appeal. Until it is decided, the treatment does not apply."""
    row = await _in_state(work, id, "approved", "in_effect")
    row = await work.update(row, state="appealed", appeal_reason=body.reason, appealed_at=work.now)
    _publish_decision(work, row)
    return Deselection.from_row(row)


@feature.post(
    "/deselections/{id:uuid}/decide-appeal",
    scope="customers:decide",
    raises=[DeselectionNotInState, ProposerMayNotDecide, VersionMismatch],
)
async def decide_appeal(work: Work, id: UUID, body: AppealDecisionCreate, if_match: IfMatch) -> Deselection:
    """Uphold or reverse a de-selection after an appeal. The proposer may not decide."""
    row = await _in_state(work, id, "appealed")
    work.check_version(row, if_match)
    if row.proposed_by == work.actor:
        raise ProposerMayNotDecide
    state: DeselectionState = "reversed" if body.outcome == "reversed" else "approved"
    row = await work.update(row, state=state, appeal_decided_by=work.actor, appeal_decision_reason=body.reason)
    _publish_decision(work, row)
    return Deselection.from_row(row)


@feature.periodic(every=timedelta(minutes=1))
async def follow_deselections(work: Work) -> bool:
    """Let treatments take effect after their notice, and expire. Returns whether there may be more."""
    due = await work.fetch(_DUE, now=work.now, limit=BATCH_SIZE)
    for row in due:
        if row.expires_at <= work.now:
            row = await work.update(row, state="expired")
            work.publish(DeselectionEnded.from_row(row, deselection_id=row.id))
            continue
        row = await work.update(row, state="in_effect")
        work.publish(DeselectionTookEffect.from_row(row, deselection_id=row.id, ends_at=row.expires_at))
        if row.treatment == "end":
            customer = await work.get(Customer, row.customer_id, for_update=True)
            if await find_end_in_force(work, customer.id) is None:
                await insert_end(work, customer, reason="ended_by_us", ended_at=work.now)
    return len(due) == BATCH_SIZE


async def _in_state(work: Work, id: UUID, *states: DeselectionState) -> tables.Deselection:
    """Lock and return a de-selection of a customer that exists. Raises NotFound and DeselectionNotInState."""
    row = await work.get(tables.Deselection, id, for_update=True)
    if row.state not in states or row.expires_at <= work.now:
        raise DeselectionNotInState(f"The de-selection is {row.state}.", state=row.state)
    return row


def _publish_decision(work: Work, row: tables.Deselection) -> None:
    approved = row.state == "approved"
    work.publish(
        DeselectionDecided.from_row(
            row,
            deselection_id=row.id,
            notice_channel=row.notice_channel if approved else None,
            takes_effect_at=row.takes_effect_at if approved else None,
            ends_at=row.expires_at if approved else None,
        )
    )


_OPEN = Query(
    UUID,
    """
    select id from deselection
    where customer_id = :customer_id and state in ('proposed', 'approved', 'in_effect', 'appealed')
    """,
)
_DUE = Query(
    tables.Deselection,
    """
    select * from deselection
    where state in ('proposed', 'approved', 'in_effect')
        and least(expires_at, case when state = 'approved' then takes_effect_at end) <= :now
    order by id limit :limit for no key update skip locked
    """,
)
