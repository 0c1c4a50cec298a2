"""Invitations: once for a case or a purchase, within the rules of the moment in which they are sent."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from chassis.types.ids import uuid7
from services.interactions.feedback.queries.invitations import send_invitation
from services.interactions.feedback.rules.triggers import is_sampled
from services.interactions.feedback.survey_invitations import sending
from tests.support.erasure import erasure_of
from tests.support.facts import purchase_recorded
from tests.support.interactions import consent
from tests.support.merges import customers_merged
from tests.support.service import ServiceUnderTest
from tests.support.surveys import a_live_survey, answer, answered, invited


async def invitations(service: ServiceUnderTest, **filters: Any) -> list[dict[str, Any]]:
    return list((await service.get("/v1/survey-invitations", **filters)).json()["items"])


def bought(service: ServiceUnderTest, **facts: Any) -> dict[str, Any]:
    """Return a purchase of today in Amsterdam."""
    fact = purchase_recorded("3.00", facts.pop("customer_id", None), at=service.tenant.now().isoformat())
    fact["data"] |= {"store": "Amsterdam", **facts}
    return fact


def a_trigger(**fields: Any) -> dict[str, Any]:
    return {"event": "purchase_recorded", "conditions": [{"fact": "store", "one_of": ["Amsterdam"]}], **fields}


async def test_the_same_person_about_two_subjects_gives_two_answers(interactions: ServiceUnderTest) -> None:
    survey, customer = await a_live_survey(interactions), uuid7()
    for score in (9, 3):
        subject = {"about_kind": "case", "about_id": str(uuid7())}
        invitation = await invited(interactions, survey, customer, **subject)
        assert (await answer(interactions, invitation["path"], recommend=score)).status_code == 200
    stored = (await interactions.get(f"{survey}/answers", customer_id=str(customer))).json()["items"]
    assert [each["answers"][0]["number"] for each in stored] == [3, 9]


async def test_the_same_subject_is_asked_about_once(interactions: ServiceUnderTest) -> None:
    survey, customer = await a_live_survey(interactions), uuid7()
    subject = {"about_kind": "purchase", "about_id": str(uuid7())}
    sent = await asyncio.gather(*(invited(interactions, survey, customer, **subject) for _ in range(4)))
    assert len({each["id"] for each in sent}) == 1
    assert len([each for each in sent if each["path"] is not None]) == 1
    assert len([event for event in await interactions.published() if event.type.endswith("invitation_sent.v1")]) == 1


async def test_a_purchase_invites_its_buyer_once_it_is_due(interactions: ServiceUnderTest) -> None:
    # given a survey that asks an hour after purchases in Amsterdam
    await a_live_survey(interactions, triggers=[a_trigger(delay_minutes=60, channel="sms")])
    here, elsewhere, old = bought(interactions), bought(interactions, store="Utrecht"), bought(interactions)
    old["data"]["purchased_at"] = "2020-01-01T10:00:00Z"

    # when purchases are recorded, and told again under another event id
    await interactions.deliver([here, elsewhere, old])
    await interactions.deliver({**here, "id": uuid7()})
    (queued,) = await invitations(interactions)
    assert (queued["state"], queued["about_id"], queued["store"]) == (
        "queued",
        here["data"]["purchase_id"],
        "Amsterdam",
    )
    await interactions.run_periodic_tasks()
    assert [each["state"] for each in await invitations(interactions)] == ["queued"]

    # then the buyer is invited when the hour is over, once
    await interactions.rows("update survey_invitation set send_at = now() - interval '1 s'")
    for _ in range(2):
        await interactions.run_periodic_tasks()
    (sent,) = await invitations(interactions)
    assert (sent["state"], sent["version_number"], sent["channel"]) == ("sent", 1, "sms")
    events = [event for event in await interactions.published() if "survey_invitation" in event.type]
    assert [(event.type, event.data["invitation_id"]) for event in events] == [
        ("interactions.survey_invitation_sent.v1", sent["id"])
    ]
    assert (await interactions.get(events[0].data["path"])).json()["state"] == "open"
    assert await interactions.dead_letters() == []


@pytest.mark.parametrize(
    ("decisions", "state", "reason"),
    [
        ([], "suppressed", "not_permitted"),
        (["granted"], "sent", None),
        (["granted", "withdrawn"], "suppressed", "not_permitted"),
    ],
)
async def test_a_message_needs_the_permission_of_the_moment_in_which_it_is_sent(
    interactions: ServiceUnderTest, decisions: list[str], state: str, reason: str | None
) -> None:
    survey, customer = await a_live_survey(interactions, is_service=False), uuid7()
    invitation = await invited(interactions, survey, customer, delivery="message")
    assert invitation["state"] == "queued"
    for day, decision in enumerate(decisions, 1):
        await interactions.deliver(consent(decision, customer, f"2026-03-0{day}T10:00:00Z", purpose="survey"))
    await interactions.run_periodic_tasks()
    (settled,) = await invitations(interactions)
    assert (settled["state"], settled["reason"]) == (state, reason)


async def test_a_resolved_case_and_a_delivered_order_invite(interactions: ServiceUnderTest) -> None:
    triggers = [
        {"event": "case_resolved", "conditions": [{"fact": "kind", "one_of": ["question"]}]},
        {"event": "purchase_status_changed", "conditions": [{"fact": "status", "one_of": ["delivered"]}]},
    ]
    await a_live_survey(interactions, triggers=triggers)
    now = interactions.tenant.now().isoformat()
    case = {
        "case_id": str(uuid7()),
        "customer_id": str(uuid7()),
        "kind": "question",
        "team": None,
        "agent_id": "agent-7",
    }
    order = {"purchase_id": str(uuid7()), "customer_id": str(uuid7()), "status": "delivered", "changed_at": now}
    resolved = {
        "type": "interactions.case_resolved.v1",
        "key": case["customer_id"],
        "data": case | {"resolved_at": now},
    }
    complaint = {**resolved, "data": {**resolved["data"], "case_id": str(uuid7()), "kind": "complaint"}}
    changed = {"type": "interactions.purchase_status_changed.v1", "key": order["customer_id"]}
    delivered = {**changed, "data": order | {"channel": None, "store": "Amsterdam"}}
    shipped = {**changed, "data": delivered["data"] | {"purchase_id": str(uuid7()), "status": "shipped"}}
    await interactions.deliver([resolved, complaint, delivered, shipped])
    asked = {(each["about_id"], each["agent_id"], each["store"]) for each in await invitations(interactions)}
    assert asked == {(case["case_id"], "agent-7", None), (order["purchase_id"], None, "Amsterdam")}
    assert await interactions.dead_letters() == []


async def test_a_survey_that_is_not_live_is_not_triggered(interactions: ServiceUnderTest) -> None:
    survey = await a_live_survey(interactions, triggers=[a_trigger()])
    await interactions.request("POST", f"{survey}/end")
    await interactions.deliver(bought(interactions))
    assert await invitations(interactions) == []


async def test_a_sample_decides_the_same_for_a_repeated_event(interactions: ServiceUnderTest) -> None:
    survey = await a_live_survey(interactions, triggers=[a_trigger(sample_percent=40)])
    purchases = [bought(interactions) for _ in range(50)]
    for _ in range(2):
        await interactions.deliver([{**each, "id": uuid7()} for each in purchases])
    id = UUID(survey.rpartition("/")[2])
    expected = {
        each["data"]["purchase_id"] for each in purchases if is_sampled(id, UUID(each["data"]["purchase_id"]), 40)
    }
    assert {each["about_id"] for each in await invitations(interactions, limit=200)} == expected
    assert 0 < len(expected) < 50


async def test_no_one_is_asked_within_the_quarantine_by_any_survey(interactions: ServiceUnderTest) -> None:
    await interactions.patch("/v1/survey-settings", {"quarantine_days": 7})
    surveys, customer = [await a_live_survey(interactions) for _ in range(3)], uuid7()
    sent = await asyncio.gather(*(invited(interactions, survey, customer) for survey in surveys))
    assert sorted(each["state"] for each in sent) == ["sent", "suppressed", "suppressed"]
    assert {each["reason"] for each in sent} == {None, "quarantine"}
    suppressed = [each for each in await interactions.published() if each.type.endswith("suppressed.v1")]
    assert [each.data["reason"] for each in suppressed] == ["quarantine"] * 2
    await interactions.rows("update survey_invitation set sent_at = sent_at - interval '7 days' where state = 'sent'")
    assert (await invited(interactions, surveys[0], customer))["state"] == "sent"


async def test_the_quarantine_holds_among_invitations_of_a_batch(interactions: ServiceUnderTest) -> None:
    await interactions.patch("/v1/survey-settings", {"quarantine_days": 1})
    survey, customer = await a_live_survey(interactions), uuid7()
    for _ in range(3):
        await invited(interactions, survey, customer, delivery="message")
    await asyncio.gather(*(interactions.run_periodic_tasks() for _ in range(3)))
    assert sorted(each["state"] for each in await invitations(interactions)) == ["sent", "suppressed", "suppressed"]


async def test_many_workers_send_each_invitation_once(interactions: ServiceUnderTest) -> None:
    survey = await a_live_survey(interactions)
    for _ in range(30):
        await invited(interactions, survey, delivery="message")
    await asyncio.gather(*(interactions.run_periodic_tasks() for _ in range(4)))
    events = [event.data["invitation_id"] for event in await interactions.published() if "sent" in event.type]
    assert (len(events), len(set(events))) == (30, 30)


async def test_a_worker_that_dies_half_way_has_sent_nothing(
    interactions: ServiceUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    survey = await a_live_survey(interactions)
    for _ in range(3):
        await invited(interactions, survey, delivery="message")
    calls: list[Any] = []

    async def dies(*arguments: Any, **options: Any) -> Any:
        calls.append(arguments)
        if len(calls) == 3:
            raise ConnectionError("killed")
        return await send_invitation(*arguments, **options)

    monkeypatch.setattr(sending, "send_invitation", dies)
    with pytest.raises(ConnectionError):
        await interactions.run_periodic_tasks()
    assert {each["state"] for each in await invitations(interactions)} == {"queued"}
    assert [event for event in await interactions.published() if "sent" in event.type] == []
    await interactions.run_periodic_tasks()
    assert {each["state"] for each in await invitations(interactions)} == {"sent"}
    assert len([event for event in await interactions.published() if "sent" in event.type]) == 3


async def test_a_link_that_is_not_used_expires(interactions: ServiceUnderTest) -> None:
    survey = await a_live_survey(interactions, expires_days=2)
    invitation = await invited(interactions, survey)
    assert (await interactions.get(invitation["path"])).json()["state"] == "open"
    (opened,) = await invitations(interactions)
    assert (opened["state"], opened["opened_at"] is not None) == ("opened", True)
    await interactions.rows(
        "update survey_invitation set expires_at = $1", interactions.tenant.now() - timedelta(seconds=1)
    )
    for response in (
        await interactions.get(invitation["path"]),
        await answer(interactions, invitation["path"], recommend=1),
    ):
        assert (response.status_code, response.json()["code"]) == (410, "survey_closed")
    await interactions.run_periodic_tasks()
    assert [each["state"] for each in await invitations(interactions)] == ["expired"]


async def test_thanks_are_recorded_once_and_after_the_answer(interactions: ServiceUnderTest) -> None:
    survey = await a_live_survey(interactions)
    silent = await invited(interactions, survey)
    refused = await interactions.request("POST", f"/v1/survey-invitations/{silent['id']}/thanks")
    assert (refused.status_code, refused.json()["code"], refused.json()["state"]) == (409, "not_answered", "sent")
    invitation = await answered(interactions, survey, recommend=10)
    path = f"/v1/survey-invitations/{invitation['id']}/thanks"
    first = (await interactions.request("POST", path)).json()
    again = (await interactions.acting_as("key:other").request("POST", path)).json()
    assert (first["thanked_by"], first) == ("key:test", again)


async def test_a_merge_moves_invitations_and_answers_and_an_undo_returns_them(interactions: ServiceUnderTest) -> None:
    survey, kept, merged = await a_live_survey(interactions), uuid7(), uuid7()
    await answered(interactions, survey, merged, recommend=9)
    await answered(interactions, survey, kept, recommend=8)
    merge = customers_merged(kept, merged)
    await interactions.deliver(merge)
    for id in (kept, merged):
        assert len(await invitations(interactions, customer_id=str(id))) == 2
        stored = (await interactions.get(f"{survey}/answers", customer_id=str(id))).json()["items"]
        assert {each["customer_id"] for each in stored} == {str(kept)}
        assert len(stored) == 2


async def test_an_erasure_removes_texts_and_links_and_keeps_scores(interactions: ServiceUnderTest) -> None:
    survey, customer = await a_live_survey(interactions), uuid7()
    done = await answered(interactions, survey, customer, recommend=2, comment="I am Ada of 1 Main Street.")
    waiting = await invited(interactions, survey, customer, delivery="message")
    unanswered = await invited(interactions, survey, customer)
    await interactions.deliver(erasure_of(customer))
    (stored,) = (await interactions.get(f"{survey}/answers")).json()["items"]
    assert [(each["number"], each["text"]) for each in stored["answers"]] == [(2, None), (None, None)]
    for link in (done["path"], unanswered["path"]):
        assert (await interactions.get(link)).status_code == 404
    by_id = {each["id"]: each for each in await invitations(interactions)}
    assert (by_id[waiting["id"]]["state"], by_id[waiting["id"]]["reason"]) == ("suppressed", "customer_erased")
    gone = await interactions.post(
        "/v1/survey-invitations", {"survey_id": survey.rpartition("/")[2], "customer_id": str(customer)}
    )
    assert (gone.status_code, gone.json()["code"]) == (410, "person_erased")
