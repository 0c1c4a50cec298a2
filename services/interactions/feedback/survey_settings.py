"""Survey settings: rules that hold across all surveys of a tenant."""

from typing import Annotated, ClassVar

from pydantic import Field

from chassis import Feature, IfMatch, MergePatch, Resource, VersionMismatch, Work
from services.interactions.feedback import tables
from services.interactions.feedback.queries.surveys import survey_settings

feature = Feature("survey-settings")


class SurveySettingsUpdate(MergePatch):
    """A JSON Merge Patch of the settings."""

    example = {"quarantine_days": 14}
    never_null: ClassVar[frozenset[str]] = frozenset(("quarantine_days",))

    quarantine_days: Annotated[int, Field(strict=True, ge=0, le=366)] | None = None
    """The days between two invitations to a person, whichever surveys they are for. 0: any number of invitations."""


class SurveySettings(Resource, row=tables.SurveySettings, etag="version"):
    """The settings of all surveys."""

    version: int
    """Counts the changes. It is the ETag."""
    quarantine_days: int
    """The days between two invitations to a person, whichever surveys they are for. 0: any number of invitations."""


@feature.get("/survey-settings", scope="interactions:read")
async def read_survey_settings(work: Work) -> SurveySettings:
    """Return the settings of all surveys."""
    return SurveySettings.from_row(await survey_settings(work))


@feature.patch("/survey-settings", scope="interactions:configure", raises=[VersionMismatch])
async def update_survey_settings(work: Work, body: SurveySettingsUpdate, if_match: IfMatch) -> SurveySettings:
    """Change the settings. Invitations that wait already obey them as well."""
    await work.insert_or_ignore(tables.SurveySettings(id=work.tenant.id, version=0))
    before = await work.get(tables.SurveySettings, work.tenant.id, for_update=True)
    work.check_version(before, if_match)
    return SurveySettings.from_row(await work.update(before, **body.changes()))
