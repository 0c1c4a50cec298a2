"""Request and response bodies of merges."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from chassis import RequestBody, Resource
from services.customers.lifecycle import tables
from services.customers.lifecycle.rules import MergedField, MergeRule, MergeSide, MergeState


class MergeCreate(RequestBody):
    """The record to merge into the customer of the path."""

    example = {"merged_id": "0193a7c2-5b1e-7c3a-9d54-0242ac120004", "choices": {"given_name": "merged"}}

    merged_id: UUID
    """The record that is merged into the survivor."""
    choices: Annotated[dict[str, MergeSide], Field(max_length=100)] | None = None
    """By field, the record whose value survives. All others follow the rules of the preview."""


class Merge(Resource, row=tables.Merge, etag="version"):
    """A merge of two records of a customer."""

    id: UUID
    """Identifies the merge."""
    version: int
    """Counts the changes. It is the ETag."""
    customer_id: UUID
    """The survivor."""
    merged_id: UUID
    """The record that was merged into it. A request for its id returns the survivor."""
    state: MergeState
    """Active, or undone."""
    actor: str
    """The principal that merged them: `key:<id>` for an API key."""
    created_at: datetime
    """When they were merged."""
    undone_at: datetime | None
    """When the merge was undone."""
    undone_by: str | None
    """The principal that undid it."""


class MergePreviewField(Resource, row=MergedField):
    """A field of the two records, and the value that would survive."""

    field: str
    """The name of the field."""
    survivor: Annotated[Any, Field(description="The survivor's value.")]
    merged: Annotated[Any, Field(description="The value of the record that would be merged.")]
    result: Annotated[Any, Field(description="The value that survives without a choice.")]
    rule: MergeRule
    """Why: lists are united, documents combined, and of the stages the furthest is kept. Else the survivor's value."""
    may_choose: bool
    """True if `choices` of the merge may name the field."""


class MergePreviewRows(Resource):
    """Records of a kind that would move to the survivor."""

    kind: Annotated[str, Field(examples=["consent_receipt"])]
    """The kind of the records."""
    count: int
    """How many there are."""


class MergePreview(Resource):
    """What a merge would do. Nothing has changed."""

    customer_id: UUID
    """The survivor."""
    merged_id: UUID
    """The record that would be merged into it."""
    fields: list[MergePreviewField]
    """Every field that at least one of the records has."""
    rows: list[MergePreviewRows]
    """The records of this service that would move. Purchases, touch points and points move as well."""
    undo_rule: str
    """What an undo of the merge would do."""
