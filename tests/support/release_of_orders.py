"""The orders of the scenario in `tests.support.release`: every record and every event of the area happens once."""

from chassis.types.ids import uuid7
from tests.support.facts import a_purchase
from tests.support.interactions import a_status, an_exchange
from tests.support.release_of_sales import post
from tests.support.stack import Visitor


async def use_orders(visitor: Visitor, customer: str) -> None:
    """Let an order take steps, exchange a part of it, and send a step whose purchase never arrives."""
    await post(visitor, "/v1/order-statuses", {"status": "at_customs", "position": 450, "kind": "open"})
    order = await post(visitor, "/v1/purchases", a_purchase(customer))
    path = f"/v1/purchases/{order['id']}"
    await post(visitor, f"{path}/status-changes", a_status(tracking="3SABCD1234567", evidence="delivery note 81"))
    await post(visitor, f"{path}/status-changes", a_status("at_customs", payment_status="paid"))
    await post(visitor, f"{path}/exchanges", an_exchange())
    unknown = {"source": "till", "source_id": f"not sent yet {uuid7()}"}
    await post(visitor, "/v1/purchase-status-changes", a_status() | {"purchase": unknown})
