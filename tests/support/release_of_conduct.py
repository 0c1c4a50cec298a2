"""The conduct incidents of the scenario in `tests.support.release`: each event of them happens once."""

from tests.support.conduct import an_incident
from tests.support.release_of_sales import post
from tests.support.stack import Visitor


async def use_conduct(visitor: Visitor, customer: str) -> None:
    """Report two incidents. Another key confirms one of them, and the other is dismissed."""
    evidence = [{"kind": "recording", "reference": "cameras/1"}]
    confirmed = await post(visitor, "/v1/conduct-incidents", an_incident(customer, evidence=evidence))
    dismissed = await post(visitor, "/v1/conduct-incidents", an_incident(customer, staff_harmed=True))
    second = await post(visitor, "/v1/api-keys", {"name": "second", "scopes": ["interactions:decide"]})
    other = Visitor(visitor.stack, second["key"])
    await post(other, f"/v1/conduct-incidents/{confirmed['id']}/confirm", {})
    await post(other, f"/v1/conduct-incidents/{dismissed['id']}/dismiss", {"reason": "It was another person."})
    await other.close()
