"""Lists of records, filtered and sorted by the custom fields that are indexed.

custom: Annotated[list[tuple[str, str]], Depends(CUSTOM_PARAMETERS)]

shaped = await shape_list(work, "customer", custom, sort)
await paginate(work, params, tables.Customer, Customer, sort=sort, key=shaped.key, where=shaped.filters)
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Annotated, Any

from pydantic import AfterValidator, Field, WithJsonSchema

from chassis import (
    NOT_ONE_OF,
    FieldCode,
    Filter,
    ParameterPrefix,
    Problem,
    SortKey,
    UnitOfWork,
    ValidationFailed,
    condition,
    invalid,
)
from services.customers.customization import tables
from services.customers.customization.rules.custom_fields import UNDEFINED_FIELD, RecordKind
from services.customers.customization.rules.filters import COMPARISONS, InvalidFilter, filter_value

CUSTOM_PARAMETERS = ParameterPrefix(
    "custom.",
    "Custom fields that are indexed: `custom.<name>` is the value, or any of several if it is repeated. "
    "`custom.<name>.gte`, `.gt`, `.lte` and `.lt` bound numbers and dates. `custom.<name>.exists` is true or false.",
)
_CUSTOM_SORT = r"^-?custom\.[a-z][a-z0-9_]{0,62}$"
NOT_INDEXED = FieldCode(
    "not_indexed",
    "The custom field is not indexed, so lists are neither filtered nor sorted by it.",
    "Set `indexed` of its definition with PATCH /v1/custom-fields/{id}.",
)


class CustomFieldIndexBuilding(Problem, status=409):
    """The index of the custom field is not ready yet, because the values of existing records are being stored.

    `field` is its name. Try again in a while: `state` of the definition becomes `ready`.
    """


def sort_by(*columns: str) -> Any:
    """Return the type of a sort parameter: columns, and custom fields, each rising or falling."""
    allowed = [*columns, *(f"-{column}" for column in columns)]

    def require_sort(sort: str) -> str:
        if sort not in allowed and re.fullmatch(_CUSTOM_SORT, sort) is None:
            raise invalid(NOT_ONE_OF, f"must be one of: {', '.join(allowed)}, or custom.<name> of a custom field")
        return sort

    schema = {"type": "string", "examples": allowed}
    return Annotated[str, AfterValidator(require_sort), WithJsonSchema(schema)]


@dataclass(frozen=True, slots=True)
class ListShape:
    """The conditions of a list, and the key by which it is sorted, as far as custom fields decide."""

    filters: list[Filter] = field(default_factory=list)
    key: SortKey | None = None


async def shape_list(work: UnitOfWork, kind: RecordKind, parameters: Sequence[tuple[str, str]], sort: str) -> ListShape:
    """Return the conditions for parameters without their prefix, and the key of `custom.<name>` as a sort.

    Raises ValidationFailed for a field that is not indexed or a value that is invalid, and CustomFieldIndexBuilding.
    """
    sorted_by = sort.lstrip("-").removeprefix("custom.") if sort.lstrip("-").startswith("custom.") else None
    if not parameters and sorted_by is None:
        return ListShape()
    fields = {field.name: field for field in await work.find_all(tables.CustomField, record_kind=kind)}
    values: dict[tuple[str, str], list[str]] = {}
    for parameter, value in parameters:
        name, _, comparison = parameter.partition(".")
        values.setdefault((name, comparison), []).append(value)
    filters = [
        _filter(_ready(fields, name, f"/custom.{name}"), comparison, given)
        for (name, comparison), given in values.items()
    ]
    key = None if sorted_by is None else _sort_key(_ready(fields, sorted_by, "/sort"))
    return ListShape(filters, key)


def _ready(fields: dict[str, tables.CustomField], name: str, pointer: str) -> tables.CustomField:
    field = fields.get(name)
    if field is None:
        raise ValidationFailed.field(pointer, UNDEFINED_FIELD, f"{name} is not a defined custom field", "query")
    if not field.indexed:
        raise ValidationFailed.field(pointer, NOT_INDEXED, f"the custom field {name} is not indexed", "query")
    if field.state != "ready":
        raise CustomFieldIndexBuilding(f"The index of {name} is being built.", field=name)
    return field


def _filter(field: tables.CustomField, comparison: str, texts: list[str]) -> Filter:
    pointer = f"/custom.{field.name}" + (f".{comparison}" if comparison else "")
    try:
        values = [filter_value(field, comparison, text) for text in texts]
        if comparison and len(values) > 1:
            raise InvalidFilter(COMPARISONS_ONCE, "send it only once")
    except InvalidFilter as error:
        raise ValidationFailed.field(pointer, error.code, str(error), "query") from None
    column, absent = _column(field)
    if comparison == "exists":
        return condition(_WHERE.format(f"{column} {'<>' if values[0] else '='} {absent}"), field=field.id)
    if comparison:
        test = f"{column} {COMPARISONS[comparison]} :value and {column} < {absent}"
        return condition(_WHERE.format(test), field=field.id, value=values[0])
    if column == "text_value":
        return condition(_WHERE.format(_ANY_TEXT), field=field.id, values=values)
    return condition(_WHERE.format(f"{column} = any(:values)"), field=field.id, values=values)


def _sort_key(field: tables.CustomField) -> SortKey:
    column, _ = _column(field)
    rows = f"select record_id as row_id, field_id as sort_field, {column} as sort_key from custom_field_value"
    return SortKey(rows, condition("sort_field = :field", field=field.id), _KEY_TYPES[column])


def _column(field: tables.CustomField) -> tuple[str, str]:
    """Return the column with the values of a field, and the value of records without one."""
    if field.type == "number":
        return "number_value", "'infinity'"
    return ("date_value", "'infinity'") if field.type == "date" else ("text_value", f"'{tables.ABSENT_TEXT}'")


COMPARISONS_ONCE = FieldCode(
    "bound_repeated", "A bound of a filter is sent more than once.", "Send it once: only the stricter one matters."
)
_KEY_TYPES: dict[str, Any] = {
    "text_value": str,
    "number_value": Annotated[Decimal, Field(allow_inf_nan=True)],
    "date_value": date,
}
_WHERE = "id in (select record_id from custom_field_value where field_id = :field and {})"
_ANY_TEXT = "text_value = any(array(select custom_text(asked) from unnest(:values::text[]) as asked))"
