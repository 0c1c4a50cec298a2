"""Recorded events: an example of every type that was ever published, stored by `tests.support.release`."""

from pathlib import Path
from typing import Any

from chassis.core.identity import Tenant
from chassis.types import json
from chassis.types.ids import uuid7

FOLDER = Path(__file__).parents[1] / "data" / "events"


def kept_types() -> list[str]:
    """Return the types that have an example."""
    return sorted(file.stem for file in FOLDER.glob("*.json"))


def example_of(type: str, tenant: Tenant) -> dict[str, Any]:
    """Return the example for a tenant: a fact for `ServiceUnderTest.deliver`, with a new event id."""
    text = (FOLDER / f"{type}.json").read_text()
    kept = json.loads(text.replace(json.loads(text)["headers"]["ce_tenantid"], str(tenant.id)))
    return {"type": type, "key": kept["headers"]["ce_subject"], "data": kept["data"], "id": uuid7()}
