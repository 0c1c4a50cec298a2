"""Automations for tests."""

from typing import Any

TASK = {"task": {"title": "Call {{ customer.name }}", "team": "sales"}}


def an_automation(name: str, trigger: str = "purchase_recorded", **fields: Any) -> dict[str, Any]:
    """Return a body for POST /v1/automations. It creates a task."""
    return {"name": name, "trigger": trigger, "steps": [TASK]} | fields
