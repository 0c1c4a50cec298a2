"""JSON Schemas that a tenant writes, within limits that keep their validation cheap.

A schema is a document of JSON Schema 2020-12 with the keywords below and no others, so that a misspelt keyword is
refused instead of ignored. It refers to its own definitions only, and never to itself. Regular expressions run in time
linear in the text: the engine has no backtracking, and refuses what would need it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jsonschema_rs

from chassis.types import json

MAX_SCHEMA_BYTES = 16_384
MAX_SCHEMA_DEPTH = 16
"""How deep its subschemas may nest, references followed."""
MAX_SUBSCHEMAS = 1_000
"""How many subschemas it may have, each reference counted with what it refers to."""
MAX_MISMATCHES = 20
_MAX_DETAIL = 200
_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_ONE = frozenset(("not", "if", "then", "else", "additionalProperties", "items", "contains", "propertyNames"))
_LISTS = frozenset(("allOf", "anyOf", "oneOf", "prefixItems"))
_MAPS = frozenset(("properties", "patternProperties", "dependentSchemas"))
_PLAIN = frozenset(("type", "enum", "const", "format", "pattern", "required", "dependentRequired"))
_LIMITS = frozenset(
    (
        *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength"),
        *("minItems", "maxItems", "uniqueItems", "minContains", "maxContains", "minProperties", "maxProperties"),
    )
)
_NOTES = frozenset(("title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly", "$comment"))
_WITHOUT_SUBSCHEMAS = _PLAIN | _LIMITS | _NOTES
_REFERENCE = "#/$defs/"


class InvalidSchema(ValueError):
    """A schema that is not accepted: where, and why."""

    def __init__(self, pointer: str, detail: str) -> None:
        super().__init__(detail)
        self.pointer = pointer
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A value that a schema refuses: its JSON Pointer, and why."""

    pointer: str
    detail: str


def check_schema(schema: dict[str, Any]) -> None:
    """Raise InvalidSchema unless a schema is valid and within the limits."""
    if len(json.dumps(schema)) > MAX_SCHEMA_BYTES:
        raise InvalidSchema("", f"must not be larger than {MAX_SCHEMA_BYTES} bytes of JSON")
    if schema.get("$schema", _DIALECT) != _DIALECT:
        raise InvalidSchema("/$schema", f"must be {_DIALECT}")
    definitions = schema.get("$defs", {})
    if not isinstance(definitions, dict):
        raise InvalidSchema("/$defs", "must be an object of schemas")
    walk = _Walk(definitions)
    walk.visit({name: value for name, value in schema.items() if name not in ("$defs", "$schema")}, "", ())
    for name, definition in definitions.items():
        walk.visit(definition, f"/$defs/{_escaped(name)}", (name,))
    _compile(schema)


class _Walk:
    """Visits a schema and all that it refers to."""

    def __init__(self, definitions: dict[str, Any]) -> None:
        self._definitions = definitions
        self._visited = 0

    def visit(self, schema: Any, pointer: str, path: tuple[str, ...], depth: int = 0) -> None:
        """Raise InvalidSchema if a subschema is not accepted. `path` has the definitions on the way to it."""
        self._visited += 1
        if self._visited > MAX_SUBSCHEMAS:
            raise InvalidSchema("", f"must not have more than {MAX_SUBSCHEMAS} subschemas, references followed")
        if depth > MAX_SCHEMA_DEPTH:
            raise InvalidSchema(pointer, f"must not nest deeper than {MAX_SCHEMA_DEPTH} subschemas")
        if isinstance(schema, bool):
            return
        if not isinstance(schema, dict):
            raise InvalidSchema(pointer, "must be an object, true or false")
        for keyword, value in schema.items():
            if keyword == "$ref":
                self._follow(value, f"{pointer}/$ref", path, depth)
            elif keyword not in _WITHOUT_SUBSCHEMAS:
                for part, child in _subschemas(keyword, value, pointer):
                    self.visit(child, part, path, depth + 1)

    def _follow(self, reference: Any, pointer: str, path: tuple[str, ...], depth: int) -> None:
        name = reference.removeprefix(_REFERENCE) if isinstance(reference, str) else ""
        if reference != _REFERENCE + name or name not in self._definitions:
            raise InvalidSchema(pointer, "must name a definition of this schema, such as #/$defs/address")
        if name in path:
            raise InvalidSchema(pointer, "must not lead back to the schema that contains it")
        self.visit(self._definitions[name], pointer, (*path, name), depth + 1)


def _subschemas(keyword: str, value: Any, pointer: str) -> Iterator[tuple[str, Any]]:
    """Yield the subschemas of a keyword with their pointers."""
    pointer = f"{pointer}/{_escaped(keyword)}"
    if keyword in _ONE:
        yield pointer, value
    elif keyword in _LISTS and isinstance(value, list):
        yield from ((f"{pointer}/{number}", child) for number, child in enumerate(value))
    elif keyword in _MAPS and isinstance(value, dict):
        yield from ((f"{pointer}/{_escaped(name)}", child) for name, child in value.items())
    elif keyword in _LISTS | _MAPS:
        raise InvalidSchema(
            pointer, "must be a list of schemas" if keyword in _LISTS else "must be an object of schemas"
        )
    else:
        raise InvalidSchema(pointer, "is not among the keywords that are supported")


def mismatches(schema: dict[str, Any], data: dict[str, Any]) -> list[Mismatch]:
    """Return what a schema that was checked refuses in a value, up to MAX_MISMATCHES."""
    found = []
    for error in _validator(json.dumps(schema)).iter_errors(data):
        # A message repeats the value, which may be long.
        pointer = "".join(f"/{_escaped(str(part))}" for part in error.instance_path)
        message = error.message
        if len(message) > _MAX_DETAIL:
            message = f"does not satisfy the keyword {error.schema_path[-1]} of the schema"
        found.append(Mismatch(pointer, message))
        if len(found) == MAX_MISMATCHES:
            break
    return found


@lru_cache(maxsize=256)
def _validator(schema: bytes) -> jsonschema_rs.Draft202012Validator:
    return _compile(json.loads(schema))


def _compile(schema: dict[str, Any]) -> jsonschema_rs.Draft202012Validator:
    """Return the validator of a schema. Raises InvalidSchema."""
    try:
        return jsonschema_rs.Draft202012Validator(
            schema,
            validate_formats=True,
            ignore_unknown_formats=False,
            pattern_options=jsonschema_rs.RegexOptions(),
            offline=True,
        )
    except jsonschema_rs.ValidationError as error:
        pointer = "".join(f"/{_escaped(str(part))}" for part in error.instance_path)
        raise InvalidSchema(pointer, error.message[:_MAX_DETAIL]) from None


def _escaped(part: str) -> str:
    return part.replace("~", "~0").replace("/", "~1")
