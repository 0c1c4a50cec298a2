"""The rules of surveys: answers, triggers, figures."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.types.ids import uuid7
from services.interactions.feedback.rules import results, surveys, triggers
from services.interactions.feedback.rules.surveys import AnswerItem, QuestionDocument
from services.interactions.feedback.rules.texts import PAGE_TEXTS, choose_language

SCORES = st.lists(st.integers(0, 10), max_size=200)


def a_question(key: str, kind: Any, *choices: str, required: bool = False) -> QuestionDocument:
    return {
        "key": key,
        "kind": kind,
        "text": key,
        "translations": [],
        "required": required,
        "choices": [{"key": choice, "text": choice, "translations": []} for choice in choices],
    }


QUESTIONS = [
    a_question("nps", "nps", required=True),
    a_question("csat", "csat"),
    a_question("ces", "ces"),
    a_question("one", "single", "a", "b"),
    a_question("some", "multiple", "a", "b"),
    a_question("text", "text"),
]
NPS = AnswerItem("nps", number=9)


def test_the_golden_case_has_a_score_of_minus_ten() -> None:
    nps = results.net_promoter_score(Counter([9, 9, 10, 7, 7, 8, 0, 3, 6, 6]))
    assert (nps.promoters, nps.passives, nps.detractors, nps.score) == (3, 3, 4, Decimal("-10.0"))


def test_without_answers_there_is_no_figure() -> None:
    nps = results.net_promoter_score({})
    assert (nps.score, nps.lower, nps.upper) == (None, None, None)
    assert (results.satisfied_percent({}), results.easy_percent({}), results.mean({})) == (None, None, None)


def test_the_interval_is_the_adjusted_wald_interval() -> None:
    # n = 10, 3 promoters and 4 detractors: (3.75 - 4.75) / 13 +- 1.96 * sqrt((8.5 / 13 - (1 / 13)^2) / 13)
    nps = results.net_promoter_score(Counter([9, 9, 10, 7, 7, 8, 0, 3, 6, 6]))
    assert (nps.lower, nps.upper) == (Decimal("-51.4"), Decimal("36.1"))


@pytest.mark.parametrize(
    ("value", "decimals", "expected"),
    [("62.25", 1, "62.3"), ("2.5", 0, "3"), ("-2.5", 0, "-3"), ("-0.04", 1, "0.0"), ("0.049", 1, "0.0")],
)
def test_figures_are_rounded_half_up(value: str, decimals: int, expected: str) -> None:
    assert str(results.rounded(Decimal(value), decimals)) == expected


def test_shares_count_the_upper_scores() -> None:
    assert results.satisfied_percent(Counter([1, 2, 3, 4, 5, 5, 4, 4])) == Decimal("62.5")
    assert results.easy_percent(Counter([1, 4, 5, 6, 7, 7])) == Decimal("66.7")
    assert results.mean(Counter([1, 2, 2])) == Decimal("1.67")


@given(SCORES)
def test_the_groups_add_up_and_the_score_is_within_its_interval(scores: list[int]) -> None:
    nps = results.net_promoter_score(Counter(scores))
    assert nps.promoters + nps.passives + nps.detractors == len(scores)
    if scores:
        assert nps.score is not None
        assert nps.lower is not None
        assert nps.upper is not None
        assert -100 <= nps.lower <= nps.upper <= 100
        assert -100 <= nps.score <= 100


@given(SCORES, st.randoms())
def test_figures_do_not_depend_on_the_order_or_on_merging_counts(scores: list[int], random: Any) -> None:
    shuffled = list(scores)
    random.shuffle(shuffled)
    half = len(scores) // 2
    merged = Counter(scores[:half]) + Counter(scores[half:])
    assert results.net_promoter_score(Counter(shuffled)) == results.net_promoter_score(merged)
    assert results.mean(Counter(shuffled)) == results.mean(merged)


@pytest.mark.parametrize(
    ("item", "path", "code"),
    [
        (AnswerItem("nps", number=11), (0, "number"), "too_large"),
        (AnswerItem("nps", number=-1), (0, "number"), "too_small"),
        (AnswerItem("csat", number=0), (0, "number"), "too_small"),
        (AnswerItem("csat", number=6), (0, "number"), "too_large"),
        (AnswerItem("ces", number=8), (0, "number"), "too_large"),
        (AnswerItem("ces", text="7"), (0,), "wrong_answer"),
        (AnswerItem("nps"), (0,), "wrong_answer"),
        (AnswerItem("nps", number=1, text="b"), (0,), "wrong_answer"),
        (AnswerItem("one", choices=("a", "b")), (0, "choices"), "wrong_answer"),
        (AnswerItem("one", choices=()), (0, "choices"), "wrong_answer"),
        (AnswerItem("some", choices=("a", "c")), (0, "choices", 1), "not_one_of"),
        (AnswerItem("some", choices=("a", "a")), (0, "choices", 1), "repeated_choice"),
        (AnswerItem("text", text="x" * 4_001), (0, "text"), "wrong_answer"),
        (AnswerItem("other", number=1), (0, "question"), "not_one_of"),
        (AnswerItem("csat", number=3), (), "required"),
    ],
)
def test_an_impossible_answer_is_refused_where_it_is(item: AnswerItem, path: Any, code: str) -> None:
    with pytest.raises(surveys.InvalidAnswer) as refused:
        surveys.check_answers(QUESTIONS, [item])
    assert (refused.value.path, refused.value.code) == (path, code)


def test_a_question_is_answered_once() -> None:
    with pytest.raises(surveys.InvalidAnswer) as refused:
        surveys.check_answers(QUESTIONS, [NPS, NPS])
    assert (refused.value.path, refused.value.code) == ((1, "question"), "repeated_question")


def test_answers_are_put_in_the_order_of_the_survey() -> None:
    sent = [AnswerItem("some", choices=("b", "a")), NPS]
    assert surveys.check_answers(QUESTIONS, sent) == [NPS, AnswerItem("some", choices=("a", "b"))]


@pytest.mark.parametrize(
    ("kind", "number", "expected"),
    [
        *[("nps", number, "detractor") for number in range(7)],
        *[("nps", number, "passive") for number in (7, 8)],
        *[("nps", number, "promoter") for number in (9, 10)],
        *[("csat", number, "detractor") for number in (1, 2)],
        ("csat", 3, None),
        ("ces", 1, None),
    ],
)
def test_scores_have_categories(kind: str, number: int, expected: str | None) -> None:
    assert surveys.category(kind, number) == expected


def a_trigger(*conditions: tuple[str, list[str]]) -> triggers.TriggerDocument:
    return {
        "event": "purchase_recorded",
        "conditions": [{"fact": fact, "one_of": values} for fact, values in conditions],
        "delay_minutes": 0,
        "sample_percent": 100,
        "channel": "email",
    }


def test_a_trigger_applies_if_all_conditions_hold() -> None:
    facts = {"store": "Amsterdam", "channel": None}
    assert triggers.applies(a_trigger(), facts)
    assert triggers.applies(a_trigger(("store", ["Utrecht", "Amsterdam"])), facts)
    assert not triggers.applies(a_trigger(("store", ["Utrecht"])), facts)
    assert not triggers.applies(a_trigger(("store", ["Amsterdam"]), ("channel", ["web"])), facts)


@given(st.uuids(), st.uuids(), st.integers(1, 100))
def test_a_sample_is_decided_once_and_larger_samples_contain_smaller_ones(a: UUID, b: UUID, percent: int) -> None:
    is_sampled = triggers.is_sampled(a, b, percent)
    assert triggers.is_sampled(a, b, percent) is is_sampled
    assert triggers.is_sampled(a, b, 100)
    assert triggers.is_sampled(a, b, min(100, percent + 1)) or not is_sampled


def test_a_sample_has_about_its_size() -> None:
    survey = uuid7()
    assert 2_700 < sum(triggers.is_sampled(survey, uuid7(), 30) for _ in range(10_000)) < 3_300


def test_what_happened_long_ago_invites_no_one() -> None:
    now = datetime(2026, 3, 31, tzinfo=UTC)
    assert triggers.is_recent(now - timedelta(days=29), now)
    assert not triggers.is_recent(now - timedelta(days=30), now)


@pytest.mark.parametrize(
    ("accepted", "expected"),
    [
        ("nl-BE,nl;q=0.9,en;q=0.8", "nl"),
        ("fr;q=0.1,de;q=0.9", "de"),
        ("ja", "en"),
        ("", "en"),
        ("de;q=x, nl", "nl"),
        ("fr", "en"),
    ],
)
def test_the_language_is_one_that_the_survey_has(accepted: str, expected: str) -> None:
    assert choose_language(accepted, ["en", "nl", "de"], "en") == expected


def test_every_language_has_every_text() -> None:
    for texts in PAGE_TEXTS.values():
        assert set(texts.scales) == set(surveys.SCALES)
        assert "{company}" in texts.intro
        assert "{time}" in texts.editable
