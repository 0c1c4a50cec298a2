"""Templates and campaigns for tests."""

from typing import Any


def a_template(**fields: Any) -> dict[str, Any]:
    """Return a body for POST /v1/templates."""
    return {"name": "Kettles", "subject": "Kettles are back", "text": "Dear {{ customer.name }}, look."} | fields
