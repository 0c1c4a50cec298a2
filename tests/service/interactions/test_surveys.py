"""Surveys: versions that never change, and figures over all answers."""

import asyncio
from datetime import timedelta

import pytest

from chassis.types.ids import uuid7
from tests.support.service import ServiceUnderTest
from tests.support.surveys import (
    CES,
    COMMENT,
    CSAT,
    GOODS,
    NPS,
    REASON,
    a_live_survey,
    a_survey,
    answer,
    answered,
    invited,
    results,
)


async def test_the_golden_answers_have_a_score_of_minus_ten(interactions: ServiceUnderTest) -> None:
    survey = await a_live_survey(interactions)
    assert (await results(interactions, survey, "recommend"))["nps"]["score"] is None
    for score in (9, 9, 10, 7, 7, 8, 0, 3, 6, 6):
        await answered(interactions, survey, recommend=score)
    result = await results(interactions, survey, "recommend")
    assert result["nps"] == {
        "promoters": 3,
        "passives": 3,
        "detractors": 4,
        "score": "-10.0",
        "lower": "-51.4",
        "upper": "36.1",
    }
    assert (result["n"], result["is_small"], result["scale_min"], result["scale_max"]) == (10, True, 0, 10)
    assert result["scores"][:2] == [{"score": 0, "n": 1}, {"score": 3, "n": 1}]


async def test_a_question_without_an_answer_is_in_no_figure_of_it(interactions: ServiceUnderTest) -> None:
    survey = await a_live_survey(interactions, NPS, CSAT, CES, REASON, GOODS, COMMENT)
    await answered(interactions, survey, recommend=10, satisfied=4, easy=5, reason=["price"])
    await answered(interactions, survey, satisfied=3, easy=2, goods=["service", "price"], comment="Fine.")
    await answered(interactions, survey, comment="Good.", goods=["price"])
    body = (await interactions.get(f"{survey}/results")).json()
    by_key = {each["question"]: each for each in body["questions"]}
    assert body["answers"] == 3
    assert {key: each["n"] for key, each in by_key.items()} == {
        "recommend": 1,
        "satisfied": 2,
        "easy": 2,
        "reason": 1,
        "goods": 2,
        "comment": 2,
    }
    assert by_key["recommend"]["nps"]["score"] == "100.0"
    assert by_key["satisfied"]["csat"] == {"satisfied_percent": "50.0"}
    assert by_key["easy"]["ces"] == {"mean": "3.50", "easy_percent": "50.0"}
    assert by_key["goods"]["choices"] == [{"choice": "price", "n": 2}, {"choice": "service", "n": 1}]


async def test_results_are_filtered_by_store_employee_and_time(interactions: ServiceUnderTest) -> None:
    survey = await a_live_survey(interactions)
    for store, agent, score in (("Amsterdam", "ada", 10), ("Utrecht", "ada", 9), ("Utrecht", "bob", 0)):
        invitation = await invited(interactions, survey, store=store, agent_id=agent)
        await answer(interactions, invitation["path"], recommend=score)
    for filters, n in (
        ({"store": "Utrecht"}, 2),
        ({"agent_id": "ada"}, 2),
        ({"store": "Utrecht", "agent_id": "bob"}, 1),
    ):
        assert (await results(interactions, survey, "recommend", **filters))["n"] == n
    yesterday = (interactions.tenant.now() - timedelta(days=1)).isoformat()
    assert (await results(interactions, survey, "recommend", **{"answered_at.lt": yesterday}))["n"] == 0
    assert (await results(interactions, survey, "recommend", **{"answered_at.gte": yesterday}))["n"] == 3


async def test_a_published_version_stays_and_answers_keep_theirs(interactions: ServiceUnderTest) -> None:
    # given an answer to the first version, and a link to it
    survey = await a_live_survey(interactions)
    await answered(interactions, survey, recommend=9, comment="First.")
    sent = await invited(interactions, survey)

    # when another question is published
    changed = await interactions.patch(survey, {"questions": [CSAT, NPS], "name": "After your call"})
    assert (changed.json()["published_number"], changed.json()["state"]) == (1, "live")
    published = await interactions.request("POST", f"{survey}/publish")
    again = await interactions.request("POST", f"{survey}/publish")
    assert published.json()["published_number"] == again.json()["published_number"] == 2

    # then new invitations ask it, and what was sent before does not
    later = await invited(interactions, survey)
    assert (sent["version_number"], later["version_number"]) == (1, 2)
    keys = [[q["key"] for q in (await interactions.get(each["path"])).json()["questions"]] for each in (sent, later)]
    assert keys == [["recommend", "comment"], ["satisfied", "recommend"]]
    assert (await answer(interactions, sent["path"], satisfied=1)).status_code == 422
    assert (await answer(interactions, later["path"], satisfied=5, recommend=0)).status_code == 200
    versions = (await interactions.get(f"{survey}/versions")).json()["items"]
    assert [(each["number"], each["name"]) for each in versions] == [(1, "After your visit"), (2, "After your call")]
    stored = (await interactions.get(f"{survey}/answers")).json()["items"]
    assert [each["version_number"] for each in stored] == [2, 1]
    assert [each["text"] for each in stored[1]["answers"]] == [None, "First."]
    assert (await results(interactions, survey, "recommend"))["n"] == 2
    assert (await results(interactions, survey, "comment"))["n"] == 1


async def test_scores_of_another_scale_are_never_mixed(interactions: ServiceUnderTest) -> None:
    survey = await a_live_survey(interactions, {**CES, "key": "rating"})
    await answered(interactions, survey, rating=7)
    await interactions.patch(survey, {"questions": [{**CSAT, "key": "rating"}]})
    await interactions.request("POST", f"{survey}/publish")
    await answered(interactions, survey, rating=5)
    questions = (await interactions.get(f"{survey}/results")).json()["questions"]
    assert [(each["kind"], each["n"], each["scale_max"]) for each in questions] == [("csat", 1, 5), ("ces", 1, 7)]


async def test_an_ended_survey_takes_nothing_any_more(interactions: ServiceUnderTest) -> None:
    survey = await a_live_survey(interactions)
    invitation = await invited(interactions, survey)
    queued = await invited(interactions, survey, delivery="message")
    for _ in range(2):
        assert (await interactions.request("POST", f"{survey}/end")).json()["state"] == "ended"
    for response in (
        await interactions.patch(survey, {"name": "Other"}),
        await interactions.request("POST", f"{survey}/publish"),
        await interactions.post(
            "/v1/survey-invitations", {"survey_id": survey.rpartition("/")[2], "customer_id": str(uuid7())}
        ),
    ):
        assert (response.status_code, response.json()["code"]) == (409, "survey_not_in_state")
    closed = await answer(interactions, invitation["path"], recommend=9)
    assert (closed.status_code, closed.json()["code"]) == (410, "survey_closed")
    await interactions.run_periodic_tasks()
    waiting = (await interactions.get(f"/v1/survey-invitations/{queued['id']}")).json()
    assert (waiting["state"], waiting["reason"]) == ("suppressed", "survey_ended")


async def test_a_draft_cannot_be_sent_or_ended(interactions: ServiceUnderTest) -> None:
    draft = (await interactions.post("/v1/surveys", a_survey())).json()["id"]
    body = {"survey_id": draft, "customer_id": str(uuid7())}
    assert (await interactions.post("/v1/survey-invitations", body)).json()["code"] == "survey_not_in_state"
    assert (await interactions.request("POST", f"/v1/surveys/{draft}/end")).json()["code"] == "survey_not_in_state"
    unknown = await interactions.post("/v1/survey-invitations", body | {"survey_id": str(uuid7())})
    assert unknown.json()["errors"][0] == unknown.json()["errors"][0] | {
        "pointer": "/survey_id",
        "code": "unknown_record",
    }


@pytest.mark.parametrize(
    ("fields", "pointer", "code"),
    [
        ({"questions": []}, "/questions", "too_few_items"),
        ({"questions": [NPS, NPS]}, "/questions", "repeated_question"),
        ({"questions": [{**NPS, "key": "No"}]}, "/questions/0/key", "wrong_format"),
        ({"questions": [{**NPS, "kind": "stars"}]}, "/questions/0/kind", "not_one_of"),
        ({"questions": [{**NPS, "choices": REASON["choices"]}]}, "/questions/0", "no_choices"),
        ({"questions": [{**REASON, "choices": []}]}, "/questions/0", "no_choices"),
        ({"questions": [{**REASON, "choices": [{"key": "a", "text": "A"}] * 2}]}, "/questions/0", "repeated_choice"),
        (
            {"triggers": [{"event": "purchase_recorded", "conditions": [{"fact": "status", "one_of": ["paid"]}]}]},
            "/triggers/0",
            "unknown_fact",
        ),
        (
            {"triggers": [{"event": "purchase_recorded", "sample_percent": 0}]},
            "/triggers/0/sample_percent",
            "too_small",
        ),
        ({"edit_minutes": -1}, "/edit_minutes", "too_small"),
    ],
)
async def test_an_impossible_survey_is_refused(
    interactions: ServiceUnderTest, fields: dict[str, object], pointer: str, code: str
) -> None:
    response = await interactions.post(
        "/v1/surveys", a_survey(**fields) if "questions" not in fields else {"name": "A", **fields}
    )
    assert response.status_code == 422, response.text
    assert [(error["pointer"], error["code"]) for error in response.json()["errors"]] == [(pointer, code)]


async def test_a_stale_change_is_refused(interactions: ServiceUnderTest) -> None:
    survey = await a_live_survey(interactions)
    stale = await interactions.patch(survey, {"edit_minutes": 5}, if_match='"1"')
    assert stale.status_code == 412
    settings = await interactions.get("/v1/survey-settings")
    assert (settings.json()["quarantine_days"], settings.headers["etag"]) == (0, '"0"')
    assert (await interactions.patch("/v1/survey-settings", {"quarantine_days": 3}, if_match='"0"')).status_code == 200
    assert (await interactions.patch("/v1/survey-settings", {"quarantine_days": 4}, if_match='"0"')).status_code == 412


async def test_concurrent_publications_are_one_version(interactions: ServiceUnderTest) -> None:
    survey = f"/v1/surveys/{(await interactions.post('/v1/surveys', a_survey())).json()['id']}"
    responses = await asyncio.gather(*(interactions.request("POST", f"{survey}/publish") for _ in range(4)))
    assert {response.json()["published_number"] for response in responses} == {1}
