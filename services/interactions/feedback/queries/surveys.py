"""A survey, its published version, and the tenant's settings of surveys."""

from uuid import UUID

from chassis import UNKNOWN_RECORD, Problem, UnitOfWork, ValidationFailed
from services.interactions.feedback import tables
from services.interactions.feedback.rules.surveys import SurveyState


class SurveyNotInState(Problem, status=409):
    """The survey is in another state.

    `state` is its state. A draft is published first, and an ended survey stays ended.
    """


def require_state(survey: tables.Survey, *states: SurveyState) -> None:
    """Raise SurveyNotInState unless the survey is in one of the states."""
    if survey.state not in states:
        raise SurveyNotInState(f"The survey is {survey.state}.", state=survey.state)


async def live_survey(work: UnitOfWork, id: UUID) -> tables.Survey:
    """Return the survey that a body names. Raises ValidationFailed, and SurveyNotInState unless it is live."""
    survey = await work.find(tables.Survey, id=id)
    if survey is None:
        raise ValidationFailed.field("/survey_id", UNKNOWN_RECORD, f"is the id of no survey: {id}")
    require_state(survey, "live")
    return survey


async def version_of(work: UnitOfWork, survey_id: UUID, number: int | None) -> tables.SurveyVersion:
    """Return a published version of a survey. Raises LookupError if it has none with this number."""
    version = await work.find(tables.SurveyVersion, survey_id=survey_id, number=number)
    if version is None:
        raise LookupError(f"the survey {survey_id} has no version {number}")
    return version


async def survey_settings(work: UnitOfWork) -> tables.SurveySettings:
    """Return the settings of the tenant: the stored ones, or the defaults as version 0."""
    stored = await work.find(tables.SurveySettings, id=work.tenant.id)
    return stored or tables.SurveySettings(id=work.tenant.id, version=0)
