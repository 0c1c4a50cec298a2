"""The settings of cases: the categories, causes and remedies that a tenant uses, and its limits."""

from collections.abc import Mapping
from typing import Any

from chassis import FieldCode, UnitOfWork, ValidationFailed
from services.interactions.helpdesk import tables

UNKNOWN_CASE_TERM = FieldCode(
    "unknown_case_term",
    "The tenant does not use this category, cause or remedy.",
    "Send a value of `GET /v1/case-settings`, or add it there.",
)
LISTS = {"category": "categories", "cause": "causes", "remedy_sought": "remedies", "remedy": "remedies"}
"""The fields of a case that have a value of a list, and the list of each."""


async def case_settings(work: UnitOfWork) -> tables.CaseSettings:
    """Return the settings of the tenant: those of version 0 if it has chosen none."""
    stored = await work.find(tables.CaseSettings, id=work.tenant.id)
    return stored or tables.CaseSettings(id=work.tenant.id, version=0, created_at=work.now, updated_at=work.now)


async def check_terms(work: UnitOfWork, columns: Mapping[str, Any]) -> None:
    """Raise ValidationFailed for a category, cause or remedy that the tenant does not use."""
    terms = {field: columns[field] for field in LISTS if columns.get(field) is not None}
    if not terms:
        return
    settings = await case_settings(work)
    for field, term in terms.items():
        known = getattr(settings, LISTS[field])
        if known is not None and term not in known:
            raise ValidationFailed.field(f"/{field}", UNKNOWN_CASE_TERM, f"is none of {', '.join(known)}")
