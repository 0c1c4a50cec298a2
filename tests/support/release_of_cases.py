"""The cases of the scenario in `tests.support.release`: every record and every event of them happens once."""

from tests.support.cases import TO_A_DECISION, a_case
from tests.support.release_of_sales import patch, post
from tests.support.stack import Visitor


async def use_cases(visitor: Visitor, customer: str) -> None:
    """Decide a complaint, reopen it, which calls the mediator, and give it to another agent."""
    await patch(visitor, "/v1/case-settings", {"mediator_after": 1})
    case = await post(visitor, "/v1/cases", a_case(customer))
    path = f"/v1/cases/{case['id']}"
    for step in (*TO_A_DECISION, {"state": "closed", "outcome": "rejected"}):
        await post(visitor, f"{path}/transitions", step)
    await post(visitor, f"{path}/messages", {"body": "It broke again.", "direction": "inbound"})
    other = await post(visitor, "/v1/cases", a_case(customer))
    link = await post(visitor, f"{path}/links", {"linked_case_id": other["id"], "kind": "duplicate_of"})
    await visitor.request("DELETE", f"/v1/case-links/{link['id']}")
    await patch(visitor, path, {"priority": "high", "agent_id": "agent-7"})
