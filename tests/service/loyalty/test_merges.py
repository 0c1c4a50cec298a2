"""Merged members: points are combined and separated again, and none is won or lost."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from hypothesis import strategies as st

from chassis.types.ids import uuid7
from tests.support.facts import a_program, a_rule, purchase_recorded
from tests.support.merge_histories import examples_of, merge_histories
from tests.support.merges import customers_merged, merge_undone
from tests.support.service import ServiceUnderTest


async def a_club(loyalty: ServiceUnderTest, **fields: Any) -> str:
    program = (await loyalty.post("/v1/programs", a_program(**fields))).json()["id"]
    assert (await loyalty.post(f"/v1/programs/{program}/earning-rules", a_rule())).status_code == 201
    return str(program)


async def memberships(loyalty: ServiceUnderTest, customer: UUID) -> list[dict[str, Any]]:
    return list((await loyalty.get("/v1/memberships", customer_id=str(customer))).json()["items"])


async def points(loyalty: ServiceUnderTest, customer: UUID) -> dict[str, int]:
    found = await memberships(loyalty, customer)
    assert len(found) < 2
    empty = {"pending": 0, "available": 0, "reserved": 0, "debt": 0}
    return {name: found[0]["balance"][name] for name in empty} if found else empty


async def redeem(loyalty: ServiceUnderTest, membership: str, amount: int, mode: str = "reserve") -> dict[str, Any]:
    body, key = {"points": amount, "mode": mode}, {"Idempotency_Key": str(uuid7())}
    return dict((await loyalty.post(f"/v1/memberships/{membership}/redemptions", body, **key)).json())


async def finish(loyalty: ServiceUnderTest, redemption: dict[str, Any], verb: str) -> int:
    path, key = f"/v1/redemptions/{redemption['id']}/{verb}", {"idempotency-key": str(uuid7())}
    return (await loyalty.request("POST", path, headers=key)).status_code


async def differences(loyalty: ServiceUnderTest) -> list[Any]:
    return list((await loyalty.get("/v1/ledger/verify")).json()["differences"])


def refunded(purchase: dict[str, Any], amount: str) -> dict[str, Any]:
    data = purchase["data"]
    refund = {
        "refund_id": str(uuid7()),
        "purchase_id": data["purchase_id"],
        "customer_id": data["customer_id"],
        "refunded_at": "2026-03-02T10:00:00Z",
        "amount": {"amount": amount, "currency": "EUR"},
    }
    return {"type": "interactions.purchase_refunded.v1", "key": data["customer_id"], "data": refund, "id": uuid7()}


async def test_two_memberships_become_one_and_are_separated_again(loyalty: ServiceUnderTest) -> None:
    await a_club(loyalty, expiry_policy="rolling_months", expiry_months=120)
    survivor, merged, merge_id = uuid7(), uuid7(), uuid7()
    await loyalty.deliver(purchase_recorded("30.00", survivor), purchase_recorded("20.00", merged))
    (own,), (other,) = await memberships(loyalty, survivor), await memberships(loyalty, merged)
    before = await loyalty.rows("select id, membership_id, remaining, expires_at from lot order by id")
    await loyalty.deliver(customers_merged(survivor, merged, merge_id=merge_id))
    assert await differences(loyalty) == []
    for id in (survivor, merged):
        (membership,) = await memberships(loyalty, id)
        assert (membership["id"], membership["balance"]["available"]) == (own["id"], 50)
    old = await loyalty.get(f"/v1/memberships/{other['id']}")
    assert (old.json()["id"], old.headers["Content-Location"]) == (own["id"], f"/v1/memberships/{own['id']}")
    assert (await loyalty.get(f"/v1/memberships/{other['id']}/balance")).json()["available"] == 50
    await loyalty.deliver(merge_undone(survivor, merged, merge_id=merge_id))
    assert await differences(loyalty) == []
    assert await loyalty.rows("select id, membership_id, remaining, expires_at from lot order by id") == before
    assert [(await memberships(loyalty, id))[0]["id"] for id in (survivor, merged)] == [own["id"], other["id"]]


async def test_a_single_membership_moves(loyalty: ServiceUnderTest) -> None:
    await a_club(loyalty)
    survivor, merged, merge_id = uuid7(), uuid7(), uuid7()
    await loyalty.deliver(purchase_recorded("20.00", merged))
    (member,) = await memberships(loyalty, merged)
    await loyalty.deliver(customers_merged(survivor, merged, merge_id=merge_id))
    assert [one["id"] for one in await memberships(loyalty, survivor)] == [member["id"]]
    await loyalty.deliver(purchase_recorded("5.00", survivor), purchase_recorded("1.00", merged))
    assert (await points(loyalty, survivor))["available"] == 26
    await loyalty.deliver(merge_undone(survivor, merged, merge_id=merge_id))
    assert await differences(loyalty) == []
    assert (await points(loyalty, survivor))["available"] == 5  # the survivor's own purchase
    assert (await points(loyalty, merged))["available"] == 21
    assert [one["id"] for one in await memberships(loyalty, merged)] == [member["id"]]


async def test_holds_follow_and_can_be_captured_or_released(loyalty: ServiceUnderTest) -> None:
    await a_club(loyalty)
    survivor, merged, merge_id = uuid7(), uuid7(), uuid7()
    await loyalty.deliver(purchase_recorded("30.00", survivor), purchase_recorded("20.00", merged))
    (own,), (other,) = await memberships(loyalty, survivor), await memberships(loyalty, merged)
    held = await redeem(loyalty, other["id"], 8)
    await loyalty.deliver(customers_merged(survivor, merged, merge_id=merge_id))
    assert await points(loyalty, survivor) == {"pending": 0, "available": 42, "reserved": 8, "debt": 0}
    of_both = await redeem(loyalty, other["id"], 40)  # under the old membership id, from the lots of both
    assert of_both["membership_id"] == own["id"]
    await loyalty.deliver(merge_undone(survivor, merged, merge_id=merge_id))
    assert await differences(loyalty) == []
    before, after = await points(loyalty, survivor), await points(loyalty, merged)
    assert (before["reserved"], after["reserved"]) == (40, 8)
    assert before["available"] + after["available"] == 2
    assert (await finish(loyalty, of_both, "release"), await finish(loyalty, held, "capture")) == (200, 200)
    assert await differences(loyalty) == []
    available = [(await points(loyalty, id))["available"] for id in (survivor, merged)]
    assert sum(available) == 42


async def test_a_debt_is_paid_with_the_points_of_both(loyalty: ServiceUnderTest) -> None:
    await a_club(loyalty)
    survivor, merged, merge_id = uuid7(), uuid7(), uuid7()
    bought = purchase_recorded("30.00", merged)
    await loyalty.deliver(bought, purchase_recorded("10.00", survivor))
    (other,) = await memberships(loyalty, merged)
    await redeem(loyalty, other["id"], 30, "capture")
    await loyalty.deliver(refunded(bought, "25.00"))
    assert (await points(loyalty, merged))["debt"] == 25
    await loyalty.deliver(customers_merged(survivor, merged, merge_id=merge_id))
    assert await points(loyalty, survivor) == {"pending": 0, "available": 0, "reserved": 0, "debt": 15}
    await loyalty.deliver(merge_undone(survivor, merged, merge_id=merge_id))
    assert await differences(loyalty) == []
    assert [(await points(loyalty, id))["debt"] for id in (survivor, merged)] == [0, 15]


async def test_a_refund_finds_its_purchase_after_a_merge_and_after_its_undo(loyalty: ServiceUnderTest) -> None:
    await a_club(loyalty)
    survivor, merged, merge_id = uuid7(), uuid7(), uuid7()
    bought = purchase_recorded("20.00", merged)
    await loyalty.deliver(bought, purchase_recorded("30.00", survivor))
    await loyalty.deliver(customers_merged(survivor, merged, merge_id=merge_id))
    await loyalty.deliver(refunded(bought, "5.00"))
    assert (await points(loyalty, survivor))["available"] == 45
    await loyalty.deliver(merge_undone(survivor, merged, merge_id=merge_id))
    await loyalty.deliver(refunded(bought, "5.00"))
    assert [(await points(loyalty, id))["available"] for id in (survivor, merged)] == [30, 10]
    assert await differences(loyalty) == []


async def test_the_events_of_a_transfer_add_up(loyalty: ServiceUnderTest) -> None:
    await a_club(loyalty)
    survivor, merged = uuid7(), uuid7()
    await loyalty.deliver(purchase_recorded("30.00", survivor), purchase_recorded("20.00", merged))
    await loyalty.published()
    await loyalty.deliver(customers_merged(survivor, merged))
    moved = [event for event in await loyalty.published() if event.type == "loyalty.points_transferred.v1"]
    assert sorted(event.data["points"] for event in moved) == [-20, 20]
    assert {event.data["balance"]["available"] for event in moved} == {0, 50}
    assert {event.subject for event in moved} == {str(survivor)}


PEOPLE = 3


@dataclass
class Story:
    """Facts and requests about a few people, in an order that may be that of no clock."""

    steps: list[tuple[str, Any]] = field(default_factory=list)
    leads_to: dict[UUID, UUID] = field(default_factory=dict)


@st.composite
def stories(draw: st.DrawFn) -> Story:
    """Return purchases, refunds, redemptions, merges and undos. Facts arrive in any order and more than once."""
    people = [uuid7() for _ in range(PEOPLE)]
    purchases = [
        purchase_recorded(f"{draw(st.integers(5, 40))}.00", draw(st.sampled_from(people)), id=uuid7())
        for _ in range(draw(st.integers(2, 6)))
    ]
    facts = [*purchases, *(refunded(draw(st.sampled_from(purchases)), "2.00") for _ in range(draw(st.integers(0, 2))))]
    merges = draw(merge_histories(people, most=5))
    facts += merges.events
    steps: list[tuple[str, Any]] = [("deliver", fact) for fact in facts]
    steps += [("deliver", fact) for fact in draw(st.lists(st.sampled_from(facts), max_size=3))]
    modes = st.sampled_from(["reserve", "capture", "release"])
    steps += [(draw(modes), draw(st.sampled_from(people))) for _ in range(draw(st.integers(0, 4)))]
    return Story(list(draw(st.permutations(steps))), merges.leads_to)


async def run(loyalty: ServiceUnderTest, story: Story) -> int:
    """Take the steps. Returns how many points were spent for good."""
    spent = 0
    held: list[dict[str, Any]] = []
    for verb, what in story.steps:
        if verb == "deliver":
            await loyalty.deliver(what)
        elif verb == "release" and held:
            assert await finish(loyalty, held.pop(), "release") == 200
        elif found := await memberships(loyalty, what):
            amount = found[0]["balance"]["available"] // 2
            if amount:
                mode = "capture" if verb == "capture" else "reserve"
                redemption = await redeem(loyalty, found[0]["id"], amount, mode)
                spent += amount if mode == "capture" else 0
                held += [redemption] if mode == "reserve" else []
        assert await differences(loyalty) == [], (verb, what)
    return spent


async def test_no_points_are_won_or_lost_in_any_order(loyalty: ServiceUnderTest) -> None:
    for story in examples_of(stories()):
        tenant = await loyalty.for_new_tenant()
        await a_club(tenant)
        spent = await run(tenant, story)
        assert await tenant.dead_letters() == []
        facts = {fact["id"]: fact for verb, fact in story.steps if verb == "deliver"}.values()
        earned = sum(int(fact["data"]["total"]["amount"][:-3]) for fact in facts if "total" in fact["data"])
        reversed_points = sum(2 for fact in facts if "refund_id" in fact["data"])
        sums = await tenant.rows("select sum(pending + available + reserved - debt)::bigint as points from wallet")
        assert sums[0]["points"] == earned - reversed_points - spent, story
        rows = await tenant.rows("select distinct customer_id from membership where state = 'active'")
        assert {row["customer_id"] for row in rows} <= set(story.leads_to.values())
