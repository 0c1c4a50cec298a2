"""Bodies of surveys, and the steps by which a customer answers one. A test names only the fields that it needs."""

from typing import Any

import httpx

from chassis.types.ids import uuid7
from tests.support.service import ServiceUnderTest

NPS = {"key": "recommend", "kind": "nps", "text": "How likely are you to recommend us?"}
CSAT = {"key": "satisfied", "kind": "csat", "text": "How satisfied are you?"}
CES = {"key": "easy", "kind": "ces", "text": "How easy was it?"}
COMMENT = {"key": "comment", "kind": "text", "text": "What can we do better?"}
REASON = {
    "key": "reason",
    "kind": "single",
    "text": "What matters most?",
    "choices": [{"key": "price", "text": "The price"}, {"key": "service", "text": "The service"}],
}
GOODS = {**REASON, "key": "goods", "kind": "multiple", "text": "What did you buy?"}
HTML = {"accept": "text/html,application/xhtml+xml"}


def a_survey(*questions: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """Return a body for POST /v1/surveys. By default, it needs no permission."""
    body = {"name": "After your visit", "questions": list(questions or (NPS, COMMENT)), "is_service": True}
    return body | fields


async def a_live_survey(service: ServiceUnderTest, *questions: dict[str, Any], **fields: Any) -> str:
    """Create and publish a survey. Return its path."""
    created = await service.post("/v1/surveys", a_survey(*questions, **fields))
    assert created.status_code == 201, created.text
    path = f"/v1/surveys/{created.json()['id']}"
    published = await service.request("POST", f"{path}/publish")
    assert published.status_code == 200, published.text
    return path


async def invited(service: ServiceUnderTest, survey: str, customer: Any = None, **fields: Any) -> dict[str, Any]:
    """Invite a customer, and return the invitation with its link."""
    body = {"survey_id": survey.rpartition("/")[2], "customer_id": str(customer or uuid7()), "delivery": "link"}
    response = await service.post("/v1/survey-invitations", body | fields)
    assert response.is_success, response.text
    return dict(response.json())


async def answer(service: ServiceUnderTest, link: str, **answers: Any) -> httpx.Response:
    """Send answers by the keys of their questions: a number, a list of choices, or a text."""
    forms = {int: "number", list: "choices", str: "text"}
    items = [{"question": key, forms[type(value)]: value} for key, value in answers.items()]
    return await service.put(link, {"answers": items})


async def answered(service: ServiceUnderTest, survey: str, customer: Any = None, **answers: Any) -> dict[str, Any]:
    """Invite a customer who answers at once. Return the invitation."""
    invitation = await invited(service, survey, customer)
    response = await answer(service, invitation["path"], **answers)
    assert response.status_code == 200, response.text
    return invitation


async def results(service: ServiceUnderTest, survey: str, question: str, **filters: str) -> dict[str, Any]:
    """Return the figures of a question."""
    response = await service.get(f"{survey}/results", **filters)
    assert response.status_code == 200, response.text
    (result,) = (each for each in response.json()["questions"] if each["question"] == question)
    return dict(result)
