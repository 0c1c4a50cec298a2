"""From the columns of a file to the fields of records."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from chassis import WRONG_FORMAT, FieldCode, Problem, ValidationFailed, json
from chassis.core.field_errors import did_you_mean, field_errors
from services.customers.customization.rules.custom_fields import RecordKind
from services.customers.transfer.imports.schemas import ImportRequest
from services.customers.transfer.queries import shape, shape_of
from services.customers.transfer.rules import mapping, presets, records
from services.customers.transfer.rules.cells import restore
from services.customers.transfer.rules.mapping import Conventions, NotATarget, Target, UnreadableCell

NumberedRecords = list[tuple[int, records.Record]]
"""Records of a file, with their numbers from 1."""
UNKNOWN_COLUMN = FieldCode(
    "unknown_column", "The file has no such column.", "Read the import: `columns` lists the columns of the file."
)
UNKNOWN_TARGET = FieldCode(
    "unknown_target",
    "A record has no such place.",
    "Send a field such as `given_name`, or `emails.work`, `addresses.1.city`, `external_ids.till`, `custom.size`.",
)


class RowRefused(Exception):
    """A row that is refused, with a code, the place of the error, and the reason."""

    def __init__(self, code: str, place: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.place = place

    @classmethod
    def of(cls, problem: Problem | ValidationError) -> "RowRefused":
        """Return the refusal for a problem with the record of a row."""
        if isinstance(problem, ValidationError):
            (first, *_) = field_errors(problem.errors()[:1], "body")
            return cls(str(first.code), first.pointer, first.detail)
        for error in problem.errors:
            return cls(str(error.code), error.pointer, error.detail)
        return cls(problem.code, "", problem.detail)


def kind_of(columns: list[str], start: ImportRequest) -> RecordKind:
    """Return the kind of records in a file. With a mapping of its own and no preset, the rows are customers."""
    recognized = presets.preset_of(columns) if start.mapping is None else None
    return "deal" if (start.preset or recognized) in presets.DEALS else "customer"


def default_mapping(columns: list[str], preset: str | None) -> dict[str, str]:
    """Return where columns go by their names: those of a preset, of our own exports, or common ones."""
    if preset in presets.ELSEWHERE:
        return {}
    of_preset = presets.PRESETS[preset] if preset else {}
    by_name = _deal_target_by_name if preset in presets.DEALS else _target_by_name
    if not columns:  # JSON Lines
        return dict(of_preset)
    found = {}
    for column in columns:
        target = of_preset.get(column) or by_name(column) if column else None
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


def _deal_target_by_name(column: str) -> str | None:
    name = column.strip()
    return f"{name}:json" if name.startswith("custom.") else None


def mapping_of(columns: list[str], start: ImportRequest) -> dict[str, str]:
    """Return where each column goes. Raises ValidationFailed for unknown columns, targets and locales."""
    for column, target in (start.mapping or {}).items():
        pointer = f"/mapping/{column.replace('~', '~0').replace('/', '~1')}"
        if columns and column not in columns:
            raise ValidationFailed.field(
                pointer, UNKNOWN_COLUMN, f"the file has no column {column}{did_you_mean(column, columns)}"
            )
        try:
            mapping.target_of(target, shape_of(kind_of(columns, start)))
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
    """How the rows of an import become the fields of records."""

    def __init__(self, parameters: Mapping[str, Any], types: Mapping[str, str], kind: RecordKind) -> None:
        """Read the parameters of a job. `types` are those of the custom fields that are defined."""
        self._columns: list[str] = parameters["columns"]
        self._shape = shape_of(kind)
        found = ordered(parameters["mapping"], self._columns)
        self._targets: dict[str, Target] = {
            column: mapping.with_type(mapping.target_of(text, self._shape), types) for column, text in found.items()
        }
        self._is_csv = parameters["format"] == "csv"
        self._elsewhere: str | None = parameters.get("elsewhere")
        self._conventions = Conventions(parameters["locale"], parameters["dates"])

    @property
    def has_targets(self) -> bool:
        """Whether rows have columns with targets. Without them, a line is a record as an export has it."""
        return bool(self._targets)

    def values_of(self, record: records.Record) -> dict[str, Any]:
        """Return the fields that a row names. Raises RowRefused."""
        if record.error is not None:
            raise RowRefused("unreadable_row", "", record.error)
        if self._elsewhere:
            raise RowRefused("not_a_customer", "", self._elsewhere)
        return self._of_cells(record.cells) if self._is_csv else self._of_line(record.cells[0])

    def _of_cells(self, cells: list[str]) -> dict[str, Any]:
        if len(cells) != len(self._columns):
            reason = f"has {len(cells)} cells, and the header has {len(self._columns)}"
            raise RowRefused("ragged_row", "", reason)
        return self._mapped(dict(zip(self._columns, map(restore, cells), strict=True)))

    def _of_line(self, line: str) -> dict[str, Any]:
        try:
            value = json.loads(line)
        except ValueError as error:
            raise RowRefused("unreadable_row", "", f"is no JSON: {error}") from None
        if not isinstance(value, dict):
            raise RowRefused("unreadable_row", "", "is no JSON object")
        if self._targets:
            cells = {name: mapping.cell_of_document(part) for name, part in value.items()}
            return self._mapped(dict.fromkeys(self._targets, "") | cells)
        return value

    def _mapped(self, cells: dict[str, str]) -> dict[str, Any]:
        try:
            return mapping.values_of(cells, self._targets, self._shape, self._conventions)
        except UnreadableCell as error:
            raise RowRefused(error.code, error.column, str(error)) from None
