"""The tables of feedback.

surveys.py  surveys, their versions, invitations, links and answers
"""

from services.interactions.feedback.tables.surveys import (
    QuestionScore,
    Survey,
    SurveyAnswer,
    SurveyInvitation,
    SurveyLink,
    SurveySettings,
    SurveyVersion,
)

__all__ = [
    "QuestionScore",
    "Survey",
    "SurveyAnswer",
    "SurveyInvitation",
    "SurveyLink",
    "SurveySettings",
    "SurveyVersion",
]
