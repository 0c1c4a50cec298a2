"""Records of sales for tests: a pipeline of five stages, deals, products."""

from collections.abc import Iterable
from typing import Any

from chassis.types.ids import uuid7
from tests.support.facts import a_customer, a_product
from tests.support.service import Published, ServiceUnderTest


async def created(customers: ServiceUnderTest, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """Create a record and return it."""
    response = await customers.post(path, body)
    assert response.status_code == 201, response.text
    return dict(response.json())


async def a_pipeline(
    customers: ServiceUnderTest,
    *,
    name: str = "Wholesale",
    required: Iterable[str] = (),
    stalled_after_days: int | None = None,
    **fields: Any,
) -> dict[str, Any]:
    """Create a pipeline with three open stages, one won and one lost. The second stage requires these fields."""
    stages = [
        {"name": "Talks", "probability": "0.1", "stalled_after_days": stalled_after_days},
        {"name": "Offer", "probability": "0.5", "required_fields": list(required)},
        {"name": "Signing", "probability": "0.9"},
        {"name": "Won", "kind": "won"},
        {"name": "Lost", "kind": "lost"},
    ]
    return await created(customers, "/v1/pipelines", {"name": name, "stages": stages, **fields})


async def a_deal(customers: ServiceUnderTest, pipeline: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """Create a deal with a new customer."""
    customer = await created(customers, "/v1/customers", a_customer())
    body = {"customer_id": customer["id"], "name": "Kettles", "pipeline_id": pipeline["id"], **fields}
    return await created(customers, "/v1/deals", body)


async def a_product_of(customers: ServiceUnderTest, **fields: Any) -> dict[str, Any]:
    """Create a product."""
    return await created(customers, "/v1/products", a_product(sku=str(uuid7()), **fields))


def stage_bodies(pipeline: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the stages of a pipeline as a request that keeps them contains them."""
    return [dict(stage) for stage in pipeline["stages"]]


def ids_of(records: Iterable[dict[str, Any]]) -> list[str]:
    """Return the ids of records."""
    return [record["id"] for record in records]


async def events_of(customers: ServiceUnderTest, *types: str) -> list[Published]:
    """Remove the tenant's events from the outbox and return those of these types."""
    return [event for event in await customers.published() if event.type in types]
