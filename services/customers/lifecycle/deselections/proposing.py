"""The proposal of a de-selection, by a person or a program, with figures as its evidence."""

from datetime import timedelta
from uuid import UUID

from chassis import UNKNOWN_RECORD, Feature, NotFound, PersonErased, Query, ValidationFailed, Work
from services.customers.lifecycle import tables
from services.customers.lifecycle.deselections.events import DeselectionProposed
from services.customers.lifecycle.deselections.schemas import Deselection, DeselectionCreate, DeselectionOpen
from services.customers.people.tables import Customer

feature = Feature("deselections")
PROPOSAL_DAYS = 90
"""A proposal that is not decided in this time expires: its evidence is out of date."""


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


_OPEN = Query(
    UUID,
    """
    select id from deselection
    where customer_id = :customer_id and state in ('proposed', 'approved', 'in_effect', 'appealed')
    """,
)
