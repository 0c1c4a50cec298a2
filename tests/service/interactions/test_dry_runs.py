"""Dry runs: an automation is tried on the past events of its own tenant, and nothing is done."""

from typing import Any

import pytest

from chassis.db.tables import SCHEMA
from chassis.types.ids import uuid7
from services.interactions.outreach.automations import dry_runs
from tests.support.automations import an_automation
from tests.support.facts import a_purchase
from tests.support.promises import CLOCK, a_sandbox, created, later
from tests.support.service import ServiceUnderTest

PAST = {"since": "2020-01-01T00:00:00Z"}


async def publish(service: ServiceUnderTest) -> None:
    """Move the tenant's events to those that are published, as the relay does."""
    columns = "event_id, seq, tenant_id, type, subject, time, actor, traceparent, data"
    await service.rows(
        f"with taken as (delete from {SCHEMA}.outbox where tenant_id = $1 returning *) "
        f"insert into {SCHEMA}.published_event ({columns}) select {columns} from taken",
        service.tenant.id,
    )


async def buy(service: ServiceUnderTest, *prices: str) -> None:
    for price in prices:
        line = {"sku": "tea", "quantity": "1", "unit_price": price}
        await created(service, "/v1/purchases", a_purchase(uuid7(), lines=[line]))
    await publish(service)


async def tried(service: ServiceUnderTest, automation: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """Start a dry run, let the worker finish it, and return it."""
    dry_run = await created(service, f"/v1/automations/{automation['id']}/dry-runs", PAST | fields)
    assert (dry_run["state"], dry_run["events"]) == ("queued", 0)
    await service.run_periodic_tasks()
    return dict((await service.get(f"/v1/automation-dry-runs/{dry_run['id']}")).json())


def large(name: str = "Large") -> dict[str, Any]:
    return an_automation(name, conditions=[{"fact": "amount", "at_least": "100"}])


async def test_the_past_events_that_meet_the_conditions_are_counted(
    interactions: ServiceUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dry_runs, "SCANNED", 2)
    automation = await created(interactions, "/v1/automations", large())
    await buy(interactions, "99.99", "100.00", "250.00")
    await created(interactions, "/v1/cases", {"kind": "request", "subject": "Tea", "channel": "phone"})
    await publish(interactions)
    await buy(await interactions.for_new_tenant(), "500.00")
    result = await tried(interactions, automation)
    assert (result["state"], result["events"], result["matches"]) == ("done", 3, 2)
    purchases = (await interactions.get("/v1/purchases", sort="purchased_at")).json()["items"]
    costly = {each["id"] for each in purchases if float(each["total"]["amount"]) >= 100}
    assert {each["about_id"] for each in result["examples"]} == costly
    assert (await interactions.get("/v1/automation-runs")).json()["items"] == []
    assert (await interactions.get("/v1/tasks")).json()["items"] == []


async def test_only_events_of_the_time_are_tried(interactions: ServiceUnderTest) -> None:
    sandbox = await a_sandbox(interactions)
    automation = await created(sandbox, "/v1/automations", an_automation("All"))
    await buy(sandbox, "1.00")
    next_day = await later(sandbox, days=1)
    assert (await tried(next_day, automation, since=CLOCK))["events"] == 1
    assert (await tried(next_day, automation, since="2026-02-01T00:00:00Z", until=CLOCK))["events"] == 0


async def test_a_dry_run_goes_on_with_the_version_with_which_it_began(interactions: ServiceUnderTest) -> None:
    automation = await created(interactions, "/v1/automations", large())
    await buy(interactions, "250.00")
    path = f"/v1/automations/{automation['id']}"
    dry_run = await created(interactions, f"{path}/dry-runs", PAST)
    await interactions.patch(path, {"conditions": [{"fact": "amount", "at_least": "1000"}]})
    await interactions.run_periodic_tasks()
    result = (await interactions.get(f"/v1/automation-dry-runs/{dry_run['id']}")).json()
    assert (result["automation_version"], result["matches"]) == (1, 1)


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"since": "2999-01-01T00:00:00Z"}, 422, "validation_failed"),
        ({"until": "2019-01-01T00:00:00Z"}, 422, "validation_failed"),
        ({"since": "yesterday"}, 422, "validation_failed"),
    ],
)
async def test_a_time_without_a_past_is_refused(
    interactions: ServiceUnderTest, fields: dict[str, Any], status: int, code: str
) -> None:
    automation = await created(interactions, "/v1/automations", large())
    response = await interactions.post(f"/v1/automations/{automation['id']}/dry-runs", PAST | fields)
    assert (response.status_code, response.json()["code"]) == (status, code)


async def test_events_of_another_service_cannot_be_tried(interactions: ServiceUnderTest) -> None:
    automation = await created(interactions, "/v1/automations", an_automation("Won", "deal_won"))
    response = await interactions.post(f"/v1/automations/{automation['id']}/dry-runs", PAST)
    assert (response.status_code, response.json()["code"]) == (409, "automation_events_elsewhere")
    assert response.json()["event_type"] == "customers.deal_won.v1"
