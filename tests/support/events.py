"""Recorded events: an example of every type that was ever published, stored by `tests.support.release`."""

from pathlib import Path
from typing import Any

from chassis.core.events import matches
from chassis.core.identity import Tenant
from chassis.feature import EventHandler
from chassis.service import Service
from chassis.types import json
from chassis.types.ids import uuid7

FOLDER = Path(__file__).parents[1] / "data" / "events"


DEFAULT = "customers.customer_created.v1"
DELETION = "gateway.tenant_deleted.v1"
"""No event of the tenant is applied after it, which `tests/service/test_tenant_deletion.py` tests."""


def kept_types() -> list[str]:
    """Return the types that have an example, the deletion of the tenant last."""
    return sorted((file.stem for file in FOLDER.glob("*.json")), key=lambda type: (type == DELETION, type))


def lasting_handlers(service: Service) -> list[EventHandler]:
    """Return the event handlers of a service, except that of the tenant's deletion."""
    return [handler for handler in service.handlers if handler.event.event_type != DELETION]


def example_of(type: str, tenant: Tenant) -> dict[str, Any]:
    """Return the example for a tenant: a fact for `ServiceUnderTest.deliver`, with a new event id.

    A pattern has the first example that matches it, or that of another service if none does.
    """
    if type.endswith("*"):
        type = next((kept for kept in kept_types() if matches(type, kept)), DEFAULT)
    text = (FOLDER / f"{type}.json").read_text()
    kept = json.loads(text.replace(json.loads(text)["headers"]["ce_tenantid"], str(tenant.id)))
    return {"type": type, "key": kept["headers"]["ce_subject"], "data": kept["data"], "id": uuid7()}
