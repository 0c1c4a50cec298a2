"""Examples of the OpenAPI document: the gateway's own operations accept them."""

from datetime import UTC, datetime

from tests.support.examples import responses_to_examples
from tests.support.gateway import Shop, a_shop
from tests.support.service import ServiceUnderTest


async def test_every_example_of_a_body_is_accepted(shop: Shop) -> None:
    responses = await responses_to_examples(shop, shop.gateway.service.openapi())
    assert responses.keys() >= {"POST /v1/api-keys", "PATCH /v1/tenants/{id}"}
    live_only = responses.pop("POST /v1/sandbox/clock")
    assert live_only.json()["code"] == "tenant_is_live"
    assert {name: response.text for name, response in responses.items() if not response.is_success} == {}


async def test_the_example_of_a_sandbox_clock_is_accepted(gateway: ServiceUnderTest) -> None:
    sandbox = await a_shop(gateway, facts={"kind": "sandbox", "clock_at": datetime(2026, 1, 1, tzinfo=UTC)})
    responses = await responses_to_examples(sandbox, gateway.service.openapi())
    assert responses["POST /v1/sandbox/clock"].is_success
