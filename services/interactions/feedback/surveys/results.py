"""The figures of a survey. Only given answers count: a question that was left out is in no figure of it."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from typing import Annotated
from uuid import UUID

from fastapi import Depends
from fastapi import Query as Parameter
from pydantic import Field

from chassis import Feature, Filter, Line, Query, Reference, Resource, TimeRange, Work, equals, time_range
from services.interactions.feedback import tables
from services.interactions.feedback.rules import results as rules
from services.interactions.feedback.rules.surveys import SCALES, QuestionKind

feature = Feature("surveys")
Figure = Annotated[str, Field(pattern=r"^-?[0-9]{1,3}\.[0-9]{1,2}$", examples=["42.9"])]


class ScoreCount(Resource):
    """How often a score was given."""

    score: int
    """The score."""
    n: int
    """The number of answers."""


class ChoiceCount(Resource):
    """How often a choice was made."""

    choice: str
    """The key of the choice."""
    n: int
    """The number of answers."""


class NpsResult(Resource):
    """The Net Promoter Score: 100 x (promoters - detractors) / n, from -100 to 100."""

    promoters: int
    """Scores of 9 and 10."""
    passives: int
    """Scores of 7 and 8."""
    detractors: int
    """Scores from 0 to 6."""
    score: Figure | None
    """The score, or null without answers."""
    lower: Figure | None
    """The lower end of the 95 % interval (adjusted Wald), or null."""
    upper: Figure | None
    """The upper end of the 95 % interval, or null."""


class CsatResult(Resource):
    """Customer satisfaction."""

    satisfied_percent: Figure | None
    """The percentage of scores of 4 and 5 on the scale from 1 to 5, or null without answers."""


class CesResult(Resource):
    """Customer effort."""

    mean: Figure | None
    """The mean score on the scale from 1 to 7, or null without answers."""
    easy_percent: Figure | None
    """The percentage of scores from 5 to 7, or null without answers."""


class QuestionResult(Resource):
    """The figures of a question. A question that had another kind in an earlier version has a result for each."""

    question: str
    """The key of the question."""
    kind: QuestionKind
    """The kind of question."""
    scale_min: int | None
    """The lowest score of the scale, or null for a question without scores."""
    scale_max: int | None
    """The highest score of the scale, or null for a question without scores."""
    n: int
    """The number of answers to this question."""
    is_small: bool
    """True below 30 answers: the figures say little."""
    scores: list[ScoreCount]
    """The answers by score, lowest first."""
    choices: list[ChoiceCount]
    """The answers by choice, most frequent first."""
    nps: NpsResult | None
    """The figures of a question of the kind `nps`."""
    csat: CsatResult | None
    """The figures of a question of the kind `csat`."""
    ces: CesResult | None
    """The figures of a question of the kind `ces`."""


class SurveyResults(Resource):
    """The figures of a survey."""

    survey_id: UUID
    """The survey."""
    answers: int
    """The number of persons that answered."""
    questions: list[QuestionResult]
    """The figures of each question: those of the published version in their order, then those of earlier versions."""


@dataclass(frozen=True, slots=True)
class ScoreGroup:
    """The number of equal answers to a question."""

    question: str
    kind: QuestionKind
    scale_min: int | None
    scale_max: int | None
    value: int | None
    choices: list[str]
    n: int


@feature.get("/surveys/{id:uuid}/results", scope="interactions:read", expensive=True)
async def read_survey_results(
    work: Work,
    id: UUID,
    answered_at: Annotated[TimeRange, Depends(time_range("answered_at"))],
    store: Annotated[Line | None, Parameter(description="Only answers about this store.")] = None,
    agent_id: Annotated[Reference | None, Parameter(description="Only answers about this employee.")] = None,
) -> SurveyResults:
    """Return the figures of a survey over all its versions, with the number of answers behind each."""
    survey = await work.get(tables.Survey, id)
    where: list[Filter] = [*equals(survey_id=id, store=store, agent_id=agent_id), *answered_at.filters]
    (answers,) = await work.select(_COUNT.where(where))
    groups = await work.select(_GROUPS.where(where))
    version = await work.find(tables.SurveyVersion, survey_id=id, number=survey.published_number)
    present = [(each["key"], each["kind"]) for each in (version.questions if version else survey.questions)]
    by_question = {key: list(rows) for key, rows in groupby(groups, key=lambda row: (row.question, row.kind))}
    keys = [*present, *(key for key in by_question if key not in present)]
    results = [_result(question, kind, by_question.get((question, kind), [])) for question, kind in keys]
    return SurveyResults(survey_id=id, answers=answers, questions=results)


def _result(question: str, kind: QuestionKind, groups: list[ScoreGroup]) -> QuestionResult:
    scale = SCALES.get(kind, (None, None))
    counts = {row.value: row.n for row in groups if row.value is not None}
    n = sum(row.n for row in groups)
    return QuestionResult(
        question=question,
        kind=kind,
        scale_min=scale[0],
        scale_max=scale[1],
        n=n,
        is_small=n < rules.FEW,
        scores=[ScoreCount(score=score, n=counts[score]) for score in sorted(counts)],
        choices=_choices(groups),
        nps=_nps(counts) if kind == "nps" else None,
        csat=CsatResult(satisfied_percent=_text(rules.satisfied_percent(counts))) if kind == "csat" else None,
        ces=_ces(counts) if kind == "ces" else None,
    )


def _nps(counts: rules.Counts) -> NpsResult:
    nps = rules.net_promoter_score(counts)
    return NpsResult(
        promoters=nps.promoters,
        passives=nps.passives,
        detractors=nps.detractors,
        score=_text(nps.score),
        lower=_text(nps.lower),
        upper=_text(nps.upper),
    )


def _ces(counts: rules.Counts) -> CesResult:
    return CesResult(mean=_text(rules.mean(counts)), easy_percent=_text(rules.easy_percent(counts)))


def _choices(groups: Iterable[ScoreGroup]) -> list[ChoiceCount]:
    counts: Counter[str] = Counter()
    for group in groups:
        counts.update(dict.fromkeys(group.choices, group.n))
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [ChoiceCount(choice=choice, n=n) for choice, n in ordered]


def _text(figure: Decimal | None) -> str | None:
    return None if figure is None else format(figure, "f")


_COUNT = Query(int, "select count(*) from survey_answer where {where}")
_GROUPS = Query(
    ScoreGroup,
    """
    select question, kind, scale_min, scale_max, value, choices, count(*) as n
    from question_score join survey_answer on survey_answer.id = answer_id
    where {where}
    group by question, kind, scale_min, scale_max, value, choices
    order by question, kind, scale_min, scale_max, value, choices
    """,
)
