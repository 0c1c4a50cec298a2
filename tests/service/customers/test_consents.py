"""Consents: the latest decision counts, and the response includes its receipt."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chassis.types.ids import uuid7
from tests.support.facts import a_customer
from tests.support.service import ServiceUnderTest

EMAIL = {"purpose": "marketing", "channel": "email"}


async def a_customers_path(customers: ServiceUnderTest) -> str:
    return f"/v1/customers/{(await customers.post('/v1/customers', a_customer())).json()['id']}"


async def decide(customers: ServiceUnderTest, path: str, decision: str, **fields: Any) -> dict[str, Any]:
    body = {**EMAIL, "decision": decision, "source": "web form", "wording": "Yes, write to me.", **fields}
    answer = await customers.post(f"{path}/consents", body)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def permission(customers: ServiceUnderTest, path: str, **params: str) -> dict[str, Any]:
    return dict((await customers.get(f"{path}/may-contact", **{**EMAIL, **params})).json())


async def test_without_a_receipt_nobody_is_written_to(customers: ServiceUnderTest) -> None:
    path = await a_customers_path(customers)
    answer = await permission(customers, path)
    assert (answer["permitted"], answer["reason"], answer["receipt"]) == (False, "never_asked", None)


async def test_the_latest_decision_holds_for_its_purpose_and_channel_alone(customers: ServiceUnderTest) -> None:
    path = await a_customers_path(customers)
    granted = await decide(customers, path, "granted")
    answer = await permission(customers, path)
    assert (answer["permitted"], answer["receipt"]) == (True, granted)
    assert not (await permission(customers, path, channel="sms"))["permitted"]
    assert not (await permission(customers, path, purpose="survey"))["permitted"]
    withdrawn = await decide(customers, path, "withdrawn")
    answer = await permission(customers, path)
    assert (answer["permitted"], answer["reason"], answer["receipt"]) == (False, "withdrawn", withdrawn)
    types = [event.type for event in await customers.published()]
    assert types[1:] == ["customers.consent_granted.v1", "customers.consent_withdrawn.v1"]
    receipts = (await customers.get(f"{path}/consents")).json()["items"]
    assert receipts == [granted, withdrawn]


async def test_a_grant_that_comes_late_undoes_no_withdrawal(customers: ServiceUnderTest) -> None:
    path = await a_customers_path(customers)
    await decide(customers, path, "withdrawn", decided_at="2026-02-01T00:00:00Z")
    await decide(customers, path, "granted", decided_at="2026-01-01T00:00:00Z")
    assert (await permission(customers, path))["reason"] == "withdrawn"
    await decide(customers, path, "granted", decided_at="2026-02-01T00:00:00Z")
    assert (await permission(customers, path))["reason"] == "withdrawn"  # on a tie, the stricter counts
    await decide(customers, path, "granted", decided_at="2026-02-01T00:00:00.000001Z")
    assert (await permission(customers, path))["permitted"]


@pytest.mark.parametrize("ahead", [timedelta(seconds=1.5), timedelta(hours=23)])
async def test_a_clock_that_is_ahead_does_not_lose_a_withdrawal(customers: ServiceUnderTest, ahead: timedelta) -> None:
    path = await a_customers_path(customers)
    await decide(customers, path, "granted")
    receipt = await decide(customers, path, "withdrawn", decided_at=(datetime.now(UTC) + ahead).isoformat())
    assert receipt["decided_at"] == receipt["recorded_at"]
    assert (await permission(customers, path))["reason"] == "withdrawn"
    await decide(customers, path, "granted")
    assert (await permission(customers, path))["permitted"]


async def test_a_decision_of_the_day_after_tomorrow_is_refused(customers: ServiceUnderTest) -> None:
    path = await a_customers_path(customers)
    decided_at = (datetime.now(UTC) + timedelta(hours=25)).isoformat()
    body = {**EMAIL, "decision": "granted", "source": "web form", "decided_at": decided_at}
    answer = await customers.post(f"{path}/consents", body)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "in_the_future")


async def test_who_is_not_active_is_not_written_to(customers: ServiceUnderTest) -> None:
    path = await a_customers_path(customers)
    await decide(customers, path, "granted")
    await customers.rows("update customer set state = 'blocked'")
    assert (await permission(customers, path))["reason"] == "not_active"


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"purpose": "world domination"}, "/purpose"),
        ({"channel": "pigeon"}, "/channel"),
        ({"decision": "maybe"}, "/decision"),
        ({"decided_at": "2150-01-01T00:00:00Z"}, "/decided_at"),
        ({"decided_at": "1850-01-01T00:00:00Z"}, "/decided_at"),
        ({"source": ""}, "/source"),
    ],
)
async def test_a_decision_that_makes_no_sense_is_refused(
    customers: ServiceUnderTest, fields: dict[str, str], pointer: str
) -> None:
    path = await a_customers_path(customers)
    body = {**EMAIL, "decision": "granted", "source": "web form", **fields}
    answer = await customers.post(f"{path}/consents", body)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer)


async def test_of_nobody_nothing_is_known(customers: ServiceUnderTest) -> None:
    path = f"/v1/customers/{uuid7()}"
    body = {**EMAIL, "decision": "granted", "source": "web form"}
    assert (await customers.post(f"{path}/consents", body)).status_code == 404
    assert (await customers.get(f"{path}/consents")).status_code == 404
    assert (await customers.get(f"{path}/may-contact", **EMAIL)).status_code == 404
    assert (await customers.get(f"{path}/may-contact")).status_code == 422
