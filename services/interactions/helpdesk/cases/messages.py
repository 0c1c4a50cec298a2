"""The messages of a case, and its internal notes."""

from typing import Annotated
from uuid import UUID

from fastapi import Query as Parameter

from chassis import (
    Feature,
    FieldCode,
    Owned,
    Page,
    PageParams,
    RecordTooLarge,
    ValidationFailed,
    Work,
    equals,
    paginate,
)
from services.interactions.helpdesk import tables
from services.interactions.helpdesk.cases.schemas import CaseMessage, CaseMessageCreate
from services.interactions.helpdesk.queries.case_events import ReopenLimitReached
from services.interactions.helpdesk.queries.cases import add_message
from services.interactions.helpdesk.rules.cases import MessageVisibility

feature = Feature("cases")
OWNER = Owned(tables.SupportCase, "customer_id")
INBOUND_INTERNAL = FieldCode(
    "inbound_internal", "A message of the customer cannot be an internal note.", "Send it as an outbound note."
)


@feature.get("/cases/{id:uuid}/messages", scope="interactions:read", owner=OWNER, owner_hidden=("author",))
async def list_case_messages(
    work: Work,
    id: UUID,
    params: PageParams,
    visibility: Annotated[MessageVisibility | None, Parameter(description="Only those with this visibility.")] = None,
) -> Page[CaseMessage]:
    """List the messages of a case, oldest first. Customers see the public ones."""
    await work.get(tables.SupportCase, id)
    shown = "public" if work.caller.owner else visibility
    where = equals(case_id=id, visibility=shown)
    return await paginate(work, params, tables.CaseMessage, CaseMessage, sort="recorded_at", where=where)


@feature.post(
    "/cases/{id:uuid}/messages",
    scope="interactions:write",
    status_code=201,
    raises=[RecordTooLarge, ReopenLimitReached],
    owner=OWNER,
    owner_fields=("body", "channel"),
)
async def record_case_message(work: Work, id: UUID, body: CaseMessageCreate) -> CaseMessage:
    """Add a message or an internal note. A message of the customer takes up a case that waits or has ended.

    The first public message of a person to the customer is the first response.
    """
    case = await work.get(tables.SupportCase, id, for_update=True)
    columns = body.values()
    columns["author"] = body.author or work.actor
    columns["direction"] = "inbound" if work.caller.owner else body.direction or "outbound"
    if columns["direction"] == "inbound" and body.visibility == "internal":
        raise ValidationFailed.field("/visibility", INBOUND_INTERNAL, "a message of the customer is public")
    return CaseMessage.from_row(await add_message(work, case, **columns))
