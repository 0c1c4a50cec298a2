"""The operations that report, read, change and list conduct incidents."""

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Depends
from fastapi import Query as Parameter

from chassis import (
    Feature,
    IfMatch,
    Page,
    PageParams,
    PersonErased,
    RecordTooLarge,
    TimeRange,
    UnitOfWork,
    VersionMismatch,
    Work,
    equals,
    of_person,
    paginate,
    reject_erased,
    reject_future,
    time_range,
    uuid7,
)
from services.interactions.helpdesk import tables
from services.interactions.helpdesk.conduct_incidents.events import ConductIncidentDecided, ConductIncidentReported
from services.interactions.helpdesk.conduct_incidents.evidence import insert_evidence
from services.interactions.helpdesk.conduct_incidents.schemas import (
    ConductIncident,
    ConductIncidentCreate,
    ConductIncidentUpdate,
)
from services.interactions.helpdesk.queries.cases import open_case
from services.interactions.helpdesk.rules.conduct_incidents import (
    ConductKind,
    ConductSeverity,
    ConductState,
)

feature = Feature("conduct-incidents")
Sort = Literal["occurred_at", "-occurred_at"]
CASE_CHANNEL = "conduct_incident"
"""The channel of cases about harm to staff, by which a policy of service levels may name them."""


@feature.post("/conduct-incidents", scope="interactions:write", status_code=201, raises=[PersonErased, RecordTooLarge])
async def report_conduct_incident(work: Work, body: ConductIncidentCreate) -> ConductIncident:
    """Report an incident. Harm to staff opens an urgent case."""
    await reject_erased(work, body.customer_id)
    reject_future(work, body.occurred_at, "/occurred_at")
    columns = body.values()
    evidence = columns.pop("evidence")
    id = uuid7()
    harm = await _case_of_harm(work, id, staff_harmed=body.staff_harmed)
    incident = await work.insert(
        tables.ConductIncident(**columns, **harm, id=id, reported_by=work.actor, authors=[work.actor])
    )
    await insert_evidence(work, id, evidence)
    work.publish(ConductIncidentReported.from_row(incident, incident_id=id, reported_at=work.now))
    return ConductIncident.from_row(incident)


@feature.get("/conduct-incidents", scope="interactions:read")
async def list_conduct_incidents(
    work: Work,
    params: PageParams,
    occurred_at: Annotated[TimeRange, Depends(time_range("occurred_at"))],
    customer_id: Annotated[UUID | None, Parameter(description="Only incidents of this customer.")] = None,
    kind: Annotated[list[ConductKind] | None, Parameter(description="Any of these kinds.")] = None,
    severity: Annotated[list[ConductSeverity] | None, Parameter(description="Any of these severities.")] = None,
    state: Annotated[list[ConductState] | None, Parameter(description="Any of these states.")] = None,
    staff_harmed: Annotated[bool | None, Parameter(description="Only those with, or without, harm to staff.")] = None,
    sort: Annotated[Sort, Parameter(description="Sort field; prefix with `-` for descending.")] = "-occurred_at",
) -> Page[ConductIncident]:
    """List incidents, the latest first."""
    # A single state has an index in the order of the list. Several states need a sort.
    states = state[0] if state and len(state) == 1 else state
    where = [*of_person(customer_id), *occurred_at.filters]
    where += equals(kind=kind, severity=severity, state=states, staff_harmed=staff_harmed)
    return await paginate(work, params, tables.ConductIncident, ConductIncident, sort=sort, where=where)


@feature.get("/conduct-incidents/{id:uuid}", scope="interactions:read")
async def read_conduct_incident(work: Work, id: UUID) -> ConductIncident:
    """Return an incident."""
    return ConductIncident.from_row(await work.get(tables.ConductIncident, id))


@feature.patch(
    "/conduct-incidents/{id:uuid}",
    scope="interactions:write",
    raises=[ConductIncidentDecided, RecordTooLarge, VersionMismatch],
)
async def update_conduct_incident(
    work: Work, id: UUID, body: ConductIncidentUpdate, if_match: IfMatch
) -> ConductIncident:
    """Change a report that is not decided yet. A principal that has changed it cannot confirm it."""
    before = await work.get(tables.ConductIncident, id, for_update=True)
    work.check_version(before, if_match)
    if before.state != "reported":
        raise ConductIncidentDecided(f"The incident is {before.state}.", state=before.state)
    if body.occurred_at is not None:
        reject_future(work, body.occurred_at, "/occurred_at")
    changes = {name: value for name, value in body.changes().items() if value != getattr(before, name)}
    if not changes:
        return ConductIncident.from_row(before)
    if before.case_id is None:
        changes |= await _case_of_harm(work, id, staff_harmed=changes.get("staff_harmed", False))
    authors = list(dict.fromkeys([*before.authors, work.actor]))
    return ConductIncident.from_row(await work.update(before, **changes, authors=authors))


async def _case_of_harm(work: UnitOfWork, incident_id: UUID, *, staff_harmed: bool) -> dict[str, Any]:
    """Open the case of an incident without one in which staff were harmed. Returns the column that names the case."""
    if not staff_harmed:
        return {}
    case = await open_case(
        work,
        kind="request",
        subject="Staff were harmed",
        description=f"See the conduct incident {incident_id}.",
        channel=CASE_CHANNEL,
        priority="urgent",
    )
    return {"case_id": case.id}
