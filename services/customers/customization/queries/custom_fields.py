"""The check of a record's custom fields, for every feature that writes records with a column `custom`.

fields = await CustomFields.load(work, "customer", [body.custom])
fields.check(customer.id, None, customer.custom)      # raises ValidationFailed or CustomValueTaken
await fields.confirm(work)                            # in the transaction that writes the record
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self
from uuid import UUID

from chassis import (
    UNKNOWN_RECORD,
    Command,
    FieldError,
    Problem,
    Query,
    UnitOfWork,
    ValidationFailed,
    json,
)
from services.customers.customization import tables
from services.customers.customization.rules.custom_fields import RecordKind, is_absent, is_id, misfits


class CustomValueTaken(Problem, status=409):
    """Another record has this value of a custom field that is unique.

    `record_id` is that record, and `field` the name of the field. Send another value, or change that record first.
    """


@dataclass(frozen=True, slots=True)
class _Set:
    """The definitions of a kind of record, as a single row."""

    version: int
    allow_undefined: bool
    fields: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class _Compared:
    """A value of a request, by its position, as it is compared, and a record that has it."""

    position: int
    key: str | None
    holder: UUID | None


MAX_REMEMBERED = 10_000
_WITHOUT_DEFINITIONS: dict[tuple[UUID, RecordKind], int] = {}
"""The version at which a tenant defined no custom fields of a kind of record, so that every value fits."""


class CustomFields:
    """The definitions of a kind of record, with the facts by which the values of a request are checked."""

    def __init__(self, kind: RecordKind, version: int, allow_undefined: bool, fields: list[tables.CustomField]) -> None:
        self.kind = kind
        self.fields = fields
        self._version = version
        self._allow_undefined = allow_undefined
        self._customers: set[str] = set()
        self._keys: dict[tuple[UUID, bytes], str] = {}
        self._holders: dict[tuple[UUID, str], set[UUID]] = {}

    @classmethod
    async def load(cls, work: UnitOfWork, kind: RecordKind, documents: Iterable[Mapping[str, Any] | None] = ()) -> Self:
        """Read the definitions, and the facts about the custom fields that a request sends.

        A single statement, and another if fields that are unique or references have values. Usually none for a tenant
        without definitions: they are read again if `confirm` finds that this has changed.
        """
        place = (work.tenant.id, kind)
        if place in _WITHOUT_DEFINITIONS and not work.is_retry:
            return cls(kind, _WITHOUT_DEFINITIONS[place], True, [])
        rows = await work.select(_LOAD, kind=kind)
        stored = rows[0] if rows else _Set(version=0, allow_undefined=True, fields=[])
        _remember(place, stored)
        loaded = cls(kind, stored.version, stored.allow_undefined, [_to_field(field) for field in stored.fields])
        await loaded._look_up(work, [document for document in documents if document])
        return loaded

    async def _look_up(self, work: UnitOfWork, documents: Sequence[Mapping[str, Any]]) -> None:
        values = [
            (field, document[field.name])
            for field in self.fields
            if field.is_unique or field.type == "reference"
            for document in documents
            if not is_absent(document.get(field.name))
        ]
        if not values:
            return
        asked = [
            {
                "position": position,
                "field_id": field.id,
                "name": field.name,
                "type": field.type,
                "is_building": field.is_unique and field.state == "building",
                "value": value,
            }
            for position, (field, value) in enumerate(values)
        ]
        for row in await work.select(_COMPARE, kind=self.kind, asked=asked, absent=tables.ABSENT):
            field, value = values[row.position]
            if field.is_unique and row.key is not None:
                self._keys[field.id, json.canonical(value)] = row.key
                holders = self._holders.setdefault((field.id, row.key), set())
                if row.holder is not None:
                    holders.add(row.holder)
        ids = [value for field, value in values if field.type == "reference" and is_id(value)]
        if ids:
            self._customers = {str(id) for id in await work.select(_CUSTOMERS, ids=ids)}

    def check(self, record_id: UUID, before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> None:
        """Check the custom fields that a request changes. `before` is None for a new record.

        Raises ValidationFailed with a pointer to each value that does not fit, and CustomValueTaken. A later record of
        the same request cannot take a unique value that an earlier one has taken.
        """
        found = misfits(self.fields, before, after, allows_undefined=self._allow_undefined)
        errors = [_error(name, *misfit) for name, misfit in found.items()]
        changed = [
            field
            for field in self.fields
            if field.name not in found
            and not is_absent(after.get(field.name))
            and (before is None or not json.json_equal(before.get(field.name), after[field.name]))
        ]
        errors += [
            _error(field.name, UNKNOWN_RECORD, "no customer has this id")
            for field in changed
            if field.type == "reference" and str(after[field.name]).lower() not in self._customers
        ]
        if errors:
            raise ValidationFailed(errors=errors)
        self._take(record_id, [field for field in changed if field.is_unique], after)

    def _take(self, record_id: UUID, unique: list[tables.CustomField], after: Mapping[str, Any]) -> None:
        taken = []
        for field in unique:
            key = self._keys.get((field.id, json.canonical(after[field.name])))
            if key is None:
                continue
            holders = self._holders[field.id, key]
            if holders - {record_id}:
                holder = min(holders - {record_id})
                detail = f"Another {self.kind} has this {field.name}."
                raise CustomValueTaken(detail, record_id=str(holder), field=field.name, pointer=f"/custom/{field.name}")
            taken.append(holders)
        for holders in taken:
            holders.add(record_id)

    async def confirm(self, work: UnitOfWork) -> None:
        """Let the transaction run again if the definitions have changed meanwhile. Takes no round trip of its own."""
        await work.defer(_CONFIRM, kind=self.kind, version=self._version)


def _remember(place: tuple[UUID, RecordKind], stored: _Set) -> None:
    _WITHOUT_DEFINITIONS.pop(place, None)
    if stored.allow_undefined and not stored.fields:
        if len(_WITHOUT_DEFINITIONS) >= MAX_REMEMBERED:
            _WITHOUT_DEFINITIONS.clear()
        _WITHOUT_DEFINITIONS[place] = stored.version


def _error(name: str, code: Any, detail: str) -> FieldError:
    return FieldError(location="body", pointer=f"/custom/{name}", code=code, detail=detail)


def _to_field(row: dict[str, Any]) -> tables.CustomField:
    return tables.CustomField(**{name: row[name] for name in _COLUMNS}, id=UUID(row["id"]))


_COLUMNS = ("name", "type", "required", "is_unique", "indexed", "options", "state")
_LOAD = Query(
    _Set,
    """
    select version, allow_undefined, coalesce((
        select jsonb_agg(jsonb_build_object(
            'id', id, 'name', name, 'type', type, 'required', required, 'is_unique', is_unique, 'indexed', indexed,
            'options', options, 'state', state
        ) order by name)
        from custom_field where custom_field.record_kind = custom_field_set.record_kind
    ), '[]') as fields
    from custom_field_set where record_kind = :kind
    """,
)
# While the values of existing records are being stored, those that are not stored yet are compared one by one.
_COMPARE = Query(
    _Compared,
    """
    with asked as materialized (
        select asked.*, nullif(key, :absent) as key
        from jsonb_to_recordset(:asked::jsonb) as asked(
            position integer, field_id uuid, name text, type text, is_building boolean, value jsonb
        ) cross join lateral custom_value_key(type, value) as key
    )
    select asked.position, asked.key, stored.record_id as holder
    from asked left join lateral (
        select record_id from custom_field_value
        where custom_field_value.field_id = asked.field_id and unique_value = asked.key
        union all
        select custom_record.id from custom_record
        cross join lateral custom_value_key(asked.type, custom -> asked.name) as key
        where is_building and record_kind = :kind and custom ? asked.name
            and key = asked.key
    ) as stored on true
    """,
)
_CUSTOMERS = Query(UUID, "select id from customer where id = any(:ids::uuid[])")
# Inserts nothing. A statement that only reads would not be part of a combined statement.
_CONFIRM = Command(
    """
    insert into custom_field_set (record_kind, version, created_at, updated_at, allow_undefined)
    select :kind, 1, now(), now(), true where not custom_fields_are_current(:kind, :version)
    """
)
