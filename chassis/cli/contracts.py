"""Contracts: the OpenAPI and AsyncAPI documents and the event schemas, generated from the code and committed."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from chassis.cli.event_documents import envelope_of_example, event_schema, headers_schema
from chassis.core.events import CONTENT_TYPE, Event, matches
from chassis.core.problems import Problem
from chassis.http import openapi, openapi_events
from chassis.service import Service
from chassis.types.codes import FieldCode

VERSION = "1"
Files = dict[str, bytes]


def generate(services: Sequence[Service]) -> Files:
    """Return every contract file by its path in the contracts folder."""
    published = dict(sorted(Event.published.items()))
    merged = openapi.merge({service.name: service.openapi() for service in services}, VERSION)
    merged["x-problems"] = {
        code: {"status": problem.status, "title": problem.title, "explanation": problem.explanation}
        for code, problem in sorted(Problem.known.items())
    }
    merged["x-field-codes"] = {
        str(code): {"cause": code.cause, "remedy": code.remedy} for code in sorted(FieldCode.known.values())
    }
    for name, codes in (("ProblemCode", Problem.known), ("FieldErrorCode", FieldCode.known)):
        merged["components"]["schemas"][name]["x-extensible-enum"] = sorted(codes)
    openapi_events.add_webhooks(merged, published)
    files = {"openapi.json": merged, "asyncapi.json": asyncapi_document(services, published)}
    files |= {f"events/{type}.json": event_schema(event) for type, event in published.items()}
    return {path: _text(document) for path, document in files.items()}


def asyncapi_document(services: Sequence[Service], published: Mapping[str, type[Event]]) -> dict[str, Any]:
    """Return the AsyncAPI 3 document: topics, their messages with examples, their senders and receivers.

    It refers to nothing outside itself, because tools that load it by its URL find no files beside it.
    """
    channels: dict[str, Any] = {}
    operations: dict[str, Any] = {}
    schemas: dict[str, Any] = {HEADERS: headers_schema()}
    for type, event in published.items():
        publisher = type.partition(".")[0]
        channel = channels.setdefault(publisher, {"address": f"rapport.{publisher}", "messages": {}})
        schema = event_schema(event)
        channel["messages"][_key(type)] = _message(event, schema["examples"][0])
        operations[f"send_{_key(type)}"] = _operation("send", [type])
        schemas |= _components(type, schema)
    for service in services:
        for handler in service.handlers:
            pattern = handler.event.event_type
            types = [type for type in published if matches(pattern, type)]
            if types:
                name = f"receive_{_key(pattern)}_{service.name}_{handler.feature}".replace("-", "_")
                operations[name] = _operation("receive", types) | {"title": f"{service.name}: {handler.feature}"}
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Rapport events", "version": VERSION, "license": {"name": "Apache-2.0"}},
        "servers": {"kafka": KAFKA_SERVER},
        "defaultContentType": CONTENT_TYPE,
        "channels": channels,
        "operations": operations,
        "components": {"schemas": schemas},
    }


HEADERS = "headers"
KAFKA_SERVER = {
    "host": "{bootstrap}",
    "protocol": "kafka",
    "description": "The Kafka cluster of this installation.",
    "variables": {"bootstrap": {"default": "localhost:9092", "description": "The setting `KAFKA_BOOTSTRAP_SERVERS`."}},
}


def _message(event: type[Event], example: Mapping[str, Any]) -> dict[str, Any]:
    headers = {name: value.decode() for name, value in envelope_of_example(event, example).to_headers()}
    key = {"type": "string", "description": f"tenant id, `:`, {event.key_field}"}
    return {
        "name": event.event_type,
        "title": event.__name__,
        "summary": _first_sentence(event),
        "contentType": CONTENT_TYPE,
        "headers": {"$ref": f"{_COMPONENTS}{HEADERS}"},
        "payload": {"$ref": f"{_COMPONENTS}{event.event_type}"},
        "bindings": {"kafka": {"key": key}},
        "examples": [{"name": event.__name__, "headers": headers, "payload": example}],
    }


_COMPONENTS = "#/components/schemas/"


def _components(type: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of an event and its parts as components of a document."""
    parts = {f"{type}.{name}": part for name, part in schema.get("$defs", {}).items()}
    # An $id would change the meaning of the references.
    own = {name: value for name, value in schema.items() if name not in ("$schema", "$id", "$defs")}
    return {name: _with_references(part, type) for name, part in {type: own, **parts}.items()}


def _with_references(value: Any, type: str) -> Any:
    """Return a part of an event's schema that refers to components instead of definitions."""
    if isinstance(value, list):
        return [_with_references(item, type) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        name: item.replace("#/$defs/", f"{_COMPONENTS}{type}.") if name == "$ref" else _with_references(item, type)
        for name, item in value.items()
    }


def stale_files(files: Files, folder: Path) -> list[str]:
    """Return the committed files that differ from the code."""
    stale = [path for path, content in files.items() if _read(folder / path) != content]
    known = {path.relative_to(folder).as_posix() for path in folder.rglob("*.json")}
    return sorted([*stale, *(known - files.keys())])


def breaking_changes(committed: Mapping[str, Any], current: Mapping[str, Any]) -> list[str]:
    """Return what readers of an event's committed schema rely on and would lose. Additions are allowed."""
    lost = []
    for name, before in committed.get("properties", {}).items():
        after = current.get("properties", {}).get(name)
        if after is None:
            lost.append(f"{name} was removed")
        elif name in committed.get("required", []) and name not in current.get("required", []):
            lost.append(f"{name} is no longer required")
        elif not _is_compatible(before, after):
            lost.append(f"{name} changed its type")
    for name, before in committed.get("$defs", {}).items():
        changes = breaking_changes(before, current.get("$defs", {}).get(name, {}))
        lost += [f"{name}.{change}" for change in changes]
    return lost


def breaking_events(files: Files, folder: Path) -> list[str]:
    """Return the breaking changes of committed events. Each needs a new version of the event beside the old version."""
    changes = []
    for path, content in files.items():
        if path.startswith("events/") and (folder / path).exists():
            lost = breaking_changes(orjson.loads(_read(folder / path)), orjson.loads(content))
            changes += [f"{Path(path).stem}: {change}" for change in lost]
    return changes


_PROSE = ("title", "description", "examples")
_RESTRICTIONS = frozenset(("pattern", "minimum", "maximum", "minLength", "maxLength"))
_MOST = re.compile(r"(?<=,)\d+(?=\})")
"""The most repetitions in a pattern, such as 3 in `{1,3}`."""


def _is_compatible(before: Any, after: Any) -> bool:
    """Return whether two schemas differ in their texts alone, or the later one allows fewer values of the same type.

    The values of a vocabulary may change, because readers expect those that a release adds.
    """
    if isinstance(before, list) and isinstance(after, list):
        return len(before) == len(after) and all(map(_is_compatible, before, after))
    if isinstance(before, dict) and isinstance(after, dict):
        kept = {name: value for name, value in before.items() if name not in _PROSE}
        new = {name: value for name, value in after.items() if name not in _PROSE}
        kept.pop("enum", None)
        changed = [name for name in kept if not _is_compatible(kept[name], new.get(name))]
        added = new.keys() - before.keys()
        return added <= _RESTRICTIONS and all(_is_narrower(kept[name], new.get(name)) for name in changed)
    return bool(before == after)


def _is_narrower(before: Any, after: Any) -> bool:
    """Return whether a pattern allows fewer repetitions than before, and is the same otherwise."""
    if not isinstance(before, str) or not isinstance(after, str) or _MOST.sub("", before) != _MOST.sub("", after):
        return False
    most = zip(_MOST.findall(before), _MOST.findall(after), strict=True)
    return all(int(fewer) <= int(more) for more, fewer in most)


def write(files: Files, folder: Path) -> None:
    """Write the files, and remove those that are no longer generated."""
    for path in folder.rglob("*.json"):
        if path.relative_to(folder).as_posix() not in files:
            path.unlink()
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def _operation(action: str, types: Sequence[str]) -> dict[str, Any]:
    """Return an operation on events of a single publisher."""
    channel = f"#/channels/{types[0].partition('.')[0]}"
    messages = [{"$ref": f"{channel}/messages/{_key(type)}"} for type in types]
    return {"action": action, "channel": {"$ref": channel}, "messages": messages}


def _key(type: str) -> str:
    """Return a type, or a pattern of types, as a name in the document."""
    return type.replace(".", "_").replace("*", "all")


def _first_sentence(event: type[Event]) -> str:
    """Return the first sentence of the docstring, which may span lines."""
    paragraph = " ".join((event.__doc__ or "").strip().partition("\n\n")[0].split())
    return re.split(r"(?<=\.) (?=[A-Z`])", paragraph, maxsplit=1)[0]


def _text(document: Any) -> bytes:
    return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _read(file: Path) -> bytes:
    return file.read_bytes() if file.exists() else b""
