"""Webhook endpoints: their records, their secrets, and the requests that are refused."""

import asyncio
from typing import Any

import pytest

from chassis.types.ids import uuid7
from tests.support.service import ServiceUnderTest
from tests.support.webhooks import Subscriber, a_subscriber

URL = "https://crm.example.com/hook"
PATH = "/v1/webhook-endpoints"


@pytest.fixture
async def tenant(gateway: ServiceUnderTest) -> Subscriber:
    return await a_subscriber(gateway)


async def refusal(tenant: Subscriber, **body: Any) -> tuple[int, str, str]:
    """Return the status of a refused endpoint, and the pointer and code of its first error."""
    response = await tenant.request("POST", PATH, json={"url": URL, "event_types": ["*"], **body})
    errors = response.json().get("errors") or [{"pointer": "", "code": response.json()["code"]}]
    return response.status_code, errors[0]["pointer"], errors[0]["code"]


async def test_the_secret_is_shown_once_and_stored_encrypted(tenant: Subscriber) -> None:
    headers = {"Authorization": "Bearer of-the-receiver", "X-Team": "crm"}
    created = await tenant.endpoint(URL, "loyalty.*", headers=headers, description="CRM")
    secret = created.pop("secret")
    path = f"{PATH}/{created['id']}"
    read = await tenant.get(path)
    assert read.json() == created
    assert (await tenant.get(PATH)).json()["items"] == [created]
    assert created["header_names"] == ["Authorization", "X-Team"]
    stored = []
    for table in ("webhook_endpoint", "webhook_secret", "chassis.audit", "chassis.idempotency"):
        stored += await tenant.rows(f"select * from {table}")
    assert len(stored) > 4
    assert secret.removeprefix("whsec_") not in str(stored)
    assert "of-the-receiver" not in str(stored)
    assert "ciphertext" not in str(await tenant.rows("select changes from chassis.audit"))


async def test_a_secret_may_be_that_of_the_receiver(tenant: Subscriber) -> None:
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    assert (await tenant.endpoint(URL, secret=secret))["secret"] == secret


async def test_a_repeated_idempotency_key_stores_no_secret(tenant: Subscriber) -> None:
    body, key = {"url": URL, "event_types": ["*"]}, {"Idempotency-Key": str(uuid7())}
    first = await tenant.request("POST", PATH, json=body, headers=key)
    second = await tenant.request("POST", PATH, json=body, headers=key)
    assert first.status_code == 201
    assert "secret" not in second.json()
    assert len((await tenant.get(PATH)).json()["items"]) == 1


@pytest.mark.parametrize(
    ("field", "value", "pointer", "code"),
    [
        ("url", "https://10.0.0.1/hook", "/url", "forbidden_url"),
        ("url", "https://169.254.169.254/latest", "/url", "forbidden_url"),
        ("url", "https://[::ffff:10.0.0.1]/", "/url", "forbidden_url"),
        ("url", "https://[64:ff9b::a00:1]/", "/url", "forbidden_url"),
        ("url", "https://0x0a000001/", "/url", "forbidden_url"),
        ("url", "https://012.0.0.1/", "/url", "forbidden_url"),
        ("url", "https://crm.example.com:8443/", "/url", "forbidden_url"),
        ("url", "https://ada:secret@crm.example.com/", "/url", "forbidden_url"),
        ("url", "ftp://crm.example.com/", "/url", "forbidden_url"),
        ("url", "short", "/url", "too_short"),
        ("event_types", [], "/event_types", "too_few_items"),
        ("event_types", ["*", "loyalty.points_earnd.v1"], "/event_types/1", "unknown_event_type"),
        ("event_types", ["loyality.*"], "/event_types/0", "unknown_event_type"),
        ("event_types", ["Loyalty"], "/event_types/0", "wrong_format"),
        ("secret", "my secret", "/secret", "wrong_format"),
        ("headers", {"Host": "inside"}, "/headers/Host", "forbidden_header"),
        ("headers", {"webhook-id": "1"}, "/headers/webhook-id", "forbidden_header"),
        ("headers", {"X-A": "a\r\nX-B: b"}, "/headers/X-A", "forbidden_header"),
        ("headers", {"X-A": "a", "x-a": "b"}, "/headers", "forbidden_header"),
        ("max_per_second", 0, "/max_per_second", "too_small"),
        ("include", ["everything"], "/include/0", "not_one_of"),
        ("ordered", "yes", "/ordered", "wrong_type"),
        ("tenant_id", "x", "/tenant_id", "unknown_field"),
    ],
)
async def test_an_endpoint_that_cannot_work_is_refused(
    tenant: Subscriber, field: str, value: Any, pointer: str, code: str
) -> None:
    assert await refusal(tenant, **{field: value}) == (422, pointer, code)


async def test_a_misspelt_type_gets_the_closest(tenant: Subscriber) -> None:
    body = {"url": URL, "event_types": ["loyalty.points_earnd.v1"]}
    response = await tenant.request("POST", PATH, json=body)
    assert "loyalty.points_earned.v1" in response.json()["detail"]


async def test_a_tenant_has_a_limited_number_of_endpoints(gateway: ServiceUnderTest, tenant: Subscriber) -> None:
    limit = tenant.shop.settings.webhook_endpoint_limit
    await asyncio.gather(*(tenant.endpoint(URL) for _ in range(limit - 1)))
    results = await asyncio.gather(
        *(refusal(tenant, description=str(number)) for number in range(4)), return_exceptions=True
    )
    refused = [result for result in results if not isinstance(result, BaseException) and result[0] == 409]
    assert len(refused) == 3
    assert {code for _, _, code in refused} == {"too_many_webhook_endpoints"}
    (first, *_) = (await tenant.get(PATH)).json()["items"]
    assert (await tenant.request("DELETE", f"{PATH}/{first['id']}")).status_code == 204
    await tenant.endpoint(URL)


async def test_an_endpoint_is_changed_at_its_version(tenant: Subscriber) -> None:
    created = await tenant.endpoint(URL, description="old", headers={"X-A": "1", "X-B": "2"}, max_per_second=5)
    path, tag = f"{PATH}/{created['id']}", {"If-Match": '"1"'}
    changes = {"description": None, "headers": {"x-a": None, "X-C": "3"}, "event_types": ["loyalty.*"], "ordered": True}
    changed = await tenant.request("PATCH", path, json=changes, headers=tag)
    assert changed.status_code == 200, changed.text
    body = changed.json()
    assert (body["description"], body["header_names"], body["ordered"]) == (None, ["X-B", "X-C"], True)
    assert body["version"] == 2
    again = await tenant.request("PATCH", path, json=changes, headers=tag)
    assert (again.status_code, again.json()["code"]) == (412, "version_mismatch")
    wrong = await tenant.request("PATCH", path, json={"url": None})
    assert (wrong.status_code, wrong.json()["errors"][0]["pointer"]) == (422, "/url")
    assert (await tenant.request("PATCH", path, json={"url": "https://10.0.0.1/"})).status_code == 422


async def test_disabling_is_announced_and_enabling_forgets_the_failures(tenant: Subscriber) -> None:
    created = await tenant.endpoint(URL)
    path = f"{PATH}/{created['id']}"
    await tenant.rows("update webhook_lane set failures = 9, paused_until = now() + interval '1 hour'")
    disabled = (await tenant.request("PATCH", path, json={"state": "disabled"})).json()
    assert (disabled["state"], disabled["disabled_reason"]) == ("disabled", "requested")
    (event,) = await tenant.shop.published("gateway.webhook_endpoint_disabled.v1")
    assert (event["endpoint_id"], event["reason"]) == (created["id"], "requested")
    await tenant.request("PATCH", path, json={"state": "disabled"})
    assert len(await tenant.shop.published("gateway.webhook_endpoint_disabled.v1")) == 1
    enabled = (await tenant.request("PATCH", path, json={"state": "enabled"})).json()
    assert (enabled["state"], enabled["disabled_reason"], enabled["disabled_at"]) == ("enabled", None, None)
    (lane,) = await tenant.lanes()
    assert (lane["failures"], lane["paused_until"]) == (0, None)


async def test_a_key_includes_only_records_that_it_may_read(tenant: Subscriber) -> None:
    narrow = await tenant.shop.create("webhooks:write", "webhooks:read", "loyalty:read")
    body = {"url": URL, "event_types": ["*"], "include": ["record"]}
    refused = await narrow.request("POST", PATH, json=body)
    assert (refused.status_code, refused.json()["code"]) == (403, "missing_scope")
    assert refused.json()["scopes"] == ["customers:read", "interactions:read"]
    created = await narrow.request("POST", PATH, json=body | {"event_types": ["loyalty.*", "gateway.*"]})
    assert created.status_code == 201, created.text
    path = f"{PATH}/{created.json()['id']}"
    widened = await narrow.request("PATCH", path, json={"event_types": ["customers.*"]})
    assert (widened.status_code, widened.json()["scopes"]) == (403, ["customers:read"])
    assert (await tenant.request("PATCH", path, json={"event_types": ["customers.*"]})).status_code == 200


async def test_secrets_rotate_with_an_overlap_and_not_without_end(tenant: Subscriber) -> None:
    created = await tenant.endpoint(URL)
    path = f"{PATH}/{created['id']}/rotate-secret"
    for _ in range(4):
        rotated = await tenant.request("POST", path, json={})
        assert rotated.status_code == 200, rotated.text
    assert rotated.json()["secret"] != created["secret"]
    full = await tenant.request("POST", path, json={})
    assert (full.status_code, full.json()["code"]) == (409, "too_many_webhook_secrets")
    at_once = await tenant.request("POST", path, json={"overlap_seconds": 0})
    assert at_once.status_code == 200
    valid = await tenant.rows("select 1 from webhook_secret where expires_at is null or expires_at > now()")
    assert len(valid) == 1


async def test_another_tenants_endpoint_is_answered_as_one_that_does_not_exist(
    gateway: ServiceUnderTest, tenant: Subscriber
) -> None:
    created, other = await tenant.endpoint(URL), await a_subscriber(gateway)
    for method, path, body in (
        ("GET", "", None),
        ("PATCH", "", {"description": "mine"}),
        ("DELETE", "", None),
        ("POST", "/test", {}),
        ("POST", "/rotate-secret", {}),
        ("POST", "/recover", {"since": "2026-11-27T00:00:00Z"}),
    ):
        options = {} if body is None else {"json": body}
        response = await other.request(method, f"{PATH}/{created['id']}{path}", **options)
        assert response.status_code in (404, 422), f"{method} {path}: {response.text}"
    assert (await other.get(PATH)).json()["items"] == []
    assert await tenant.rows("select from webhook_endpoint where deleted_at is null") != []


async def test_a_deleted_endpoint_is_gone_at_once_and_its_rows_soon(tenant: Subscriber) -> None:
    created = await tenant.endpoint(URL)
    path = f"{PATH}/{created['id']}"
    await tenant.happen(1, 2, 3)
    assert (await tenant.request("DELETE", path)).status_code == 204
    assert (await tenant.get(path)).status_code == 404
    assert (await tenant.get(PATH)).json()["items"] == []
    assert await tenant.rows("select from webhook_secret") == []
    await tenant.run_periodic_tasks()
    for table in ("webhook_endpoint", "webhook_lane", "delivery"):
        assert await tenant.rows(f"select from {table}") == [], table
