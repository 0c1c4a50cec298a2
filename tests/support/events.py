"""Events as Kafka had them: an example of every type that was ever published, kept by `tests.support.release`."""

from pathlib import Path
from typing import Any

from chassis import json
from chassis.identity import Tenant
from chassis.ids import uuid7

FOLDER = Path(__file__).parents[1] / "data" / "events"


def kept_types() -> list[str]:
    """The types that there are examples of."""
    return sorted(file.stem for file in FOLDER.glob("*.json"))


def example_of(type: str, tenant: Tenant) -> dict[str, Any]:
    """The example, as if that tenant's: a fact for `ServiceUnderTest.deliver`, with an event id of its own."""
    text = (FOLDER / f"{type}.json").read_text()
    kept = json.loads(text.replace(json.loads(text)["headers"]["ce_tenantid"], str(tenant.id)))
    return {"type": type, "key": kept["headers"]["ce_subject"], "data": kept["data"], "id": uuid7()}
