"""The evidence of incidents. It is added, and never changed."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from chassis import Feature, Page, PageParams, RecordTooLarge, UnitOfWork, Work, equals, paginate, uuid7
from services.interactions.helpdesk import tables
from services.interactions.helpdesk.conduct_incidents.events import ConductIncidentDecided
from services.interactions.helpdesk.conduct_incidents.schemas import ConductEvidence, ConductEvidenceCreate

feature = Feature("conduct-incidents")


@feature.post(
    "/conduct-incidents/{id:uuid}/evidence",
    scope="interactions:write",
    status_code=201,
    raises=[ConductIncidentDecided, RecordTooLarge],
)
async def add_conduct_evidence(work: Work, id: UUID, body: ConductEvidenceCreate) -> ConductEvidence:
    """Add a piece of evidence to an incident that is not dismissed."""
    incident = await work.get(tables.ConductIncident, id, for_update=True)
    if incident.state == "dismissed":
        raise ConductIncidentDecided("The incident is dismissed.", state=incident.state)
    row = tables.ConductEvidence(**body.values(), incident_id=id, recorded_by=work.actor, recorded_at=work.now)
    return ConductEvidence.from_row(await work.insert(row))


@feature.get("/conduct-incidents/{id:uuid}/evidence", scope="interactions:read")
async def list_conduct_evidence(work: Work, id: UUID, params: PageParams) -> Page[ConductEvidence]:
    """List the evidence of an incident, oldest first."""
    await work.get(tables.ConductIncident, id)
    where = equals(incident_id=id)
    return await paginate(work, params, tables.ConductEvidence, ConductEvidence, sort="recorded_at", where=where)


async def insert_evidence(work: UnitOfWork, incident_id: UUID, evidence: Sequence[dict[str, Any]]) -> None:
    """Insert the evidence that is reported with an incident, in its order."""
    added = {"incident_id": incident_id, "recorded_by": work.actor, "recorded_at": work.now}
    await work.insert_many(tables.ConductEvidence, [{"id": uuid7(), **item, **added} for item in evidence])
