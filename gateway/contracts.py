"""What the services promise, read from the committed contracts: who owns a path, which scopes there are."""

from functools import cache
from pathlib import Path
from typing import Any

from chassis import json
from chassis.openapi import segments


@cache
def openapi(folder: Path) -> dict[str, Any]:
    """The merged OpenAPI document."""
    return dict(json.loads((folder / "openapi.json").read_bytes()))


@cache
def owners(folder: Path) -> dict[str, str]:
    """The service behind each first segment of a path."""
    return segments(openapi(folder))


@cache
def scopes(folder: Path) -> tuple[str, ...]:
    """Every scope that some operation needs."""
    operations = [one for path in openapi(folder)["paths"].values() for one in path.values()]
    return tuple(
        sorted({scope for one in operations for needs in one["security"] for scope in next(iter(needs.values()))})
    )
