"""The operations that post, read and list suggestions."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import Query as Parameter

from chassis import (
    Feature,
    Owned,
    Page,
    PageParams,
    PersonErased,
    RecordTooLarge,
    Reference,
    ShortLine,
    Work,
    equals,
    of_person,
    paginate,
    reject_erased,
)
from services.interactions.voice import tables
from services.interactions.voice.rules.suggestions import SuggestionState
from services.interactions.voice.suggestions.schemas import Suggestion, SuggestionCreate

feature = Feature("suggestions")
OWNER_FIELDS = ("customer_id", "title", "description", "sku", "topic")
Sort = Literal["created_at", "-created_at", "votes", "-votes"]


@feature.post(
    "/suggestions",
    scope="interactions:write",
    status_code=201,
    raises=[PersonErased, RecordTooLarge],
    owner="customer_id",
    owner_fields=OWNER_FIELDS,
)
async def post_suggestion(work: Work, body: SuggestionCreate) -> Suggestion:
    """Post a suggestion of a customer or of staff. Its author has no vote yet."""
    if body.customer_id is not None:
        await reject_erased(work, body.customer_id)
    return Suggestion.from_row(await work.insert(tables.Suggestion(**body.values())))


@feature.get("/suggestions", scope="interactions:read", owner="customer_id")
async def list_suggestions(
    work: Work,
    params: PageParams,
    customer_id: Annotated[UUID | None, Parameter(description="Only suggestions of this customer.")] = None,
    staff_id: Annotated[Reference | None, Parameter(description="Only suggestions of this member of staff.")] = None,
    state: Annotated[list[SuggestionState] | None, Parameter(description="Any of these states.")] = None,
    sku: Annotated[Reference | None, Parameter(description="Only suggestions about this article.")] = None,
    topic: Annotated[ShortLine | None, Parameter(description="Only suggestions about this topic.")] = None,
    duplicate_of_id: Annotated[UUID | None, Parameter(description="Only duplicates of this suggestion.")] = None,
    sort: Annotated[Sort, Parameter(description="Sort field; prefix with `-` for descending.")] = "-created_at",
) -> Page[Suggestion]:
    """List suggestions, the newest first. Sort by `-votes` for those that most voters want."""
    states = state[0] if state and len(state) == 1 else state
    where = [*of_person(customer_id)]
    where += equals(staff_id=staff_id, state=states, sku=sku, topic=topic, duplicate_of_id=duplicate_of_id)
    return await paginate(work, params, tables.Suggestion, Suggestion, sort=sort, where=where)


@feature.get("/suggestions/{id:uuid}", scope="interactions:read", owner=Owned(tables.Suggestion, "customer_id"))
async def read_suggestion(work: Work, id: UUID) -> Suggestion:
    """Return a suggestion."""
    return Suggestion.from_row(await work.get(tables.Suggestion, id))
