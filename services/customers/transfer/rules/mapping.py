"""From the cells of a row to the fields of a customer or a deal.

A target names where a cell goes: a field (`given_name`), a place in a list with a label or a number
(`emails.work`, `phones.2`, `addresses.1.city`), an id in another system (`external_ids.till`), a related customer by
such an id (`relations.account.till`, or `relations.account.1.till` beside `relations.account.1.role`), the customer of
a deal (`customer.till`), or a field of the tenant's own, with its type if it is no text (`custom.amount:number`).
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

import pycountry
from babel import Locale, UnknownLocaleError
from babel.numbers import NumberFormatError, parse_decimal
from typing_extensions import TypeAliasType

from chassis.types import json
from services.customers.people.rules.relations import KINDS
from services.customers.transfer.rules.relations import PARTS as RELATION_PARTS

DateOrder = TypeAliasType("DateOrder", Literal["year_month_day", "day_month_year", "month_day_year"])
TYPES = ("text", "number", "boolean", "date", "json")
_NUMBERED_ID = re.compile(r"(\d+)\.(source|id)")
_NUMBERED_RELATION = re.compile(r"(\d+)\.(.+)")
MAX_DIGITS = 30
_WHOLE = re.compile(r"[-+]?\d+")
_PLAIN = re.compile(r"[-+]?\d+\.\d+")
_ORDERS = {"year_month_day": "%Y-%m-%d", "day_month_year": "%d-%m-%Y", "month_day_year": "%m-%d-%Y"}
_BOOLEANS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
_SEPARATORS = re.compile(r"[./\s]+")


class UnreadableCell(ValueError):
    """A cell that is not of the type of its target. `column` is its column."""

    def __init__(self, column: str, code: str, reason: str) -> None:
        super().__init__(reason)
        self.column = column
        self.code = code


class NotATarget(ValueError):
    """A text that names no place in a record."""


@dataclass(frozen=True, slots=True)
class Shape:
    """The fields that a record has, by their kind."""

    scalars: Mapping[str, str]
    """Fields with a single value, and the types of their cells."""
    lists: frozenset[str]
    """Lists of texts."""
    objects: Mapping[str, Mapping[str, str]]
    """The parts of the items of each list of objects, with their types."""
    documents: Mapping[str, Mapping[str, str]]
    """The parts of each object, with their types."""
    references: frozenset[str]
    """The targets that name a record: `id` its own one, `relations` and `customer` another by an id in a system."""


@dataclass(frozen=True, slots=True)
class Conventions:
    """How a file writes numbers and dates."""

    locale: str | None
    dates: DateOrder


NO_CONVENTIONS = Conventions(None, "year_month_day")


@dataclass(frozen=True, slots=True)
class Target:
    """A place in a record."""

    field: str
    key: str = ""
    """The label or number of an item, the source of an id, or the name of a custom field."""
    part: str = ""
    type: str = ""
    """The type of a custom field. By default that of its definition, else a text."""
    number: str = ""
    """The place of a relation among those of its kind. Without one, the cell may name several customers."""


MAIN_PARTS = {"emails": "address", "phones": "number"}
"""The part of an item that a target means if it names none."""


def target_of(text: str, shape: Shape) -> Target:
    """Return the target that a text names. Raises NotATarget."""
    head, _, rest = text.partition(".")
    if head == "custom" and rest:
        name, _, type = rest.rpartition(":")
        return Target(head, name, type=type) if name and type in TYPES else Target(head, rest)
    if head in shape.references:
        return _reference_of(text)
    if not rest and (head in shape.scalars or head in shape.lists):
        return Target(head)
    if head == "external_ids" and rest:
        numbered = _NUMBERED_ID.fullmatch(rest) if head in shape.objects else None
        return Target(head, numbered[1], numbered[2]) if numbered else Target(head, rest)
    if rest in shape.documents.get(head, ()):
        return Target(head, part=rest)
    key, _, part = rest.partition(".")
    part = part or MAIN_PARTS.get(head, "")
    if key and part in shape.objects.get(head, ()):
        return Target(head, key, part)
    raise NotATarget(text)


def _reference_of(text: str) -> Target:
    head, _, rest = text.partition(".")
    kind, _, source = rest.partition(".")
    if head == "relations" and kind in KINDS and source:
        numbered = _NUMBERED_RELATION.fullmatch(source)
        return Target(head, numbered[2], kind, number=numbered[1]) if numbered else Target(head, source, kind)
    if (head == "id" and not rest) or (head == "customer" and rest):
        return Target(head, rest)
    raise NotATarget(text)


def with_type(target: Target, types: Mapping[str, str]) -> Target:
    """Return the target with the type of its custom field, unless it names one."""
    return replace(target, type=types.get(target.key, "")) if target.field == "custom" and not target.type else target


def values_of(
    cells: Mapping[str, str], targets: Mapping[str, Target], shape: Shape, conventions: Conventions
) -> dict[str, Any]:
    """Return the fields of a record from the cells of a row by column. Empty cells are left out.

    Raises UnreadableCell.
    """
    values: dict[str, Any] = {}
    items: dict[tuple[str, str], dict[str, Any]] = {}
    for column, target in targets.items():
        cell = cells[column].strip() if target.field != "custom" else cells[column]
        if not cell:
            continue
        try:
            _place(values, items, target, cell, shape, conventions)
        except _Unreadable as error:
            raise UnreadableCell(column, error.code, str(error)) from None
    for (field, key), item in sorted(items.items(), key=_place_in_list):
        if field == "relations":
            values.setdefault(field, []).extend([item] if "id" in item else [])
        elif MAIN_PARTS.get(field, next(iter(item))) in item:
            labelled = "label" in shape.objects[field] and not key.isdigit()
            values.setdefault(field, []).append({"label": key} | item if labelled else item)
    return values


class NumberCell(str):
    """The digits of a number in a JSON document, which no locale writes in a way of its own."""

    __slots__ = ()


def _place_in_list(item: tuple[tuple[str, str], Any]) -> tuple[bool, int]:
    """Return by what the items of a list are sorted: by their numbers, and labels behind them as they come."""
    key = item[0][1]
    return (False, int(key)) if key.isdigit() else (True, 0)


class _Unreadable(ValueError):
    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code


def _place(
    values: dict[str, Any],
    items: dict[tuple[str, str], dict[str, Any]],
    target: Target,
    cell: str,
    shape: Shape,
    conventions: Conventions,
) -> None:
    if target.field in shape.documents:
        type = shape.documents[target.field][target.part]
        values.setdefault(target.field, {})[target.part] = _READERS[type](cell, conventions)
    elif target.field == "relations":
        _place_relation(values, items, target, cell, conventions)
    elif target.field == "customer":
        values[target.field] = (target.key, cell)
    elif target.part:
        read = _READERS[shape.objects[target.field][target.part]]
        value = country_code(cell) if target.part == "country" else read(cell, conventions)
        items.setdefault((target.field, target.key), {})[target.part] = value
    elif target.field == "external_ids":
        values.setdefault(target.field, []).append({"source": target.key, "id": cell})
    elif target.field == "custom":
        values.setdefault(target.field, {})[target.key] = _READERS.get(target.type, _text)(cell, conventions)
    elif target.field in shape.lists:
        values[target.field] = texts_of(cell)
    else:
        type = "date" if target.field.endswith("_date") else shape.scalars.get(target.field, "text")
        values[target.field] = _READERS[type](cell, conventions)


def _place_relation(
    values: dict[str, Any],
    items: dict[tuple[str, str], dict[str, Any]],
    target: Target,
    cell: str,
    conventions: Conventions,
) -> None:
    if not target.number:
        named = [{"kind": target.part, "source": target.key, "id": id} for id in texts_of(cell)]
        values.setdefault(target.field, []).extend(named)
        return
    relation = items.setdefault((target.field, f"{target.part}.{target.number}"), {"kind": target.part})
    if target.key in RELATION_PARTS:
        relation[target.key] = cell if target.key == "role" else _date(cell, conventions)
    else:
        relation |= {"source": target.key, "id": cell}


def texts_of(cell: str) -> list[str]:
    """Return the texts of a list in a cell: separated by semicolons, or a JSON array."""
    if cell.startswith("["):
        try:
            found = json.loads(cell)
        except ValueError:
            found = None
        if isinstance(found, list) and all(isinstance(text, str) for text in found):
            return found
    return [text for text in map(str.strip, cell.split(";")) if text]


def cell_of_texts(texts: list[str]) -> str:
    """Return the cell of a list: the reverse of `texts_of`."""
    cell = ";".join(texts)
    return cell if texts_of(cell) == texts else json.dumps(texts).decode()


def cell_of_json(value: Any) -> str:
    """Return the cell of a value of the type json: a text as it is, unless it would be read as something else."""
    if isinstance(value, str) and value and _json(value, NO_CONVENTIONS) == value and value[0] != '"':
        return value
    return json.dumps(value).decode()


def cell_of_document(value: Any) -> str:
    """Return the cell of a value of a JSON document."""
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return NumberCell(format(Decimal(repr(value)), "f"))
    return json.dumps(value).decode()


def country_code(text: str) -> str:
    """Return the ISO 3166 code of a country that is given by a code or by its English name."""
    try:
        return str(pycountry.countries.lookup(text).alpha_2)
    except LookupError:
        return text


def _text(cell: str, conventions: Conventions) -> str:
    return cell


def _decimal(cell: str, conventions: Conventions) -> Decimal:
    has_locale = conventions.locale is not None and not isinstance(cell, NumberCell)
    cell = cell.strip()
    if has_locale:
        try:
            value = parse_decimal(cell, locale=conventions.locale, strict=True)
        except NumberFormatError:
            raise _Unreadable("not_a_number", f"is no number as {conventions.locale} writes it") from None
        # It also reads "NaN" and "1e999999999", whose digits would fill the memory.
        if not value.is_finite() or abs(value.adjusted()) > MAX_DIGITS:
            raise _Unreadable("not_a_number", "is no number of a reasonable size")
        return value
    if _WHOLE.fullmatch(cell) or _PLAIN.fullmatch(cell):
        return Decimal(cell)
    raise _Unreadable("locale_needed", "is a number only in some countries: state the locale of the file")


def _amount(cell: str, conventions: Conventions) -> str:
    """Return an amount of money as a decimal string. Zeros at the end are no decimals of the currency."""
    whole, _, decimals = format(_decimal(cell, conventions), "f").partition(".")
    decimals = decimals.rstrip("0")
    return f"{whole}.{decimals}" if decimals else whole


def _number(cell: str, conventions: Conventions) -> int | float:
    value = _decimal(cell, conventions)
    if value == value.to_integral_value() and abs(value) < 2**53:
        return int(value)
    if Decimal(repr(float(value))) != value:
        raise _Unreadable("too_many_digits", "has more digits than a JSON number keeps")
    return float(value)


def _boolean(cell: str, conventions: Conventions) -> bool:
    try:
        return _BOOLEANS[cell.strip().lower()]
    except KeyError:
        raise _Unreadable("not_a_boolean", "must be true, yes or 1, or false, no or 0") from None


def _date(cell: str, conventions: Conventions) -> str:
    """Return a date in the form of ISO 8601. A time behind it is dropped."""
    text = _SEPARATORS.sub("-", cell.strip().partition("T")[0].partition(" ")[0])
    try:
        return datetime.strptime(text, _ORDERS[conventions.dates]).date().isoformat()
    except ValueError:
        return cell  # the validation of the field says why it is no date


def _json(cell: str, conventions: Conventions) -> Any:
    try:
        return json.loads(cell)
    except ValueError:
        return cell


_READERS: dict[str, Callable[[str, Conventions], Any]] = {
    "text": _text,
    "number": _number,
    "amount": _amount,
    "boolean": _boolean,
    "date": _date,
    "json": _json,
}


def is_locale(text: str) -> bool:
    """Return whether a text names a locale, such as `nl` or `en-US`."""
    try:
        Locale.parse(text, sep="-" if "-" in text else "_")
    except (ValueError, UnknownLocaleError):
        return False
    return True
