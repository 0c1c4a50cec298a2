"""The tasks and automations of the scenario in `tests.support.release`: each event of them happens once."""

from tests.support.automations import an_automation
from tests.support.facts import a_customer
from tests.support.promises import CLOCK
from tests.support.release_of_sales import patch, post
from tests.support.stack import RunningStack, Visitor, a_sandbox
from tests.support.tasks import a_task


async def use_tasks(stack: RunningStack) -> None:
    """In a sandbox, whose clock passes a due time."""
    agent = a_sandbox(stack, clock=CLOCK)
    customer = (await post(agent, "/v1/customers", a_customer(family_name="Lamarr")))["id"]
    await work_on_tasks(agent, customer)
    automation = await post(
        agent, "/v1/automations", an_automation("Mark", steps=[{"customer": {"add_tags": ["vip"]}}])
    )
    await post(agent, f"/v1/automations/{automation['id']}/runs", {"customer_id": customer})
    await post(agent, "/v1/sandbox/clock", {"advance": "P3D"})
    await agent.request("GET", "/v1/sandbox/clock?wait_seconds=30")
    await agent.close()


async def work_on_tasks(agent: Visitor, customer: str) -> None:
    """Create a task that is claimed and done, one that is cancelled, and one that becomes due."""
    done, cancelled, _ = [
        await post(agent, "/v1/tasks", a_task(customer, due_at="2026-03-02T10:00:00Z")) for _ in range(3)
    ]
    await post(agent, f"/v1/tasks/{done['id']}/claim", {"owner_id": "agent-7"})
    await patch(agent, f"/v1/tasks/{done['id']}", {"priority": "urgent"})
    await post(agent, f"/v1/tasks/{done['id']}/complete")
    await post(agent, f"/v1/tasks/{cancelled['id']}/cancel", {"reason": "The customer has called."})
