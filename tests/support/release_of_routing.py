"""The routing of the scenario in `tests.support.release`: each event of it happens once."""

from tests.support.release_of_sales import post
from tests.support.routing import a_queue, an_agent
from tests.support.stack import Visitor

TEA = {"skill": "tea", "level": 5}


async def use_routing(visitor: Visitor) -> None:
    """Bring an agent online, and dispatch a case to it. Another case waits for an agent."""
    agent = await post(visitor, "/v1/agents", an_agent())
    online = await visitor.request("PUT", f"/v1/agents/{agent['id']}/presence", json={"presence": "online"})
    assert online.status_code == 200, online.text
    await post(visitor, "/v1/queues", a_queue(channels=["letter"], categories=["tea"]))
    await post(visitor, "/v1/queues", a_queue("Second line", channels=["letter"], required_skills=[TEA]))
    for category in ("tea", "kettles"):
        case = {"kind": "request", "subject": "The kettle", "channel": "letter", "category": category}
        await post(visitor, "/v1/cases", case)
    await visitor.drained()
