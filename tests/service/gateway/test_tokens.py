"""Tokens of sessions and customers: never more than their key, for an hour at most, and for one origin if bound."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chassis.core.identity import Signer
from chassis.types.ids import uuid7
from tests.support.gateway import Shop, credentials_of

ORIGIN = "https://shop.example"


async def issue(shop: Shop, kind: str = "session", **body: Any) -> Shop:
    """Return a client with a new token."""
    body = {"scopes": ["tenants:read"]} | body if kind == "session" else {"customer_id": str(uuid7())} | body
    response = await shop.request("POST", f"/v1/{kind}-tokens", json=body)
    assert response.status_code == 201, response.text
    return shop.with_key(response.json()["token"])


async def me(client: Shop, **headers: str) -> dict[str, Any]:
    response = await client.request("GET", "/v1/me", headers=headers)
    assert response.status_code == 200, response.text
    return dict(response.json())


async def test_me_shows_each_kind_of_credential(shop: Shop) -> None:
    customer = str(uuid7())
    shown = [
        await me(client) for client in (shop, await issue(shop), await issue(shop, "customer", customer_id=customer))
    ]

    assert [one["kind"] for one in shown] == ["api_key", "session_token", "customer_token"]
    assert {one["tenant_id"] for one in shown} == {str(shop.tenant.id)}
    assert shown[0]["principal"] == f"key:{shop.id}"
    assert shown[0]["expires_at"] is None
    assert shown[1]["scopes"] == ["tenants:read"]
    assert shown[2]["principal"] == f"customer:{customer}"
    assert shown[2]["customer_id"] == customer
    assert "customers:read" in shown[2]["scopes"]
    assert not {"api-keys:read", "tenants:read"} & set(shown[2]["scopes"])


async def test_me_needs_no_scope_but_a_credential(shop: Shop) -> None:
    assert (await me(await shop.create("audit:read")))["scopes"] == ["audit:read"]
    assert (await shop.with_key("no key").get("/v1/me")).status_code == 401


async def test_a_token_has_no_scope_that_its_key_lacks(shop: Shop) -> None:
    key = await shop.create("session-tokens:write", "customer-tokens:write", "tenants:read")

    for kind, body in (("session", {"scopes": ["customers:read"]}), ("customer", {"customer_id": str(uuid7())})):
        refused = await key.request("POST", f"/v1/{kind}-tokens", json=body)
        assert (refused.status_code, refused.json()["code"]) == (403, "missing_scope")


@pytest.mark.parametrize("scope", ["api-keys:write", "session-tokens:write", "customer-tokens:write", "issuers:write"])
async def test_a_token_cannot_issue_credentials(shop: Shop, scope: str) -> None:
    refused = await shop.request("POST", "/v1/session-tokens", json={"scopes": [scope]})
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (422, "not_a_scope_of_tokens")


async def test_a_customers_token_has_only_scopes_that_are_open_to_customers(shop: Shop) -> None:
    body = {"customer_id": str(uuid7()), "scopes": ["customers:read", "analytics:read"]}
    refused = await shop.request("POST", "/v1/customer-tokens", json=body)
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/scopes/1")


async def test_a_customers_token_opens_nothing_of_the_gateway_but_me(shop: Shop) -> None:
    token = await issue(shop, "customer")
    for path in ("/v1/tenants", "/v1/api-keys", "/v1/issuers", "/v1/access-events", "/v1/status"):
        assert (await token.get(path)).status_code == 403


async def test_a_token_ends_with_its_lineage(shop: Shop) -> None:
    parent = await shop.create()
    key = await parent.create()
    tokens = [await issue(key), await issue(key, "customer")]
    assert [(await token.get("/v1/me")).status_code for token in tokens] == [200, 200]

    await shop.revoke(parent)

    assert [(await token.get("/v1/me")).status_code for token in tokens] == [401, 401]


async def test_a_token_loses_the_scopes_that_its_key_loses_and_is_suspended_with_its_tenant(shop: Shop) -> None:
    key = await shop.create("session-tokens:write", "tenants:read", "audit:read")
    token = await issue(key, scopes=["tenants:read", "audit:read"])
    await shop.rows("update api_key set scopes = '{audit:read}' where id = $1", key.id)
    await shop.rows("select pg_notify('rapport_credentials', $1)", f"keys {key.id.hex}")
    await asyncio.sleep(0.3)
    assert (await me(token))["scopes"] == ["audit:read"]


async def test_a_token_expires(shop: Shop) -> None:
    token = await issue(shop, expires_in_seconds=1)
    before = await me(token)
    assert datetime.fromisoformat(before["expires_at"]) <= datetime.now(UTC) + timedelta(seconds=1)

    await asyncio.sleep(1.1)

    refused = await token.get("/v1/me")
    assert (refused.status_code, refused.json()["detail"]) == (401, "The token has expired.")


async def test_a_token_does_not_outlive_its_key(shop: Shop) -> None:
    end = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=60)
    key = await shop.create(expires_at=end.isoformat())
    assert datetime.fromisoformat((await me(await issue(key, expires_in_seconds=3600)))["expires_at"]) == end


async def test_a_bound_token_is_accepted_from_its_origin_only(shop: Shop) -> None:
    token = await issue(shop, origin=ORIGIN)

    assert (await token.request("GET", "/v1/me", headers={"origin": ORIGIN})).status_code == 200
    for headers in ({}, {"origin": "https://evil.example"}, {"origin": "null"}, {"origin": ORIGIN + ".evil.example"}):
        refused = await token.request("GET", "/v1/me", headers=headers)
        assert (refused.status_code, refused.json()["code"]) == (403, "origin_mismatch")


@pytest.mark.parametrize(
    "origin", ["shop.example", "https://shop.example/", "https://SHOP.example", "ftp://shop.example", "null", "*", ""]
)
async def test_an_origin_is_written_as_browsers_write_it(shop: Shop, origin: str) -> None:
    body = {"scopes": ["tenants:read"], "origin": origin}
    assert (await shop.request("POST", "/v1/session-tokens", json=body)).status_code == 422


@pytest.mark.parametrize("seconds", [0, -1, 3601, "60", 1.5])
async def test_a_token_lives_for_an_hour_at_most(shop: Shop, seconds: Any) -> None:
    body = {"scopes": ["tenants:read"], "expires_in_seconds": seconds}
    assert (await shop.request("POST", "/v1/session-tokens", json=body)).status_code == 422


async def test_a_changed_token_is_refused(shop: Shop) -> None:
    token = await issue(shop)
    head, claims, signature = token.key.split(".")
    others = await issue(shop, scopes=["audit:read"])
    for text in (
        f"{head}.{others.key.split('.')[1]}.{signature}",
        f"{head}.{claims}.{signature[:-4]}AAAA",
        f"{head}.{claims}.",
        f"{head}.{claims}",
        f"eyJhbGciOiJub25lIn0.{claims}.",
    ):
        assert (await shop.with_key(text).get("/v1/me")).status_code == 401


async def test_an_internal_token_is_no_credential(shop: Shop) -> None:
    signer = Signer(shop.settings.internal_token_private_key.get_secret_value())
    caller = shop.gateway.for_tenant(shop.tenant).caller
    for audience in ("gateway", "customers", "rapport-tokens"):
        forged = signer.sign(caller, audience)
        assert (await shop.with_key(forged).get("/v1/me")).status_code == 401


async def test_a_repeated_key_does_not_show_a_token_again(shop: Shop) -> None:
    headers = {"idempotency-key": "once"}
    first, second = [
        await shop.request("POST", "/v1/session-tokens", json={"scopes": ["tenants:read"]}, headers=headers)
        for _ in range(2)
    ]
    assert (first.status_code, second.status_code, second.json()["code"]) == (201, 409, "secret_not_replayable")


async def test_the_use_of_a_token_is_the_use_of_its_key(shop: Shop) -> None:
    key = await shop.create()
    token = await issue(key)
    await credentials_of(shop.gateway).record_usage()
    await shop.rows("update api_key set last_used_at = null where id = $1", key.id)
    await me(token)
    await credentials_of(shop.gateway).record_usage()
    assert (await key.stored())["last_used_at"] is not None
