"""The promises of the scenario in `tests.support.release`: each event of them happens once."""

from tests.support.facts import a_customer
from tests.support.promises import CLOCK, a_promise
from tests.support.release_of_sales import patch, post
from tests.support.stack import RunningStack, Visitor, a_sandbox


async def use_promises(stack: RunningStack) -> None:
    """In a sandbox, whose clock passes their due times."""
    agent = a_sandbox(stack, clock=CLOCK)
    customer = (await post(agent, "/v1/customers", a_customer(family_name="Turing")))["id"]
    await make_promises(agent, customer)
    for days in (1, 3):
        await post(agent, "/v1/sandbox/clock", {"advance": f"P{days}D"})
        await agent.request("GET", "/v1/sandbox/clock?wait_seconds=30")
    await agent.close()


async def make_promises(agent: Visitor, customer: str) -> None:
    """Make a promise that is kept, one that is replaced, and one that is broken after its warning."""
    kept, replaced, _ = [await post(agent, "/v1/promises", a_promise(customer)) for _ in range(3)]
    await patch(agent, f"/v1/promises/{kept['id']}", {"owner_id": "agent-1"})
    await post(agent, f"/v1/promises/{kept['id']}/keep")
    replacement = {"reason": "It is cheaper.", "replacement": {"by_when": "2026-03-09"}}
    await post(agent, f"/v1/promises/{replaced['id']}/withdraw", replacement)
