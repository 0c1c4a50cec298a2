"""Conduct incidents, and their evidence, which is append-only."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from chassis import Person, Versioned, belongs_to, check, choice, index, long_text, text_list, timestamp
from services.interactions.base import Base
from services.interactions.helpdesk.rules.conduct_incidents import ConductKind, ConductSeverity, ConductState


class ConductIncident(Versioned, Base, table=True):
    """An incident in which a customer did harm, or threatened to. `authors` wrote the report, the reporter first."""

    __tablename__ = "conduct_incident"
    __table_args__ = (
        belongs_to("case_id", "support_case"),
        check("decided", "(state = 'reported') = (decided_at is null) and (decided_by is null) = (decided_at is null)"),
        check("dismissed", "state <> 'dismissed' or decision_reason is not null"),
        check("harm", "not staff_harmed or case_id is not null"),
        index("customer_id", "occurred_at", "id"),
        index("state", "occurred_at", "id"),
        index("occurred_at", "id"),
        index("case_id"),
    )
    audited: ClassVar[bool] = True
    persons: ClassVar[tuple[Person, ...]] = (Person(),)

    customer_id: UUID
    kind: ConductKind = choice(ConductKind, "kind")
    severity: ConductSeverity = choice(ConductSeverity, "severity")
    occurred_at: datetime = timestamp()
    description: str = long_text()
    witnesses: list[str] = text_list()
    staff_harmed: bool = False
    case_id: UUID | None = None
    state: ConductState = choice(ConductState, "state", default="reported")
    reported_by: str
    authors: list[str] = text_list()
    decided_by: str | None = None
    decided_at: datetime | None = timestamp(nullable=True, default=None)
    decision_reason: str | None = long_text(default=None)


class ConductEvidence(Base, table=True):
    """A piece of evidence of an incident. Append-only, and deleted with its incident."""

    __tablename__ = "conduct_evidence"
    __table_args__ = (
        belongs_to("incident_id", "conduct_incident", cascade=True),
        index("incident_id", "recorded_at", "id"),
    )

    incident_id: UUID
    kind: str
    reference: str
    note: str | None = None
    recorded_by: str
    recorded_at: datetime = timestamp()
