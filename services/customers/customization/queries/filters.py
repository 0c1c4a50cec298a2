"""Lists of records, filtered and sorted by the custom fields that are indexed.

custom: Annotated[list[tuple[str, str]], Depends(CUSTOM_PARAMETERS)]

shaped = await shape_list(work, "customer", custom, sort)
await paginate(work, params, tables.Customer, Customer, sort=sort, key=shaped.key, where=shaped.filters)
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import AfterValidator, WithJsonSchema

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
    json,
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


async def shape_list(
    work: UnitOfWork, kind: RecordKind, parameters: Sequence[tuple[str, str]], sort: str, *, few: bool = False
) -> ListShape:
    """Return the conditions for parameters without their prefix, and the key of `custom.<name>` as a sort.

    `few` is true if other filters, such as an e-mail address, leave few records.

    Raises ValidationFailed for a field that is not indexed or a value that is invalid, and CustomFieldIndexBuilding.
    """
    sorted_by = sort.lstrip("-").removeprefix("custom.") if sort.lstrip("-").startswith("custom.") else None
    if not parameters and sorted_by is None:
        return ListShape()
    fields = {field.name: field for field in await work.find_all(tables.CustomField, record_kind=kind)}
    asked: dict[str, dict[str, list[str]]] = {}
    for parameter, value in parameters:
        name, _, comparison = parameter.partition(".")
        asked.setdefault(name, {}).setdefault(comparison, []).append(value)
    filters = [_filter(_ready(fields, name, f"/custom.{name}"), tests) for name, tests in asked.items()]
    key = None if sorted_by is None else _sort_key(_ready(fields, sorted_by, "/sort"), few)
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


def _filter(field: tables.CustomField, tests: dict[str, list[str]]) -> Filter:
    """Return the condition for all parameters of a field, so that a single range of the index is read."""
    texts, values = [], dict[str, Any](field=field.id)
    for comparison, given in tests.items():
        asked = _values(field, comparison, given)
        if comparison == "exists":
            texts.append(_EXISTS if asked[0] else _ABSENT)
        else:
            keys = [json.dumps_str(value) for value in asked]
            values |= {"type": field.type, comparison or "equal": keys}
            texts.append(_TESTS[comparison])
    where = _WHERE_EQUAL if "" in tests else _WHERE
    return condition(where.format(" and ".join(texts)), **values)


def _values(field: tables.CustomField, comparison: str, texts: list[str]) -> list[Any]:
    try:
        values = [filter_value(field, comparison, text) for text in texts]
        if comparison and len(values) > 1:
            raise InvalidFilter(BOUND_REPEATED, "send it only once")
    except InvalidFilter as error:
        pointer = f"/custom.{field.name}" + (f".{comparison}" if comparison else "")
        raise ValidationFailed.field(pointer, error.code, str(error), "query") from None
    return values


def _sort_key(field: tables.CustomField, few: bool) -> SortKey:
    rows = "select record_id as row_id, field_id as sort_field, value as sort_key from custom_field_value"
    return SortKey(rows, condition("sort_field = :field", field=field.id), few)


BOUND_REPEATED = FieldCode(
    "bound_repeated", "A bound of a filter is sent more than once.", "Send it once: only the stricter one matters."
)
_KEYS = "select custom_value_key(:type, asked::jsonb) as key from unnest(:{}::text[]) as asked"
_WHERE = "id in (select record_id from custom_field_value where field_id = :field and {})"
# The lateral join has a single plan: a look-up of each value by the index that begins with it (docs/decisions/0015).
_WHERE_EQUAL = f"""
    id in (
        select known.record_id from ({_KEYS.format("equal")}) as wanted
        cross join lateral (select record_id from custom_field_value where field_id = :field and {{}} offset 0) as known
    )
"""
_EXISTS, _ABSENT = f"value < '{tables.ABSENT}'", f"value = '{tables.ABSENT}'"
_TESTS = {"": "value = wanted.key"} | {
    name: f"value {sign} ({_KEYS.format(name)}) and {_EXISTS}" for name, sign in COMPARISONS.items()
}
