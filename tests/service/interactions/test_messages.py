"""Messages: requested once with permission, published for the sender, and settled by what it reports."""

from typing import Any
from uuid import UUID

import pytest

from chassis import PersonErased
from chassis.types.ids import uuid7
from services.interactions.contact.queries.messages import request_message
from services.interactions.contact.tables import Message
from tests.support.erasure import erase, tables_with
from tests.support.interactions import a_contact, consent, customer_created, customer_updated
from tests.support.merges import customers_merged, merge_undone
from tests.support.service import ServiceUnderTest


def a_message(customer: object, **fields: Any) -> dict[str, Any]:
    return {"customer_id": str(customer), "channel": "email", "subject": "Tea", "body": "It has arrived."} | fields


async def sent(interactions: ServiceUnderTest, customer: object, **fields: Any) -> dict[str, Any]:
    """Request a message by the API. Returns it."""
    answer = await interactions.post("/v1/messages", a_message(customer, **fields), Idempotency_Key=str(uuid7()))
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def requested(interactions: ServiceUnderTest, customer: UUID, cause: UUID, **fields: Any) -> Message:
    """Request a message as a feature does."""
    values: dict[str, Any] = {
        "channel": "email",
        "purpose": None,
        "subject": None,
        "body": "It is late.",
        "cause_kind": "promise",
    }
    async with interactions.work() as work:
        return await request_message(work, customer_id=customer, cause_id=cause, **(values | fields))


async def report(interactions: ServiceUnderTest, message: str, outcome: str, **fields: Any) -> Any:
    return await interactions.post(f"/v1/messages/{message}/outcomes", {"outcome": outcome, **fields})


async def state(interactions: ServiceUnderTest, message: str) -> tuple[str, str | None]:
    stored = (await interactions.get(f"/v1/messages/{message}")).json()
    return stored["state"], stored["reason"]


async def known(interactions: ServiceUnderTest) -> UUID:
    """Announce a customer with an e-mail address."""
    customer = uuid7()
    await interactions.deliver(customer_created(customer, contact=a_contact("ada@example.com")))
    return customer


async def test_a_service_message_needs_no_permission(interactions: ServiceUnderTest) -> None:
    customer = await known(interactions)
    message = await sent(interactions, customer)
    assert (message["state"], message["receipt_id"], message["recipient"]) == ("requested", None, "ada@example.com")
    (event,) = await interactions.published()
    assert (event.type, event.subject) == ("interactions.message_requested.v1", str(customer))
    assert event.data == {
        "message_id": message["id"],
        "customer_id": str(customer),
        "channel": "email",
        "purpose": None,
        "cause_kind": "request",
        "cause_id": message["cause_id"],
        "recipient": "ada@example.com",
        "subject_line": "Tea",
        "body": "It has arrived.",
        "html": None,
        "unsubscribe_path": None,
        "receipt_id": None,
        "requested_at": message["requested_at"],
    }


async def test_a_purpose_needs_permission_at_the_moment_of_sending(interactions: ServiceUnderTest) -> None:
    customer = await known(interactions)
    granted = consent("granted", customer)
    await interactions.deliver(granted)
    allowed = await sent(interactions, customer, purpose="newsletter")
    assert (allowed["state"], allowed["receipt_id"]) == ("requested", granted["data"]["receipt_id"])
    withdrawn = consent("withdrawn", customer, "2026-03-02T10:00:00Z")
    await interactions.deliver(withdrawn)
    await interactions.published()
    refused = await sent(interactions, customer, purpose="newsletter")
    assert (refused["state"], refused["reason"], refused["recipient"]) == ("suppressed", "withdrawn", None)
    assert (refused["receipt_id"], refused["settled_at"]) == (withdrawn["data"]["receipt_id"], refused["requested_at"])
    assert await interactions.published() == []


async def test_a_suppressed_message_names_its_reason(interactions: ServiceUnderTest) -> None:
    customer, blocked = await known(interactions), await known(interactions)
    await interactions.deliver(consent("granted", blocked), customer_updated(blocked, 2, state="blocked"))
    assert (await sent(interactions, customer, purpose="survey"))["reason"] == "never_asked"
    assert (await sent(interactions, blocked, purpose="newsletter"))["reason"] == "not_active"
    assert (await sent(interactions, customer, channel="sms"))["reason"] == "no_address"
    assert (await sent(interactions, customer, channel="post"))["state"] == "requested"


async def test_a_customer_whose_event_is_on_its_way_gets_service_messages(interactions: ServiceUnderTest) -> None:
    message = await sent(interactions, uuid7())
    assert (message["state"], message["recipient"]) == ("requested", None)
    assert (await sent(interactions, uuid7(), purpose="newsletter"))["reason"] == "never_asked"


async def test_a_cause_requests_its_message_once(interactions: ServiceUnderTest) -> None:
    customer, cause = await known(interactions), uuid7()
    first = await requested(interactions, customer, cause)
    assert (await requested(interactions, customer, cause, body="Again.")).id == first.id
    assert (await requested(interactions, customer, cause, cause_kind="survey")).id != first.id
    assert len(await interactions.published()) == 2


async def test_a_suppressed_message_is_not_requested_again_after_a_grant(interactions: ServiceUnderTest) -> None:
    customer, cause = await known(interactions), uuid7()
    await requested(interactions, customer, cause, purpose="newsletter")
    await interactions.deliver(consent("granted", customer))
    assert (await requested(interactions, customer, cause, purpose="newsletter")).state == "suppressed"
    assert await interactions.published() == []


async def test_outcomes_are_recorded_once_each_and_settle_the_message(interactions: ServiceUnderTest) -> None:
    message = (await sent(interactions, await known(interactions)))["id"]
    await interactions.published()
    assert (await report(interactions, message, "sent")).status_code == 201
    assert await state(interactions, message) == ("sent", None)
    first = await report(interactions, message, "delivered", occurred_at="2026-03-01T10:00:00Z")
    again = await report(interactions, message, "delivered", occurred_at="2026-03-02T10:00:00Z")
    assert (first.status_code, again.status_code, again.json()) == (201, 200, first.json())
    stored = (await interactions.get(f"/v1/messages/{message}")).json()
    assert (stored["state"], stored["settled_at"]) == ("delivered", "2026-03-01T10:00:00Z")
    await report(interactions, message, "clicked")
    await report(interactions, message, "bounced", detail="550 5.1.1")
    assert await state(interactions, message) == ("failed", "bounced")
    events = await interactions.published()
    assert [event.type.split(".")[1] for event in events] == ["message_delivered", "message_clicked", "message_failed"]
    assert events[-1].data["reason"] == "bounced"
    listed = (await interactions.get(f"/v1/messages/{message}/outcomes")).json()["items"]
    assert [item["outcome"] for item in listed] == ["sent", "delivered", "clicked", "bounced"]


async def test_a_suppressed_message_has_no_outcomes(interactions: ServiceUnderTest) -> None:
    message = (await sent(interactions, uuid7(), purpose="newsletter"))["id"]
    answer = await report(interactions, message, "delivered")
    assert (answer.status_code, answer.json()["code"]) == (409, "message_suppressed")
    assert answer.json()["reason"] == "never_asked"


async def test_outcomes_of_the_far_future_and_unknown_ones_are_refused(interactions: ServiceUnderTest) -> None:
    message = (await sent(interactions, uuid7()))["id"]
    assert (await report(interactions, message, "delivered", occurred_at="2199-01-01T00:00:00Z")).status_code == 422
    assert (await report(interactions, message, "read")).status_code == 422
    assert (await report(interactions, str(uuid7()), "delivered")).status_code == 404


async def test_messages_are_listed_by_customer_state_channel_cause_and_time(interactions: ServiceUnderTest) -> None:
    ada, grace = await known(interactions), await known(interactions)
    first, second = await sent(interactions, ada), await sent(interactions, ada, channel="post")
    third = await sent(interactions, grace, purpose="newsletter")
    all_of_them = [third["id"], second["id"], first["id"]]
    for params, expected in (
        ({}, all_of_them),
        ({"sort": "requested_at"}, all_of_them[::-1]),
        ({"customer_id": str(ada)}, all_of_them[1:]),
        ({"state": "suppressed"}, [third["id"]]),
        ({"channel": "post"}, [second["id"]]),
        ({"cause_kind": "request", "cause_id": first["cause_id"]}, [first["id"]]),
        ({"requested_at.gte": third["requested_at"]}, [third["id"]]),
        ({"cause_kind": "promise"}, []),
    ):
        listed = (await interactions.get("/v1/messages", **params)).json()["items"]
        assert [item["id"] for item in listed] == expected, params


async def test_messages_of_a_merged_customer_move_and_return(interactions: ServiceUnderTest) -> None:
    survivor, merged, merge_id = await known(interactions), await known(interactions), uuid7()
    own = await sent(interactions, merged)
    await interactions.deliver(customers_merged(survivor, merged, merge_id=merge_id))
    late = await sent(interactions, merged)
    listed = (await interactions.get("/v1/messages", customer_id=str(survivor))).json()["items"]
    assert {item["id"] for item in listed} == {own["id"], late["id"]}
    await interactions.published()
    await report(interactions, own["id"], "delivered")
    (event,) = await interactions.published()
    assert event.data["customer_id"] == str(merged), "of the customer for whom it was requested"
    await interactions.deliver(merge_undone(survivor, merged, merge_id=merge_id))
    assert (await interactions.get("/v1/messages", customer_id=str(survivor))).json()["items"] == []


async def test_an_erasure_deletes_messages_and_refuses_new_ones(interactions: ServiceUnderTest) -> None:
    customer = await known(interactions)
    message = await sent(interactions, customer, subject="Zebedina", body="Dear Zebedina")
    await report(interactions, message["id"], "failed", detail="no zebedina here")
    assert (await erase(interactions, customer))["message", "deleted"] == 1
    assert await tables_with(interactions, "zebedina") == []
    answer = await interactions.post("/v1/messages", a_message(customer), Idempotency_Key="late")
    assert (answer.status_code, answer.json()["code"]) == (410, "person_erased")
    with pytest.raises(PersonErased):
        await requested(interactions, customer, uuid7())
