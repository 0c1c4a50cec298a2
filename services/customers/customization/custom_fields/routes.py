"""The operations on custom fields."""

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Query as Parameter
from typing_extensions import TypeAliasType

from chassis import (
    Command,
    Feature,
    FieldCode,
    IfMatch,
    Page,
    PageParams,
    RecordTooLarge,
    UnitOfWork,
    ValidationFailed,
    VersionMismatch,
    Work,
    equals,
    json,
    paginate,
)
from services.customers.customization import tables
from services.customers.customization.custom_fields.events import (
    CustomFieldDefined,
    CustomFieldDeleted,
    CustomFieldTaken,
    TooManyCustomFields,
    ValuesDoNotFit,
    changed_event,
    event_fields,
)
from services.customers.customization.custom_fields.fitting import (
    fill_index,
    lock_definitions,
    reject_misfits,
    report_misfits,
)
from services.customers.customization.custom_fields.schemas import (
    CustomField,
    CustomFieldCheckRequest,
    CustomFieldCreate,
    CustomFieldReport,
    CustomFieldRules,
    CustomFieldRulesUpdate,
    CustomFieldUpdate,
)
from services.customers.customization.rules.custom_fields import UNIQUE_TYPES, RecordKind

feature = Feature("custom-fields")

MAX_FIELDS = 500
MAX_INDEXED_FIELDS = 20
"""Of a kind of record. Each costs a row per record."""
NEVER_UNIQUE = FieldCode(
    "never_unique", "Choices and booleans have too few values to be unique.", "Leave `unique` out, or set it to false."
)
OPTIONS_MISPLACED = FieldCode(
    "options_misplaced",
    "A choice has no options, or a field of another type has some.",
    "Send `options` with the type choice, and with no other.",
)
MisfitTreatment = TypeAliasType("MisfitTreatment", Literal["refuse", "leave"])
Misfits = Annotated[
    MisfitTreatment,
    Parameter(
        description="The treatment of existing records that do not fit: refuse the request, or leave them as they are."
    ),
]


@feature.post(
    "/custom-fields",
    scope="customers:configure",
    status_code=201,
    raises=[CustomFieldTaken, ValuesDoNotFit, TooManyCustomFields, RecordTooLarge],
)
async def define_custom_field(work: Work, body: CustomFieldCreate, misfits: Misfits = "refuse") -> CustomField:
    """Define a custom field. Values that records have under its name must fit, unless they are left.

    The index of an indexed field is ready at once if there are few records, and otherwise after a while.
    """
    values = _columns(body.values())
    field = tables.CustomField(**values, created_at=work.now, updated_at=work.now)
    _require_consistent(field)
    fields = await _lock_set(work, field.record_kind)
    _require_free_name(field, fields)
    _require_room(field, fields)
    if misfits == "refuse":
        await reject_misfits(work, field)
    field = await work.insert(field.replace(state="building" if field.indexed else "ready"))
    if field.indexed and await fill_index(work, field):
        field = await _set_ready(work, field)
    await work.execute(_RAISE_VERSION, kind=field.record_kind, now=work.now)
    work.publish(CustomFieldDefined.from_row(field, **event_fields(field)))
    return CustomField.of(field)


@feature.get("/custom-fields", scope="customers:read")
async def list_custom_fields(
    work: Work,
    params: PageParams,
    record_kind: Annotated[RecordKind | None, Parameter(description="The kind of record.")] = None,
) -> Page[CustomField]:
    """List the definitions of custom fields, sorted by name."""
    return await paginate(
        work, params, tables.CustomField, CustomField.of, sort="name", where=equals(record_kind=record_kind)
    )


@feature.post("/custom-fields/{id:uuid}/check", scope="customers:read")
async def check_custom_field(work: Work, id: UUID, body: CustomFieldCheckRequest) -> CustomFieldReport:
    """Return the existing records that would not fit a definition after a change. Changes nothing."""
    _, after = _apply(await work.get(tables.CustomField, id), body)
    return await report_misfits(work, after)


@feature.get("/custom-fields/{id:uuid}", scope="customers:read")
async def read_custom_field(work: Work, id: UUID) -> CustomField:
    """Return the definition of a custom field."""
    return CustomField.of(await work.get(tables.CustomField, id))


@feature.patch(
    "/custom-fields/{id:uuid}",
    scope="customers:configure",
    raises=[ValuesDoNotFit, TooManyCustomFields, RecordTooLarge, VersionMismatch],
)
async def update_custom_field(
    work: Work, id: UUID, body: CustomFieldUpdate, if_match: IfMatch, misfits: Misfits = "refuse"
) -> CustomField:
    """Change the definition of a custom field. The values of existing records must fit, unless they are left."""
    kind = (await work.get(tables.CustomField, id)).record_kind
    fields = await _lock_set(work, kind)
    before = await work.get(tables.CustomField, id, for_update=True)
    work.check_version(before, if_match)
    changed, after = _apply(before, body)
    if not changed:
        return CustomField.of(before)
    _require_room(after, fields)
    if misfits == "refuse" and _is_stricter(before, after, changed):
        await reject_misfits(work, after)
    is_rebuilt = after.indexed and bool({"type", "indexed", "is_unique"} & changed.keys())
    if is_rebuilt or not after.indexed:
        await work.execute(_DELETE_VALUES, field_id=id)
        changed |= {"state": "building" if is_rebuilt else "ready", "filled_to": None}
    field = await work.update(before, **changed)
    if is_rebuilt and await fill_index(work, field):
        field = await _set_ready(work, field)
    await work.execute(_RAISE_VERSION, kind=kind, now=work.now)
    work.publish(changed_event(field, [_PROPERTIES.get(name, name) for name in changed if name not in _INTERNAL]))
    return CustomField.of(field)


@feature.delete(
    "/custom-fields/{id:uuid}", scope="customers:configure", status_code=204, raises=[ValuesDoNotFit, VersionMismatch]
)
async def delete_custom_field(work: Work, id: UUID, if_match: IfMatch, misfits: Misfits = "refuse") -> None:
    """Delete the definition of a custom field.

    Records with a value do not fit any more. If they are left, they keep the value, which is no longer checked.
    """
    kind = (await work.get(tables.CustomField, id)).record_kind
    await _lock_set(work, kind)
    field = await work.get(tables.CustomField, id, for_update=True)
    work.check_version(field, if_match)
    if misfits == "refuse":  # no value is an option of a choice without options
        await reject_misfits(work, field.replace(type="choice", required=False, is_unique=False, options=[]))
    await work.execute(_DELETE_FIELD, field_id=id)
    await work.execute(_RAISE_VERSION, kind=kind, now=work.now)
    work.audit("deleted", tables.CustomField, id, {"name": [field.name, None]})
    work.publish(CustomFieldDeleted.from_row(field, **event_fields(field)))


@feature.get("/custom-fields/rules", scope="customers:read")
async def read_custom_field_rules(
    work: Work, record_kind: Annotated[RecordKind, Parameter(description="The kind of record.")] = "customer"
) -> CustomFieldRules:
    """Return the rules for the custom fields of a kind of record."""
    stored = await work.find(tables.CustomFieldSet, record_kind=record_kind)
    return CustomFieldRules(record_kind=record_kind, allow_undefined=True if stored is None else stored.allow_undefined)


@feature.put("/custom-fields/rules", scope="customers:configure")
async def set_custom_field_rules(work: Work, body: CustomFieldRulesUpdate) -> CustomFieldRules:
    """Set whether the records of a kind may have custom fields that are not defined."""
    await _lock_set(work, body.record_kind)
    await work.execute(_SET_RULES, kind=body.record_kind, allow_undefined=body.allow_undefined)
    await work.execute(_RAISE_VERSION, kind=body.record_kind, now=work.now)
    return CustomFieldRules(record_kind=body.record_kind, allow_undefined=body.allow_undefined)


async def _lock_set(work: UnitOfWork, kind: RecordKind) -> list[tables.CustomField]:
    """Lock the definitions of a kind of record until the commit, and return them."""
    await lock_definitions(work)
    await work.execute(_ENSURE_SET, kind=kind, now=work.now)
    return await work.find_all(tables.CustomField, record_kind=kind)


def _columns(values: dict[str, Any]) -> dict[str, Any]:
    """Return the columns of a definition for the fields of a request. Null means false, or no options."""
    columns = {_COLUMNS.get(name, name): value for name, value in values.items()}
    for name in ("required", "indexed", "is_unique"):
        if name in columns:
            columns[name] = bool(columns[name])
    if "options" in columns:
        columns["options"] = columns["options"] or []
    if columns.get("is_unique"):
        columns["indexed"] = True
    return columns


def _apply(before: tables.CustomField, body: CustomFieldUpdate) -> tuple[dict[str, Any], tables.CustomField]:
    """Return the columns that a patch changes, and the definition with them. Raises ValidationFailed."""
    values = _columns(body.changes())
    if before.is_unique and values.get("is_unique", True):
        values["indexed"] = True
    if values.get("type", "choice") != "choice":
        values.setdefault("options", [])
    changed = {name: value for name, value in values.items() if not json.json_equal(getattr(before, name), value)}
    after = before.replace(**changed)
    _require_consistent(after)
    return changed, after


def _is_stricter(before: tables.CustomField, after: tables.CustomField, changed: dict[str, Any]) -> bool:
    """Return whether values that fitted a definition may not fit it after a change."""
    return bool(
        {"type", "options"} & changed.keys()
        or (after.required and not before.required)
        or (after.is_unique and not before.is_unique)
        or (after.indexed and not before.indexed)
    )


def _require_consistent(field: tables.CustomField) -> None:
    if (field.type == "choice") != bool(field.options):
        raise ValidationFailed.field(
            "/options", OPTIONS_MISPLACED, "only a choice has options, and it has at least one"
        )
    if field.is_unique and field.type not in UNIQUE_TYPES:
        raise ValidationFailed.field("/unique", NEVER_UNIQUE, f"a {field.type} cannot be unique")


def _require_free_name(field: tables.CustomField, fields: list[tables.CustomField]) -> None:
    for other in fields:
        if other.name == field.name:
            raise CustomFieldTaken(f"{field.name} is defined already.", field_id=str(other.id))


def _require_room(field: tables.CustomField, fields: list[tables.CustomField]) -> None:
    others = [other for other in fields if other.id != field.id]
    if len(others) >= MAX_FIELDS:
        raise TooManyCustomFields(f"There are {MAX_FIELDS} custom fields already.", limit=MAX_FIELDS)
    if field.indexed and sum(other.indexed for other in others) >= MAX_INDEXED_FIELDS:
        raise TooManyCustomFields(f"There are {MAX_INDEXED_FIELDS} indexed fields already.", limit=MAX_INDEXED_FIELDS)


async def _set_ready(work: UnitOfWork, field: tables.CustomField) -> tables.CustomField:
    await work.execute(_SET_READY, field_id=field.id)
    return field.replace(state="ready", filled_to=None)


_COLUMNS = {"unique": "is_unique"}
_PROPERTIES = {"is_unique": "unique"}
_INTERNAL = frozenset(("state", "filled_to"))
_ENSURE_SET = Command(
    """
    insert into custom_field_set (record_kind, version, created_at, updated_at, allow_undefined)
    values (:kind, 1, :now, :now, true) on conflict (tenant_id, record_kind) do nothing
    """
)
_RAISE_VERSION = Command(
    "update custom_field_set set version = version + 1, updated_at = :now where record_kind = :kind"
)
_SET_RULES = Command("update custom_field_set set allow_undefined = :allow_undefined where record_kind = :kind")
_SET_READY = Command("update custom_field set state = 'ready', filled_to = null where id = :field_id")
_DELETE_VALUES = Command("delete from custom_field_value where field_id = :field_id")
_DELETE_FIELD = Command("delete from custom_field where id = :field_id")
