"""Agent cards: one read shows what an agent needs to know."""

from typing import Any
from uuid import UUID

import pytest

from chassis.types.ids import uuid7
from tests.support.conduct import an_incident
from tests.support.facts import a_purchase
from tests.support.promises import an_open_promise
from tests.support.service import ServiceUnderTest


def created(customer: UUID, **contact: Any) -> dict[str, Any]:
    """Return a customer, as the customers service publishes it."""
    details = {
        "name": "Ada Lovelace",
        "given_name": "Ada",
        "family_name": "Lovelace",
        "emails": [{"address": "Ada@example.org", "normal": "ada@example.org", "primary": True}],
        "phones": [{"number": "020 794 0800", "normal": "+31207940800", "primary": True}],
        "languages": ["en"],
        "preferred_channel": "phone",
        "owner_id": "agent-7",
        "country": "NL",
        "postal_code": None,
        "latitude": None,
        "longitude": None,
    }
    data = {
        "customer_id": str(customer),
        "external_ids": [],
        "version": 1,
        "kind": "person",
        "lifecycle": "client",
        "state": "active",
        "created_at": "2026-03-01T10:00:00Z",
        "contact": details | contact,
    }
    return {"type": "customers.customer_created.v1", "key": str(customer), "data": data}


def balance(customer: UUID, membership: UUID, version: int, available: int) -> dict[str, Any]:
    """Return an event of loyalty with the points of a membership."""
    data = {
        "customer_id": str(customer),
        "membership_id": str(membership),
        "program_id": str(uuid7()),
        "version": version,
        "occurred_at": "2026-03-01T10:00:00Z",
        "balance": {"pending": 0, "available": available, "reserved": 0, "debt": 0},
    }
    return {"type": "loyalty.points_earned.v1", "key": str(customer), "data": data}


async def cards(interactions: ServiceUnderTest, **asked: str) -> list[dict[str, Any]]:
    response = await interactions.get("/v1/agent-cards", **asked)
    assert response.status_code == 200, response.text
    return list(response.json()["items"])


async def test_a_customer_is_found_by_id_email_and_phone(interactions: ServiceUnderTest) -> None:
    customer = uuid7()
    await interactions.deliver(created(customer))
    (by_id,) = await cards(interactions, customer_id=str(customer))
    assert (by_id["name"], by_id["owner_id"], by_id["languages"]) == ("Ada Lovelace", "agent-7", ["en"])
    assert await cards(interactions, email="ADA@example.org") == [by_id]
    assert await cards(interactions, phone="+31 20 7940800") == [by_id]
    assert await cards(interactions, email="grace@example.org") == []


async def test_customers_who_share_a_number_have_a_card_each(interactions: ServiceUnderTest) -> None:
    ada, grace = uuid7(), uuid7()
    await interactions.deliver([created(ada), created(grace, name="Grace Hopper")])
    assert [card["name"] for card in await cards(interactions, phone="+31207940800")] == [
        "Ada Lovelace",
        "Grace Hopper",
    ]


@pytest.mark.parametrize("asked", [{}, {"email": "a@example.org", "phone": "+31207940800"}])
async def test_exactly_one_key_is_expected(interactions: ServiceUnderTest, asked: dict[str, str]) -> None:
    response = await interactions.get("/v1/agent-cards", **asked)
    assert (response.status_code, response.json()["code"]) == (422, "validation_failed")


async def test_the_card_shows_the_last_contacts_and_the_last_purchase(interactions: ServiceUnderTest) -> None:
    customer = uuid7()
    await interactions.deliver(created(customer))
    for number in range(4):
        touch_point = {"customer_id": str(customer), "source": "phone", "source_id": str(number), "channel": "phone"}
        body = touch_point | {"direction": "inbound", "occurred_at": f"2026-03-01T1{number}:00:00Z"}
        await interactions.request("POST", "/v1/touch-points", json=body)
    for day, store in ((2, "Harbour"), (1, "Station")):
        body = a_purchase(customer, purchased_at=f"2026-03-0{day}T10:00:00Z", store=store)
        await interactions.request("POST", "/v1/purchases", json=body)
    (card,) = await cards(interactions, customer_id=str(customer))
    assert [contact["occurred_at"][11:13] for contact in card["last_contacts"]] == ["13", "12", "11"]
    assert (card["last_purchase"]["store"], card["last_purchase"]["total"]["amount"]) == ("Harbour", "5.00")


async def test_the_balance_of_the_highest_version_holds_in_whatever_order(interactions: ServiceUnderTest) -> None:
    customer, membership = uuid7(), uuid7()
    events = [balance(customer, membership, version, 10 * version) for version in (1, 3, 2)]
    await interactions.deliver([created(customer), events[1]])
    await interactions.deliver([events[2], events[0]])
    await interactions.deliver(events)
    (card,) = await cards(interactions, customer_id=str(customer))
    (shown,) = card["memberships"]
    assert (shown["membership_id"], shown["available"]) == (str(membership), 30)


async def test_an_open_case_is_what_to_do_next(interactions: ServiceUnderTest) -> None:
    customer = uuid7()
    await interactions.deliver(created(customer))
    (card,) = await cards(interactions, customer_id=str(customer))
    assert card["suggestion"]["kind"] == "ask_for_permission"
    body = {"kind": "question", "subject": "Where is my parcel?", "channel": "phone", "customer_id": str(customer)}
    case = (await interactions.request("POST", "/v1/cases", json=body)).json()
    (card,) = await cards(interactions, customer_id=str(customer))
    assert [shown["id"] for shown in card["open_cases"]] == [case["id"]]
    assert (card["suggestion"]["kind"], card["suggestion"]["record_id"]) == ("respond_to_case", case["id"])


async def test_an_incident_warns_before_all_else_until_it_is_dismissed(interactions: ServiceUnderTest) -> None:
    customer = uuid7()
    await interactions.deliver(created(customer))
    await interactions.post("/v1/promises", an_open_promise(customer))
    incidents = [
        (await interactions.post("/v1/conduct-incidents", an_incident(customer, occurred_at=at))).json()
        for at in ("2026-02-01T10:00:00Z", "2026-02-03T10:00:00Z")
    ]
    (card,) = await cards(interactions, customer_id=str(customer))
    assert [warning["id"] for warning in card["warnings"]] == [incidents[1]["id"], incidents[0]["id"]]
    assert card["warnings"][0] == {
        "id": incidents[1]["id"],
        "kind": "threat",
        "severity": "high",
        "state": "reported",
        "occurred_at": "2026-02-03T10:00:00Z",
    }
    suggestion = card["suggestion"]
    assert (suggestion["kind"], suggestion["record_id"]) == ("ensure_safety", incidents[1]["id"])
    for incident in incidents:
        path = f"/v1/conduct-incidents/{incident['id']}/dismiss"
        assert (await interactions.post(path, {"reason": "Another person."})).status_code == 200
    (card,) = await cards(interactions, customer_id=str(customer))
    assert (card["warnings"], card["suggestion"]["kind"]) == ([], "ask_for_permission")
