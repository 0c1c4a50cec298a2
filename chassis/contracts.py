"""Contracts: what services promise one another and the world, as data that is generated, committed and compared."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from chassis import openapi
from chassis.events import Event
from chassis.problems import Problem
from chassis.service import Service

VERSION = "1"
Files = dict[str, bytes]


def files_of(services: Sequence[Service]) -> Files:
    """Every contract file by its path below the contracts folder."""
    published = dict(sorted(Event.published.items()))
    merged = openapi.merge({one.name: one.app.openapi() for one in services}, VERSION)
    merged["x-problems"] = {
        code: {"status": problem.status, "title": problem.title} for code, problem in sorted(Problem.known.items())
    }
    files = {"openapi.json": merged, "asyncapi.json": asyncapi_of(services, published)}
    files |= {f"events/{type}.json": schema_of(event) for type, event in published.items()}
    return {path: _text(document) for path, document in files.items()}


def schema_of(event: type[Event]) -> dict[str, Any]:
    """The JSON Schema of an event's data, whole in itself."""
    schema = event.model_json_schema(mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": event.event_type, **schema}


def asyncapi_of(services: Sequence[Service], published: Mapping[str, type[Event]]) -> dict[str, Any]:
    """The AsyncAPI 3 document: topics, what they carry, who sends and who receives it."""
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
        for reaction in service.reactions:
            type = reaction.incoming.event_type
            receiving = _operation("receive", type.partition(".")[0], type)
            operations[f"receive_{_key(type)}_{service.name}_{reaction.feature}".replace("-", "_")] = receiving | {
                "title": f"{service.name}: {reaction.feature}"
            }
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Rapport events", "version": VERSION, "license": {"name": "Apache-2.0"}},
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": operations,
    }


def differences(files: Files, folder: Path) -> list[str]:
    """Which committed files are not what the code says."""
    stale = [path for path, content in files.items() if _read(folder / path) != content]
    known = {path.relative_to(folder).as_posix() for path in folder.rglob("*.json")}
    return sorted([*stale, *(known - files.keys())])


def breaking(committed: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """What a reader of an event's committed schema may rely on and would lose; empty when only something was added."""
    lost = []
    for name, before in committed.get("properties", {}).items():
        after = now.get("properties", {}).get(name)
        if after is None:
            lost.append(f"{name} is gone")
        elif name in committed.get("required", []) and name not in now.get("required", []):
            lost.append(f"{name} is no longer promised")
        elif not _is_same_or_wider_for_readers(before, after):
            lost.append(f"{name} has changed its type")
    for name, before in committed.get("$defs", {}).items():
        lost += [f"{name}.{one}" for one in breaking(before, now.get("$defs", {}).get(name, {}))]
    return lost


def broken_events(files: Files, folder: Path) -> list[str]:
    """Which committed events the code would break: those need a new version beside the old one."""
    found = []
    for path, content in files.items():
        if path.startswith("events/") and (folder / path).exists():
            lost = breaking(orjson.loads(_read(folder / path)), orjson.loads(content))
            found += [f"{Path(path).stem}: {one}" for one in lost]
    return found


def _is_same_or_wider_for_readers(before: Any, after: Any) -> bool:
    """Whether who could read the one can read the other: a reader stumbles on a new type, not on new prose."""
    prose = ("title", "description", "examples")
    if isinstance(before, dict) and isinstance(after, dict):
        kept = {name: value for name, value in before.items() if name not in prose}
        new = {name: value for name, value in after.items() if name not in prose}
        return kept.keys() == new.keys() and all(_is_same_or_wider_for_readers(kept[name], new[name]) for name in kept)
    return bool(before == after)


def write(files: Files, folder: Path) -> None:
    """Writes the files, and removes those that no code stands behind any more."""
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
