"""Case settings: the categories, causes and remedies of a tenant, how long a case may be reopened, and its mediator.

A tenant that changes none has the usual causes and remedies, and any category. A value that is removed from a list
stays with the cases that have it.
"""

from typing import Annotated

from pydantic import Field

from chassis import Feature, IfMatch, MergePatch, Resource, ShortLine, VersionMismatch, Work
from services.interactions.helpdesk import tables
from services.interactions.helpdesk.queries.case_settings import case_settings
from services.interactions.helpdesk.rules.cases import CAUSES, REMEDIES

feature = Feature("case-settings")
Terms = Annotated[list[ShortLine], Field(min_length=1, max_length=100)]
DEFAULTS = {"causes": CAUSES, "remedies": REMEDIES}


class CaseSettingsUpdate(MergePatch):
    """A JSON Merge Patch of the settings: lists are replaced, and null restores the usual causes and remedies."""

    example = {"causes": ["delay", "damage", "other"], "reopen_days": 14, "mediator_after": 2}

    categories: Terms | None = None
    """The categories of cases. Null: any text."""
    causes: Terms | None = None
    """The causes of complaints."""
    remedies: Terms | None = None
    """The remedies that customers seek and get."""
    reopen_days: Annotated[int, Field(strict=True, ge=0, le=36_500)] | None = None
    """How many days after it was resolved a case may be reopened. Null: without a limit."""
    mediator_after: Annotated[int, Field(strict=True, ge=1, le=1_000)] | None = None
    """After how many reopenings and escalations a mediator is called. Null: never."""


class CaseSettings(Resource, row=tables.CaseSettings, etag="version"):
    """The settings of the tenant's cases."""

    version: int
    """Counts the changes. It is the ETag."""
    categories: list[str] | None
    """The categories of cases, or null for any text."""
    causes: list[str]
    """The causes of complaints."""
    remedies: list[str]
    """The remedies that customers seek and get."""
    reopen_days: int | None
    """How many days after it was resolved a case may be reopened, or null without a limit."""
    mediator_after: int | None
    """After how many reopenings and escalations a mediator is called, or null for never."""


@feature.get("/case-settings", scope="interactions:read")
async def read_case_settings(work: Work) -> CaseSettings:
    """Return the categories, causes, remedies and limits of the tenant's cases."""
    return CaseSettings.from_row(await case_settings(work))


@feature.patch("/case-settings", scope="interactions:write", raises=[VersionMismatch])
async def update_case_settings(work: Work, body: CaseSettingsUpdate, if_match: IfMatch) -> CaseSettings:
    """Change the settings. Cases keep values that are removed from a list."""
    await work.insert_or_ignore(tables.CaseSettings(id=work.tenant.id, version=0))
    before = await work.get(tables.CaseSettings, work.tenant.id, for_update=True)
    work.check_version(before, if_match)
    changes = body.changes()
    for name in ("categories", *DEFAULTS):
        if name in changes:
            terms = DEFAULTS.get(name) if changes[name] is None else changes[name]
            changes[name] = None if terms is None else list(dict.fromkeys(terms))
    return CaseSettings.from_row(await work.update(before, **changes))
