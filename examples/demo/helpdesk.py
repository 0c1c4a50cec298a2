"""The help desk: complaints with service levels and promises, and what their customers say in a survey afterwards."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from examples.demo.client import ATTEMPTS, Client
from examples.demo.expectations import Check

SCORES = (9, 9, 10, 7, 7, 8, 0, 3, 6, 6)
"""The answers of ten customers to "How likely are you to recommend us?"."""
PROMOTERS, DETRACTORS = sum(score >= 9 for score in SCORES), sum(score <= 6 for score in SCORES)
STEPS: tuple[dict[str, Any], ...] = (
    {"state": "acknowledged"},
    {"state": "assessed", "severity": "low"},
    {"state": "investigating"},
    {"state": "decision_communicated", "cause": "poor_service", "decision": "upheld", "remedy": "refund"},
    {"state": "closed", "outcome": "accepted"},
)
"""The way of a complaint by ISO 10002."""
DAYS = ["monday", "tuesday", "wednesday", "thursday", "friday"]


async def look_after(client: Client, customers: list[str]) -> list[Check]:
    """Handle a complaint of each of ten customers, ask them how it went, and check every figure about it."""
    await open_office(client)
    survey = await client.ask("POST", "/v1/surveys", json=a_survey())
    await client.ask("POST", f"/v1/surveys/{survey['id']}/publish")
    complaints = zip(customers, SCORES, strict=True)
    await asyncio.gather(*(handle(client, survey["id"], customer, score) for customer, score in complaints))
    clocks = await client.all("/v1/sla-clocks", state="met")
    kept = await client.ask("GET", f"/v1/promise-keeping-rates?from={day(-1)}&to={day(9)}")
    results = await client.ask("GET", f"/v1/surveys/{survey['id']}/results")
    nps = next(question["nps"] for question in results["questions"] if question["question"] == "recommend")
    follow_ups = await client.all("/v1/cases", category="follow_up")
    score = f"{100 * (PROMOTERS - DETRACTORS) / len(SCORES):.1f}"
    return [
        Check("service levels met: first response, and decision", 2 * len(SCORES), len(clocks)),
        Check(
            "promises kept to those who complained", (len(SCORES), 0), (kept["total"]["kept"], kept["total"]["broken"])
        ),
        Check("net promoter score of those who complained", score, nps["score"]),
        Check("detractors whom an agent calls", DETRACTORS, len(follow_ups)),
    ]


async def open_office(client: Client) -> None:
    """Set the opening hours, and the service levels of complaints."""
    hours = [{"days": DAYS, "opens": "09:00", "closes": "17:00"}]
    calendar = {"name": "Office", "timezone": "America/New_York", "weekly_hours": hours}
    calendar |= {"holiday_presets": [{"country": "US"}]}
    office = await client.ask("POST", "/v1/calendars", json=calendar)
    targets = [{"kind": "first_response", "seconds": 3_600}, {"kind": "resolution", "seconds": 8 * 3_600}]
    policy = {"name": "Complaints", "kinds": ["complaint"], "calendar_id": office["id"], "targets": targets}
    await client.ask("POST", "/v1/sla-policies", json=policy)


async def handle(client: Client, survey: str, customer: str, score: int) -> None:
    """Handle a complaint, keep a promise that is made in it, and record how likely the customer recommends the shop."""
    (purchase,) = (await client.ask("GET", f"/v1/purchases?customer_id={customer}&limit=1"))["items"]
    about = {"kind": "purchase", "id": purchase["id"]}
    case = {"customer_id": customer, "kind": "complaint", "subject": "A bag was missing", "channel": "phone"}
    case = await client.ask("POST", "/v1/cases", json=case | {"about": about, "team": "front desk"})
    path = f"/v1/cases/{case['id']}"
    promise = {"customer_id": customer, "made_by_kind": "case", "made_by_id": case["id"], "team": "front desk"}
    promise |= {"what": "We look for it, and call.", "by_when": day(7)}
    promise = await client.ask("POST", "/v1/promises", json=promise)
    await client.ask("POST", f"{path}/messages", json={"body": "We are sorry, and look for it."})
    for step in STEPS:
        await client.ask("POST", f"{path}/transitions", json=step)
    await client.ask("POST", f"/v1/promises/{promise['id']}/keep")
    link = await invite(client, {"survey_id": survey, "customer_id": customer, "delivery": "link"})
    await client.ask("PUT", link, json={"answers": [{"question": "recommend", "number": score}]})


async def invite(client: Client, invitation: dict[str, Any]) -> str:
    """Return the link of a new invitation. If the response with a link is lost, another invitation is sent."""
    for _ in range(ATTEMPTS):
        with suppress_lost_link():
            return str((await client.ask("POST", "/v1/survey-invitations", json=invitation))["path"])
    raise RuntimeError("no link has arrived")


@contextmanager
def suppress_lost_link() -> Iterator[None]:
    """Ignore that a repeated request does not return the link again, because it is a secret."""
    try:
        yield
    except RuntimeError as error:
        if "secret_not_replayable" not in str(error):
            raise


def a_survey() -> dict[str, Any]:
    """Return a survey with one question. By default, the answer of a detractor opens a case."""
    question = {"key": "recommend", "kind": "nps", "text": "How likely are you to recommend us?"}
    return {"name": "After a complaint", "questions": [question]}


def day(days_ahead: int) -> str:
    """Return the date so many days ahead."""
    return f"{datetime.now(UTC) + timedelta(days=days_ahead):%Y-%m-%d}"
