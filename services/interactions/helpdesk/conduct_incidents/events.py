"""The events and problems of conduct incidents. No event contains a text that a person wrote."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from chassis import Event, Problem
from services.interactions.helpdesk.rules.conduct_incidents import ConductKind, ConductSeverity, ConductState


class ConductIncidentEvent(Event):
    """The fields of every event about an incident."""

    incident_id: UUID
    """The incident."""
    customer_id: UUID
    """The customer whose conduct is reported."""
    kind: ConductKind
    """The kind of conduct."""
    severity: ConductSeverity
    """How serious it was."""
    staff_harmed: bool
    """Whether staff were harmed."""
    occurred_at: datetime
    """When it happened."""


class ConductIncidentReported(
    ConductIncidentEvent, type="interactions.conduct_incident_reported.v1", partition_key="customer_id"
):
    """An incident was reported. The report may change until it is confirmed."""

    reported_by: Annotated[str, Field(description="The principal.", examples=["key:0193a7c2"])]
    reported_at: datetime
    """When it was reported."""


class ConductIncidentConfirmed(
    ConductIncidentEvent, type="interactions.conduct_incident_confirmed.v1", partition_key="customer_id"
):
    """An incident was confirmed by another principal than its authors. Its report does not change any more."""

    confirmed_by: Annotated[str, Field(description="The principal.", examples=["key:0193a7c2"])]
    confirmed_at: datetime
    """When it was confirmed."""


class ConductIncidentDismissed(
    ConductIncidentEvent, type="interactions.conduct_incident_dismissed.v1", partition_key="customer_id"
):
    """An incident was dismissed, and counts for nothing any more."""

    previous_state: ConductState
    """The state before: reported, or confirmed."""
    dismissed_by: Annotated[str, Field(description="The principal.", examples=["key:0193a7c2"])]
    dismissed_at: datetime
    """When it was dismissed."""


class ConductIncidentDecided(Problem, status=409):
    """The incident is in a state that does not allow this.

    `state` is its state. A report changes until it is confirmed or dismissed, and a dismissed incident stays dismissed.
    Report another incident, or add evidence to a confirmed one.
    """


class OwnConductReport(Problem, status=409):
    """The principal reported the incident, or changed the report.

    Another person must confirm it.
    """
