"""Promises: made, kept, broken or withdrawn, each once, with the same result whether or not the worker runs."""

import asyncio
from typing import Any

import httpx
import pytest

from chassis.types.ids import uuid7
from tests.support.cases import opened
from tests.support.erasure import erase, tables_with
from tests.support.facts import a_purchase
from tests.support.merges import customers_merged, merge_undone
from tests.support.promises import a_promise, a_sandbox, an_open_promise, created, events_of, later
from tests.support.service import ServiceUnderTest

PATH = "/v1/promises"
ENDS = ("promise_kept", "promise_broken", "promise_withdrawn")


async def read(service: ServiceUnderTest, promise: dict[str, Any]) -> dict[str, Any]:
    return dict((await service.get(f"{PATH}/{promise['id']}")).json())


async def listed(service: ServiceUnderTest, **params: Any) -> list[str]:
    return [item["id"] for item in (await service.get(PATH, **params)).json()["items"]]


async def rates(service: ServiceUnderTest, begins: str, ends: str, by: str = "agent") -> httpx.Response:
    return await service.get("/v1/promise-keeping-rates", **{"from": begins, "to": ends, "by": by})


async def test_a_promise_reads_back_as_made_and_its_event_has_no_text(interactions: ServiceUnderTest) -> None:
    customer = uuid7()
    promise = await created(interactions, PATH, a_promise(customer, due_at="2199-03-03T10:00:00Z"))
    assert await read(interactions, promise) == promise
    assert (promise["state"], promise["made_by_kind"], promise["warn_before_seconds"]) == ("open", "agent", 86_400)
    (event,) = await interactions.published()
    assert (event.type, event.subject) == ("interactions.promise_made.v1", str(customer))
    assert {name: event.data[name] for name in ("owner_id", "team", "due_at")} == {
        "owner_id": "agent-9",
        "team": "repairs",
        "due_at": "2199-03-03T10:00:00Z",
    }
    assert "technician" not in str(event.data)


@pytest.mark.parametrize(
    ("fields", "due_at", "timezone"),
    [
        ({"by_when": "2026-03-29T02:30"}, "2026-03-29T01:30:00Z", "Europe/Amsterdam"),
        ({"by_when": "2026-10-25T02:30"}, "2026-10-25T00:30:00Z", "Europe/Amsterdam"),
        ({"by_when": "2026-03-02", "timezone": "America/New_York"}, "2026-03-03T04:59:59Z", "America/New_York"),
    ],
)
async def test_by_when_is_a_time_on_the_customers_clock_or_else_the_tenants(
    interactions: ServiceUnderTest, fields: dict[str, str], due_at: str, timezone: str
) -> None:
    sandbox = await a_sandbox(interactions)
    promise = await created(sandbox, PATH, a_promise(**fields))
    assert (promise["due_at"], promise["timezone"]) == (due_at, timezone)
    assert promise["by_when"] == fields["by_when"]


@pytest.mark.parametrize(
    ("fields", "pointer", "code"),
    [
        ({"by_when": "2026-03-05", "due_at": "2026-03-05T10:00:00Z"}, "/by_when", "two_due_times"),
        ({"by_when": "2026-02-30"}, "/by_when", "not_a_local_time"),
        ({"due_at": "1899-01-01T00:00:00Z"}, "/due_at", "not_a_time"),
        ({"due_at": "2026-03-01T10:00:00Z"}, "/due_at", "not_after"),
        ({"by_when": "2026-02-28"}, "/by_when", "not_after"),
        ({"made_at": "2026-03-04T10:00:00Z"}, "/made_at", "in_the_future"),
        ({"timezone": "Mars/Olympus"}, "/timezone", "unknown_timezone"),
        ({"made_by_kind": "order", "made_by_id": "no purchase"}, "/made_by_id", "unknown_record"),
        ({"warn_before_seconds": -1}, "/warn_before_seconds", "too_small"),
        ({"what": " "}, "/what", "empty"),
    ],
)
async def test_bad_input_is_refused_with_its_place(
    interactions: ServiceUnderTest, fields: dict[str, Any], pointer: str, code: str
) -> None:
    sandbox = await a_sandbox(interactions)
    response = await sandbox.post(PATH, a_promise(**fields))
    assert response.status_code == 422, response.text
    assert [(error["pointer"], error["code"]) for error in response.json()["errors"]] == [(pointer, code)]


async def test_a_promise_needs_a_due_time_and_somebody_in_charge(interactions: ServiceUnderTest) -> None:
    for left_out in (("due_at",), ("owner_id", "team")):
        body = {name: value for name, value in a_promise().items() if name not in left_out}
        assert (await interactions.post(PATH, body)).status_code == 422
    promise = await created(interactions, PATH, an_open_promise())
    response = await interactions.patch(f"{PATH}/{promise['id']}", {"owner_id": None, "team": None})
    assert (response.status_code, response.json()["errors"][0]["code"]) == (422, "required")


async def test_an_order_or_a_case_makes_a_promise_to_its_own_customer_only(interactions: ServiceUnderTest) -> None:
    customer = uuid7()
    purchase = await created(interactions, "/v1/purchases", a_purchase(customer))
    for kind, maker in (("order", purchase), ("case", await opened(interactions, customer))):
        made_by = {"made_by_kind": kind, "made_by_id": maker["id"]}
        promise = await created(interactions, PATH, an_open_promise(customer, **made_by))
        assert await listed(interactions, **made_by) == [promise["id"]]
        for refused in (
            an_open_promise(uuid7(), **made_by),
            an_open_promise(customer, **made_by | {"made_by_id": "7"}),
        ):
            assert (await interactions.post(PATH, refused)).json()["errors"][0]["code"] == "unknown_record"


@pytest.mark.parametrize(
    ("seconds", "state"), [(0, "kept"), (1, "broken")], ids=["kept at its due time", "broken a second after"]
)
@pytest.mark.parametrize("worker_runs", [False, True])
async def test_a_promise_is_kept_until_its_due_time_with_or_without_the_worker(
    interactions: ServiceUnderTest, seconds: int, state: str, worker_runs: bool
) -> None:
    sandbox = await a_sandbox(interactions)
    promise = await created(sandbox, PATH, a_promise())
    at = await later(sandbox, days=2, seconds=seconds)
    if worker_runs:
        await at.run_periodic_tasks()
    kept = (await at.post(f"{PATH}/{promise['id']}/keep", None)).json()
    await at.run_periodic_tasks()
    broken_at = promise["due_at"] if state == "broken" else None
    done_at = f"2026-03-03T10:00:0{seconds}Z"
    assert (kept["state"], kept["done_at"], kept["broken_at"]) == (state, done_at, broken_at)
    assert await read(at, promise) == kept
    assert kept["version"] == (3 if state == "broken" else 2)
    assert [event.type for event in await events_of(at, *ENDS)] == [f"interactions.promise_{state}.v1"]


async def test_a_response_about_a_broken_promise_does_not_depend_on_the_worker(interactions: ServiceUnderTest) -> None:
    sandbox = await a_sandbox(interactions)
    promise = await created(sandbox, PATH, a_promise())
    over = await later(sandbox, days=3)
    before = [
        await over.get(f"{PATH}/{promise['id']}"),
        await over.get(PATH, state="broken"),
        await rates(over, "2026-03-01", "2026-03-31"),
    ]
    await over.run_periodic_tasks()
    after = [
        await over.get(f"{PATH}/{promise['id']}"),
        await over.get(PATH, state="broken"),
        await rates(over, "2026-03-01", "2026-03-31"),
    ]
    for first, second in zip(before, after, strict=True):
        assert (first.content, first.headers.get("etag")) == (second.content, second.headers.get("etag"))
    assert (before[0].json()["state"], before[0].json()["broken_at"]) == ("broken", promise["due_at"])
    assert await listed(over, state="open") == []


async def test_a_promise_is_broken_once(interactions: ServiceUnderTest) -> None:
    sandbox = await a_sandbox(interactions)
    promise = await created(sandbox, PATH, a_promise())
    over = await later(sandbox, days=3)
    for _ in range(3):
        await over.run_periodic_tasks()
    (event,) = await events_of(over, *ENDS)
    assert (event.type, event.data["broken_at"]) == ("interactions.promise_broken.v1", promise["due_at"])


async def test_the_warning_comes_once_and_not_for_a_promise_that_is_over(interactions: ServiceUnderTest) -> None:
    sandbox = await a_sandbox(interactions)
    promise = await created(sandbox, PATH, a_promise(warn_before_seconds=3600))
    await created(sandbox, PATH, a_promise(warn_before_seconds=0))
    early, soon = await later(sandbox, days=1, hours=22), await later(sandbox, days=1, hours=23)
    await early.run_periodic_tasks()
    assert await events_of(early, "promise_due_soon") == []
    for _ in range(2):
        await soon.run_periodic_tasks()
    (event,) = await events_of(soon, "promise_due_soon")
    assert event.data["promise_id"] == promise["id"]
    over = await later(sandbox, days=9)
    await created(over, PATH, a_promise(made_at="2026-03-01T10:00:00Z"))
    await over.run_periodic_tasks()
    assert await events_of(over, "promise_due_soon") == []


async def test_of_two_outcomes_at_once_one_counts(interactions: ServiceUnderTest) -> None:
    promises = [await created(interactions, PATH, an_open_promise()) for _ in range(5)]
    await interactions.published()
    for promise in promises:
        path = f"{PATH}/{promise['id']}"
        requests = [interactions.post(f"{path}/keep", None) for _ in range(3)]
        requests += [interactions.post(f"{path}/withdraw", {"reason": "Not needed."}) for _ in range(3)]
        statuses = sorted(response.status_code for response in await asyncio.gather(*requests))
        assert statuses == [200, 409, 409, 409, 409, 409]
    assert len(await events_of(interactions, *ENDS)) == 5


async def test_a_withdrawn_promise_names_the_one_that_replaces_it(interactions: ServiceUnderTest) -> None:
    sandbox = await a_sandbox(interactions)
    customer = uuid7()
    promise = await created(sandbox, PATH, a_promise(customer, timezone="America/New_York"))
    body = {"reason": "It is cheaper.", "replacement": {"what": "A new kettle arrives.", "by_when": "2026-03-09"}}
    withdrawn = (await sandbox.post(f"{PATH}/{promise['id']}/withdraw", body)).json()
    assert (withdrawn["state"], withdrawn["withdrawn_reason"]) == ("withdrawn", "It is cheaper.")
    new = (await sandbox.get(f"{PATH}/{withdrawn['replaced_by_id']}")).json()
    assert (new["state"], new["what"], new["owner_id"]) == ("open", "A new kettle arrives.", "agent-9")
    assert (new["customer_id"], new["due_at"]) == (str(customer), "2026-03-10T03:59:59Z")
    events = await events_of(sandbox, *ENDS)
    assert [event.data["replaced_by_id"] for event in events] == [new["id"]]
    over = await later(sandbox, days=5)
    await over.run_periodic_tasks()
    assert (await read(over, promise))["state"] == "withdrawn"
    assert await events_of(over, *ENDS) == []


async def test_the_customer_is_told_before_a_promise_slips(interactions: ServiceUnderTest) -> None:
    promise = await created(interactions, PATH, an_open_promise())
    message = {"channel": "email", "subject": "Your kettle", "body": "A new one arrives on 9 March."}
    body = {"reason": "It is lost.", "replacement": {"by_when": "2199-03-09"}, "message": message}
    answers = await asyncio.gather(*(interactions.post(f"{PATH}/{promise['id']}/withdraw", body) for _ in range(3)))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409]
    (requested,) = await events_of(interactions, "message_requested")
    (sent,) = (await interactions.get("/v1/messages", customer_id=promise["customer_id"])).json()["items"]
    assert requested.data["message_id"] == sent["id"]
    assert (sent["cause_kind"], sent["cause_id"]) == ("promise", promise["id"])
    assert {name: sent[name] for name in message} == message


async def test_a_replacement_needs_a_due_time_that_is_not_over(interactions: ServiceUnderTest) -> None:
    sandbox = await a_sandbox(interactions)
    promise = await created(sandbox, PATH, a_promise())
    for replacement, pointer in (({}, "due_at"), ({"by_when": "2026-02-01"}, "by_when")):
        body = {"reason": "x", "replacement": replacement}
        response = await sandbox.post(f"{PATH}/{promise['id']}/withdraw", body)
        assert response.json()["errors"][0]["pointer"] == f"/replacement/{pointer}"
    assert (await read(sandbox, promise))["state"] == "open"


async def test_what_has_ended_does_not_change(interactions: ServiceUnderTest) -> None:
    sandbox = await a_sandbox(interactions)
    kept, broken = [await created(sandbox, PATH, a_promise()) for _ in range(2)]
    assert (await sandbox.post(f"{PATH}/{kept['id']}/keep", None)).status_code == 200
    over = await later(sandbox, days=3)
    assert (await over.post(f"{PATH}/{broken['id']}/keep", None)).status_code == 200  # late
    for promise, state in ((kept, "kept"), (broken, "broken")):
        path = f"{PATH}/{promise['id']}"
        for response in (
            await over.post(f"{path}/keep", None),
            await over.post(f"{path}/withdraw", {"reason": "x"}),
            await over.patch(path, {"owner_id": "agent-1"}),
        ):
            assert (response.status_code, response.json()["code"]) == (409, "promise_not_open")
            assert response.json()["state"] == state


async def test_a_change_of_owner_is_published_and_obeys_if_match(interactions: ServiceUnderTest) -> None:
    promise = await created(interactions, PATH, an_open_promise())
    path = f"{PATH}/{promise['id']}"
    await interactions.published()
    changed = await interactions.patch(path, {"owner_id": "agent-1"}, if_match='"1"')
    assert (changed.json()["owner_id"], changed.headers["etag"]) == ("agent-1", '"2"')
    assert (await interactions.patch(path, {"owner_id": "agent-2"}, if_match='"1"')).status_code == 412
    assert (await interactions.patch(path, {"owner_id": "agent-1"})).json()["version"] == 2
    (event,) = await interactions.published()
    assert (event.type, event.data["changed"]) == ("interactions.promise_updated.v1", ["owner_id"])


async def test_rates_count_what_was_due_in_the_period(interactions: ServiceUnderTest) -> None:
    sandbox = await a_sandbox(interactions)
    empty = (await rates(sandbox, "2026-03-01", "2026-03-31")).json()
    assert (empty["rates"], empty["total"]) == ([], {"kept": 0, "broken": 0, "rate": None})
    kept = [await created(sandbox, PATH, a_promise()) for _ in range(2)]
    for promise in kept:
        await sandbox.post(f"{PATH}/{promise['id']}/keep", None)
    await created(sandbox, PATH, a_promise())
    await created(sandbox, PATH, a_promise(team="sales", owner_id="agent-1"))
    withdrawn = await created(sandbox, PATH, a_promise())
    await sandbox.post(f"{PATH}/{withdrawn['id']}/withdraw", {"reason": "x"})
    await created(sandbox, PATH, a_promise(due_at="2026-04-01T10:00:00Z"))
    over = await later(sandbox, days=3)
    by_agent = (await rates(over, "2026-03-01", "2026-04-30")).json()
    assert by_agent["rates"] == [
        {"kept": 0, "broken": 1, "rate": 0.0, "owner": "agent-1"},
        {"kept": 2, "broken": 1, "rate": 2 / 3, "owner": "agent-9"},
    ]
    assert by_agent["total"] == {"kept": 2, "broken": 2, "rate": 0.5}
    by_team = (await rates(over, "2026-03-03", "2026-03-03", "team")).json()
    assert [(each["owner"], each["rate"]) for each in by_team["rates"]] == [("repairs", 2 / 3), ("sales", 0.0)]
    backwards = await rates(over, "2026-03-03", "2026-03-02")
    assert backwards.json()["errors"][0]["pointer"] == "/to"


async def test_lists_are_filtered(interactions: ServiceUnderTest) -> None:
    sandbox = await a_sandbox(interactions)
    customer = uuid7()
    first = await created(sandbox, PATH, a_promise(customer, owner_id="agent-1"))
    second = await created(sandbox, PATH, a_promise(due_at="2026-03-02T10:00:00Z", team="sales"))
    assert await listed(sandbox) == [second["id"], first["id"]]
    for params in ({"customer_id": str(customer)}, {"owner_id": "agent-1"}, {"team": "repairs"}):
        assert await listed(sandbox, **params) == [first["id"]]
    assert await listed(sandbox, **{"due_at.lt": "2026-03-03T00:00:00Z"}) == [second["id"]]
    assert await listed(sandbox, made_by_kind="agent", made_by_id="agent-7", sort="-due_at") == [
        first["id"],
        second["id"],
    ]
    over = await later(sandbox, days=1, hours=1)
    assert (await listed(over, state="open"), await listed(over, state="broken")) == ([first["id"]], [second["id"]])
    page = (await sandbox.get(PATH, limit=1)).json()
    assert await listed(sandbox, limit=1, cursor=page["next_cursor"]) == [first["id"]]


async def test_customers_read_the_promises_to_them_without_the_owner(interactions: ServiceUnderTest) -> None:
    customer = uuid7()
    promise = await created(interactions, PATH, an_open_promise(customer))
    own = interactions.for_customer(customer)
    read_back = await read(own, promise)
    assert (read_back["what"], read_back["owner_id"], read_back["team"]) == ("A technician calls.", None, None)
    assert await listed(own, customer_id=str(customer)) == [promise["id"]]
    assert (await own.post(f"{PATH}/{promise['id']}/keep", None)).status_code == 403


async def test_promises_follow_a_merge_and_return(interactions: ServiceUnderTest) -> None:
    survivor, merged, merge_id = uuid7(), uuid7(), uuid7()
    promise = await created(interactions, PATH, an_open_promise(merged))
    await interactions.deliver(customers_merged(survivor, merged, merge_id=merge_id))
    late = await created(interactions, PATH, a_promise(merged, due_at="2199-01-02T00:00:00Z"))
    for customer in (survivor, merged):
        assert await listed(interactions, customer_id=str(customer)) == [promise["id"], late["id"]]
    await interactions.published()
    await interactions.post(f"{PATH}/{promise['id']}/keep", None)
    (event,) = await events_of(interactions, "promise_kept")
    assert event.data["customer_id"] == str(merged)
    await interactions.deliver(merge_undone(survivor, merged, merge_id=merge_id))
    assert await listed(interactions, customer_id=str(survivor)) == []


async def test_an_erasure_removes_the_texts_and_keeps_the_figures(interactions: ServiceUnderTest) -> None:
    sandbox = await a_sandbox(interactions)
    customer = uuid7()
    kept, withdrawn, pending = [
        await created(sandbox, PATH, a_promise(customer, what="Zebedina gets a kettle.")) for _ in range(3)
    ]
    await sandbox.post(f"{PATH}/{kept['id']}/keep", None)
    await sandbox.post(f"{PATH}/{withdrawn['id']}/withdraw", {"reason": "Zebedina has moved."})
    rows = await erase(sandbox, customer)
    assert rows["promise", "anonymised"] == 3
    assert await tables_with(sandbox, "zebedina") == []
    assert [(await read(sandbox, each))["state"] for each in (kept, withdrawn, pending)] == [
        "kept",
        "withdrawn",
        "withdrawn",
    ]
    over = await later(sandbox, days=9)
    await over.run_periodic_tasks()
    assert await events_of(over, *ENDS) == []
    refused = await sandbox.post(PATH, a_promise(customer))
    assert (refused.status_code, refused.json()["code"]) == (410, "person_erased")


async def test_a_promise_that_a_concurrent_erasure_overtakes_is_refused(interactions: ServiceUnderTest) -> None:
    customer = uuid7()
    await erase(interactions, customer)
    statement = "insert into promise (version, created_at, updated_at, customer_id, made_by_kind, made_by_id, what, "
    statement += "team, made_at, due_at, first_due_at, timezone, warn_before_seconds, state) values (1, now(), now(), "
    statement += "$1, 'agent', 'a', 'x', 't', now(), now() + interval '1 day', now(), 'UTC', 0, 'open')"
    with pytest.raises(Exception, match="the person was erased"):
        await interactions.rows(statement, customer)
