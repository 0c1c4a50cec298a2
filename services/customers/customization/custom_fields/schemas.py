"""Request and response bodies of custom fields."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, ClassVar, Self
from uuid import UUID

from pydantic import AfterValidator, Field, StrictBool

from chassis import FieldCode, Fields, Line, Lines, MergePatch, RequestBody, Resource, ShortLine, invalid
from services.customers.customization import tables
from services.customers.customization.rules.custom_fields import (
    NAME_PATTERN,
    CustomFieldState,
    CustomFieldType,
    RecordKind,
)

OPTION_TWICE = FieldCode(
    "option_twice", "Two options have the same value, apart from case.", "Remove one of them, or retire it."
)


class OptionFields(Fields):
    """An option of a choice."""

    value: ShortLine
    """The value that records have."""
    label: Line | None = None
    """The text that users see."""


class CustomFieldOptionCreate(OptionFields, MergePatch):
    """An option to offer."""

    never_null: ClassVar[frozenset[str]] = frozenset(("value", "retired"))

    retired: StrictBool = False
    """If true, records keep the option, and no other record may get it."""


class CustomFieldOption(OptionFields, Resource):
    """An option of a choice."""

    retired: bool
    """If true, records keep the option, and no other record may get it."""


def _require_distinct(options: list[CustomFieldOptionCreate]) -> list[CustomFieldOptionCreate]:
    seen = set()
    for option in options:
        if option.value.casefold() in seen:
            raise invalid(OPTION_TWICE, f"the option {option.value} is listed twice")
        seen.add(option.value.casefold())
    return options


Options = Annotated[list[CustomFieldOptionCreate], Field(max_length=1_000), AfterValidator(_require_distinct)]


class CustomFieldProperties(Fields):
    """The properties of a definition that a request may set."""

    label: Line | None = None
    """The name that users see."""
    description: Lines | None = None
    """What the field is for."""
    required: StrictBool | None = None
    """If true, every new record needs a value, and no request may remove it. Default: false."""
    unique: StrictBool | None = None
    """If true, no two records may have the same value, compared without case. Such a field is indexed. Not for choices
    and booleans. Default: false."""
    indexed: StrictBool | None = None
    """If true, lists are filtered and sorted by the field. Default: false."""
    options: Options | None = None
    """The options of a choice, in the order in which users see them."""


class CustomFieldCreate(CustomFieldProperties, RequestBody):
    """A custom field to define."""

    example = {
        "record_kind": "customer",
        "name": "shirt_size",
        "label": "Size of the shirt",
        "type": "choice",
        "options": [{"value": "m", "label": "Medium"}, {"value": "l", "label": "Large"}],
        "indexed": True,
    }

    record_kind: RecordKind
    """The kind of record that has the field."""
    name: Annotated[str, Field(pattern=NAME_PATTERN, examples=["shirt_size"])]
    """The name of the field in `custom`. It never changes."""
    type: CustomFieldType
    """The type of its values. A number is a JSON number or a decimal string, a date is a string such as 2026-03-01, and
    a reference is the id of a customer."""


class CustomFieldUpdate(CustomFieldProperties, MergePatch):
    """A JSON Merge Patch of a definition. `options` are replaced as a whole."""

    example = {"label": "Size of the shirt", "indexed": True}

    never_null: ClassVar[frozenset[str]] = frozenset(("type", "required", "unique", "indexed", "options"))

    type: CustomFieldType | None = None
    """The type of its values."""


class CustomFieldCheckRequest(CustomFieldUpdate):
    """A change of a definition to try. Without any field, the definition is tried as it is."""

    example = {"required": True}


class CustomFieldReport(Resource):
    """The existing records that do not fit a definition."""

    records: int
    """How many there are."""
    first_ids: list[UUID]
    """The first of them, at most ten."""


class CustomField(Resource, row=tables.CustomField, computed=("unique", "options"), etag="version"):
    """The definition of a custom field."""

    id: UUID
    """Identifies the definition."""
    version: int
    """Counts the changes. It is the ETag."""
    record_kind: RecordKind
    """The kind of record that has the field."""
    name: str
    """The name of the field in `custom`."""
    label: str | None
    """The name that users see."""
    description: str | None
    """What the field is for."""
    type: CustomFieldType
    """The type of its values."""
    required: bool
    """True if every new record needs a value."""
    unique: bool
    """True if no two records may have the same value."""
    indexed: bool
    """True if lists are filtered and sorted by the field."""
    options: list[CustomFieldOption]
    """The options of a choice."""
    state: CustomFieldState
    """While the index of an indexed field is `building`, no list is filtered or sorted by it."""
    created_at: datetime
    """When the field was defined."""
    updated_at: datetime
    """When the definition last changed."""

    @classmethod
    def of(cls, field: tables.CustomField) -> Self:
        """Build the resource from the stored definition."""
        return cls.from_row(field, unique=field.is_unique, options=field.options)


class CustomFieldRulesUpdate(RequestBody):
    """The rules for the custom fields of a kind of record."""

    example = {"record_kind": "customer", "allow_undefined": True}

    record_kind: RecordKind
    """The kind of record."""
    allow_undefined: StrictBool
    """If false, a request may not set a custom field that is not defined. Records keep those that they have."""


class CustomFieldRules(Resource):
    """The rules for the custom fields of a kind of record."""

    record_kind: RecordKind
    """The kind of record."""
    allow_undefined: bool
    """If true, records may have custom fields that are not defined, with any value."""


def option_values(options: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the values of options."""
    return [str(option["value"]) for option in options]
