"""Conduct incidents: confirmed by another person than the authors, with evidence that stays, and one case of harm."""

import asyncio
from datetime import timedelta
from typing import Any

import asyncpg
import httpx
import pytest

from chassis import Command
from chassis.types.ids import uuid7
from tests.support.conduct import an_incident
from tests.support.erasure import erase, tables_with
from tests.support.merges import customers_merged, merge_undone
from tests.support.promises import created, events_of
from tests.support.service import ServiceUnderTest

PATH = "/v1/conduct-incidents"
A_RECORDING = {"kind": "recording", "reference": "cameras/1"}


async def decide(
    service: ServiceUnderTest, incident: dict[str, Any], verb: str, reason: str | None = "Seen.", by: str = "key:second"
) -> httpx.Response:
    body = {} if reason is None else {"reason": reason}
    return await service.acting_as(by).post(f"{PATH}/{incident['id']}/{verb}", body)


async def listed(service: ServiceUnderTest, **params: Any) -> list[str]:
    return [item["id"] for item in (await service.get(PATH, **params)).json()["items"]]


async def evidence_of(service: ServiceUnderTest, incident: dict[str, Any]) -> list[dict[str, Any]]:
    return list((await service.get(f"{PATH}/{incident['id']}/evidence")).json()["items"])


async def cases(service: ServiceUnderTest) -> list[dict[str, Any]]:
    return list((await service.get("/v1/cases")).json()["items"])


async def test_a_report_reads_back_and_its_event_has_no_text(interactions: ServiceUnderTest) -> None:
    customer = uuid7()
    body = an_incident(customer, description="Ada threatened him.", witnesses=["agent-7"], evidence=[A_RECORDING])
    incident = await created(interactions, PATH, body)
    assert (await interactions.get(f"{PATH}/{incident['id']}")).json() == incident
    assert (incident["state"], incident["reported_by"], incident["case_id"]) == ("reported", "key:test", None)
    (piece,) = await evidence_of(interactions, incident)
    assert (piece["reference"], piece["recorded_by"]) == ("cameras/1", "key:test")
    (event,) = await interactions.published()
    assert (event.type, event.subject) == ("interactions.conduct_incident_reported.v1", str(customer))
    assert (event.data["kind"], event.data["severity"], event.data["staff_harmed"]) == ("threat", "high", False)
    assert not [text for text in ("Ada", "cameras") if text in str(event.data)]


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"kind": "rude"}, "/kind"),
        ({"severity": "critical"}, "/severity"),
        ({"occurred_at": "2199-01-01T00:00:00Z"}, "/occurred_at"),
        ({"description": " "}, "/description"),
        ({"staff_harmed": "yes"}, "/staff_harmed"),
        ({"witnesses": ["a\tb"]}, "/witnesses/0"),
        ({"evidence": [{"kind": "photo"}]}, "/evidence/0/reference"),
        ({"evidence": [A_RECORDING | {"note": "x"}] * 51}, "/evidence"),
        ({"reported_by": "key:other"}, "/reported_by"),
        ({"case_id": str(uuid7())}, "/case_id"),
    ],
)
async def test_bad_input_is_refused_with_its_place(
    interactions: ServiceUnderTest, fields: dict[str, Any], pointer: str
) -> None:
    response = await interactions.post(PATH, an_incident(**fields))
    assert response.status_code == 422, response.text
    assert [error["pointer"] for error in response.json()["errors"]] == [pointer]
    assert await listed(interactions) == []


async def test_neither_the_reporter_nor_who_changed_the_report_confirms_it(interactions: ServiceUnderTest) -> None:
    incident = await created(interactions, PATH, an_incident())
    changed = await interactions.acting_as("key:second").patch(f"{PATH}/{incident['id']}", {"severity": "low"})
    assert (changed.status_code, changed.json()["version"]) == (200, 2)
    for author in ("key:test", "key:second"):
        refused = await decide(interactions, incident, "confirm", by=author)
        assert (refused.status_code, refused.json()["code"]) == (409, "own_conduct_report")
    await interactions.published()
    confirmed = (await decide(interactions, incident, "confirm", None, by="key:third")).json()
    assert (confirmed["state"], confirmed["decided_by"], confirmed["decision_reason"]) == (
        "confirmed",
        "key:third",
        None,
    )
    (event,) = await interactions.published()
    assert (event.type, event.data["severity"]) == ("interactions.conduct_incident_confirmed.v1", "low")
    assert event.data["confirmed_by"] == "key:third"


async def test_a_change_to_the_same_values_makes_no_author(interactions: ServiceUnderTest) -> None:
    incident = await created(interactions, PATH, an_incident())
    same = await interactions.acting_as("key:second").patch(f"{PATH}/{incident['id']}", {"severity": "high"})
    assert same.json() == incident
    assert (await decide(interactions, incident, "confirm")).status_code == 200


async def test_a_decision_needs_a_scope_of_its_own(interactions: ServiceUnderTest) -> None:
    incident = await created(interactions, PATH, an_incident())
    writer = interactions.with_scopes("interactions:read", "interactions:write")
    for verb in ("confirm", "dismiss"):
        assert (await decide(writer, incident, verb)).status_code == 403


async def test_a_decided_report_does_not_change_and_evidence_may_follow(interactions: ServiceUnderTest) -> None:
    incident = await created(interactions, PATH, an_incident())
    assert (await decide(interactions, incident, "confirm")).status_code == 200
    path = f"{PATH}/{incident['id']}"
    for response in (
        await interactions.patch(path, {"severity": "low"}),
        await decide(interactions, incident, "confirm"),
    ):
        assert (response.status_code, response.json()["code"]) == (409, "conduct_incident_decided")
        assert response.json()["state"] == "confirmed"
    await created(interactions, f"{path}/evidence", {"kind": "letter", "reference": "letters/1"})
    assert [piece["kind"] for piece in await evidence_of(interactions, incident)] == ["letter"]


async def test_a_dismissed_incident_is_final_and_says_what_it_was(interactions: ServiceUnderTest) -> None:
    incident = await created(interactions, PATH, an_incident())
    assert (await decide(interactions, incident, "dismiss", None)).status_code == 422
    await decide(interactions, incident, "confirm")
    await interactions.published()
    dismissed = (await decide(interactions, incident, "dismiss", "Another person.", by="key:test")).json()
    assert (dismissed["state"], dismissed["decision_reason"]) == ("dismissed", "Another person.")
    (event,) = await events_of(interactions, "conduct_incident_dismissed")
    assert event.data["previous_state"] == "confirmed"
    path = f"{PATH}/{incident['id']}"
    for response in (
        await decide(interactions, incident, "confirm", by="key:third"),
        await decide(interactions, incident, "dismiss"),
        await interactions.post(f"{path}/evidence", {"kind": "letter", "reference": "letters/1"}),
    ):
        assert (response.status_code, response.json()["state"]) == (409, "dismissed")


async def test_of_two_decisions_at_once_one_is_made(interactions: ServiceUnderTest) -> None:
    for _ in range(5):
        incident = await created(interactions, PATH, an_incident())
        answers = await asyncio.gather(*(decide(interactions, incident, "confirm", by=f"key:{n}") for n in range(4)))
        assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
    assert len(await events_of(interactions, "conduct_incident_confirmed")) == 5


async def test_harm_to_staff_opens_one_urgent_case_that_no_customer_reads(interactions: ServiceUnderTest) -> None:
    customer = uuid7()
    incident = await created(interactions, PATH, an_incident(customer, staff_harmed=True))
    (case,) = await cases(interactions)
    assert (case["id"], case["priority"], case["kind"]) == (incident["case_id"], "urgent", "request")
    assert (case["channel"], case["customer_id"]) == ("conduct_incident", None)
    assert incident["id"] in case["description"]
    own = interactions.for_customer(customer)
    assert (await own.get("/v1/cases", customer_id=str(customer))).json()["items"] == []
    assert (await own.get(f"/v1/cases/{case['id']}")).status_code == 404
    for harm in (False, True):
        changed = (await interactions.patch(f"{PATH}/{incident['id']}", {"staff_harmed": harm})).json()
        assert (changed["staff_harmed"], changed["case_id"]) == (harm, case["id"])
    assert len(await cases(interactions)) == 1


async def test_harm_opens_its_case_also_if_the_tenant_has_its_own_categories(interactions: ServiceUnderTest) -> None:
    await interactions.patch("/v1/case-settings", {"categories": ["bill"]})
    assert (await created(interactions, PATH, an_incident(staff_harmed=True)))["case_id"]


async def test_harm_that_is_reported_twice_at_once_opens_one_case(interactions: ServiceUnderTest) -> None:
    incident = await created(interactions, PATH, an_incident())

    async def change(number: int) -> httpx.Response:
        return await interactions.acting_as(f"key:{number}").patch(
            f"{PATH}/{incident['id']}", {"staff_harmed": True, "witnesses": [f"agent-{number}"]}
        )

    answers = await asyncio.gather(*(change(number) for number in range(6)))
    assert {answer.status_code for answer in answers} == {200}
    (case,) = await cases(interactions)
    assert {answer.json()["case_id"] for answer in answers} == {case["id"]}


async def test_a_change_obeys_if_match_and_keeps_the_time_in_the_past(interactions: ServiceUnderTest) -> None:
    incident = await created(interactions, PATH, an_incident())
    path = f"{PATH}/{incident['id']}"
    assert (await interactions.patch(path, {"severity": "low"}, if_match='"2"')).status_code == 412
    future = (interactions.tenant.now() + timedelta(days=2)).isoformat()
    refused = await interactions.patch(path, {"occurred_at": future})
    assert refused.status_code == 422, refused.text
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/occurred_at")
    assert (await interactions.patch(path, {"description": None})).status_code == 422
    assert (await decide(interactions, incident, "confirm")).json()["version"] == 2


@pytest.mark.parametrize("statement", ["update conduct_evidence set note = 'x'", "delete from conduct_evidence"])
async def test_evidence_never_changes(interactions: ServiceUnderTest, statement: str) -> None:
    await created(interactions, PATH, an_incident(evidence=[{"kind": "photo", "reference": "1"}]))
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with interactions.work() as work:
            await work.execute(Command(statement))


async def test_incidents_are_filtered_and_sorted(interactions: ServiceUnderTest) -> None:
    customer = uuid7()
    first = await created(interactions, PATH, an_incident(customer, kind="fraud", severity="low"))
    second = await created(interactions, PATH, an_incident(occurred_at="2026-02-03T10:00:00Z", staff_harmed=True))
    await decide(interactions, second, "dismiss")
    assert await listed(interactions) == [second["id"], first["id"]]
    assert await listed(interactions, sort="occurred_at") == [first["id"], second["id"]]
    for params in (
        {"customer_id": str(customer)},
        {"kind": "fraud"},
        {"severity": "low"},
        {"state": "reported"},
        {"staff_harmed": False},
        {"occurred_at.lt": "2026-02-02T00:00:00Z"},
    ):
        assert await listed(interactions, **params) == [first["id"]], params
    assert await listed(interactions, state=["dismissed", "confirmed"]) == [second["id"]]


async def test_no_customers_token_reads_an_incident(interactions: ServiceUnderTest) -> None:
    customer = uuid7()
    incident = await created(interactions, PATH, an_incident(customer))
    own = interactions.for_customer(customer)
    for path in (PATH, f"{PATH}/{incident['id']}", f"{PATH}/{incident['id']}/evidence"):
        assert (await own.get(path)).json()["code"] == "owner_access_denied"


async def test_incidents_follow_a_merge_and_return(interactions: ServiceUnderTest) -> None:
    survivor, merged, merge_id = uuid7(), uuid7(), uuid7()
    incident = await created(interactions, PATH, an_incident(merged))
    await interactions.deliver(customers_merged(survivor, merged, merge_id=merge_id))
    assert await listed(interactions, customer_id=str(survivor)) == [incident["id"]]
    await decide(interactions, incident, "confirm")
    (event,) = await events_of(interactions, "conduct_incident_confirmed")
    assert event.data["customer_id"] == str(merged)
    await interactions.deliver(merge_undone(survivor, merged, merge_id=merge_id))
    assert await listed(interactions, customer_id=str(survivor)) == []


async def test_an_erasure_deletes_incidents_with_their_evidence(interactions: ServiceUnderTest) -> None:
    customer = uuid7()
    body = an_incident(customer, description="Zebedina shouted.", staff_harmed=True)
    incident = await created(interactions, PATH, body)
    note = {"kind": "photo", "reference": "zebedina.jpg", "note": "Zebedina at the till"}
    keyed = await interactions.post(f"{PATH}/{incident['id']}/evidence", note, idempotency_key="k")
    assert keyed.status_code == 201
    await decide(interactions, incident, "confirm", "Zebedina was seen.")
    assert (await erase(interactions, customer))["conduct_incident", "deleted"] == 1
    assert await tables_with(interactions, "zebedina") == []
    assert (await interactions.get(f"{PATH}/{incident['id']}")).status_code == 404
    assert [case["id"] for case in await cases(interactions)] == [incident["case_id"]]
    refused = await interactions.post(PATH, an_incident(customer))
    assert (refused.status_code, refused.json()["code"]) == (410, "person_erased")
