"""Storing answers, their events, and what follows from the score of a detractor.

The link is locked, so that the answers that are sent through it are stored one after the other.
"""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Any
from uuid import UUID

from chassis import Command, Problem, Query, UnitOfWork, uuid7
from services.interactions.feedback import tables
from services.interactions.feedback.rules.surveys import SCALES, AnswerItem, QuestionKind, category, check_answers
from services.interactions.feedback.survey_answers.events import (
    AnsweredScore,
    DetractorDetected,
    SurveyAnswerAmended,
    SurveyAnswered,
)
from services.interactions.feedback.survey_answers.opening import OpenedSurvey
from services.interactions.helpdesk.queries.cases import open_case
from services.interactions.sources.rules import content_hash

HOUR = timedelta(hours=1)
SUBJECT_LENGTH = 200


class AnswersLocked(Problem, status=409):
    """The answers can no longer be changed.

    The time in which they could be changed is over. They count as they are.
    """


class TooManyAnswers(Problem, status=429):
    """Too many answers were sent through the link of a store.

    Send them later. The limit is a setting of the link.
    """


async def store_answers(
    work: UnitOfWork, opened: OpenedSurvey, items: Sequence[AnswerItem], submission_id: UUID | None
) -> None:
    """Store the answers to a survey whose link is locked. The same answers again change nothing.

    Raises InvalidAnswer, AnswersLocked and TooManyAnswers.
    """
    checked = check_answers(opened.version.questions, items)
    texts = {item.question: item.text for item in checked if item.text is not None}
    values = {"texts": texts or None, "content_hash": content_hash({"answers": [asdict(item) for item in checked]})}
    link = opened.link
    if isinstance(link, tables.SurveyLink):
        if submission_id is None or not await _is_stored(work, link, submission_id):
            await _reject_too_many(work, link)
            answer = _answer_through_link(work, opened, link).replace(**values, submission_id=submission_id)
            await _insert(work, opened, answer, checked)
    elif opened.answer is None:
        await _insert(work, opened, _answer_to(work, opened, link).replace(**values), checked)
        await work.update(link, state="answered")
    elif opened.answer.content_hash != values["content_hash"]:
        await _amend(work, opened, opened.answer, values, checked)


async def _is_stored(work: UnitOfWork, link: tables.SurveyLink, submission_id: UUID) -> bool:
    return await work.find(tables.SurveyAnswer, link_id=link.id, submission_id=submission_id) is not None


async def _reject_too_many(work: UnitOfWork, link: tables.SurveyLink) -> None:
    (count,) = await work.fetch(_COUNT_SINCE, link_id=link.id, since=work.now - HOUR)
    if count >= link.answers_per_hour:
        detail = f"The link takes {link.answers_per_hour} answers an hour."
        raise TooManyAnswers(detail, headers={"Retry-After": str(int(HOUR.total_seconds()))})


def _answer_to(work: UnitOfWork, opened: OpenedSurvey, invitation: tables.SurveyInvitation) -> tables.SurveyAnswer:
    """Return a new answer to an invitation, which names its customer and its subject."""
    return tables.SurveyAnswer(
        survey_id=opened.survey.id,
        version_number=opened.version.number,
        invitation_id=invitation.id,
        customer_id=invitation.customer_id,
        about_kind=invitation.about_kind,
        about_id=invitation.about_id,
        store=invitation.store,
        agent_id=invitation.agent_id,
        answered_at=work.now,
        editable_until=work.now + timedelta(minutes=opened.survey.edit_minutes),
    )


def _answer_through_link(work: UnitOfWork, opened: OpenedSurvey, link: tables.SurveyLink) -> tables.SurveyAnswer:
    """Return a new answer through the link of a store. It is anonymous, so it cannot be changed."""
    return tables.SurveyAnswer(
        survey_id=opened.survey.id,
        version_number=opened.version.number,
        link_id=link.id,
        store=link.store,
        answered_at=work.now,
        editable_until=work.now,
    )


async def _insert(
    work: UnitOfWork, opened: OpenedSurvey, answer: tables.SurveyAnswer, items: Sequence[AnswerItem]
) -> None:
    scores = _scores(opened, items)
    is_detractor = _has_detractor(scores)
    if is_detractor:
        answer = answer.replace(detractor_at=work.now, case_id=await _open_case(work, opened, answer))
    stored = await work.insert(answer)
    await _insert_items(work, opened, stored, items)
    work.publish(SurveyAnswered.from_row(stored, answer_id=stored.id, scores=scores))
    if is_detractor:
        work.publish(_detractor(work, stored, scores))


async def _amend(
    work: UnitOfWork,
    opened: OpenedSurvey,
    before: tables.SurveyAnswer,
    values: dict[str, Any],
    items: Sequence[AnswerItem],
) -> None:
    if opened.state == "locked":
        raise AnswersLocked
    scores = _scores(opened, items)
    is_new_detractor = before.detractor_at is None and _has_detractor(scores)
    if is_new_detractor:
        values = {**values, "detractor_at": work.now, "case_id": await _open_case(work, opened, before)}
    stored = await work.update(before, **values, amended_at=work.now)
    await work.execute(_DELETE_ITEMS, answer_id=stored.id)
    await _insert_items(work, opened, stored, items)
    work.publish(SurveyAnswerAmended.from_row(stored, answer_id=stored.id, scores=scores))
    if is_new_detractor:
        work.publish(_detractor(work, stored, scores))


async def _open_case(work: UnitOfWork, opened: OpenedSurvey, answer: tables.SurveyAnswer) -> UUID | None:
    """Open the case that follows up on a bad answer. Returns its id, or None if the survey opens none."""
    if not opened.survey.opens_cases:
        return None
    case = await open_case(
        work,
        kind="request",
        category="follow_up",
        subject=f"Follow up on the answer to {opened.version.name}"[:SUBJECT_LENGTH],
        channel="survey",
        priority="high",
        customer_id=answer.customer_id,
    )
    return case.id


async def _insert_items(
    work: UnitOfWork, opened: OpenedSurvey, answer: tables.SurveyAnswer, items: Sequence[AnswerItem]
) -> None:
    kinds = _kinds(opened)
    rows = []
    for item in items:
        lowest, highest = SCALES.get(kinds[item.question], (None, None))
        row = {"question": item.question, "kind": kinds[item.question], "scale_min": lowest, "scale_max": highest}
        rows.append({"answer_id": answer.id, **row, "value": item.number, "choices": list(item.choices or ())})
    await work.insert_many(tables.QuestionScore, [{"id": uuid7(), **row} for row in rows])


def _scores(opened: OpenedSurvey, items: Sequence[AnswerItem]) -> list[AnsweredScore]:
    """Return the scores among answers, with their scales."""
    kinds = _kinds(opened)
    return [
        AnsweredScore(
            question=item.question,
            kind=kinds[item.question],
            scale_min=SCALES[kinds[item.question]][0],
            scale_max=SCALES[kinds[item.question]][1],
            score=item.number,
            category=category(kinds[item.question], item.number),
        )
        for item in items
        if item.number is not None
    ]


def _kinds(opened: OpenedSurvey) -> dict[str, QuestionKind]:
    return {question["key"]: question["kind"] for question in opened.version.questions}


def _has_detractor(scores: Sequence[AnsweredScore]) -> bool:
    return any(score.category == "detractor" for score in scores)


def _detractor(work: UnitOfWork, answer: tables.SurveyAnswer, scores: Sequence[AnsweredScore]) -> DetractorDetected:
    return DetractorDetected.from_row(answer, answer_id=answer.id, scores=scores, detected_at=work.now)


_COUNT_SINCE = Query(int, "select count(*) from survey_answer where link_id = :link_id and answered_at > :since")
_DELETE_ITEMS = Command("delete from question_score where answer_id = :answer_id")
