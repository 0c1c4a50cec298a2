"""Request and response bodies of conduct incidents."""

from datetime import datetime
from typing import Annotated, ClassVar
from uuid import UUID

from pydantic import Field, StrictBool

from chassis import Fields, Instant, Line, MergePatch, MultilineText, Reference, RequestBody, Resource, ShortLine
from services.interactions.helpdesk import tables
from services.interactions.helpdesk.rules.conduct_incidents import ConductKind, ConductSeverity, ConductState

Witnesses = Annotated[list[Reference], Field(max_length=50)]


class ConductEvidenceFields(Fields):
    """A piece of evidence."""

    kind: ShortLine
    """What it is, such as `photo`, `letter` or `recording`."""
    reference: Reference
    """Where it is kept: an address or an id of your own."""
    note: Line | None = None
    """A remark."""


class ConductEvidenceCreate(ConductEvidenceFields, RequestBody):
    """A piece of evidence to add."""

    example = {"kind": "recording", "reference": "cameras/dam-1/2026-03-01T10"}


class ConductEvidence(ConductEvidenceFields, Resource, row=tables.ConductEvidence):
    """A piece of evidence of an incident."""

    id: UUID
    """Identifies the piece of evidence."""
    incident_id: UUID
    """The incident."""
    recorded_by: str
    """The principal that added it."""
    recorded_at: datetime
    """When it was added."""


class ConductIncidentCreate(RequestBody):
    """An incident to report."""

    example = {
        "customer_id": "0193a7c2-5b1e-7c3a-9d54-0242ac120002",
        "kind": "threat",
        "severity": "high",
        "occurred_at": "2026-03-01T10:00:00Z",
        "description": "Threatened to wait for an employee after work.",
        "witnesses": ["agent-7"],
        "evidence": [{"kind": "recording", "reference": "cameras/dam-1/2026-03-01T10"}],
    }

    customer_id: UUID
    """The customer whose conduct is reported."""
    kind: ConductKind
    """The kind of conduct."""
    severity: ConductSeverity
    """How serious it was."""
    occurred_at: Instant
    """When it happened. It is not in the future."""
    description: MultilineText
    """What happened."""
    witnesses: Witnesses = []
    """The staff who saw it, by ids of your own."""
    staff_harmed: StrictBool = False
    """Whether staff were harmed. Harm opens an urgent case."""
    evidence: Annotated[list[ConductEvidenceCreate], Field(max_length=50)] = []
    """Evidence that exists already. More may be added later."""


class ConductIncidentUpdate(MergePatch):
    """Fields of a report to change, before it is confirmed."""

    example = {"severity": "medium", "witnesses": ["agent-7", "agent-9"]}
    never_null: ClassVar[frozenset[str]] = frozenset(
        ("kind", "severity", "occurred_at", "description", "witnesses", "staff_harmed")
    )

    kind: ConductKind | None = None
    """The kind of conduct."""
    severity: ConductSeverity | None = None
    """How serious it was."""
    occurred_at: Instant | None = None
    """When it happened. It is not in the future."""
    description: MultilineText | None = None
    """What happened."""
    witnesses: Witnesses | None = None
    """The staff who saw it, by ids of your own: the whole list."""
    staff_harmed: StrictBool | None = None
    """Whether staff were harmed. Harm opens an urgent case, once."""


class ConductIncidentConfirmRequest(RequestBody):
    """A decision to confirm an incident."""

    example = {"reason": "The recording shows it."}

    reason: MultilineText | None = None
    """The reason."""


class ConductIncidentDismissRequest(RequestBody):
    """A decision to dismiss an incident."""

    example = {"reason": "It was another person."}

    reason: MultilineText
    """The reason."""


class ConductIncident(Resource, row=tables.ConductIncident, etag="version"):
    """An incident in which a customer did harm, or threatened to."""

    id: UUID
    """Identifies the incident."""
    version: int
    """Counts the changes. It is the ETag."""
    customer_id: UUID
    """The customer whose conduct is reported."""
    kind: ConductKind
    """The kind of conduct."""
    severity: ConductSeverity
    """How serious it was."""
    occurred_at: datetime
    """When it happened."""
    description: str
    """What happened."""
    witnesses: list[str]
    """The staff who saw it."""
    staff_harmed: bool
    """Whether staff were harmed."""
    case_id: UUID | None
    """The urgent case that harm to staff has opened, or null."""
    state: ConductState
    """Reported, confirmed, or dismissed. A dismissed incident counts for nothing."""
    reported_by: str
    """The principal that reported it: `key:<id>` for an API key."""
    decided_by: str | None
    """The principal that confirmed or dismissed it, or null."""
    decided_at: datetime | None
    """When it was confirmed or dismissed, or null."""
    decision_reason: str | None
    """The reason of that decision, or null."""
    created_at: datetime
    """When it was reported."""
    updated_at: datetime
    """When it last changed."""
