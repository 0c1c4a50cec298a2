"""Breaking changes between two versions of the OpenAPI document, as a client of the older version would notice them.

A request may only become more permissive. A response loses nothing. It may gain fields, values of a vocabulary and
errors, which clients have to expect. Names of operations and components are names in generated clients.

`python -m tests.support.openapi_changes VERSION` stores the document of a release, as `tests.support.release` does.
"""

import gzip
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

RELEASES = Path(__file__).parents[1] / "data" / "openapi"
"""The document of each release."""
Schema = Mapping[str, Any]
_LOWER_LIMITS = ("minLength", "minimum", "exclusiveMinimum", "minItems", "minProperties")
_UPPER_LIMITS = ("maxLength", "maximum", "exclusiveMaximum", "maxItems", "maxProperties")
_FIXED = ("type", "format", "const")


def keep_document(version: str, document: Schema) -> None:
    """Store the document of a release."""
    RELEASES.mkdir(exist_ok=True)
    (RELEASES / f"{version}.json.gz").write_bytes(gzip.compress(json.dumps(document).encode(), mtime=0))


def last_document() -> Schema:
    """Return the document of the last release."""
    versions = {path: tuple(map(int, path.name.removesuffix(".json.gz").split("."))) for path in RELEASES.iterdir()}
    document: Schema = json.loads(gzip.decompress(max(versions, key=versions.__getitem__).read_bytes()))
    return document


def breaking_changes(before: Schema, after: Schema) -> list[str]:
    """Return each change that breaks a client of the document before."""
    return list(dict.fromkeys(_Comparison(before, after).changes()))


class _Comparison:
    def __init__(self, before: Schema, after: Schema) -> None:
        self._before = before
        self._after = after
        self._compared: set[tuple[str, str, bool]] = set()

    def changes(self) -> Iterator[str]:
        """Yield the changes of operations, webhooks, components and tables of codes."""
        for kind in ("paths", "webhooks"):
            for path, operations in self._before.get(kind, {}).items():
                for method, before in operations.items():
                    after = self._after.get(kind, {}).get(path, {}).get(method)
                    where = f"{method.upper()} {path}"
                    if after is None:
                        yield f"{where} was removed"
                    else:
                        # The receiver of a webhook reads the body, as a client reads a response.
                        yield from self._operation(where, before, after, is_webhook=kind == "webhooks")
        for table in ("x-problems", "x-field-codes"):
            yield from (f"{code} was removed from {table}" for code in _lost(self._before, self._after, table))
        for name in _lost(self._before["components"], self._after["components"], "schemas"):
            yield f"the component {name} was removed"

    def _operation(self, where: str, before: Schema, after: Schema, *, is_webhook: bool) -> Iterator[str]:
        for name in ("operationId", "x-scope"):
            if before.get(name) != after.get(name):
                yield f"{where}: {name} changed from {before.get(name)} to {after.get(name)}"
        yield from self._parameters(where, before, after)
        if "requestBody" not in before and after.get("requestBody", {}).get("required"):
            yield f"{where}: a body is required"
        bodies = (each.get("requestBody", {}).get("content", {}) for each in (before, after))
        yield from self._content(f"{where}: the body", *bodies, is_sent=not is_webhook)
        for status, response in before["responses"].items():
            if not status.startswith("2") or is_webhook:
                continue
            if status not in after["responses"]:
                yield f"{where}: the response {status} was removed"
                continue
            new = after["responses"][status]
            yield from (f"{where}: {status} lost the header {name}" for name in _lost(response, new, "headers"))
            contents = (each.get("content", {}) for each in (response, new))
            yield from self._content(f"{where}: {status}", *contents, is_sent=False)

    def _parameters(self, where: str, before: Schema, after: Schema) -> Iterator[str]:
        old, new = ({each["name"]: each for each in one.get("parameters", [])} for one in (before, after))
        for name, parameter in new.items():
            if parameter.get("required") and not old.get(name, {}).get("required"):
                yield f"{where}: the parameter {name} is required"
        for name, parameter in old.items():
            if name not in new:
                yield f"{where}: the parameter {name} was removed"
            else:
                schemas = (parameter["schema"], new[name]["schema"])
                yield from self._schema(f"{where}: the parameter {name}", *schemas, is_sent=True)

    def _content(self, where: str, before: Schema, after: Schema, *, is_sent: bool) -> Iterator[str]:
        for media_type, media in before.items():
            if media_type in after:
                yield from self._schema(where, media["schema"], after[media_type]["schema"], is_sent=is_sent)
            else:
                yield f"{where} is no longer {media_type}"

    def _schema(self, where: str, before: Schema, after: Schema, *, is_sent: bool) -> Iterator[str]:
        names = (str(before.get("$ref", "")), str(after.get("$ref", "")), is_sent)
        if names[0]:
            if names in self._compared:
                return
            self._compared.add(names)
            where = names[0].rpartition("/")[2]
        old, new = _alternatives(self._before, before), _alternatives(self._after, after)
        if (None in old) is not (None in new):
            if is_sent and None in old:
                yield f"{where} must not be null"
            elif not is_sent and None in new:
                yield f"{where} may be null"
        pairs = ([each for each in one if each is not None] for one in (old, new))
        olds, news = map(list, pairs)
        if len(olds) != len(news):
            yield f"{where} has other alternatives"
            return
        for one, other in zip(olds, news, strict=True):
            yield from self._plain(where, one, other, is_sent=is_sent)

    def _plain(self, where: str, before: Schema, after: Schema, *, is_sent: bool) -> Iterator[str]:
        """Compare two schemas that are neither references nor alternatives."""
        yield from (f"{where} has another {name}" for name in _FIXED if before.get(name) != after.get(name))
        old, new = before.get("properties", {}), after.get("properties", {})
        for name, schema in old.items():
            if name not in new:
                yield f"{where}.{name} was removed"
            else:
                yield from self._schema(f"{where}.{name}", schema, new[name], is_sent=is_sent)
        required, required_now = set(before.get("required", [])), set(after.get("required", []))
        if is_sent:
            yield from (f"{where}.{name} is required" for name in sorted(required_now - required))
            yield from _narrower(where, before, after)
        else:
            lost = sorted((required - required_now) & new.keys())
            yield from (f"{where}.{name} may be absent" for name in lost)
        for keyword in ("items", "additionalProperties"):
            one, other = before.get(keyword), after.get(keyword)
            if isinstance(one, Mapping) and isinstance(other, Mapping):
                yield from self._schema(f"{where}[]", one, other, is_sent=is_sent)
            elif is_sent and one != other and other is not None:
                yield f"{where} has another {keyword}"


def _narrower(where: str, before: Schema, after: Schema) -> Iterator[str]:
    """Yield the ways in which a schema accepts fewer values than before."""
    for value in before.get("enum", []):
        if value not in after.get("enum", [value]):
            yield f"{where} no longer accepts {value}"
    if "enum" in after and "enum" not in before:
        yield f"{where} accepts certain values only"
    if "pattern" in after and before.get("pattern") != after["pattern"]:
        yield f"{where} has another pattern"
    for limits, sign in ((_LOWER_LIMITS, 1), (_UPPER_LIMITS, -1)):
        for name in limits:
            if name in after and (name not in before or sign * after[name] > sign * before[name]):
                yield f"{where} has another {name}"


def _alternatives(document: Schema, schema: Schema) -> list[Schema | None]:
    """Return the alternatives of a schema without references. None is null."""
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    if "anyOf" not in schema and "oneOf" not in schema:
        return [None if schema.get("type") == "null" else schema]
    nested = schema.get("anyOf", schema.get("oneOf", []))
    return [each for one in nested for each in _alternatives(document, one)]


def _lost(before: Schema, after: Schema, name: str) -> list[str]:
    return [each for each in before.get(name, {}) if each not in after.get(name, {})]


if __name__ == "__main__":
    keep_document(sys.argv[1], json.loads((Path(__file__).parents[2] / "contracts" / "openapi.json").read_bytes()))
