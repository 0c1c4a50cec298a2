"""From the columns of a file to the fields of a customer."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pydantic import ValidationError

from chassis import WRONG_FORMAT, FieldCode, ValidationFailed, json
from chassis.core.field_errors import did_you_mean, field_errors
from services.customers.people.customers.schemas import CustomerUpsert
from services.customers.transfer.imports.schemas import ImportRequest
from services.customers.transfer.queries import read_only_fields, shape
from services.customers.transfer.rules import mapping, presets
from services.customers.transfer.rules.cells import restore
from services.customers.transfer.rules.mapping import Conventions, Named, NotATarget, Target, UnreadableCell

UNKNOWN_COLUMN = FieldCode(
    "unknown_column", "The file has no such column.", "Read the import: `columns` lists the columns of the file."
)
UNKNOWN_TARGET = FieldCode(
    "unknown_target",
    "A customer's record has no such place.",
    "Send a field such as `given_name`, or `emails.work`, `addresses.1.city`, `external_ids.till`, `custom.size`.",
)
FOREIGN_SOURCE = "rapport"
"""The source under which a record keeps the id that it had in another tenant or installation."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row that can be read."""

    item: CustomerUpsert
    id: UUID | None
    """Its own id, if it has one."""
    relations: list[Named]
    """The customers to whom it is related."""


class RowRefused(Exception):
    """A row that is refused, with a code, the place of the error, and the reason."""

    def __init__(self, code: str, place: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.place = place


def default_mapping(columns: list[str], preset: str | None) -> dict[str, str]:
    """Return where columns go by their names: those of a preset, of our own exports, or common ones."""
    if preset in presets.ELSEWHERE:
        return {}
    of_preset = presets.PRESETS[preset] if preset else {}
    found = {}
    for column in columns:
        target = of_preset.get(column) or _target_by_name(column) if column else None
        if target is not None:
            found[column] = target
    return found


def _target_by_name(column: str) -> str | None:
    name = column.strip()
    if name.startswith("custom."):
        return f"{name}:json"  # as our exports write it
    try:
        mapping.target_of(name, shape())
    except NotATarget:
        return presets.COMMON_NAMES.get(name.lower())
    return name


def mapping_of(columns: list[str], start: ImportRequest) -> dict[str, str]:
    """Return where each column goes. Raises ValidationFailed for unknown columns, targets and locales."""
    for column, target in (start.mapping or {}).items():
        pointer = f"/mapping/{column.replace('~', '~0').replace('/', '~1')}"
        if columns and column not in columns:
            raise ValidationFailed.field(
                pointer, UNKNOWN_COLUMN, f"the file has no column {column}{did_you_mean(column, columns)}"
            )
        try:
            mapping.target_of(target, shape())
        except NotATarget:
            raise ValidationFailed.field(pointer, UNKNOWN_TARGET, f"{target} is no place in a record") from None
    if start.locale is not None and not mapping.is_locale(start.locale):
        raise ValidationFailed.field("/locale", WRONG_FORMAT, "must be a locale, such as nl or en-US")
    if start.mapping is not None and start.preset is None:
        return dict(start.mapping)
    return default_mapping(columns, start.preset or presets.preset_of(columns)) | (start.mapping or {})


def ordered(targets: Mapping[str, str], columns: list[str]) -> dict[str, str]:
    """Return a mapping in the order of the columns, which a stored document does not keep."""
    return {column: targets[column] for column in columns or sorted(targets) if column in targets}


class Plan:
    """How the rows of an import become records."""

    def __init__(self, parameters: Mapping[str, Any], types: Mapping[str, str]) -> None:
        """Read the parameters of a job. `types` are those of the custom fields that are defined."""
        self._columns: list[str] = parameters["columns"]
        found = ordered(parameters["mapping"], self._columns)
        self._targets: dict[str, Target] = {
            column: mapping.with_type(mapping.target_of(text, shape()), types) for column, text in found.items()
        }
        self._kind: str = parameters["kind"]
        self._conventions = Conventions(parameters["locale"], parameters["dates"])

    def item_of_cells(self, cells: list[str]) -> Row:
        """Return a row of a CSV file. Raises RowRefused."""
        if len(cells) != len(self._columns):
            reason = f"has {len(cells)} cells, and the header has {len(self._columns)}"
            raise RowRefused("ragged_row", "", reason)
        return self._item(self._values(dict(zip(self._columns, map(restore, cells), strict=True))))

    def item_of_line(self, line: str) -> Row:
        """Return a line of a JSON Lines file. Raises RowRefused."""
        try:
            value = json.loads(line)
        except ValueError as error:
            raise RowRefused("unreadable_row", "", f"is no JSON: {error}") from None
        if not isinstance(value, dict):
            raise RowRefused("unreadable_row", "", "is no JSON object")
        if self._targets:
            texts = {name: "" if cell is None else str(cell) for name, cell in value.items()}
            return self._item(self._values(dict.fromkeys(self._targets, "") | texts))
        return self._item({name: part for name, part in value.items() if name not in read_only_fields()})

    def _values(self, cells: dict[str, str]) -> dict[str, Any]:
        try:
            return mapping.values_of(cells, self._targets, shape(), self._conventions)
        except UnreadableCell as error:
            raise RowRefused(error.code, error.column, str(error)) from None

    def _item(self, values: dict[str, Any]) -> Row:
        values.setdefault("kind", self._kind)
        id, relations = values.pop("id", None), values.pop("relations", []) if self._targets else []
        try:
            own = None if id is None else UUID(id)
        except (ValueError, AttributeError, TypeError):
            raise RowRefused("wrong_format", "id", "is no id of a customer") from None
        try:
            return Row(CustomerUpsert.model_validate(values), own, relations)
        except ValidationError as error:
            (first, *_) = field_errors(error.errors()[:1], "body")
            raise RowRefused(str(first.code), first.pointer, first.detail) from None
