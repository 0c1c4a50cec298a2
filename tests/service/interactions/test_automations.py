"""Automations: an event starts a run once, each step is performed once, and loops are cut off."""

import asyncio
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from chassis.messaging.periodic import run_once
from chassis.types.ids import uuid7
from tests.support.automations import TASK, an_automation
from tests.support.erasure import erase, tables_with
from tests.support.facts import purchase_recorded
from tests.support.interactions import a_contact, consent, customer_created, customer_updated
from tests.support.merges import customers_merged, merge_undone
from tests.support.promises import a_sandbox, created, events_of, later
from tests.support.service import ServiceUnderTest

PATH = "/v1/automations"
CONTRACTS = Path(__file__).parents[3] / "contracts" / "events"
MESSAGE = {
    "message": {"channel": "email", "purpose": "newsletter", "subject": "Thanks", "body": "Dear {{customer.name}}"}
}


async def runs(service: ServiceUnderTest, **params: Any) -> list[dict[str, Any]]:
    """Return the runs, oldest first."""
    listed = (await service.get("/v1/automation-runs", sort="started_at", **params)).json()["items"]
    return [dict(each) for each in listed]


async def steps(service: ServiceUnderTest, run: dict[str, Any]) -> list[dict[str, Any]]:
    listed = (await service.get(f"/v1/automation-runs/{run['id']}/steps")).json()["items"]
    return [dict(each) for each in listed]


async def tasks(service: ServiceUnderTest) -> list[dict[str, Any]]:
    return [dict(each) for each in (await service.get("/v1/tasks")).json()["items"]]


def bought(customer: object = None, amount: str = "5.00", **envelope: Any) -> dict[str, Any]:
    return purchase_recorded(amount, str(customer) if customer else None, **envelope)


async def known(service: ServiceUnderTest, **fields: Any) -> UUID:
    """Announce a customer with a name and an e-mail address."""
    customer = uuid7()
    contact = a_contact("ada@example.com", **({"name": "Ada"} | fields))
    await service.deliver(customer_created(customer, contact=contact))
    return customer


async def test_an_event_that_meets_the_conditions_leads_to_a_task(interactions: ServiceUnderTest) -> None:
    conditions = [
        {"fact": "amount", "at_least": "100"},
        {"fact": "currency", "one_of": ["EUR"]},
        {"fact": "customer.lifecycle", "none_of": ["former"]},
    ]
    automation = await created(interactions, PATH, an_automation("Thank", conditions=conditions))
    customer, purchase = await known(interactions), uuid7()
    await interactions.deliver(
        bought(customer, "99.99", at=str(interactions.tenant.now())),
        bought(customer, "100.00", at=str(interactions.tenant.now()), purchase_id=purchase),
        bought(customer, "100.00", at=str(interactions.tenant.now()), currency="USD"),
    )
    (run,) = await runs(interactions, automation_id=automation["id"])
    assert (run["state"], run["about_kind"], run["about_id"]) == ("running", "purchase", str(purchase))
    await interactions.run_periodic_tasks()
    (run,) = await runs(interactions, customer_id=str(customer), state="done")
    (step,) = await steps(interactions, run)
    (task,) = await tasks(interactions)
    assert (step["action"], step["outcome"], step["record_id"]) == ("task", "done", task["id"])
    assert (task["title"], task["customer_id"], task["team"]) == ("Call Ada", str(customer), "sales")
    assert (task["about_kind"], task["about_id"], task["cause_kind"]) == ("purchase", str(purchase), "automation")


async def test_events_of_several_triggers_in_a_batch_start_each_their_own(interactions: ServiceUnderTest) -> None:
    for trigger in ("purchase_recorded", "relationship_ended"):
        await created(interactions, PATH, an_automation(trigger, trigger))
    now, customer = str(interactions.tenant.now()), uuid7()
    await interactions.deliver(bought(customer, at=now), ended(customer), ended(uuid7()), bought(customer, at=now))
    assert [run["about_kind"] for run in await runs(interactions)] == ["purchase", "customer", "customer", "purchase"]


async def test_an_event_that_comes_twice_starts_one_run(interactions: ServiceUnderTest) -> None:
    await created(interactions, PATH, an_automation("Thank"))
    fact = bought(uuid7(), at=str(interactions.tenant.now()), id=uuid7())
    await interactions.deliver(fact, fact)
    await interactions.deliver(fact)
    assert len(await runs(interactions)) == 1


async def test_events_of_long_ago_and_inactive_automations_start_nothing(interactions: ServiceUnderTest) -> None:
    await created(interactions, PATH, an_automation("Thank"))
    await created(interactions, PATH, an_automation("Rest", active=False))
    now = interactions.tenant.now()
    await interactions.deliver(bought(at="2020-01-01T00:00:00Z"), bought(at=str(now)))
    assert [run["automation_version"] for run in await runs(interactions)] == [1]


async def test_a_sequence_waits_between_its_steps_and_reads_the_customer_anew(interactions: ServiceUnderTest) -> None:
    sandbox = await a_sandbox(interactions)
    sequence = [TASK, {"after_minutes": 60} | MESSAGE, {"after_minutes": 1440, "case": {"subject": "{{ amount }}"}}]
    await created(sandbox, PATH, an_automation("Follow up", steps=sequence))
    customer = await known(sandbox)
    await sandbox.deliver(bought(customer), consent("granted", customer))
    await sandbox.run_periodic_tasks()
    assert [task["title"] for task in await tasks(sandbox)] == ["Call Ada"]
    early = await later(sandbox, minutes=59, seconds=59)
    await early.run_periodic_tasks()
    assert (await early.get("/v1/messages")).json()["items"] == []
    contact = a_contact("ada@example.com", name="Lady Lovelace")
    await early.deliver(customer_updated(customer, 2, contact=contact, changed=["name"], previous_lifecycle="prospect"))
    hour = await later(sandbox, minutes=60)
    await hour.run_periodic_tasks()
    (message,) = (await hour.get("/v1/messages")).json()["items"]
    assert (message["body"], message["state"], message["cause_kind"]) == (
        "Dear Lady Lovelace",
        "requested",
        "automation",
    )
    day = await later(sandbox, minutes=60 + 1440)
    await day.run_periodic_tasks()
    (case,) = (await day.get("/v1/cases")).json()["items"]
    assert (case["subject"], case["channel"], case["customer_id"]) == ("5.00", "automation", str(customer))
    (run,) = await runs(day)
    assert [(step["number"], step["outcome"]) for step in await steps(day, run)] == [
        (1, "done"),
        (2, "done"),
        (3, "done"),
    ]
    assert (run["state"], run["next_at"], run["ended_at"]) == ("done", None, "2026-03-02T11:00:00Z")


async def test_a_message_needs_permission_at_the_moment_of_its_step(interactions: ServiceUnderTest) -> None:
    sandbox = await a_sandbox(interactions)
    await created(sandbox, PATH, an_automation("Write", steps=[{"after_minutes": 60} | MESSAGE, TASK]))
    customer = await known(sandbox)
    await sandbox.deliver(bought(customer), consent("granted", customer))
    await sandbox.deliver(consent("withdrawn", customer, "2026-03-01T10:30:00Z"))
    hour = await later(sandbox, minutes=60)
    await hour.run_periodic_tasks()
    (run,) = await runs(hour)
    found = [(step["outcome"], step["reason"]) for step in await steps(hour, run)]
    assert (run["state"], found) == ("done", [("suppressed", "withdrawn"), ("done", None)])


async def test_workers_at_once_perform_each_step_once(interactions: ServiceUnderTest) -> None:
    await created(interactions, PATH, an_automation("Thank", steps=[TASK, TASK]))
    await interactions.deliver([bought(uuid7(), at=str(interactions.tenant.now())) for _ in range(10)])
    (task,) = [task for task in interactions.service.tasks if task.run.__name__ == "perform_due_step"]

    async def work() -> None:
        while await run_once(interactions.shared.worker_pool, task, interactions.tenant):
            pass

    await asyncio.gather(*(work() for _ in range(4)))
    # A worker that finds all rows locked stops, so one goes on to the end.
    await work()
    assert {run["state"] for run in await runs(interactions)} == {"done"}
    assert len(await events_of(interactions, "task_created")) == 20


async def test_a_step_that_fails_half_way_has_done_nothing(
    interactions: ServiceUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    await created(interactions, PATH, an_automation("Thank"))
    await interactions.deliver(bought(at=str(interactions.tenant.now())))
    (task,) = [task for task in interactions.service.tasks if task.run.__name__ == "perform_due_step"]

    def die(*_: Any) -> None:
        raise RuntimeError("the worker dies")

    with monkeypatch.context() as patch:
        patch.setattr("services.interactions.outreach.automations.steps.Result", die)
        with pytest.raises(RuntimeError):
            await run_once(interactions.shared.worker_pool, task, interactions.tenant)
    assert (await tasks(interactions), await events_of(interactions, "task_created")) == ([], [])
    await interactions.run_periodic_tasks()
    assert len(await tasks(interactions)) == 1


async def test_a_run_stops_on_an_event_of_its_customer_alone(interactions: ServiceUnderTest) -> None:
    sandbox = await a_sandbox(interactions)
    steps_later = [{"after_minutes": 60} | TASK]
    await created(
        sandbox,
        PATH,
        an_automation("Win back", "relationship_ended", steps=steps_later, stops_on=["purchase_recorded"]),
    )
    ada, bob = await known(sandbox), await known(sandbox)
    await sandbox.deliver([ended(ada), ended(bob)])
    # A purchase of before the run does not stop it, also if it arrives late.
    await sandbox.deliver(bought(ada, at="2026-03-01T09:59:59Z"))
    assert {run["state"] for run in await runs(sandbox)} == {"running"}
    await sandbox.deliver(bought(ada, at="2026-03-01T10:00:00Z"))
    hour = await later(sandbox, minutes=60)
    await hour.run_periodic_tasks()
    found = {run["customer_id"]: (run["state"], run["reason"]) for run in await runs(hour)}
    assert found == {str(ada): ("stopped", "purchase_recorded"), str(bob): ("done", None)}


def ended(customer: UUID) -> dict[str, Any]:
    data = {"customer_id": str(customer), "reason": "price", "previous_lifecycle": "customer"}
    return {"type": "customers.relationship_ended.v1", "key": customer, "data": data}


async def test_after_a_run_there_is_a_pause_for_the_customer(interactions: ServiceUnderTest) -> None:
    sandbox = await a_sandbox(interactions)
    await created(sandbox, PATH, an_automation("Thank", pause_days=30))
    ada, bob = uuid7(), uuid7()
    await sandbox.deliver([bought(ada), bought(ada), bought(bob)])
    assert sorted(run["customer_id"] for run in await runs(sandbox)) == sorted([str(ada), str(bob)])
    almost = await later(sandbox, days=29, hours=23, minutes=59)
    await almost.deliver(bought(ada, at=str(almost.tenant.now())))
    assert len(await runs(almost)) == 2
    month = await later(sandbox, days=30)
    await asyncio.gather(*(month.deliver(bought(ada, at=str(month.tenant.now()))) for _ in range(5)))
    assert len(await runs(month, customer_id=str(ada))) == 2


async def test_an_automation_that_triggers_itself_is_cut_off(interactions: ServiceUnderTest) -> None:
    one = await created(interactions, PATH, an_automation("One", "case_opened", steps=[{"case": {"subject": "Again"}}]))
    await interactions.post("/v1/cases", {"kind": "request", "subject": "First", "channel": "phone"})
    await circulate(interactions)
    found = await runs(interactions)
    assert [(run["state"], run["reason"]) for run in found] == [("done", None), ("cut_off", "loop")]
    assert found[1]["chain"] == [one["id"], one["id"]]
    assert len((await interactions.get("/v1/cases")).json()["items"]) == 2


async def test_automations_that_trigger_one_another_are_cut_off(interactions: ServiceUnderTest) -> None:
    for name in ("One", "Two"):
        await created(interactions, PATH, an_automation(name, "case_opened", steps=[{"case": {"subject": name}}]))
    await interactions.post("/v1/cases", {"kind": "request", "subject": "First", "channel": "phone"})
    await circulate(interactions)
    # The first case leads to one case of each, and each of these to one of the other.
    assert len((await interactions.get("/v1/cases")).json()["items"]) == 5
    assert sorted(run["state"] for run in await runs(interactions)) == ["cut_off"] * 6 + ["done"] * 4


async def circulate(service: ServiceUnderTest) -> None:
    """Deliver to the service its own events, and perform the steps, until nothing happens any more."""
    for _ in range(20):
        published = await service.published()
        if not published:
            return
        for event in published:
            fact = {"id": event.id, "type": event.type, "key": event.subject, "data": event.data, "actor": event.actor}
            await service.deliver(fact)
        await service.run_periodic_tasks()
    raise AssertionError("the events never end")


async def test_a_step_that_cannot_be_performed_ends_the_run(interactions: ServiceUnderTest) -> None:
    case = {"case": {"subject": "Late", "category": "delivery"}}
    await created(interactions, PATH, an_automation("Open", steps=[case, TASK]))
    await interactions.patch("/v1/case-settings", {"categories": ["bill"]})
    await interactions.deliver(bought(at=str(interactions.tenant.now())))
    await interactions.run_periodic_tasks()
    (run,) = await runs(interactions)
    assert (run["state"], run["reason"]) == ("failed", "validation_failed")
    assert [step["outcome"] for step in await steps(interactions, run)] == ["failed"]


async def test_a_step_requests_a_change_of_the_customers_record(interactions: ServiceUnderTest) -> None:
    change = {"customer": {"owner_id": "agent-7", "add_tags": ["vip"]}}
    await created(interactions, PATH, an_automation("Mark", steps=[change]))
    customer = uuid7()
    await interactions.deliver(bought(customer, at=str(interactions.tenant.now())))
    await interactions.run_periodic_tasks()
    (run,) = await runs(interactions)
    (event,) = await events_of(interactions, "customer_change_requested")
    assert (event.subject, event.actor) == (str(customer), f"automation:{run['id']}")
    assert (event.data["owner_id"], event.data["add_tags"], event.data["remove_tags"]) == ("agent-7", ["vip"], [])
    assert [step["action"] for step in await steps(interactions, run)] == ["customer"]


async def test_runs_of_an_automation_that_is_switched_off_stop(interactions: ServiceUnderTest) -> None:
    automation = await created(interactions, PATH, an_automation("Thank"))
    await interactions.deliver(bought(at=str(interactions.tenant.now())))
    await interactions.patch(f"{PATH}/{automation['id']}", {"active": False})
    await interactions.run_periodic_tasks()
    (run,) = await runs(interactions)
    assert (run["state"], run["reason"], await tasks(interactions)) == ("stopped", "inactive", [])


async def test_a_run_is_stopped_once(interactions: ServiceUnderTest) -> None:
    await created(interactions, PATH, an_automation("Thank"))
    await interactions.deliver(bought(at=str(interactions.tenant.now())))
    (run,) = await runs(interactions)
    path, reason = f"/v1/automation-runs/{run['id']}/stop", {"reason": "She has called."}
    answers = await asyncio.gather(*(interactions.post(path, reason) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
    await interactions.run_periodic_tasks()
    assert await tasks(interactions) == []


async def test_a_run_is_started_by_hand_whatever_the_conditions(interactions: ServiceUnderTest) -> None:
    automation = await created(
        interactions, PATH, an_automation("Thank", conditions=[{"fact": "store", "one_of": ["Delft"]}])
    )
    customer, path = await known(interactions), f"{PATH}/{automation['id']}/runs"
    first, again = [
        await interactions.post(path, {"customer_id": str(customer)}, Idempotency_Key="once") for _ in range(2)
    ]
    assert (first.status_code, again.json()) == (201, first.json())
    assert (first.json()["event_id"], first.json()["started_by"]) == (None, "key:test")
    await interactions.run_periodic_tasks()
    assert [(task["title"], task["about_id"]) for task in await tasks(interactions)] == [("Call Ada", str(customer))]
    await interactions.patch(f"{PATH}/{automation['id']}", {"active": False})
    refused = await interactions.post(path, {"customer_id": str(customer)}, Idempotency_Key="twice")
    assert (refused.status_code, refused.json()["code"]) == (409, "automation_inactive")


async def test_a_run_goes_on_with_the_steps_with_which_it_began(interactions: ServiceUnderTest) -> None:
    automation = await created(interactions, PATH, an_automation("Thank", steps=[TASK, TASK]))
    await interactions.deliver(bought(at=str(interactions.tenant.now())))
    await interactions.patch(f"{PATH}/{automation['id']}", {"steps": [MESSAGE]})
    await interactions.run_periodic_tasks()
    (run,) = await runs(interactions)
    assert (run["automation_version"], run["state"], len(await tasks(interactions))) == (1, "done", 2)


async def test_only_a_change_of_the_lifecycle_is_one(interactions: ServiceUnderTest) -> None:
    conditions = [{"fact": "previous_lifecycle", "one_of": ["prospect"]}]
    await created(interactions, PATH, an_automation("Welcome", "lifecycle_changed", conditions=conditions))
    customer = await known(interactions)
    for version, stage, before in ((2, "prospect", "prospect"), (3, "customer", "prospect"), (4, "former", "customer")):
        await interactions.deliver(
            customer_updated(customer, version, lifecycle=stage, previous_lifecycle=before, changed=["lifecycle"])
        )
    assert len(await runs(interactions)) == 1


async def test_a_new_customer_is_known_with_all_its_facts(interactions: ServiceUnderTest) -> None:
    conditions = [{"fact": "customer.language", "one_of": ["nl"]}, {"fact": "customer.country", "one_of": ["BE"]}]
    await created(interactions, PATH, an_automation("Welcome", "customer_created", conditions=conditions))
    flemish = await known(interactions, languages=["nl"], country="BE")
    await known(interactions, languages=["nl"], country="NL")
    assert [run["customer_id"] for run in await runs(interactions)] == [str(flemish)]


async def test_runs_move_with_a_merge_and_back(interactions: ServiceUnderTest) -> None:
    await created(interactions, PATH, an_automation("Thank", steps=[{"after_minutes": 60} | TASK]))
    survivor, merged, merge_id = await known(interactions), await known(interactions), uuid7()
    await interactions.deliver(bought(merged, at=str(interactions.tenant.now())))
    await interactions.deliver(customers_merged(survivor, merged, merge_id=merge_id))
    assert len(await runs(interactions, customer_id=str(survivor))) == 1
    await interactions.deliver(merge_undone(survivor, merged, merge_id=merge_id))
    assert await runs(interactions, customer_id=str(survivor)) == []


async def test_nothing_of_an_erased_customer_is_left(interactions: ServiceUnderTest) -> None:
    await created(interactions, PATH, an_automation("Thank", steps=[TASK, {"after_minutes": 60} | TASK]))
    customer = await known(interactions, name="Zebedina")
    await interactions.deliver(bought(customer, at=str(interactions.tenant.now())))
    await interactions.run_periodic_tasks()
    rows = await erase(interactions, customer)
    assert rows[("automation_run", "deleted")] == 1
    assert await tables_with(interactions, "zebedina") == []
    await interactions.run_periodic_tasks()
    assert await tasks(interactions) == []
