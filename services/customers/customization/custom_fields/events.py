"""The events and problems of custom fields."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from chassis import Event, Problem
from services.customers.customization import tables
from services.customers.customization.rules.custom_fields import CustomFieldType, RecordKind


class CustomFieldEvent(Event):
    """The fields of every event about a definition."""

    field_id: UUID
    """The definition."""
    record_kind: RecordKind
    """The kind of record."""
    name: Annotated[str, Field(description="The name of the field in `custom`.", examples=["shirt_size"])]
    type: CustomFieldType
    """The type of its values."""
    required: bool
    """True if every new record needs a value."""
    unique: bool
    """True if no two records may have the same value."""
    indexed: bool
    """True if lists are filtered and sorted by it."""


class CustomFieldDefined(CustomFieldEvent, type="customers.custom_field_defined.v1", partition_key="field_id"):
    """A custom field was defined."""


class CustomFieldChanged(CustomFieldEvent, type="customers.custom_field_changed.v1", partition_key="field_id"):
    """The definition of a custom field changed."""

    changed: Annotated[list[str], Field(description="The names of the changed properties.", examples=[["options"]])]


class CustomFieldDeleted(CustomFieldEvent, type="customers.custom_field_deleted.v1", partition_key="field_id"):
    """The definition of a custom field was deleted. Records keep their values, which are no longer checked."""


def event_fields(field: tables.CustomField) -> dict[str, Any]:
    """Return the fields of an event that are not columns of the definition."""
    return {"field_id": field.id, "unique": field.is_unique}


def changed_event(field: tables.CustomField, changed: list[str]) -> CustomFieldChanged:
    """Return the event for a change of these properties."""
    return CustomFieldChanged.from_row(field, **event_fields(field), changed=sorted(changed))


class CustomFieldTaken(Problem, status=409):
    """A custom field with this name exists already.

    `field_id` is its definition. Change it with PATCH, or choose another name.
    """


class ValuesDoNotFit(Problem, status=409):
    """The values of existing records do not fit the definition.

    `records` is their number, and `first_ids` lists up to ten of them. Nothing was changed. Correct the records, or
    send `misfits=leave`: they keep their values until a request changes them.
    """


class TooManyCustomFields(Problem, status=409):
    """The kind of record has as many custom fields, or as many indexed ones, as allowed.

    `limit` is the maximum. Delete definitions that are not needed, or remove their index.
    """
