"""The routing of the scenario in `tests.support.release`: each event of it happens once."""

from tests.support.release_of_sales import post
from tests.support.routing import a_queue, an_agent
from tests.support.stack import Visitor


async def use_routing(visitor: Visitor) -> None:
    """Bring an agent online, and create a queue."""
    agent = await post(visitor, "/v1/agents", an_agent())
    online = await visitor.request("PUT", f"/v1/agents/{agent['id']}/presence", json={"presence": "online"})
    assert online.status_code == 200, online.text
    await post(visitor, "/v1/queues", a_queue(channels=["letter"]))
