"""Service levels: the policy of a case, its clocks over steps and time, and the events about them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.support.service import Published, ServiceUnderTest

OPENED = datetime(2026, 11, 6, 10, tzinfo=UTC)  # a Friday
SLA = "interactions.sla_"


def a_policy(name: str = "Standard", **fields: Any) -> dict[str, Any]:
    """Return a body for POST /v1/sla-policies: an hour, two hours and eight hours of elapsed time."""
    kinds = {"first_response": 3600, "next_response": 7200, "resolution": 8 * 3600}
    targets = [{"kind": kind, "seconds": seconds, "time": "elapsed"} for kind, seconds in kinds.items()]
    body = {"name": name, "targets": targets, "warn_percents": [50, 75], "pause_on": ["waiting_for_customer"]}
    return body | fields


@pytest.fixture
async def shop(interactions: ServiceUnderTest) -> ServiceUnderTest:
    """Provide a sandbox with a frozen clock."""
    return await interactions.for_new_tenant(kind="sandbox", clock_at=OPENED)


def after(shop: ServiceUnderTest, hours: float) -> ServiceUnderTest:
    """Return the sandbox, its clock so many hours after the case was opened."""
    return shop.for_tenant(shop.tenant.model_copy(update={"clock_at": OPENED + timedelta(hours=hours)}))


async def post(service: ServiceUnderTest, path: str, body: Any) -> dict[str, Any]:
    response = await service.post(path, body)
    assert response.is_success, response.text
    return dict(response.json())


async def opened(shop: ServiceUnderTest, **fields: Any) -> str:
    body = {"kind": "request", "subject": "The kettle", "channel": "phone", **fields}
    return str((await post(shop, "/v1/cases", body))["id"])


async def clocks(shop: ServiceUnderTest, case: str) -> dict[tuple[str, int], dict[str, Any]]:
    response = await shop.get(f"/v1/cases/{case}/clocks")
    return {(clock["kind"], clock["cycle"]): clock for clock in response.json()["items"]}


async def news(shop: ServiceUnderTest) -> list[tuple[str, str, Any]]:
    """Return what was published of clocks: the event, the kind of clock, and the percentage or the time."""
    return [_shown(event) for event in await shop.published() if event.type.startswith(SLA)]


def _shown(event: Published) -> tuple[str, str, Any]:
    name, data = event.type.removeprefix(SLA).removesuffix(".v1"), event.data
    return name, data["kind"], data.get("percent") or data.get("breached_at") or data.get("met_at")


def at(hours: float) -> str:
    return f"{OPENED + timedelta(hours=hours):%Y-%m-%dT%H:%M:%SZ}"


async def test_a_case_gets_the_first_policy_that_covers_it(shop: ServiceUnderTest) -> None:
    others = [
        ("Last", {"position": 9}),
        ("Complaints", {"position": 1, "kinds": ["complaint"]}),
        ("Repairs", {"position": 2, "categories": ["repairs"], "channels": ["email", "phone"]}),
        ("Urgent", {"position": 3, "priorities": ["urgent", "high"]}),
        ("Retired", {"position": 0, "active": False}),
    ]
    ids = {(await post(shop, "/v1/sla-policies", a_policy(name, **fields)))["id"]: name for name, fields in others}
    cases = {
        "Complaints": {"kind": "complaint", "priority": "urgent"},
        "Repairs": {"category": "repairs", "priority": "urgent"},
        "Urgent": {"category": "repairs", "channel": "letter", "priority": "high"},
        "Last": {"category": "bill"},
    }
    for name, fields in cases.items():
        running = await clocks(shop, await opened(shop, **fields))
        assert {ids[clock["policy_id"]] for clock in running.values()} == {name}
    order = [policy["name"] for policy in (await shop.get("/v1/sla-policies")).json()["items"]]
    assert order == ["Retired", "Complaints", "Repairs", "Urgent", "Last"]


async def test_a_case_that_no_policy_covers_has_no_clocks(shop: ServiceUnderTest) -> None:
    await post(shop, "/v1/sla-policies", a_policy(kinds=["complaint"]))
    case = await opened(shop)
    assert await clocks(shop, case) == {}
    await post(shop, f"/v1/cases/{case}/transitions", {"state": "resolved"})
    assert (await shop.get("/v1/cases/00000000-0000-7000-8000-000000000000/clocks")).status_code == 404


async def test_the_clocks_follow_the_steps_of_the_case(shop: ServiceUnderTest) -> None:
    # given a case that is answered, waits for its customer, and is resolved and reopened
    await post(shop, "/v1/sla-policies", a_policy())
    case = await opened(shop)
    path = f"/v1/cases/{case}"
    await post(after(shop, 0.5), f"{path}/messages", {"body": "We have it.", "automatic": True})
    await post(after(shop, 0.6), f"{path}/messages", {"body": "A note", "visibility": "internal"})
    assert (await clocks(shop, case))["first_response", 1]["state"] == "running"
    await post(after(shop, 0.75), f"{path}/messages", {"body": "Which kettle?"})
    await post(after(shop, 2), f"{path}/transitions", {"state": "waiting_for_customer"})
    paused = (await clocks(shop, case))["resolution", 1]
    assert (paused["state"], paused["due_at"], paused["active_seconds"]) == ("paused", None, 7200)

    # when the customer writes, the clock of the resolution resumes, and that of the next response starts
    await post(after(shop, 30), f"{path}/messages", {"body": "The red one.", "direction": "inbound"})
    running = await clocks(shop, case)
    assert running["resolution", 1]["due_at"] == at(36)
    assert running["next_response", 1]["due_at"] == at(32)
    await post(after(shop, 31), f"{path}/messages", {"body": "Done."})
    await post(after(shop, 31), f"{path}/transitions", {"state": "resolved"})
    assert {clock["state"] for clock in (await clocks(shop, case)).values()} == {"met"}

    # then a reopened case has the time that remained
    await post(after(shop, 50), f"{path}/messages", {"body": "It leaks.", "direction": "inbound"})
    reopened = await clocks(shop, case)
    assert (reopened["resolution", 2]["due_at"], reopened["next_response", 2]["due_at"]) == (at(55), at(52))
    assert await news(shop) == [
        ("warned", "first_response", 50),
        ("warned", "first_response", 75),
        ("met", "first_response", at(0.75)),
        ("warned", "next_response", 50),
        ("met", "next_response", at(31)),
        ("met", "resolution", at(31)),
    ]


async def test_another_priority_keeps_the_time_that_has_counted(shop: ServiceUnderTest) -> None:
    targets = a_policy()["targets"]
    urgent = {"kind": "resolution", "priority": "urgent", "seconds": 4 * 3600, "time": "elapsed"}
    await post(shop, "/v1/sla-policies", a_policy(targets=[*targets, urgent]))
    case = await opened(shop)
    await after(shop, 1).patch(f"/v1/cases/{case}", {"priority": "urgent"})
    clock = (await clocks(shop, case))["resolution", 1]
    assert (clock["due_at"], clock["target_seconds"], clock["active_seconds"]) == (at(4), 4 * 3600, 3600)


async def test_warnings_and_breaches_are_announced_once_and_never_undone(shop: ServiceUnderTest) -> None:
    targets = [{"kind": "resolution", "seconds": 8 * 3600, "time": "elapsed"}]
    await post(shop, "/v1/sla-policies", a_policy(targets=targets))
    case = await opened(shop)
    for hours, expected in (
        (3.9, []),
        (4.1, [("warned", "resolution", 50)]),
        (8.01, [("warned", "resolution", 75)]),
        (9, [("breached", "resolution", at(8))]),
        (99, []),
    ):
        for _ in range(2):
            await after(shop, hours).run_periodic_tasks()
        assert await news(shop) == expected, hours
    await post(after(shop, 100), f"/v1/cases/{case}/transitions", {"state": "resolved"})
    clock = (await clocks(shop, case))["resolution", 1]
    assert (clock["state"], clock["breached_at"], clock["ended_at"]) == ("breached", at(8), at(100))
    assert await news(shop) == []


@pytest.mark.parametrize("sweeps", [(), (0.7, 1.2, 3, 5, 8.5, 20, 31.5)])
async def test_a_sweeper_changes_nothing_that_is_published(shop: ServiceUnderTest, sweeps: tuple[float, ...]) -> None:
    """The same clocks, and the same events of each, whether the sweeper looks in between or only the steps do."""
    await post(shop, "/v1/sla-policies", a_policy())
    case = await opened(shop)
    steps: list[tuple[float, str, Any]] = [
        (2, "messages", {"body": "Which?"}),
        (3.5, "transitions", {"state": "waiting_for_customer"}),
        (8, "messages", {"body": "The red one.", "direction": "inbound"}),
        (9, "messages", {"body": "Yes?"}),
        (30, "transitions", {"state": "resolved"}),
        (32, "messages", {"body": "No.", "direction": "inbound"}),
    ]
    steps += [(hours, "", None) for hours in sweeps]
    for hours, what, body in sorted(steps, key=lambda step: step[0]):
        if what:
            await post(after(shop, hours), f"/v1/cases/{case}/{what}", body)
        else:
            await after(shop, hours).run_periodic_tasks()
    assert sorted(await news(shop), key=str) == [
        ("breached", "first_response", at(1)),
        ("breached", "resolution", at(12.5)),
        ("met", "next_response", at(9)),
        ("warned", "first_response", 50),
        ("warned", "first_response", 75),
        ("warned", "next_response", 50),
        ("warned", "resolution", 50),
        ("warned", "resolution", 75),
    ]
    found = await clocks(shop, case)
    assert {key: clock["state"] for key, clock in found.items()} == {
        ("first_response", 1): "breached",
        ("next_response", 1): "met",
        ("next_response", 2): "running",
        ("resolution", 1): "breached",
        ("resolution", 2): "running",
    }


async def test_a_target_of_business_time_uses_the_calendar_with_which_the_case_was_opened(
    shop: ServiceUnderTest,
) -> None:
    hours = {"days": ["monday", "tuesday", "wednesday", "thursday", "friday"], "opens": "09:00", "closes": "17:00"}
    calendar = await post(shop, "/v1/calendars", {"name": "Office", "timezone": "UTC", "weekly_hours": [hours]})
    targets = [{"kind": "resolution", "seconds": 8 * 3600}]
    policy = a_policy(targets=targets, calendar_id=calendar["id"])
    policy = await post(shop, "/v1/sla-policies", policy)
    first = await opened(shop)
    assert (await clocks(shop, first))["resolution", 1]["due_at"] == "2026-11-09T10:00:00Z"
    path = f"/v1/calendars/{calendar['id']}"
    await shop.patch(path, {"exceptions": [{"date": "2026-11-09"}]})
    await shop.patch(f"/v1/sla-policies/{policy['id']}", {"targets": [{"kind": "resolution", "seconds": 60}]})
    await after(shop, 1).patch(f"/v1/cases/{first}", {"priority": "high"})
    kept = (await clocks(shop, first))["resolution", 1]
    assert (kept["due_at"], kept["policy_version"]) == ("2026-11-09T10:00:00Z", 1)
    second = (await clocks(shop, await opened(shop)))["resolution", 1]
    assert (second["due_at"], second["policy_version"]) == (at(1 / 60), 2)
    refusal = await shop.request("DELETE", path)
    assert (refusal.status_code, refusal.json()["policies"]) == (409, [policy["id"]])
    assert (await shop.request("DELETE", f"/v1/sla-policies/{policy['id']}")).status_code == 204
    assert (await shop.request("DELETE", path)).status_code == 204
    await post(after(shop, 2), f"/v1/cases/{first}/transitions", {"state": "resolved"})
    assert (await clocks(shop, first))["resolution", 1]["state"] == "met"


async def test_clocks_that_are_due_soon_are_listed_in_their_order(shop: ServiceUnderTest) -> None:
    await post(shop, "/v1/sla-policies", a_policy())
    cases = [await opened(after(shop, hours)) for hours in (2, 0, 1)]
    await post(after(shop, 2), f"/v1/cases/{cases[2]}/transitions", {"state": "waiting_for_customer"})
    soon = await shop.get("/v1/sla-clocks", **{"state": "running", "due_at.lte": at(9)})
    assert [(clock["case_id"], clock["kind"]) for clock in soon.json()["items"]] == [
        (cases[1], "first_response"),
        (cases[0], "first_response"),
        (cases[1], "resolution"),
    ]
    last = (await shop.get("/v1/sla-clocks", sort="-due_at", limit=1)).json()
    assert last["items"][0]["state"] == "paused"
    clock = last["items"][0]
    assert (await shop.get(f"/v1/sla-clocks/{clock['id']}")).json() == clock


async def test_rebuilt_clocks_equal_those_that_are_stored(shop: ServiceUnderTest) -> None:
    # given cases in all states, some of them swept
    await post(shop, "/v1/sla-policies", a_policy())
    cases = [await opened(shop) for _ in range(4)]
    await post(after(shop, 2), f"/v1/cases/{cases[0]}/transitions", {"state": "waiting_for_customer"})
    await post(after(shop, 3), f"/v1/cases/{cases[1]}/transitions", {"state": "resolved"})
    await after(shop, 6).run_periodic_tasks()
    await post(after(shop, 9), f"/v1/cases/{cases[1]}/messages", {"body": "No.", "direction": "inbound"})
    later = after(shop, 20)
    await later.run_periodic_tasks()
    assert await later.rebuild() == 0
    before = [await clocks(shop, case) for case in cases]

    # when a clock is lost, one is changed, and one is invented
    await shop.as_owner(
        f"delete from sla_clock where case_id = '{cases[0]}' and kind = 'resolution'",
        f"update sla_clock set active_us = 7 where case_id = '{cases[1]}' and kind = 'resolution' and cycle = 1",
        f"update sla_clock set cycle = 9 where case_id = '{cases[2]}' and kind = 'resolution'",
    )

    # then a rebuild finds them, and repairs them if it may
    assert await later.rebuild(repair=False) == 3
    assert await later.rebuild() == 3
    assert await later.rebuild() == 0
    repaired = [await clocks(shop, case) for case in cases]
    assert [_without_ids(each) for each in repaired] == [_without_ids(each) for each in before]


def _without_ids(found: dict[tuple[str, int], dict[str, Any]]) -> dict[tuple[str, int], dict[str, Any]]:
    return {key: {name: value for name, value in clock.items() if name != "id"} for key, clock in found.items()}


@pytest.mark.parametrize(
    ("fields", "code", "pointer"),
    [
        ({"targets": []}, "too_few_items", "/targets"),
        ({"targets": [{"kind": "resolution", "seconds": 59}]}, "too_small", "/targets/0/seconds"),
        ({"targets": [{"kind": "resolution", "seconds": 10**9}]}, "too_large", "/targets/0/seconds"),
        ({"targets": [{"kind": "resolution", "seconds": 60}] * 2}, "repeated_target", "/targets"),
        ({"targets": [{"kind": "resolution", "seconds": 60}]}, "required", "/calendar_id"),
        ({"calendar_id": "0193a7c2-5b1e-7c3a-9d54-0242ac120002"}, "unknown_record", "/calendar_id"),
        ({"warn_percents": [100]}, "too_large", "/warn_percents/0"),
        ({"pause_on": ["resolved"]}, "ended_state", "/pause_on"),
    ],
)
async def test_a_policy_that_cannot_be_kept_is_refused(
    interactions: ServiceUnderTest, fields: dict[str, Any], code: str, pointer: str
) -> None:
    refusal = await interactions.post("/v1/sla-policies", a_policy(**fields))
    assert refusal.status_code == 422
    (error,) = refusal.json()["errors"]
    assert (error["code"], error["pointer"]) == (code, pointer)


async def test_two_policies_do_not_share_a_name(interactions: ServiceUnderTest) -> None:
    first = await post(interactions, "/v1/sla-policies", a_policy())
    second = await post(interactions, "/v1/sla-policies", a_policy("Other"))
    taken = await interactions.post("/v1/sla-policies", a_policy())
    assert (taken.status_code, taken.json()["policy_id"]) == (409, first["id"])
    path = f"/v1/sla-policies/{second['id']}"
    assert (await interactions.patch(path, {"name": "Standard"})).status_code == 409
    assert (await interactions.patch(path, {"calendar_id": None, "warn_percents": None})).json()["version"] == 2
    assert (await interactions.patch(path, {"position": 1}, if_match='"1"')).status_code == 412
