"""The AsyncAPI document in a single file, because tools that load it by its URL find no files beside it."""

from pathlib import Path
from typing import Any

from chassis.types import json

_FILE = "./events/"
_DEFINITION = "#/$defs/"
_COMPONENT = "#/components/schemas/"


def bundled_asyncapi(folder: Path) -> dict[str, Any]:
    """Return the AsyncAPI document of the contracts folder with the event schemas among its components."""
    document = dict(json.loads((folder / "asyncapi.json").read_bytes()))
    schemas: dict[str, Any] = {}
    for file in sorted((folder / "events").glob("*.json")):
        schema = json.loads(file.read_bytes())
        definitions = {f"{file.stem}.{name}": each for name, each in schema.pop("$defs", {}).items()}
        for name in ("$schema", "$id"):  # an $id would change the meaning of the references
            schema.pop(name, None)
        for name, each in {file.stem: schema, **definitions}.items():
            schemas[name] = _with_references(each, {_DEFINITION: f"{_COMPONENT}{file.stem}."})
    document = _with_references(document, {_FILE: _COMPONENT})
    components = {**document.get("components", {}), "schemas": schemas}
    return {**document, "components": components}


def _with_references(value: Any, prefixes: dict[str, str]) -> Any:
    """Return a value in which references with a prefix have another one instead."""
    if isinstance(value, list):
        return [_with_references(item, prefixes) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        name: _moved(item, prefixes) if name == "$ref" and isinstance(item, str) else _with_references(item, prefixes)
        for name, item in value.items()
    }


def _moved(reference: str, prefixes: dict[str, str]) -> str:
    for old, new in prefixes.items():
        if reference.startswith(old):
            return new + reference.removeprefix(old).removesuffix(".json")
    return reference
