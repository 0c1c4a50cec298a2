"""The events of loyalty: one shape, the balance after each event, and a version that increases with each."""

from itertools import pairwise
from typing import Any

from chassis.types.ids import uuid7
from tests.support.facts import a_program, a_rule, purchase_recorded
from tests.support.loyalty import a_member, a_running_program, act, membership_path, on, overlapping, redeem, refunded
from tests.support.service import Published, ServiceUnderTest

MEMBER = {"customer_id", "membership_id", "program_id", "version", "occurred_at", "balance"}
POINTS = MEMBER | {"points", "reference", "available"}
YEAR = {"pending_days": 1, "expiry_policy": "rolling_months", "expiry_months": 12}


async def a_year(loyalty: ServiceUnderTest) -> tuple[str, list[Published]]:
    """Let everything happen to the points of a member. Return the membership's path and its events."""
    program, customer, returned = await a_running_program(loyalty, **YEAR), uuid7(), uuid7()
    first = await on(loyalty, "2026-03-01")
    await first.deliver(
        purchase_recorded("100.00", customer), purchase_recorded("7.00", customer, purchase_id=returned)
    )
    today = await on(loyalty, "2026-03-20")
    path = await membership_path(today, customer)
    await today.post(f"{path}/adjustments", {"points": 10, "reason": "goodwill"}, idempotency_key="adjust")
    await act(today, await redeem(today, path, 5), "capture")
    await act(today, await redeem(today, path, 5), "release")
    await redeem(today, path, 5, expires_in_seconds=60)
    await today.deliver(refunded("7.00", returned, customer))
    later = await on(loyalty, "2027-04-01")
    await later.run_periodic_tasks()
    events = await later.published()
    assert {event.data["program_id"] for event in events} == {program}
    return path, events


async def balance_of(loyalty: ServiceUnderTest, path: str) -> tuple[int, dict[str, int]]:
    """Return the version and the points of a membership."""
    balance = (await loyalty.get(path)).json()["balance"]
    return balance.pop("version"), balance


async def test_every_event_of_a_membership_has_one_shape(loyalty: ServiceUnderTest) -> None:
    path, events = await a_year(loyalty)
    missing = {
        event.type: absent
        for event in events
        if (absent := (MEMBER if "member_joined" in event.type else POINTS) - event.data.keys())
    }
    assert missing == {}
    assert {event.type.split(".")[1] for event in events} == {
        "member_joined",
        *(f"points_{fact}" for fact in ("earned", "activated", "adjusted", "reserved", "redeemed", "released")),
        *(f"points_{fact}" for fact in ("reversed", "expired")),
    }
    assert {event.data["membership_id"] for event in events} == {path.rpartition("/")[2]}


async def test_versions_count_the_events_and_the_last_balance_is_the_apis(loyalty: ServiceUnderTest) -> None:
    path, events = await a_year(loyalty)
    assert [event.data["version"] for event in events] == list(range(1, len(events) + 1))
    assert await balance_of(loyalty, path) == (len(events), events[-1].data["balance"])


async def test_the_balance_of_each_event_follows_from_the_one_before(loyalty: ServiceUnderTest) -> None:
    _, events = await a_year(loyalty)
    available = [(event.type.split("_")[-1], event.data["balance"]["available"]) for event in events]
    steps = [(kind, after - before) for (_, before), (kind, after) in pairwise(available)]
    changed = {kind: {step for each, step in steps if each == kind} for kind, _ in steps}
    assert changed["adjusted.v1"] == {10}
    assert changed["reserved.v1"] == {-5}
    assert changed["released.v1"] == {5}
    assert changed["redeemed.v1"] == {0}  # the points were held before
    assert changed["expired.v1"] == {-event.data["points"] for event in events if "expired" in event.type} == {-95, -10}
    assert all(event.data["available"] == event.data["balance"]["available"] for event in events[1:])


async def test_an_event_names_the_record_that_moved_the_points(loyalty: ServiceUnderTest) -> None:
    _, events = await a_year(loyalty)
    own = {
        "purchase": "purchase_id",
        "refund": "refund_id",
        "redemption": "redemption_id",
        "adjustment": "adjustment_id",
        "lot": "lot_id",
    }
    references = [(event.data["reference"], event.data) for event in events[1:]]
    assert {reference["type"] for reference, _ in references} == set(own)
    assert all(reference["id"] == data[own[reference["type"]]] for reference, data in references)


async def test_a_balance_that_is_read_before_its_events_has_their_version(loyalty: ServiceUnderTest) -> None:
    await a_running_program(loyalty, pending_days=1)
    customer = uuid7()
    first = await on(loyalty, "2026-03-01")
    await first.deliver(purchase_recorded("10.00", customer), purchase_recorded("5.00", customer))
    path = await membership_path(first, customer)
    later = await on(loyalty, "2026-03-09")
    await later.published()
    before = await balance_of(later, path), (await later.get(f"{path}/balance")).json()["version"]
    await later.run_periodic_tasks()
    last = (await later.published())[-1]
    assert before == ((last.data["version"], last.data["balance"]), last.data["version"])
    assert await balance_of(later, path) == before[0]


async def test_a_member_who_joins_on_request_has_the_version_of_that_event(loyalty: ServiceUnderTest) -> None:
    program = await a_running_program(loyalty, enrolment="open")
    body = {"program_id": program, "customer_id": str(uuid7())}
    path = f"/v1/memberships/{(await loyalty.post('/v1/memberships', body)).json()['id']}"
    joined = await balance_of(loyalty, path)
    await loyalty.post(f"{path}/adjustments", {"points": 5, "reason": "welcome"}, idempotency_key="welcome")
    first, second = await loyalty.published()
    assert joined == (first.data["version"], first.data["balance"])
    assert (first.data["version"], second.data["version"]) == (1, 2)


async def test_concurrent_redemptions_have_different_versions_in_their_order(loyalty: ServiceUnderTest) -> None:
    _, path = await a_member(loyalty, "100.00")
    version, _ = await balance_of(loyalty, path)
    await overlapping(loyalty, path, [redeem(loyalty, path, 1, "capture") for _ in range(8)])
    events = [event.data for event in await loyalty.published()]
    assert [event["version"] for event in events] == list(range(version + 1, version + 9))
    assert [event["balance"]["available"] for event in events] == list(range(99, 91, -1))


async def test_a_batch_of_purchases_versions_each_membership_by_itself(loyalty: ServiceUnderTest) -> None:
    await a_running_program(loyalty)
    customers = [uuid7() for _ in range(3)]
    await loyalty.deliver([purchase_recorded("2.00", customer) for customer in customers * 2])
    versions: dict[str, list[int]] = {}
    for event in await loyalty.published():
        versions.setdefault(event.subject, []).append(event.data["version"])
    assert versions == {str(customer): [1, 2, 3] for customer in customers}


async def test_the_order_of_a_redemption_is_in_all_of_its_events(loyalty: ServiceUnderTest) -> None:
    _, path = await a_member(loyalty, "100.00")
    held = await redeem(loyalty, path, 5, order_reference="web-000817")
    assert held.json()["order_reference"] == "web-000817"
    await act(loyalty, held, "release")
    await redeem(loyalty, path, 5, "capture", order_reference="web-000818")
    await redeem(loyalty, path, 5)
    events = [(event.type.split(".")[1], event.data["order_reference"]) for event in await loyalty.published()]
    assert events == [
        ("points_reserved", "web-000817"),
        ("points_released", "web-000817"),
        ("points_redeemed", "web-000818"),
        ("points_reserved", None),
    ]


async def test_a_hold_that_ends_by_itself_names_its_order(loyalty: ServiceUnderTest) -> None:
    today = await on(loyalty, "2026-03-20")
    _, path = await a_member(today, "100.00")
    await redeem(today, path, 5, order_reference="web-000817")
    tomorrow = await on(loyalty, "2026-03-21")
    await tomorrow.run_periodic_tasks()
    reserved, released = await tomorrow.published()
    assert (released.data["reason"], released.data["order_reference"]) == ("expired", "web-000817")
    assert released.data["version"] == reserved.data["version"] + 1


async def test_programs_and_their_rules_are_announced(loyalty: ServiceUnderTest) -> None:
    program = (await loyalty.post("/v1/programs", a_program(pending_days=3))).json()
    path = f"/v1/programs/{program['id']}/earning-rules"
    rule = (await loyalty.post(path, a_rule(2, "5.00"))).json()
    changed = (await loyalty.post(f"{path}/{rule['id']}/versions", {"points": 3, "per": "5.00"})).json()
    created, first, second = await loyalty.published()
    assert {event.subject for event in (created, first, second)} == {program["id"]}
    assert_told(created, program, program_id=program["id"], type="loyalty.program_created.v1")
    per = {"per": {"amount": "5.00", "currency": "EUR"}, "rule_id": rule["id"]}
    assert_told(first, rule, **per, rule_version=1, type="loyalty.earning_rule_created.v1")
    assert_told(second, changed, **per, rule_version=2, type="loyalty.earning_rule_replaced.v1")


def assert_told(event: Published, record: dict[str, Any], *, type: str, **fields: Any) -> None:
    """Assert that an event has the values of the record that was returned, and these fields."""
    assert event.type == type
    assert event.data == {name: value for name, value in (record | fields).items() if name in event.data}


async def test_a_rejected_rule_announces_nothing(loyalty: ServiceUnderTest) -> None:
    program = await a_running_program(loyalty)
    refused = await loyalty.post(f"/v1/programs/{program}/earning-rules", a_rule(per="0.00"))
    assert (refused.status_code, await loyalty.published()) == (422, [])


async def test_a_repeated_event_takes_no_version(loyalty: ServiceUnderTest) -> None:
    customer, path = await a_member(loyalty, "10.00")
    purchase = purchase_recorded("5.00", customer)
    await loyalty.deliver(purchase, purchase | {"id": uuid7()})
    (event,) = await loyalty.published()
    assert await balance_of(loyalty, path) == (event.data["version"], event.data["balance"])
