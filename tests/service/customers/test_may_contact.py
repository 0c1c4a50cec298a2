"""May contact: permitted at a time, welcome by caps and quiet hours, and the channel that the customer prefers."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chassis.types.ids import uuid7
from tests.service.customers.test_consents import a_customers_path, decide, permission
from tests.support.facts import a_customer
from tests.support.service import ServiceUnderTest

SETTINGS = "/v1/consent-settings"


def contacted(customer: str, at: datetime, **fields: Any) -> dict[str, Any]:
    """Return a touch point, as interactions publishes it."""
    data = {"touch_point_id": str(uuid7()), "customer_id": customer, "channel": "Email", "direction": "outbound"}
    data |= {"occurred_at": at.isoformat(), **fields}
    return {"type": "interactions.touch_point_recorded.v1", "key": customer, "data": data}


async def test_the_time_of_the_contact_decides(customers: ServiceUnderTest) -> None:
    path = await a_customers_path(customers)
    first = await decide(
        customers, path, "granted", decided_at="2026-01-01T00:00:00Z", expires_at="2026-02-01T00:00:00Z"
    )
    await decide(customers, path, "withdrawn", decided_at="2026-03-01T00:00:00Z")
    reasons = {}
    for at in ("2025-12-31", "2026-01-15", "2026-02-01", "2026-03-01"):
        answer = await permission(customers, path, at=f"{at}T00:00:00Z")
        reasons[at] = answer["reason"]
    assert list(reasons.values()) == ["never_asked", "granted", "expired", "withdrawn"]
    expired = await permission(customers, path, at="2026-02-01T00:00:00Z")
    assert (expired["permitted"], expired["receipt"]) == (False, first)


async def test_caps_count_the_contacts_that_touch_points_report(customers: ServiceUnderTest) -> None:
    path = await a_customers_path(customers)
    await decide(customers, path, "granted")
    await customers.patch(SETTINGS, {"frequency_caps": [{"contacts": 2, "days": 7}]})
    id, now = path.rpartition("/")[2], datetime.now(UTC)
    contact = contacted(id, now - timedelta(days=2))
    await customers.deliver(contact, contact, contacted(id, now, direction="inbound"), contacted(str(uuid7()), now))
    await customers.deliver(contacted(id, now - timedelta(days=200)))
    assert (await permission(customers, path))["welcome"]

    again = contacted(id, now - timedelta(days=1))
    await customers.deliver(again)
    await customers.deliver(again | {"id": uuid7()})

    answer = await permission(customers, path)
    assert (answer["permitted"], answer["welcome"], answer["welcome_reason"]) == (True, False, "frequency_cap")
    assert answer["welcome_at"][:19] == (now + timedelta(days=5)).isoformat()[:19]
    assert len(await customers.rows("select * from contact where customer_id = $1", id)) == 2


@pytest.mark.parametrize(
    ("phones", "welcome_at"),
    [
        ([], "2026-03-03T07:00:00Z"),
        ([{"number": "+1 212 555 2368"}], None),
        ([{"number": "+81 3 1234 5678"}], "2026-03-02T23:00:00Z"),
    ],
    ids=["the tenant's zone", "daytime in New York", "night in Tokyo"],
)
async def test_quiet_hours_are_those_of_the_customer(
    customers: ServiceUnderTest, phones: list[dict[str, str]], welcome_at: str | None
) -> None:
    await customers.patch(SETTINGS, {"quiet_hours": {"starts": "21:00", "ends": "08:00"}})
    customer = (await customers.post("/v1/customers", a_customer(phones=phones))).json()
    at = "2026-03-02T21:30:00Z"
    answer = await permission(customers, f"/v1/customers/{customer['id']}", channel="whatsapp", at=at)
    assert answer["welcome_at"] == (welcome_at or at)
    assert answer["welcome_reason"] == ("quiet_hours" if welcome_at else "welcome")
    mail = await permission(customers, f"/v1/customers/{customer['id']}", at=at)
    assert mail["welcome"]


async def test_the_preferred_channel_is_better_if_it_is_permitted(customers: ServiceUnderTest) -> None:
    path = await a_customers_path(customers)

    async def better(channel: str = "email") -> tuple[str | None, str]:
        answer = await permission(customers, path, channel=channel)
        return answer["better_channel"], answer["better_channel_reason"]

    assert await better() == (None, "no_preference")
    await customers.patch(path, {"preferred_channel": "WhatsApp"})
    assert await better() == (None, "not_permitted")
    await decide(customers, path, "granted", channel="whatsapp")
    assert await better() == ("whatsapp", "preferred")
    assert await better("whatsapp") == (None, "already_preferred")
    await customers.patch(path, {"preferred_channel": "pigeon"})
    assert await better() == (None, "no_preference")


@pytest.mark.parametrize(
    ("params", "pointer"),
    [({"purpose": "world_domination"}, "/purpose"), ({"channel": "pigeon"}, "/channel"), ({"at": "now"}, "/at")],
)
async def test_an_unknown_purpose_or_channel_is_refused(
    customers: ServiceUnderTest, params: dict[str, str], pointer: str
) -> None:
    answer = await permission(customers, await a_customers_path(customers), **params)
    assert [(error["pointer"], error["in"]) for error in answer["errors"]] == [(pointer, "query")]
