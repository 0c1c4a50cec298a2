"""A poison message: it is dead-lettered with its reason, other events are applied, and a replay repairs the state."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

from chassis.types.ids import uuid7
from tests.support.facts import a_purchase
from tests.support.stack import RunningStack, Visitor, a_visitor
from tests.system.test_faults import points_by_customer
from tests.system.test_stories import a_program_with_points


async def test_what_breaks_a_constraint_is_parked_the_rest_flows_and_a_replay_repairs(
    stack: RunningStack, visitor: Visitor
) -> None:
    """Other customers, the same customer of another tenant, another service and a later refund are not affected."""
    other = a_visitor(stack)
    programs = [await a_program_with_points(one) for one in (visitor, other)]
    victim, others = uuid7(), [uuid7() for _ in range(20)]
    await buy(visitor, victim, *others)
    before = (await visitor.drained())["services"]["loyalty"]["dead_letters"]
    async with lots_forbidden(stack, programs[0], victim, "nobody thought of this one"):
        refunded = await buy(visitor, victim)
        await buy(visitor, *others, victim)
        await buy(other, victim, *others)
        refund = {"source": "till", "source_id": "r", "refunded_at": "2026-03-02T10:00:00Z", "amount": "5.00"}
        assert (await visitor.request("POST", f"/v1/purchases/{refunded}/refunds", json=refund)).status_code == 201
        status = await visitor.drained()
        assert status["services"]["loyalty"]["dead_letters"] == before + 2
        assert await points_by_customer(stack, programs[0]) == {victim: 5, **dict.fromkeys(others, 10)}
        assert await points_by_customer(stack, programs[1]) == {victim: 5, **dict.fromkeys(others, 5)}
        (figures,) = (await visitor.request("GET", f"/v1/analytics/customers/{victim}")).json()["sums"]
        assert figures["revenue"] == "10.00"  # analytics has applied the events that loyalty could not
        assert "nobody thought of this one" in stack.command("dead-letters", "list", "loyalty")
    told = stack.command("dead-letters", "replay", "loyalty").splitlines()
    assert [line.rsplit(": ", 1)[1] for line in told] == ["applied", "applied"]
    assert await points_by_customer(stack, programs[0]) == {victim: 10, **dict.fromkeys(others, 10)}
    assert (await visitor.drained())["services"]["loyalty"]["dead_letters"] == before
    assert (await visitor.request("GET", "/v1/ledger/verify")).json()["differences"] == []
    await other.close()


async def buy(visitor: Visitor, *customers: UUID) -> str:
    """Record a purchase worth five points for each customer, and return the id of the last."""
    for customer in customers:
        answer = await visitor.request("POST", "/v1/purchases", json=a_purchase(customer))
        assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


@asynccontextmanager
async def lots_forbidden(stack: RunningStack, program: str, customer: UUID, why: str) -> AsyncIterator[None]:
    """Reject new points of a member, as an unforeseen constraint would."""
    member = "select id from membership where program_id = $1 and customer_id = $2"
    async with stack.superuser("loyalty") as owner:
        id = await owner.fetchval(member, UUID(program), customer)
        await owner.execute(
            "create function forbid_lots() returns trigger language plpgsql as $$ begin "
            f"if new.membership_id = '{id}' then raise check_violation using message = '{why}'; end if; "
            "return new; end $$"
        )
        await owner.execute(
            "create trigger forbid_lots before insert on lot for each row execute function forbid_lots()"
        )
        try:
            yield
        finally:
            await owner.execute("drop trigger forbid_lots on lot")
            await owner.execute("drop function forbid_lots")
