"""Links between cases: a part, a duplicate, a follow-up, or merely related. Chains of one kind have no cycles."""

from datetime import datetime
from uuid import UUID

from chassis import (
    UNKNOWN_RECORD,
    Command,
    Feature,
    FieldCode,
    Fields,
    Page,
    PageParams,
    Problem,
    Query,
    RequestBody,
    Resource,
    UnitOfWork,
    Upserted,
    ValidationFailed,
    Work,
    condition,
    paginate,
)
from services.interactions.helpdesk import tables
from services.interactions.helpdesk.queries.case_events import CaseEvent
from services.interactions.helpdesk.queries.cases import event_of
from services.interactions.helpdesk.rules.cases import RELATED, CaseLinkKind

feature = Feature("cases")
SAME_CASE = FieldCode("same_case", "A case cannot be linked to itself.", "Send the id of another case.")


class CaseLinked(CaseEvent, type="interactions.case_linked.v1", partition_key="subject_id"):
    """A case was linked to another."""

    link_id: UUID
    """The link."""
    linked_case_id: UUID
    """The other case."""
    link_kind: CaseLinkKind
    """What the case is to the other."""
    linked_at: datetime
    """When it was linked."""


class CaseUnlinked(CaseEvent, type="interactions.case_unlinked.v1", partition_key="subject_id"):
    """A link from a case to another was deleted."""

    link_id: UUID
    """The link."""
    linked_case_id: UUID
    """The other case."""
    link_kind: CaseLinkKind
    """What the case was to the other."""
    unlinked_at: datetime
    """When it was deleted."""


class CaseLinkCycle(Problem, status=409):
    """The link would close a cycle: the case would be a part, a duplicate or a follow-up of itself.

    Delete a link of the chain first.
    """


class CaseLinkFields(Fields):
    """The fields of a link."""

    linked_case_id: UUID
    """The other case."""
    kind: CaseLinkKind
    """What the case is to the other. `related` holds in both directions."""


class CaseLinkCreate(CaseLinkFields, RequestBody):
    """A link to create."""

    example = {"linked_case_id": "0193a7c2-5b1e-7c3a-9d54-0242ac120012", "kind": "duplicate_of"}


class CaseLink(CaseLinkFields, Resource, row=tables.CaseLink):
    """A link from a case to another."""

    id: UUID
    """Identifies the link."""
    case_id: UUID
    """The case that is a part, a duplicate or a follow-up of the other."""
    created_by: str
    """The principal that created it."""
    created_at: datetime
    """When it was created."""


@feature.post("/cases/{id:uuid}/links", scope="interactions:write", raises=[CaseLinkCycle])
async def link_case(work: Work, id: UUID, body: CaseLinkCreate) -> Upserted[CaseLink]:
    """Link a case to another. A link that exists is returned with 200."""
    case = await work.get(tables.SupportCase, id)
    if body.linked_case_id == id:
        raise ValidationFailed.field("/linked_case_id", SAME_CASE, "is the case itself")
    if await work.find(tables.SupportCase, id=body.linked_case_id) is None:
        raise ValidationFailed.field("/linked_case_id", UNKNOWN_RECORD, "no case has this id")
    start, end = (id, body.linked_case_id) if body.kind != RELATED else sorted((id, body.linked_case_id))
    await work.execute(_LOCK_KIND, kind=body.kind)
    if body.kind != RELATED and start in await work.fetch(_REACHED, id=end, kind=body.kind):
        raise CaseLinkCycle
    row = tables.CaseLink(case_id=start, linked_case_id=end, kind=body.kind, created_by=work.actor, created_at=work.now)
    stored = await work.insert_or_ignore(row)
    if stored is None:
        existing = await work.fetch(_EXISTING, case_id=start, linked_case_id=end, kind=body.kind)
        return Upserted(CaseLink.from_row(existing[0]), created=False)
    facts = {"linked_case_id": body.linked_case_id, "link_kind": body.kind}
    work.publish(await event_of(work, CaseLinked, case, link_id=stored.id, linked_at=work.now, **facts))
    return Upserted(CaseLink.from_row(stored), created=True)


@feature.get("/cases/{id:uuid}/links", scope="interactions:read")
async def list_case_links(work: Work, id: UUID, params: PageParams) -> Page[CaseLink]:
    """List the links of a case in both directions, oldest first."""
    await work.get(tables.SupportCase, id)
    where = [condition("(case_id = :case or linked_case_id = :case)", case=id)]
    return await paginate(work, params, tables.CaseLink, CaseLink, sort="created_at", where=where)


@feature.delete("/case-links/{id:uuid}", scope="interactions:write", status_code=204)
async def unlink_cases(work: Work, id: UUID) -> None:
    """Delete a link."""
    link = await work.get(tables.CaseLink, id, for_update=True)
    await work.execute(_DELETE, id=id)
    await _publish_deletion(work, link)


async def _publish_deletion(work: UnitOfWork, link: tables.CaseLink) -> None:
    case = await work.get(tables.SupportCase, link.case_id)
    facts = {"linked_case_id": link.linked_case_id, "link_kind": link.kind}
    work.publish(await event_of(work, CaseUnlinked, case, link_id=link.id, unlinked_at=work.now, **facts))


# Two links that are created at once could close a cycle together, so those of a kind are created one after another.
_LOCK_KIND = Command(
    "select pg_advisory_xact_lock("
    "hashtextextended('case_link ' || :kind::text || ' ' || current_setting('app.tenant'), 0))"
)
_REACHED = Query(
    UUID,
    """
    with recursive reached (id) as (
        select :id::uuid
        union
        select case_link.linked_case_id from case_link join reached on case_link.case_id = reached.id
        where case_link.kind = :kind::text
    )
    select id from reached
    """,
)
_EXISTING = Query(
    tables.CaseLink,
    "select * from case_link where case_id = :case_id and linked_case_id = :linked_case_id and kind = :kind",
)
_DELETE = Command("delete from case_link where id = :id")
