"""A story: a tenant defines a field, sends records with it in bulk, and works through a saved view of them."""

from tests.support.custom_fields import choices
from tests.support.facts import a_customer, known_as
from tests.support.stack import Visitor


async def test_a_field_that_a_tenant_defines_is_checked_listed_and_saved_in_a_view(visitor: Visitor) -> None:
    field = {"record_kind": "customer", "name": "tea", "type": "choice", "options": choices("assam", "mate")}
    defined = await visitor.request("POST", "/v1/custom-fields", json=field | {"indexed": True})
    assert (defined.status_code, defined.json()["state"]) == (201, "ready")
    items = [a_customer(custom={"tea": tea}, **known_as(tea)) for tea in ("assam", "mate", "cocoa")]
    batch = await visitor.request("POST", "/v1/customers/batch", json={"items": items})
    results = batch.json()["results"]
    assert [result["status"] for result in results] == ["created", "created", "refused"]
    assert results[2]["problem"]["errors"][0]["pointer"] == "/custom/tea"
    view = {"record_kind": "customer", "name": "Assam", "filters": {"custom.tea": ["assam"]}}
    saved = await visitor.request("POST", "/v1/views", json=view)
    listed = await visitor.request("GET", f"/v1/customers?view={saved.json()['id']}&sort=-custom.tea")
    assert [item["id"] for item in listed.json()["items"]] == [results[0]["id"]]
    await visitor.drained()
    events = await visitor.request("GET", "/v1/events?types=customers.custom_field_defined.v1")
    assert [event["data"]["name"] for event in events.json()["items"]] == ["tea"]
