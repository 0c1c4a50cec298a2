"""Contracts: the OpenAPI and AsyncAPI documents and the event schemas, generated from the code and committed."""

import re
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import orjson

from chassis.core.events import Event, matches
from chassis.core.problems import Problem
from chassis.http import openapi, openapi_events
from chassis.http.openapi_schemas import subschemas
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


def event_schema(event: type[Event]) -> dict[str, Any]:
    """Return the JSON Schema of an event's data, without references to other files. Vocabularies are inline."""
    schema = event.model_json_schema(mode="serialization")
    definitions = schema.pop("$defs", {})
    vocabularies = {f"#/$defs/{name}": each for name, each in definitions.items() if {"enum", "const"} & each.keys()}
    for each in chain.from_iterable(map(subschemas, (schema, *definitions.values()))):
        if each.get("$ref") in vocabularies:
            each.update(vocabularies[each.pop("$ref")])
    parts = {name: each for name, each in definitions.items() if f"#/$defs/{name}" not in vocabularies}
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": event.event_type}
    return head | ({"$defs": parts} if parts else {}) | schema


def asyncapi_document(services: Sequence[Service], published: Mapping[str, type[Event]]) -> dict[str, Any]:
    """Return the AsyncAPI 3 document: topics, their messages, their senders and receivers."""
    channels: dict[str, Any] = {}
    operations: dict[str, Any] = {}
    for type, event in published.items():
        publisher = type.partition(".")[0]
        channel = channels.setdefault(publisher, {"address": f"rapport.{publisher}", "messages": {}})
        channel["messages"][_key(type)] = {
            "name": type,
            "title": event.__name__,
            "summary": _first_line(event),
            "contentType": "application/json",
            "payload": {"$ref": f"./events/{type}.json"},
            "bindings": {"kafka": {"key": {"type": "string", "description": f"tenant id, `:`, {event.key_field}"}}},
        }
        operations[f"send_{_key(type)}"] = _operation("send", publisher, type)
    for service in services:
        for handler in service.handlers:
            for type in filter(partial(matches, handler.event.event_type), published):
                receiving = _operation("receive", type.partition(".")[0], type)
                operations[f"receive_{_key(type)}_{service.name}_{handler.feature}".replace("-", "_")] = receiving | {
                    "title": f"{service.name}: {handler.feature}"
                }
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Rapport events", "version": VERSION, "license": {"name": "Apache-2.0"}},
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": operations,
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
    """Return whether two schemas differ in their texts alone, or the later one allows fewer values of the same type."""
    if isinstance(before, list) and isinstance(after, list):
        return len(before) == len(after) and all(map(_is_compatible, before, after))
    if isinstance(before, dict) and isinstance(after, dict):
        kept = {name: value for name, value in before.items() if name not in _PROSE}
        new = {name: value for name, value in after.items() if name not in _PROSE}
        changed = [name for name in kept if not _is_compatible(kept[name], new.get(name))]
        added = new.keys() - kept.keys()
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


def _operation(action: str, channel: str, type: str) -> dict[str, Any]:
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{channel}"},
        "messages": [{"$ref": f"#/channels/{channel}/messages/{_key(type)}"}],
    }


def _key(type: str) -> str:
    return type.replace(".", "_")


def _first_line(event: type[Event]) -> str:
    return (event.__doc__ or "").strip().split("\n")[0]


def _text(document: Any) -> bytes:
    return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _read(file: Path) -> bytes:
    return file.read_bytes() if file.exists() else b""
