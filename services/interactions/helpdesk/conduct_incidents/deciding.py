"""The decision about a report: another principal than its authors confirms it. Its authors may dismiss it."""

from uuid import UUID

from chassis import Feature, IfMatch, UnitOfWork, VersionMismatch, Work, recorded_person
from services.interactions.helpdesk import tables
from services.interactions.helpdesk.conduct_incidents.events import (
    ConductIncidentConfirmed,
    ConductIncidentDecided,
    ConductIncidentDismissed,
    OwnConductReport,
)
from services.interactions.helpdesk.conduct_incidents.schemas import (
    ConductIncident,
    ConductIncidentConfirmRequest,
    ConductIncidentDismissRequest,
)

feature = Feature("conduct-incidents")


@feature.post(
    "/conduct-incidents/{id:uuid}/confirm",
    scope="interactions:decide",
    raises=[ConductIncidentDecided, OwnConductReport, VersionMismatch],
)
async def confirm_conduct_incident(
    work: Work, id: UUID, body: ConductIncidentConfirmRequest, if_match: IfMatch
) -> ConductIncident:
    """Confirm an incident. Neither its reporter nor a principal that has changed the report may."""
    before = await _lock(work, id, if_match)
    if before.state != "reported":
        raise ConductIncidentDecided(f"The incident is {before.state}.", state=before.state)
    if work.actor in before.authors:
        raise OwnConductReport
    incident = await _decide(work, before, "confirmed", body.reason)
    decided = {"confirmed_by": work.actor, "confirmed_at": work.now}
    work.publish(ConductIncidentConfirmed.from_row(incident, **await _named(work, incident), **decided))
    return ConductIncident.from_row(incident)


@feature.post(
    "/conduct-incidents/{id:uuid}/dismiss",
    scope="interactions:decide",
    raises=[ConductIncidentDecided, VersionMismatch],
)
async def dismiss_conduct_incident(
    work: Work, id: UUID, body: ConductIncidentDismissRequest, if_match: IfMatch
) -> ConductIncident:
    """Dismiss an incident, also one that was confirmed. It counts for nothing, and its case stays open."""
    before = await _lock(work, id, if_match)
    if before.state == "dismissed":
        raise ConductIncidentDecided("The incident is dismissed.", state=before.state)
    incident = await _decide(work, before, "dismissed", body.reason)
    decided = {"previous_state": before.state, "dismissed_by": work.actor, "dismissed_at": work.now}
    work.publish(ConductIncidentDismissed.from_row(incident, **await _named(work, incident), **decided))
    return ConductIncident.from_row(incident)


async def _lock(work: UnitOfWork, id: UUID, if_match: IfMatch) -> tables.ConductIncident:
    incident = await work.get(tables.ConductIncident, id, for_update=True)
    work.check_version(incident, if_match)
    return incident


async def _decide(
    work: UnitOfWork, incident: tables.ConductIncident, state: str, reason: str | None
) -> tables.ConductIncident:
    return await work.update(incident, state=state, decided_by=work.actor, decided_at=work.now, decision_reason=reason)


async def _named(work: UnitOfWork, incident: tables.ConductIncident) -> dict[str, UUID]:
    """Return the ids in an event: the incident, and the customer under whom it was reported."""
    return {"incident_id": incident.id, "customer_id": await recorded_person(work, incident)}
