"""Campaigns: drafts and their steps, the plan of the audience, and messages that are sent once or for a reason not."""

import asyncio
from collections import Counter
from typing import Any
from uuid import UUID

import httpx
import pytest

from chassis.db.unit_of_work import UnitOfWork
from chassis.types.ids import uuid7
from services.interactions.base import Job
from services.interactions.campaigns import tables
from services.interactions.campaigns.campaigns import planning, sending
from tests.support.campaigns import (
    CAMPAIGNS,
    a_campaign,
    a_draft,
    a_reader,
    a_template,
    at,
    mails,
    outcomes,
    read,
    recipients,
    sent_campaign,
    step,
    work_through,
)
from tests.support.erasure import erase
from tests.support.interactions import a_contact, consent, customer_created, customer_updated
from tests.support.merges import customers_merged
from tests.support.promises import a_sandbox, created
from tests.support.service import ServiceUnderTest


async def add(service: ServiceUnderTest, campaign: dict[str, Any], *customers: object) -> httpx.Response:
    body = {"customer_ids": [str(customer) for customer in customers]}
    return await service.post(f"{CAMPAIGNS}/{campaign['id']}/customers", body)


async def test_a_campaign_reads_back_as_created_with_the_newest_version(interactions: ServiceUnderTest) -> None:
    template = await created(
        interactions, "/v1/templates", a_template(text="{{ campaign.price }}", variables=["price"])
    )
    await interactions.patch(f"/v1/templates/{template['id']}", {"text": "For {{ campaign.price }}"})
    both = [{"template_id": template["id"], "number": 1, "weight": 3}, {"template_id": template["id"]}]
    campaign = await created(
        interactions, CAMPAIGNS, a_campaign(template["id"], variants=both, variables={"price": "29"})
    )
    assert await read(interactions, campaign) == campaign
    shown = [(each["key"], each["number"], each["weight"]) for each in campaign["variants"]]
    assert (campaign["state"], shown) == ("draft", [("a", 1, 3), ("b", 2, 1)])
    changed = (await interactions.patch(f"{CAMPAIGNS}/{campaign['id']}", {"name": "Pots"}, if_match='"1"')).json()
    assert (changed["name"], changed["variants"]) == ("Pots", campaign["variants"])
    assert (await interactions.patch(f"{CAMPAIGNS}/{campaign['id']}", {"name": "x"}, if_match='"1"')).status_code == 412


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"nature": "spam"}, "/nature"),
        ({"purpose": None}, "/purpose"),
        ({"variants": []}, "/variants"),
        ({"variants": [{"template_id": str(uuid7())}]}, "/variants/0/template_id"),
        ({"audience": {"kind": "radius", "latitude": 1, "longitude": 1}}, "/audience"),
        ({"audience": {"kind": "all", "radius_km": 1}}, "/audience"),
        ({"audience": {"kind": "radius", "latitude": 91, "longitude": 1, "radius_km": 1}}, "/audience/latitude"),
        ({"variables": {"Price": "1"}}, "/variables/Price"),
    ],
)
async def test_bad_campaigns_are_refused_with_their_place(
    interactions: ServiceUnderTest, fields: dict[str, Any], pointer: str
) -> None:
    template = await created(interactions, "/v1/templates", a_template())
    response = await interactions.post(CAMPAIGNS, a_campaign(template["id"]) | fields)
    assert response.status_code == 422, response.text
    assert [error["pointer"] for error in response.json()["errors"]] == [pointer]


async def test_a_campaign_needs_the_values_of_all_variables_and_a_version_that_exists(
    interactions: ServiceUnderTest,
) -> None:
    template = await created(interactions, "/v1/templates", a_template(variables=["price"]))
    missing = await interactions.post(CAMPAIGNS, a_campaign(template["id"]))
    assert [error["pointer"] for error in missing.json()["errors"]] == ["/variables"]
    later = [{"template_id": template["id"], "number": 2}]
    unknown = await interactions.post(CAMPAIGNS, a_campaign(template["id"], variants=later))
    assert [error["pointer"] for error in unknown.json()["errors"]] == ["/variants/0/number"]


async def test_each_step_is_possible_in_some_states_only(interactions: ServiceUnderTest) -> None:
    possible = {
        "draft": {"schedule", "cancel"},
        "scheduled": {"schedule", "pause", "cancel"},
        "paused": {"resume", "cancel"},
        "cancelled": set(),
    }
    reached = {"draft": [], "scheduled": ["schedule"], "paused": ["schedule", "pause"], "cancelled": ["cancel"]}
    for state, steps in possible.items():
        for name in ("schedule", "pause", "resume", "cancel"):
            campaign = await a_draft(interactions)
            for each in reached[state]:
                campaign = await step(interactions, campaign, each, send_at="2199-01-01T00:00:00Z")
            assert campaign["state"] == state
            body = {} if name == "schedule" else None
            response = await interactions.post(f"{CAMPAIGNS}/{campaign['id']}/{name}", body)
            assert response.status_code == (200 if name in steps else 409), (state, name)
            if name not in steps:
                assert (response.json()["code"], response.json()["state"]) == ("campaign_not_in_state", state)
    campaign = await step(interactions, await a_draft(interactions), "schedule")
    response = await interactions.patch(f"{CAMPAIGNS}/{campaign['id']}", {"name": "x"})
    assert response.json()["code"] == "campaign_not_in_state"


async def test_a_list_takes_customers_once_in_several_requests(interactions: ServiceUnderTest) -> None:
    ada, bo, erased = await a_reader(interactions), uuid7(), await a_reader(interactions)
    await erase(interactions, erased)
    campaign = await a_draft(interactions, audience={"kind": "customers"})
    empty = await interactions.post(f"{CAMPAIGNS}/{campaign['id']}/schedule", {})
    assert (empty.status_code, empty.json()["code"]) == (409, "audience_empty")
    assert (await add(interactions, campaign, ada, ada, erased)).json() == {"added": 1, "total": 1}
    assert (await add(interactions, campaign, ada, bo)).json() == {"added": 1, "total": 2}
    assert (await add(interactions, campaign, *(uuid7() for _ in range(10_001)))).status_code == 422
    everybody = await a_draft(interactions)
    assert (await add(interactions, everybody, ada)).json()["code"] == "audience_not_listed"
    await step(interactions, campaign, "schedule")
    assert (await add(interactions, campaign, ada)).json()["code"] == "campaign_not_in_state"
    await work_through(interactions)
    assert await outcomes(interactions, campaign) == {ada: ("sent", None), bo: ("suppressed", "no_permission")}


async def test_a_campaign_sends_to_all_who_permit_it_and_completes(interactions: ServiceUnderTest) -> None:
    ada, bo = await a_reader(interactions, "ada@example.org"), await a_reader(interactions, permits=False)
    await interactions.deliver(customer_created(uuid7(), state="archived", contact=a_contact("old@example.org")))
    template = await created(
        interactions,
        "/v1/templates",
        a_template(html="<p>{{ customer.name }}: {{ campaign.price }}</p>", variables=["price"]),
    )
    campaign = await created(interactions, CAMPAIGNS, a_campaign(template["id"], variables={"price": "<29>"}))
    await step(interactions, campaign, "schedule")
    assert await mails(interactions) == []
    await work_through(interactions)
    assert await outcomes(interactions, campaign) == {ada: ("sent", None), bo: ("suppressed", "no_permission")}
    done = await read(interactions, campaign)
    assert (done["state"], done["planned"], done["finished_at"] is None) == ("completed", 2, False)
    recipient = (await recipients(interactions, campaign))[ada]
    events = await interactions.published()
    (mail,) = [event.data for event in events if event.type == "interactions.message_requested.v1"]
    assert (mail["cause_kind"], mail["cause_id"], mail["recipient"]) == ("campaign", recipient["id"], "ada@example.org")
    assert (mail["subject_line"], mail["body"]) == ("Kettles are back", "Dear Ada, look.")
    assert mail["html"] == "<p>Ada: &lt;29&gt;</p>"
    assert mail["receipt_id"] is not None
    names = [event.type.split(".")[1] for event in events if "campaign" in event.type]
    assert names == ["campaign_started", "campaign_completed"]


async def test_running_the_worker_again_sends_nothing_again(interactions: ServiceUnderTest) -> None:
    for _ in range(3):
        await a_reader(interactions)
    campaign = await sent_campaign(interactions)
    before = await recipients(interactions, campaign)
    assert len(await mails(interactions)) == 3
    for _ in range(2):
        await work_through(interactions)
    assert (await recipients(interactions, campaign), await mails(interactions)) == (before, [])


async def test_permission_that_is_withdrawn_before_the_time_counts(interactions: ServiceUnderTest) -> None:
    sandbox = await a_sandbox(interactions)
    ada, bo = await a_reader(sandbox), await a_reader(sandbox)
    campaign = await a_draft(sandbox)
    await step(sandbox, campaign, "schedule", send_at="2026-03-02T10:00:00Z")
    await at(sandbox, 23)
    assert await recipients(sandbox, campaign) == {}, "the audience is not planned before the start"
    await sandbox.deliver(consent("withdrawn", ada, "2026-03-01T12:00:00Z"))
    last = await at(sandbox, 24)
    assert await outcomes(last, campaign) == {ada: ("suppressed", "no_permission"), bo: ("sent", None)}
    message = (await recipients(last, campaign))[ada]["message_id"]
    assert (await last.get(f"/v1/messages/{message}")).json()["reason"] == "withdrawn"


@pytest.mark.parametrize(
    ("day", "local", "before", "instant"),
    [
        ("2026-03-28T12:00:00Z", "2026-03-29T02:30", "2026-03-29T01:29:59Z", "2026-03-29T01:30:00Z"),
        ("2026-10-24T12:00:00Z", "2026-10-25T02:30", "2026-10-25T00:29:59Z", "2026-10-25T00:30:00Z"),
    ],
)
async def test_a_local_time_that_is_skipped_or_shown_twice_is_sent_once(
    interactions: ServiceUnderTest, day: str, local: str, before: str, instant: str
) -> None:
    sandbox = await interactions.for_new_tenant(kind="sandbox", clock_at=day, clock_runs_since=None)
    reader = await a_reader(sandbox)
    campaign = await a_draft(sandbox)
    await step(sandbox, campaign, "schedule", send_local=local)
    for clock, sent in ((before, 0), (instant, 1), (local + ":00+01:00", 0), (local + ":59+01:00", 0)):
        moved = sandbox.for_tenant(
            type(sandbox.tenant).model_validate(sandbox.tenant.model_dump() | {"clock_at": clock})
        )
        await work_through(moved)
        assert len(await mails(moved)) == sent, clock
    recipient = (await recipients(sandbox, campaign))[reader]
    assert (recipient["due_at"], recipient["sent_at"]) == (instant, instant)


async def test_a_local_time_is_that_of_each_customer(interactions: ServiceUnderTest) -> None:
    sandbox = await a_sandbox(interactions)
    here = await a_reader(sandbox)
    japan = await a_reader(sandbox, phones=["+81312345678"])
    campaign = await a_draft(sandbox)
    await step(sandbox, campaign, "schedule", send_local="2026-03-02T09:00")
    await at(sandbox, 14)
    assert {id: each["due_at"] for id, each in (await recipients(sandbox, campaign)).items()} == {
        here: "2026-03-02T08:00:00Z",
        japan: "2026-03-02T00:00:00Z",
    }
    assert await outcomes(sandbox, campaign) == {here: ("planned", None), japan: ("sent", None)}
    assert (await read(sandbox, campaign))["state"] == "running"
    await at(sandbox, 22)
    assert (await outcomes(sandbox, campaign))[here] == ("sent", None)
    assert (await read(sandbox, campaign))["state"] == "completed"


async def test_quiet_hours_postpone_a_message_to_their_end(interactions: ServiceUnderTest) -> None:
    sandbox = await a_sandbox(interactions)
    await sandbox.patch("/v1/campaign-settings", {"quiet_from": "21:00", "quiet_until": "08:00"})
    here, japan = await a_reader(sandbox), await a_reader(sandbox, phones=["+81312345678"])
    campaign = await a_draft(sandbox)
    await step(sandbox, campaign, "schedule", send_at="2026-03-01T22:30:00Z")  # 23:30, and 07:30 on the next day
    await at(sandbox, 12.5)
    assert {id: (each["state"], each["due_at"]) for id, each in (await recipients(sandbox, campaign)).items()} == {
        here: ("planned", "2026-03-02T07:00:00Z"),
        japan: ("planned", "2026-03-01T23:00:00Z"),
    }
    await at(sandbox, 13)
    assert await outcomes(sandbox, campaign) == {here: ("planned", None), japan: ("sent", None)}
    await at(sandbox, 21)
    assert (await outcomes(sandbox, campaign))[here] == ("sent", None)


async def test_the_cap_holds_across_campaigns_and_ends_with_the_window(interactions: ServiceUnderTest) -> None:
    sandbox = await a_sandbox(interactions)
    await sandbox.patch("/v1/campaign-settings", {"max_messages": 2, "window_days": 3})
    reader = await a_reader(sandbox)
    for expected in (("sent", None), ("sent", None), ("suppressed", "capped")):
        assert await outcomes(sandbox, await sent_campaign(sandbox)) == {reader: expected}
    last = await at(sandbox, 72)
    assert await outcomes(last, await sent_campaign(last)) == {reader: ("sent", None)}


async def test_the_share_of_selling_messages_is_limited(interactions: ServiceUnderTest) -> None:
    await interactions.patch("/v1/campaign-settings", {"max_selling_percent": 50})
    reader = await a_reader(interactions)
    for nature, expected in (
        ("selling", ("suppressed", "selling_share")),
        ("relational", ("sent", None)),
        ("selling", ("sent", None)),
        ("selling", ("suppressed", "selling_share")),
    ):
        assert await outcomes(interactions, await sent_campaign(interactions, nature=nature)) == {reader: expected}


async def test_campaigns_at_once_do_not_exceed_the_cap(interactions: ServiceUnderTest) -> None:
    await interactions.patch("/v1/campaign-settings", {"max_messages": 1})
    reader = await a_reader(interactions)
    campaigns = [await a_draft(interactions) for _ in range(4)]
    for campaign in campaigns:
        await step(interactions, campaign, "schedule")
        await interactions.run_periodic_tasks()
        await interactions.run_jobs(chunks=1)

    async def send(campaign: dict[str, Any]) -> None:
        async with interactions.transaction_of_worker() as transaction:
            work = UnitOfWork(transaction)
            locked = await work.get(tables.Campaign, UUID(campaign["id"]), for_update=True)
            await sending.send_due_messages(work, locked)

    await asyncio.gather(*(send(campaign) for campaign in campaigns))
    states = Counter([(await outcomes(interactions, campaign))[reader] for campaign in campaigns])
    assert states == {("sent", None): 1, ("suppressed", "capped"): 3}


async def test_two_customers_with_an_address_get_one_mail_which_both_show(interactions: ServiceUnderTest) -> None:
    ada = await a_reader(interactions, "house@example.org")
    bo = await a_reader(interactions, "House@Example.org")
    cy = await a_reader(interactions, "HOUSE@example.org", permits=False)
    campaign = await sent_campaign(interactions)
    assert len(await mails(interactions)) == 1
    shown = await recipients(interactions, campaign)
    assert {id: each["state"] for id, each in shown.items()} == {ada: "sent", bo: "sent", cy: "suppressed"}
    assert shown[ada]["message_id"] == shown[bo]["message_id"]
    assert shown[cy]["reason"] == "no_permission"


async def test_a_customer_without_address_or_with_a_long_text_gets_nothing(interactions: ServiceUnderTest) -> None:
    nobody = await a_reader(interactions)
    await interactions.deliver(customer_updated(nobody, 2, contact=a_contact(name="Ada")))
    wordy = await a_reader(interactions, name="x" * 300)
    template = await created(interactions, "/v1/templates", a_template(text="{{ customer.name }}" * 400))
    campaign = await created(interactions, CAMPAIGNS, a_campaign(template["id"]))
    await step(interactions, campaign, "schedule")
    await work_through(interactions)
    assert await outcomes(interactions, campaign) == {
        nobody: ("suppressed", "no_address"),
        wordy: ("suppressed", "not_renderable"),
    }


async def test_a_radius_contains_those_who_live_there(interactions: ServiceUnderTest) -> None:
    amsterdam = await a_reader(interactions, latitude=52.37, longitude=4.89)
    await a_reader(interactions, latitude=51.92, longitude=4.48)
    await a_reader(interactions)
    place = {"kind": "radius", "latitude": 52.3, "longitude": 4.9, "radius_km": 10.5}
    campaign = await sent_campaign(interactions, audience=place)
    assert await outcomes(interactions, campaign) == {amsterdam: ("sent", None)}
    assert (campaign["audience"], campaign["planned"]) == (place, 1)


async def test_the_audience_is_frozen_at_the_start(interactions: ServiceUnderTest) -> None:
    sandbox = await a_sandbox(interactions)
    first = await a_reader(sandbox)
    campaign = await a_draft(sandbox)
    await step(sandbox, campaign, "schedule", send_local="2026-03-02T10:00")
    started = await at(sandbox, 11)
    await a_reader(started)
    await at(sandbox, 24)
    assert await outcomes(sandbox, campaign) == {first: ("sent", None)}


async def test_a_pause_holds_messages_and_a_cancellation_ends_them(interactions: ServiceUnderTest) -> None:
    sandbox = await a_sandbox(interactions)
    reader = await a_reader(sandbox)
    paused, cancelled = await a_draft(sandbox), await a_draft(sandbox)
    for campaign in (paused, cancelled):
        await step(sandbox, campaign, "schedule", send_local="2026-03-02T10:00")
    await at(sandbox, 11)
    await step(sandbox, paused, "pause")
    await step(sandbox, cancelled, "cancel")
    late = await at(sandbox, 48)
    assert await outcomes(late, paused) == {reader: ("planned", None)}
    assert await outcomes(late, cancelled) == {reader: ("suppressed", "campaign_cancelled")}
    assert (await read(late, cancelled))["finished_at"] is not None
    assert await mails(late) == []
    assert (await step(late, paused, "resume"))["state"] == "running"
    await work_through(late)
    assert await outcomes(late, paused) == {reader: ("sent", None)}


async def test_chunks_of_any_size_plan_and_send_everything_once(
    interactions: ServiceUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    readers = {await a_reader(interactions) for _ in range(7)}
    monkeypatch.setattr(planning, "CHUNK", 2)
    monkeypatch.setattr(sending, "BATCH_SIZE", 3)
    both = [await a_draft(interactions) for _ in range(2)]
    for campaign in both:
        await step(interactions, campaign, "schedule")
    await work_through(interactions)
    for campaign in both:
        assert await outcomes(interactions, campaign) == dict.fromkeys(readers, ("sent", None))
    assert len(await mails(interactions)) == 14


@pytest.mark.parametrize("fatal", range(1, 6))
async def test_a_worker_that_dies_at_any_message_sends_to_nobody_twice_and_skips_nobody(
    interactions: ServiceUnderTest, monkeypatch: pytest.MonkeyPatch, fatal: int
) -> None:
    readers = {await a_reader(interactions) for _ in range(5)}
    monkeypatch.setattr(sending, "BATCH_SIZE", 2)
    campaign = await a_draft(interactions)
    await step(interactions, campaign, "schedule")
    whole, calls = sending.request_message, 0

    async def dying(*args: Any, **values: Any) -> Any:
        nonlocal calls
        calls += 1
        message = await whole(*args, **values)
        if calls >= fatal:  # the message is written, and the worker dies before its commit
            raise ConnectionError("killed")
        return message

    monkeypatch.setattr(sending, "request_message", dying)
    await interactions.run_periodic_tasks()
    await interactions.run_jobs(chunks=6)
    first = await mails(interactions)
    assert len(first) == len(await interactions.rows("select * from message")) == (fatal - 1) // 2 * 2
    monkeypatch.setattr(sending, "request_message", whole)
    await interactions.run_jobs()
    assert await outcomes(interactions, campaign) == dict.fromkeys(readers, ("sent", None))
    sent = Counter(mail["customer_id"] for mail in first + await mails(interactions))
    assert sent == dict.fromkeys(map(str, readers), 1)


async def test_two_workers_at_once_send_everything_once(
    interactions: ServiceUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    readers = {await a_reader(interactions) for _ in range(12)}
    monkeypatch.setattr(sending, "BATCH_SIZE", 2)
    campaign = await a_draft(interactions)
    await step(interactions, campaign, "schedule")
    async with interactions.work() as work:  # two workers that saw no job have each started one
        jobs = [await work.insert(Job(kind="campaigns", actor="test", created_at=work.now)) for _ in range(2)]

    async def run(job: Job) -> None:
        for _ in range(12):
            await interactions.run_chunk(job.id)

    await asyncio.gather(*map(run, jobs))
    await work_through(interactions)
    assert await outcomes(interactions, campaign) == dict.fromkeys(readers, ("sent", None))
    assert len(await mails(interactions)) == 12


async def test_results_count_outcomes_by_variant(interactions: ServiceUnderTest) -> None:
    readers = [await a_reader(interactions) for _ in range(12)]
    await a_reader(interactions, permits=False)
    template = (await created(interactions, "/v1/templates", a_template()))["id"]
    both = [{"template_id": template}, {"template_id": template}]
    campaign = await created(interactions, CAMPAIGNS, a_campaign(template, variants=both))
    await step(interactions, campaign, "schedule")
    await work_through(interactions)
    shown = await recipients(interactions, campaign)
    for reader, reported in zip(
        readers, (["delivered", "clicked"], ["delivered", "bounced"], ["failed"]), strict=False
    ):
        for outcome in reported:
            path = f"/v1/messages/{shown[reader]['message_id']}/outcomes"
            assert (await interactions.post(path, {"outcome": outcome})).status_code == 201
    results = (await interactions.get(f"{CAMPAIGNS}/{campaign['id']}/results")).json()
    names = ("planned", "waiting", "sent", "suppressed", "delivered", "failed", "bounced", "clicked")
    assert [results[name] for name in names] == [13, 0, 12, 1, 1, 1, 1, 1]
    assert results["suppressed_by_reason"] == [{"reason": "no_permission", "n": 1}]
    for name in names:
        assert sum(variant[name] for variant in results["variants"]) == results[name]
    variants = Counter(each["variant"] for each in shown.values())
    assert {each["variant"]: each["planned"] for each in results["variants"]} == {"a": 0, "b": 0} | variants


async def test_recipients_are_paged_and_filtered(interactions: ServiceUnderTest) -> None:
    readers = {str(await a_reader(interactions)) for _ in range(5)}
    other = str(await a_reader(interactions, permits=False))
    path = f"{CAMPAIGNS}/{(await sent_campaign(interactions))['id']}/recipients"
    listed, cursor = [], {}
    while cursor is not None:
        page = (await interactions.get(path, limit=2, state="sent", **cursor)).json()
        listed += [item["customer_id"] for item in page["items"]]
        cursor = {"cursor": page["next_cursor"]} if page["next_cursor"] else None
    assert (len(listed), set(listed)) == (5, readers)
    assert [item["reason"] for item in (await interactions.get(path, customer_id=other)).json()["items"]] == [
        "no_permission"
    ]


async def test_a_merged_customer_gets_a_campaign_once_and_its_messages_count(interactions: ServiceUnderTest) -> None:
    sandbox = await a_sandbox(interactions)
    await sandbox.patch("/v1/campaign-settings", {"max_messages": 2})
    survivor, merged = await a_reader(sandbox), await a_reader(sandbox)
    before = await sent_campaign(sandbox)
    campaign = await a_draft(sandbox)
    await step(sandbox, campaign, "schedule", send_local="2026-03-02T10:00")
    await at(sandbox, 11)
    await sandbox.deliver(customers_merged(survivor, merged))
    await mails(sandbox)
    late = await at(sandbox, 24)
    for each in (before, campaign):
        items = (await late.get(f"{CAMPAIGNS}/{each['id']}/recipients", customer_id=str(survivor))).json()["items"]
        assert len(items) == 2
    assert {(item["state"], item["reason"]) for item in items} == {("suppressed", "capped")}
    assert await mails(late) == []


async def test_an_erased_customer_gets_nothing_and_stays_as_a_figure(interactions: ServiceUnderTest) -> None:
    sandbox = await a_sandbox(interactions)
    reader = await a_reader(sandbox, "zebedina@example.org")
    sent = await sent_campaign(sandbox)
    listed = await a_draft(sandbox, audience={"kind": "customers"})
    await add(sandbox, listed, reader)
    waiting = await a_draft(sandbox)
    await step(sandbox, waiting, "schedule", send_local="2026-03-02T10:00")
    await at(sandbox, 11)
    await mails(sandbox)
    counts = await erase(sandbox, reader)
    assert counts["campaign_customer", "deleted"] == 1
    late = await at(sandbox, 24)
    assert await outcomes(late, sent) == {reader: ("sent", None)}
    assert await outcomes(late, waiting) == {reader: ("suppressed", "customer_erased")}
    assert await mails(late) == []
    assert [row["delivery_key"] for row in await late.rows("select * from campaign_recipient")] == [None, None]


async def test_settings_obey_their_bounds(interactions: ServiceUnderTest) -> None:
    path = "/v1/campaign-settings"
    assert (await interactions.get(path)).json()["version"] == 0
    for body, pointer in (
        ({"quiet_from": "21:00"}, "/quiet_until"),
        ({"quiet_until": "08:00"}, "/quiet_from"),
        ({"quiet_from": "08:00", "quiet_until": "08:00"}, "/quiet_until"),
        ({"quiet_from": "24:00", "quiet_until": "08:00"}, "/quiet_from"),
        ({"window_days": 0}, "/window_days"),
        ({"max_selling_percent": 101}, "/max_selling_percent"),
    ):
        response = await interactions.patch(path, body)
        assert [error["pointer"] for error in response.json()["errors"]] == [pointer], response.text
    await interactions.patch(path, {"quiet_from": "21:00", "quiet_until": "08:00", "max_messages": 1})
    cleared = (await interactions.patch(path, {"quiet_from": None, "quiet_until": None, "max_messages": None})).json()
    assert (cleared["quiet_from"], cleared["max_messages"], cleared["version"]) == (None, None, 2)


async def test_another_tenant_sees_and_starts_nothing(interactions: ServiceUnderTest) -> None:
    await a_reader(interactions)
    campaign = await a_draft(interactions)
    other = await interactions.for_new_tenant()
    for response in (
        await other.get(f"{CAMPAIGNS}/{campaign['id']}"),
        await other.get(f"{CAMPAIGNS}/{campaign['id']}/results"),
        await other.get(f"{CAMPAIGNS}/{campaign['id']}/recipients"),
        await other.post(f"{CAMPAIGNS}/{campaign['id']}/schedule", {}),
        await add(other, campaign, uuid7()),
    ):
        assert response.status_code == 404
    assert (await other.get(CAMPAIGNS)).json()["items"] == []
