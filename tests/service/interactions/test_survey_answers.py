"""Survey answers: what a link opens, as JSON and as a page, and what every other token gets."""

import asyncio
import re
from datetime import timedelta
from html.parser import HTMLParser
from typing import Any

import httpx
import pytest

from chassis.types.ids import uuid7
from tests.support.service import ServiceUnderTest, a_tenant
from tests.support.surveys import (
    COMMENT,
    CSAT,
    GOODS,
    HTML,
    NPS,
    REASON,
    a_live_survey,
    answer,
    answered,
    invited,
    results,
)

EVENTS = (
    "interactions.survey_answered.v1",
    "interactions.survey_answer_amended.v1",
    "interactions.detractor_detected.v1",
)


class Parsed(HTMLParser):
    """A page: the fields of its form, those that are checked, its ids, and every address that it loads."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.fields: list[tuple[str, str, str]] = []
        self.checked: list[tuple[str, str]] = []
        self.forms: list[dict[str, Any]] = []
        self.loaded: list[str] = []
        self.ids: list[str] = []
        self.language = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        found: dict[str, Any] = dict(attributes)
        if tag == "form":
            self.forms.append(found)
        if tag in ("input", "textarea"):
            self.fields.append((found["name"], found.get("type", tag), found.get("value") or ""))
        if "checked" in found:
            self.checked.append((found["name"], found["value"]))
        if tag == "html":
            self.language = found["lang"]
        if "id" in found:
            self.ids.append(found["id"])
        self.loaded += [str(found[name]) for name in ("src", "href") if name in found]


async def events(service: ServiceUnderTest) -> list[tuple[str, Any]]:
    """Take the events of answers out of the outbox: their types, and the scores in them."""
    published = await service.published()
    return [
        (event.type.split(".")[1], [score["score"] for score in event.data["scores"]])
        for event in published
        if event.type in EVENTS
    ]


async def submit(service: ServiceUnderTest, link: str, fields: Any, **headers: str) -> httpx.Response:
    return await service.request("POST", link, data=fields, headers=HTML | headers)


async def open_link(service: ServiceUnderTest, survey: str, **fields: Any) -> str:
    body = {"survey_id": survey.rpartition("/")[2], "store": "Amsterdam", **fields}
    created = await service.post("/v1/survey-links", body)
    assert created.status_code == 201, created.text
    return str(created.json()["path"])


async def test_a_link_shows_the_survey_and_nothing_of_the_customer(interactions: ServiceUnderTest) -> None:
    survey, customer = await a_live_survey(interactions), uuid7()
    invitation = await invited(interactions, survey, customer, agent_id="agent-7")
    shown = await interactions.get(invitation["path"])
    page = await interactions.request("GET", invitation["path"], headers=HTML)
    for text in (shown.text, page.text):
        assert not re.search(f"{customer}|{invitation['id']}|agent-7", text)
    assert shown.json() == shown.json() | {"state": "open", "answers": [], "editable_until": None, "language": "en"}
    scored, written = shown.json()["questions"]
    assert (scored["scale_min"], scored["scale_max"], written["scale_min"]) == (0, 10, None)


async def test_a_double_submit_within_a_second_is_one_answer(interactions: ServiceUnderTest) -> None:
    survey = await a_live_survey(interactions)
    invitation = await invited(interactions, survey)
    responses = await asyncio.gather(
        *(answer(interactions, invitation["path"], recommend=9, comment="Fine.") for _ in range(5))
    )
    assert {response.status_code for response in responses} == {200}
    assert await events(interactions) == [("survey_answered", [9])]
    assert len((await interactions.get(f"{survey}/answers")).json()["items"]) == 1


async def test_an_answer_can_be_changed_until_it_is_locked(interactions: ServiceUnderTest) -> None:
    # given an answer
    survey = await a_live_survey(interactions, edit_minutes=10)
    link = (await answered(interactions, survey, recommend=9, comment="Fine."))["path"]
    shown = (await interactions.get(link)).json()
    assert (shown["state"], [each["question"] for each in shown["answers"]]) == ("answered", ["recommend", "comment"])

    # when it is changed within the time
    assert (await answer(interactions, link, recommend=8)).json()["answers"][0]["number"] == 8
    assert await events(interactions) == [("survey_answered", [9]), ("survey_answer_amended", [8])]
    assert (await results(interactions, survey, "recommend"))["scores"] == [{"score": 8, "n": 1}]
    assert (await results(interactions, survey, "comment"))["n"] == 0

    # then it is locked after it, and only a repeat is accepted
    await interactions.rows("update survey_answer set editable_until = $1", interactions.tenant.now())
    late = await answer(interactions, link, recommend=0)
    assert (late.status_code, late.json()["code"]) == (409, "answers_locked")
    assert (await answer(interactions, link, recommend=8)).status_code == 200
    locked = (await interactions.get(link)).json()
    assert (locked["state"], locked["answers"]) == ("locked", [])
    assert await events(interactions) == []


async def test_without_a_time_for_changes_an_answer_is_final(interactions: ServiceUnderTest) -> None:
    survey = await a_live_survey(interactions, edit_minutes=0)
    link = (await answered(interactions, survey, recommend=9))["path"]
    assert (await answer(interactions, link, recommend=8)).json()["code"] == "answers_locked"


@pytest.mark.parametrize(
    ("answers", "pointer", "code"),
    [
        ([{"question": "recommend", "number": 11}], "/answers/0/number", "too_large"),
        (
            [{"question": "comment", "text": "A"}, {"question": "recommend", "number": -1}],
            "/answers/1/number",
            "too_small",
        ),
        ([{"question": "recommend", "number": "9"}], "/answers/0/number", "wrong_type"),
        ([{"question": "recommend", "number": 9.5}], "/answers/0/number", "wrong_type"),
        ([{"question": "recommend", "number": True}], "/answers/0/number", "wrong_type"),
        ([{"question": "recommend", "text": "9"}], "/answers/0", "wrong_answer"),
        ([{"question": "other", "number": 1}], "/answers/0/question", "not_one_of"),
        ([{"question": "comment", "text": "x" * 4_001}], "/answers/0/text", "too_long"),
        ([], "/answers", "required"),
    ],
)
async def test_an_answer_out_of_scale_is_refused_where_it_is(
    interactions: ServiceUnderTest, answers: Any, pointer: str, code: str
) -> None:
    survey = await a_live_survey(interactions, {**NPS, "required": True}, COMMENT)
    invitation = await invited(interactions, survey)
    refused = await interactions.put(invitation["path"], {"answers": answers})
    assert refused.status_code == 422, refused.text
    assert [(error["pointer"], error["code"]) for error in refused.json()["errors"]] == [(pointer, code)]
    assert await events(interactions) == []


async def test_a_detractor_is_detected_once(interactions: ServiceUnderTest) -> None:
    survey = await a_live_survey(interactions, NPS, CSAT)
    link = (await answered(interactions, survey, recommend=9))["path"]
    for score in (6, 10, 0):
        await answer(interactions, link, recommend=score)
    types = [type for type, _ in await events(interactions)]
    assert types.count("detractor_detected") == 1
    assert types[:3] == ["survey_answered", "survey_answer_amended", "detractor_detected"]
    await answered(interactions, survey, satisfied=2)
    assert [type for type, _ in await events(interactions)] == ["survey_answered", "detractor_detected"]
    await answered(interactions, survey, satisfied=3, recommend=7)
    assert [type for type, _ in await events(interactions)] == ["survey_answered"]


@pytest.mark.parametrize(("opens_cases", "cases"), [(True, 1), (False, 0)])
async def test_a_detractor_opens_a_case_once(interactions: ServiceUnderTest, opens_cases: bool, cases: int) -> None:
    survey, customer = await a_live_survey(interactions, NPS, opens_cases=opens_cases), uuid7()
    link = (await answered(interactions, survey, customer, recommend=9))["path"]
    for score in (6, 10, 0):
        await answer(interactions, link, recommend=score)
    opened = (await interactions.get("/v1/cases", customer_id=str(customer))).json()["items"]
    assert [(case["subject"], case["priority"]) for case in opened] == [
        ("Follow up on the answer to After your visit", "high")
    ] * cases


async def test_every_other_token_gets_the_same_response(interactions: ServiceUnderTest) -> None:
    survey = await a_live_survey(interactions)
    link = (await invited(interactions, survey))["path"]
    revoked = await open_link(interactions, survey)
    (listed,) = (await interactions.get("/v1/survey-links")).json()["items"]
    assert "path" not in listed
    for _ in range(2):
        assert (await interactions.request("DELETE", f"/v1/survey-links/{listed['id']}")).status_code == 204
    guessed = link[:-4] + ("AAAA" if not link.endswith("AAAA") else "BBBB")
    links = [guessed, revoked, "/v1/survey-answers/5-5-5", f"/v1/survey-answers/{uuid7()}"]
    for headers in ({}, HTML):
        for method, options in (
            ("GET", {}),
            ("POST", {"data": {"q.recommend": "9"}}),
            ("PUT", {"json": {"answers": [{"question": "recommend", "number": 9}]}}),
        ):
            responses = [await interactions.request(method, one, headers=headers, **options) for one in links]
            texts = {
                re.sub('"(instance|trace_id)":"[^"]*"', "", response.text).replace(one.rpartition("/")[2], "")
                for response, one in zip(responses, links, strict=True)
            }
            assert {response.status_code for response in responses} == {404}
            assert len(texts) == 1
    assert await events(interactions) == []
    assert (await (await interactions.for_new_tenant()).get(link)).status_code == 404


async def test_the_page_works_without_scripts(interactions: ServiceUnderTest) -> None:
    # given a survey with every kind of question, also in Dutch
    dutch = {**NPS, "required": True, "translations": [{"language": "nl", "text": "Beveelt u ons aan?"}]}
    survey = await a_live_survey(interactions, dutch, REASON, GOODS, COMMENT)
    link = (await invited(interactions, survey))["path"]

    # when a Dutch browser opens it
    response = await interactions.request("GET", link, headers=HTML | {"accept-language": "nl-BE"})
    page = Parsed(response.text)

    # then it loads nothing, and does not repeat its address
    assert (page.language, page.loaded, page.forms) == ("nl", [], [{"method": "post"}])
    assert "Beveelt u ons aan?" in response.text
    assert "<script" not in response.text
    assert link.rpartition("/")[2] not in response.text
    policy = response.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert [kind for name, kind, _ in page.fields if name == "q.recommend"] == ["radio"] * 11
    assert {(name, kind) for name, kind, _ in page.fields} >= {
        ("q.reason", "radio"),
        ("q.goods", "checkbox"),
        ("q.comment", "textarea"),
    }
    assert response.text.count("<legend>") == 4

    # when its form is sent
    fields = {
        "q.recommend": "9",
        "q.goods": ["price", "service"],
        "q.comment": "Good <b>tea</b>\r\nand cake",
        "q.other": "x",
    }
    sent = await submit(interactions, link, fields)
    assert sent.status_code == 200
    assert 'role="status"' in sent.text
    assert "&lt;b&gt;tea" in sent.text
    assert Parsed(sent.text).checked == [("q.recommend", "9"), ("q.goods", "price"), ("q.goods", "service")]
    shown = (await interactions.get(link)).json()["answers"]
    assert [each["text"] for each in shown if each["text"]] == ["Good <b>tea</b>\nand cake"]
    await interactions.rows("update survey_answer set editable_until = $1", interactions.tenant.now())
    locked = await submit(interactions, link, {"q.recommend": "0"})
    assert (locked.status_code, Parsed(locked.text).forms) == (200, [])
    assert (await results(interactions, survey, "recommend"))["nps"]["promoters"] == 1


async def test_the_page_shows_a_refused_form_again(interactions: ServiceUnderTest) -> None:
    survey = await a_live_survey(interactions, {**NPS, "required": True}, COMMENT)
    link = (await invited(interactions, survey))["path"]
    missing = await submit(interactions, link, {"q.comment": "Hello", "q.recommend": " "})
    assert (missing.status_code, 'role="alert"' in missing.text, "Hello" in missing.text) == (422, True, True)
    for wrong in ("11", "-1", "nine", "9" * 50):
        refused = await submit(interactions, link, {"q.recommend": wrong})
        page = Parsed(refused.text)
        assert (refused.status_code, page.loaded) == (422, ["#q.recommend"])
        assert "q.recommend" in page.ids
    plain = await interactions.request("POST", link, data={"q.recommend": "11"})
    assert plain.json()["errors"][0]["pointer"] == "/answers/0/number"
    assert await events(interactions) == []


async def test_texts_of_a_tenant_cannot_change_the_page(interactions: ServiceUnderTest) -> None:
    shop = interactions.for_tenant(a_tenant(name="<b>Tea & {co}</b>"))
    evil = '"><script>alert(1)</script>{company}'
    choices = [{"key": "a", "text": evil}, {"key": "b", "text": "B"}]
    survey = await a_live_survey(shop, {**COMMENT, "text": evil}, {**REASON, "choices": choices}, name=evil)
    link = (await invited(shop, survey))["path"]
    for _ in range(2):
        text = (await shop.request("GET", link, headers=HTML)).text
        assert "<script" not in text
        assert "&lt;b&gt;Tea &amp; {co}&lt;/b&gt;" in text
        assert (await submit(shop, link, {"q.comment": "</textarea><script>"})).status_code == 200
    assert "&lt;/textarea&gt;" in (await shop.request("GET", link, headers=HTML)).text


@pytest.mark.parametrize(
    ("content", "content_type", "status"),
    [
        (b"q.recommend=%FF", "application/x-www-form-urlencoded", 400),
        (b"q.recommend=%00", "application/x-www-form-urlencoded", 400),
        ("q.recommend=\u00e9".encode(), "application/x-www-form-urlencoded", 400),
        (b"&".join([b"a=1"] * 501), "application/x-www-form-urlencoded", 400),
        (b"q.comment=" + b"x" * 300_000, "application/x-www-form-urlencoded", 413),
        (b'{"answers": []}', "application/json", 415),
        (b"[" * 20_000 + b"=1", "application/x-www-form-urlencoded", 200),
    ],
)
async def test_a_form_that_cannot_be_read_is_refused(
    interactions: ServiceUnderTest, content: bytes, content_type: str, status: int
) -> None:
    link = (await invited(interactions, await a_live_survey(interactions)))["path"]
    headers = {"content-type": content_type}
    assert (await interactions.request("POST", link, content=content, headers=headers)).status_code == status


async def test_a_closed_or_unknown_link_has_a_page(interactions: ServiceUnderTest) -> None:
    survey = await a_live_survey(interactions)
    link = (await invited(interactions, survey))["path"]
    await interactions.rows("update survey_invitation set expires_at = $1", interactions.tenant.now() - timedelta(1))
    for response in (
        await interactions.request("GET", link, headers=HTML),
        await submit(interactions, link, {"q.recommend": "9"}),
    ):
        assert (response.status_code, "This survey is closed" in response.text) == (410, True)
    unknown = await interactions.request("GET", "/v1/survey-answers/unknown", headers=HTML | {"accept-language": "de"})
    assert (unknown.status_code, Parsed(unknown.text).language) == (404, "de")


async def test_the_link_of_a_store_takes_anonymous_answers_of_many(interactions: ServiceUnderTest) -> None:
    # given the link of a store
    survey = await a_live_survey(interactions)
    link = await open_link(interactions, survey)

    # when two persons answer by the page, the second of them twice
    for times in (1, 2):
        page = Parsed((await interactions.request("GET", link, headers=HTML)).text)
        (id,) = (value for name, _, value in page.fields if name == "submission_id")
        for _ in range(times):
            done = await submit(interactions, link, {"q.recommend": "3", "submission_id": id})
            assert (done.status_code, Parsed(done.text).forms) == (200, [])

    # then there are two answers without a customer, and their links cannot be followed
    stored = (await interactions.get(f"{survey}/answers")).json()["items"]
    assert [(each["customer_id"], each["invitation_id"], each["store"]) for each in stored] == [
        (None, None, "Amsterdam")
    ] * 2
    assert (await results(interactions, survey, "recommend", store="Amsterdam"))["n"] == 2
    assert (await interactions.get(link)).json()["answers"] == []
    assert [type for type, _ in await events(interactions)] == ["survey_answered", "detractor_detected"] * 2


async def test_the_link_of_a_store_takes_so_many_answers_an_hour(interactions: ServiceUnderTest) -> None:
    survey = await a_live_survey(interactions)
    link = await open_link(interactions, survey, answers_per_hour=2)
    responses = await asyncio.gather(*(answer(interactions, link, recommend=score) for score in range(4)))
    assert sorted(response.status_code for response in responses) == [200, 200, 429, 429]
    refused = next(response for response in responses if response.status_code == 429)
    assert (refused.json()["code"], refused.headers["retry-after"]) == ("too_many_answers", "3600")
    assert (await submit(interactions, link, {"q.recommend": "9"})).status_code == 429
    await interactions.rows("update survey_answer set answered_at = answered_at - interval '1 hour'")
    assert (await answer(interactions, link, recommend=9)).status_code == 200
