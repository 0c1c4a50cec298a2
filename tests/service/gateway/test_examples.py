"""Examples of the OpenAPI document: the gateway's own operations accept them."""

from tests.support.examples import responses_to_examples
from tests.support.gateway import Shop


async def test_every_example_of_a_body_is_accepted(shop: Shop) -> None:
    responses = await responses_to_examples(shop, shop.gateway.service.openapi())
    assert responses.keys() >= {"POST /v1/api-keys", "PATCH /v1/tenants/{id}"}
    assert {name: response.text for name, response in responses.items() if not response.is_success} == {}
