"""Cases: opened by agents and customers, and moved step by step."""

import asyncio

from chassis.types.ids import uuid7
from tests.support.cases import TO_A_DECISION, a_case, moved, opened, written
from tests.support.erasure import erasure_of
from tests.support.facts import a_purchase
from tests.support.merges import customers_merged, merge_undone
from tests.support.service import Published, ServiceUnderTest


async def names_of_events(service: ServiceUnderTest) -> list[str]:
    return [name_of(event) for event in await service.published()]


def name_of(event: Published) -> str:
    return event.type.removeprefix("interactions.").removesuffix(".v1")


async def test_cases_are_numbered_for_each_tenant(interactions: ServiceUnderTest) -> None:
    other = await interactions.for_new_tenant()
    assert [(await opened(service))["number"] for service in (interactions, other, interactions)] == [1, 1, 2]


async def test_a_complaint_is_decided_and_closed_step_by_step(interactions: ServiceUnderTest) -> None:
    # given
    case = await opened(interactions, remedy_sought="refund")
    path = f"/v1/cases/{case['id']}"

    # when
    evidence = [{"kind": "letter", "reference": "letters/42.pdf"}]
    await moved(interactions, case["id"], *TO_A_DECISION)
    closed = await moved(
        interactions, case["id"], {"state": "closed", "outcome": "accepted", "reason": "Thanks.", "evidence": evidence}
    )

    # then the record, its history and the events agree
    assert (closed["state"], closed["decision"], closed["outcome"]) == ("closed", "upheld", "accepted")
    steps = (await interactions.get(f"{path}/transitions")).json()["items"]
    assert [(step["number"], step["to_state"]) for step in steps] == [
        (1, "received"),
        (2, "acknowledged"),
        (3, "assessed"),
        (4, "investigating"),
        (5, "decision_communicated"),
        (6, "closed"),
    ]
    assert (steps[-1]["actor"], steps[-1]["reason"]) == (interactions.actor, "Thanks.")
    assert steps[-1]["evidence"] == [{**evidence[0], "note": None}]
    events = await names_of_events(interactions)
    assert events == [
        "case_opened",
        *(["case_status_changed"] * 4),
        "case_resolved",
        "complaint_decided",
        "case_status_changed",
    ]


async def test_a_stage_cannot_be_skipped_and_needs_its_fields(interactions: ServiceUnderTest) -> None:
    case = await opened(interactions)
    path = f"/v1/cases/{case['id']}/transitions"
    skipped = (await interactions.post(path, {"state": "closed", "outcome": "accepted"})).json()
    assert (skipped["code"], skipped["allowed"]) == ("invalid_case_transition", ["acknowledged"])
    await moved(interactions, case["id"], "acknowledged")
    missing = (await interactions.post(path, {"state": "assessed"})).json()
    assert (missing["code"], missing["fields"]) == ("case_fields_missing", ["severity"])


async def test_an_escalation_needs_a_reason_and_starts_inside(interactions: ServiceUnderTest) -> None:
    case = await opened(interactions)
    await moved(interactions, case["id"], *TO_A_DECISION)
    path = f"/v1/cases/{case['id']}/transitions"
    refused = (await interactions.post(path, {"state": "escalated_internal"})).json()
    assert refused["errors"][0]["pointer"] == "/reason"
    outside = (await interactions.post(path, {"state": "escalated_external", "reason": "No."})).json()
    assert outside["code"] == "invalid_case_transition"
    steps = [
        {"state": f"escalated_{place}", "reason": "The refund is too small."} for place in ("internal", "external")
    ]
    assert (await moved(interactions, case["id"], *steps))["escalation"] == "external"


async def test_of_two_agents_who_move_a_case_at_once_one_wins(interactions: ServiceUnderTest) -> None:
    case = await opened(interactions, kind="request")
    bodies = [{"state": "resolved"}, {"state": "acknowledged"}]
    responses = await asyncio.gather(
        *(
            interactions.post(f"/v1/cases/{case['id']}/transitions", body, If_Match=f'"{case["version"]}"')
            for body in bodies
        )
    )
    assert sorted(response.status_code for response in responses) == [200, 412]
    repeated = await asyncio.gather(
        *(interactions.post(f"/v1/cases/{case['id']}/transitions", {"state": "waiting_for_customer"}) for _ in range(2))
    )
    assert [response.status_code for response in repeated].count(409) >= 1


async def test_a_person_s_public_answer_is_the_first_response(interactions: ServiceUnderTest) -> None:
    case = await opened(interactions, kind="question")
    await written(interactions, case["id"], "Received.", automatic=True)
    await written(interactions, case["id"], "Is it urgent?", visibility="internal")
    read = (await interactions.get(f"/v1/cases/{case['id']}")).json()
    assert read["first_response_at"] is None
    await written(interactions, case["id"], "It arrives today.", author="agent-7")
    read = (await interactions.get(f"/v1/cases/{case['id']}")).json()
    assert read["first_response_at"] == read["last_answer_at"] is not None
    steps = (await interactions.get(f"/v1/cases/{case['id']}/transitions")).json()["items"]
    assert [step["kind"] for step in steps] == ["opened", "message_recorded", "message_recorded"]


async def test_the_customer_s_message_takes_up_a_case_that_waits_or_has_ended(interactions: ServiceUnderTest) -> None:
    case = await opened(interactions, kind="request")
    await moved(interactions, case["id"], "in_progress", "waiting_for_customer")
    await written(interactions, case["id"], direction="inbound")
    assert (await interactions.get(f"/v1/cases/{case['id']}")).json()["state"] == "in_progress"
    await moved(interactions, case["id"], "resolved", "closed")
    await interactions.published()
    await written(interactions, case["id"], "It broke again.", direction="inbound")
    read = (await interactions.get(f"/v1/cases/{case['id']}")).json()
    assert (read["state"], read["reopened_count"], read["closed_at"]) == ("in_progress", 1, None)
    assert await names_of_events(interactions) == ["case_message_recorded", "case_status_changed", "case_reopened"]


async def test_a_message_of_the_customer_is_no_internal_note(interactions: ServiceUnderTest) -> None:
    case = await opened(interactions)
    body = {"body": "Hm.", "direction": "inbound", "visibility": "internal"}
    response = (await interactions.post(f"/v1/cases/{case['id']}/messages", body)).json()
    assert (response["code"], response["errors"][0]["code"]) == ("validation_failed", "inbound_internal")


async def test_a_change_of_priority_and_an_assignment_are_steps(interactions: ServiceUnderTest) -> None:
    case = await opened(interactions)
    await interactions.published()
    body = {"priority": "urgent", "agent_id": "agent-7", "team": "repairs", "subject": "No kettle"}
    changed = (await interactions.patch(f"/v1/cases/{case['id']}", body)).json()
    assert (changed["priority"], changed["agent_id"]) == ("urgent", "agent-7")
    updated, assigned = await interactions.published()
    assert (name_of(updated), updated.data["changed"]) == ("case_updated", ["priority", "subject"])
    assert (name_of(assigned), assigned.data["previous_agent_id"]) == ("case_assigned", None)
    steps = (await interactions.get(f"/v1/cases/{case['id']}/transitions")).json()["items"]
    assert [step["kind"] for step in steps] == ["opened", "priority_changed", "assigned"]
    assert (steps[1]["from_priority"], steps[1]["to_priority"]) == ("normal", "urgent")


async def test_the_customer_is_named_once(interactions: ServiceUnderTest) -> None:
    body = a_case()
    del body["customer_id"]
    case = (await interactions.post("/v1/cases", body)).json()
    customer = str(uuid7())
    named = await interactions.patch(f"/v1/cases/{case['id']}", {"customer_id": customer})
    assert named.json()["customer_id"] == customer
    other = await interactions.patch(f"/v1/cases/{case['id']}", {"customer_id": str(uuid7())})
    assert (other.status_code, other.json()["code"]) == (409, "case_customer_known")


async def test_a_case_is_about_a_purchase_of_its_customer(interactions: ServiceUnderTest) -> None:
    customer = uuid7()
    purchase = (await interactions.post("/v1/purchases", a_purchase(customer))).json()["id"]
    about = {"kind": "purchase", "id": purchase}
    case = await opened(interactions, customer, about=about)
    assert case["about"] == about
    found = (await interactions.get("/v1/cases", about_id=purchase)).json()["items"]
    assert [each["id"] for each in found] == [case["id"]]
    for wrong in (a_case(about=about), a_case(customer, about={"kind": "purchase", "id": "A-1"})):
        refused = (await interactions.post("/v1/cases", wrong)).json()
        assert refused["errors"][0]["pointer"] == "/about/id"


async def test_cases_are_found_by_their_fields(interactions: ServiceUnderTest) -> None:
    customer = uuid7()
    case = await opened(interactions, customer, kind="request", category="bill", priority="high", agent_id="agent-7")
    await opened(interactions)
    for params in (
        {"customer_id": str(customer)},
        {"kind": "request"},
        {"priority": "high"},
        {"category": "bill"},
        {"agent_id": "agent-7"},
        {"number": "1"},
    ):
        found = (await interactions.get("/v1/cases", **params)).json()["items"]
        assert [each["id"] for each in found] == [case["id"]], params
    assert len((await interactions.get("/v1/cases", state="received")).json()["items"]) == 2


async def test_a_customer_sees_own_cases_and_public_messages(interactions: ServiceUnderTest) -> None:
    # given
    customer = uuid7()
    token = interactions.for_customer(customer)
    body = a_case(customer, kind="question")
    case = (await token.post("/v1/cases", body)).json()
    await written(interactions, case["id"], "A friend of the boss.", visibility="internal")
    await written(interactions, case["id"], "It arrives today.")
    sent = (await token.post(f"/v1/cases/{case['id']}/messages", {"body": "Thank you."})).json()

    # then
    assert (sent["direction"], sent["visibility"]) == ("inbound", "public")
    messages = (await token.get(f"/v1/cases/{case['id']}/messages", visibility="internal")).json()["items"]
    assert [message["body"] for message in messages] == ["It arrives today.", "Thank you."]
    assert {message["author"] for message in messages} == {None}
    assert (await token.get(f"/v1/cases/{case['id']}")).json()["agent_id"] is None
    prioritised = await token.post("/v1/cases", body | {"priority": "urgent"})
    assert prioritised.json()["code"] == "owner_access_denied"
    stranger = interactions.for_customer(uuid7())
    assert (await stranger.get(f"/v1/cases/{case['id']}/messages")).status_code == 404


async def test_cases_follow_merged_customers(interactions: ServiceUnderTest) -> None:
    survivor, merged, merge_id = uuid7(), uuid7(), uuid7()
    case = await opened(interactions, merged)
    await interactions.deliver(customers_merged(survivor, merged, merge_id=merge_id))
    assert (await interactions.get(f"/v1/cases/{case['id']}")).json()["customer_id"] == str(survivor)
    await interactions.deliver(merge_undone(survivor, merged, merge_id=merge_id))
    assert (await interactions.get(f"/v1/cases/{case['id']}")).json()["customer_id"] == str(merged)


async def test_an_erased_customer_s_case_stays_without_its_texts(interactions: ServiceUnderTest) -> None:
    customer = uuid7()
    case = await opened(interactions, customer, description="I live at the harbour.")
    await written(interactions, case["id"], "Call Ada.", author="ada@example.com")
    await moved(interactions, case["id"], {"state": "acknowledged", "reason": "Ada called."})
    await interactions.deliver(erasure_of(customer))
    left = str((await interactions.get(f"/v1/cases/{case['id']}")).json())
    for part in ("transitions", "messages"):
        left += str((await interactions.get(f"/v1/cases/{case['id']}/{part}")).json())
    assert "ada" not in left.lower()
    assert "harbour" not in left
    assert (await interactions.get("/v1/cases")).json()["items"][0]["kind"] == "complaint"
    again = await interactions.post("/v1/cases", a_case(customer))
    assert (again.status_code, again.json()["code"]) == (410, "person_erased")
