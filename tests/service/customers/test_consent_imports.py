"""Imported permissions: with their original times, each once, and none undoes a withdrawal."""

import asyncio
from collections import Counter
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chassis.types.ids import uuid7
from tests.service.customers.test_consents import a_customers_path, decide, permission
from tests.support.service import ServiceUnderTest

GRANTED = {"decision": "granted", "decided_at": "2026-01-01T00:00:00Z"}


def an_item(path: str, source_id: str, **fields: Any) -> dict[str, Any]:
    usual = {"purpose": "marketing", "channel": "email", "source": "old CRM", "source_id": source_id, **GRANTED}
    return {"customer_id": path.rpartition("/")[2], **usual, **fields}


async def load(customers: ServiceUnderTest, *items: dict[str, Any]) -> list[dict[str, Any]]:
    answer = await customers.post("/v1/consents/batch", {"items": list(items)})
    assert answer.status_code == 200, answer.text
    return list(answer.json()["results"])


async def test_receipts_are_imported_once_with_their_times(customers: ServiceUnderTest) -> None:
    path = await a_customers_path(customers)
    await customers.published()
    items = [an_item(path, "1", wording="Yes"), an_item(path, "2", channel="sms", evidence={"ip": "192.0.2.1"})]
    assert [each["status"] for each in await load(customers, *items)] == ["created", "created"]
    assert [each["status"] for each in await load(customers, *items)] == ["unchanged", "unchanged"]
    receipts = (await customers.get(f"{path}/consents")).json()["items"]
    assert [(each["source_id"], each["decided_at"]) for each in receipts] == [
        ("1", "2026-01-01T00:00:00Z"),
        ("2", "2026-01-01T00:00:00Z"),
    ]
    assert Counter(event.type for event in await customers.published()) == {"customers.consent_granted.v1": 2}


async def test_a_bad_item_stops_no_other(customers: ServiceUnderTest) -> None:
    path = await a_customers_path(customers)
    results = await load(
        customers,
        an_item(path, "1"),
        an_item(f"/{uuid7()}", "2"),
        an_item(path, "3", purpose="world_domination"),
        an_item(path, "4", decided_at="2150-01-01T00:00:00Z"),
        an_item(path, "5", decision="withdrawn", expires_at="2027-01-01T00:00:00Z"),
        an_item(path, "6", expires_at="2025-01-01T00:00:00Z"),
        an_item(path, "1", channel="sms"),
        an_item(path, "1"),
        {name: value for name, value in an_item(path, "7").items() if name != "decided_at"},
    )
    refused = [(each["problem"] or {"errors": []})["errors"] for each in results]
    codes = [errors[0]["code"] if errors else None for errors in refused]
    assert [each["status"] for each in results] == ["created", *["refused"] * 6, "unchanged", "refused"]
    assert codes[1:6] == ["unknown_record", "unknown_purpose", "in_the_future", "withdrawals_last", "not_after"]
    assert results[6]["problem"]["code"] == "source_id_reused"
    assert codes[8] == "required"


async def test_an_import_undoes_no_later_withdrawal(customers: ServiceUnderTest) -> None:
    path = await a_customers_path(customers)
    await decide(customers, path, "withdrawn")
    items = [an_item(path, "1"), an_item(path, "2", decided_at="2026-02-01T00:00:00Z")]
    await load(customers, *items)
    await load(customers, *items)
    assert (await permission(customers, path))["reason"] == "withdrawn"


async def test_the_same_import_at_once_is_stored_once(customers: ServiceUnderTest) -> None:
    path = await a_customers_path(customers)
    items = [an_item(path, str(number)) for number in range(50)]
    results = await asyncio.gather(load(customers, *items), load(customers, *reversed(items)), load(customers, *items))
    assert Counter(each["status"] for result in results for each in result) == {"created": 50, "unchanged": 100}
    assert len(await customers.rows("select * from consent_receipt")) == 50


async def test_a_receipt_with_a_source_id_is_recorded_once(customers: ServiceUnderTest) -> None:
    path = await a_customers_path(customers)
    body = {"purpose": "marketing", "channel": "email", "decision": "granted", "source": "form", "source_id": "1"}
    first = await customers.post(f"{path}/consents", body)
    await decide(customers, path, "withdrawn")
    again = await customers.post(f"{path}/consents", body)
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == first.json()
    assert (await permission(customers, path))["reason"] == "withdrawn"
    other = await customers.post(f"{path}/consents", body | {"channel": "sms"})
    assert (other.status_code, other.json()["code"]) == (409, "source_id_reused")


DECISIONS = st.lists(st.tuples(st.sampled_from(["granted", "withdrawn"]), st.integers(1, 4)), min_size=1, max_size=6)


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(DECISIONS, st.data())
async def test_a_withdrawn_permission_is_granted_again_by_a_later_decision_alone(
    customers: ServiceUnderTest, decisions: list[tuple[str, int]], data: st.DataObject
) -> None:
    """Receipts arrive in any order, in any batches, singly or again, and some batches at the same time."""
    path = await a_customers_path(customers)
    items = [
        an_item(path, f"{uuid7()}", decision=decision, decided_at=f"2026-01-0{day}T00:00:00Z")
        for decision, day in decisions
    ]
    sent = data.draw(st.permutations([*items, *items]))
    cut = data.draw(st.integers(1, len(sent)))
    await asyncio.gather(*(load(customers, *part) for part in (sent[:cut], sent[cut:]) if part))
    latest = max(day for _, day in decisions)
    permitted = all(decision == "granted" for decision, day in decisions if day == latest)
    answer = await permission(customers, path)
    assert answer["permitted"] is permitted
    assert len((await customers.get(f"{path}/consents", limit=200)).json()["items"]) == len(items)
