"""Issuers: tokens of identity providers, from a real server on loopback that also misbehaves."""

import asyncio
import base64
import hmac
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from joserfc.jwk import ECKey, OKPKey, RSAKey

from chassis.core.clock import clock
from chassis.types import json
from chassis.types.ids import uuid7
from gateway.access import key_sets
from tests.support.gateway import Shop, a_shop
from tests.support.issuer import AUDIENCE, SUBJECT, LocalIssuer, local_issuer
from tests.support.service import ServiceUnderTest

RULES = [{"claim": "groups", "value": "staff", "scopes": ["tenants:read"]}]


@pytest.fixture
async def issuer() -> AsyncIterator[LocalIssuer]:
    async with local_issuer() as running:
        yield running


async def register(shop: Shop, issuer: LocalIssuer, **fields: Any) -> dict[str, Any]:
    """Register an issuer whose users may read the status."""
    body = {"name": "login", "url": issuer.url, "audience": AUDIENCE, "default_scopes": ["status:read"], **fields}
    response = await shop.request("POST", "/v1/issuers", json=body)
    assert response.status_code == 201, response.text
    return dict(response.json())


async def me(shop: Shop, token: str) -> dict[str, Any]:
    response = await shop.with_key(token).get("/v1/me")
    assert response.status_code == 200, response.text
    return dict(response.json())


async def refusal(shop: Shop, token: str) -> tuple[int, str]:
    response = await shop.with_key(token).get("/v1/me")
    return response.status_code, response.json()["detail"]


async def test_a_users_scopes_come_from_the_claims(shop: Shop, issuer: LocalIssuer) -> None:
    registered = await register(shop, issuer, rules=RULES)

    staff, other = [await me(shop, issuer.token(groups=groups)) for groups in (["staff", "all"], ["all"])]

    assert (staff["kind"], staff["principal"]) == ("user_token", f"user:{registered['id']}/{SUBJECT}")
    assert (staff["scopes"], other["scopes"]) == (["status:read", "tenants:read"], ["status:read"])
    assert staff["tenant_id"] == str(shop.tenant.id)


async def test_a_user_has_at_most_the_scopes_of_the_key_and_ends_with_it(shop: Shop, issuer: LocalIssuer) -> None:
    key = await shop.create("issuers:write", "issuers:read", "tenants:read", "status:read")
    refused = await key.request("POST", "/v1/issuers", json={
        "name": "x", "url": issuer.url, "audience": "x", "rules": [RULES[0] | {"scopes": ["customers:read"]}]
    })  # fmt: skip
    assert (refused.status_code, refused.json()["code"]) == (403, "missing_scope")
    await register(key, issuer, rules=RULES)
    token = issuer.token(groups="staff")
    assert (await me(shop, token))["scopes"] == ["status:read", "tenants:read"]

    await shop.revoke(key)

    assert (await refusal(shop, token))[0] == 401


async def test_a_change_ties_an_issuer_to_the_key_that_made_it(shop: Shop, issuer: LocalIssuer) -> None:
    registered = await register(shop, issuer, rules=RULES)
    token = issuer.token(groups="staff")
    await me(shop, token)
    weak = await shop.create("issuers:write", "status:read")
    path = f"/v1/issuers/{registered['id']}"

    assert (await weak.request("PATCH", path, json={"name": "mine"})).status_code == 403
    changed = await weak.request("PATCH", path, json={"rules": [], "clock_skew_seconds": 0})

    assert (changed.status_code, changed.json()["configured_by"]) == (200, str(weak.id))
    assert (await me(shop, token))["scopes"] == ["status:read"]
    await shop.revoke(weak)
    assert (await refusal(shop, token))[0] == 401


async def test_a_rotated_key_hands_its_issuers_to_its_successor(shop: Shop, issuer: LocalIssuer) -> None:
    key = await shop.create()
    registered = await register(key, issuer)
    successor = (await key.rotate(key)).json()
    assert (await shop.get(f"/v1/issuers/{registered['id']}")).json()["configured_by"] == successor["id"]
    assert (await me(shop, issuer.token()))["scopes"] == ["status:read"]


async def test_a_deleted_issuer_is_refused_at_once(shop: Shop, issuer: LocalIssuer) -> None:
    registered = await register(shop, issuer)
    token = issuer.token()
    await me(shop, token)
    assert (await shop.request("DELETE", f"/v1/issuers/{registered['id']}")).status_code == 204
    assert (await refusal(shop, token))[0] == 401
    events = (await shop.get("/v1/access-events", entity="issuer")).json()["items"]
    assert [event["action"] for event in events] == ["deleted", "created"]


CLAIMS: dict[str, tuple[dict[str, Any], str]] = {
    "another audience": ({"aud": "other"}, "audience"),
    "no audience": ({"aud": None}, "audience"),
    "another issuer": ({"iss": "https://other.example"}, "not registered"),
    "expired": ({"exp": -61}, "expired"),
    "no expiry": ({"exp": None}, "no expiry"),
    "an expiry that is no number": ({"exp": "tomorrow"}, "no expiry"),
    "not valid yet": ({"nbf": 65}, "not valid"),
    "issued in the future": ({"iat": 65}, "not valid"),
    "no subject": ({"sub": None}, "not valid"),
    "a subject that is no text": ({"sub": 7}, "not valid"),
    "an empty subject": ({"sub": ""}, "not valid"),
    "a subject with a line break": ({"sub": "a\nb"}, "printable"),
    "a long subject": ({"sub": "a" * 256}, "printable"),
}


@pytest.mark.parametrize(("claims", "reason"), CLAIMS.values(), ids=CLAIMS.keys())
async def test_a_token_with_wrong_claims_is_refused(
    shop: Shop, issuer: LocalIssuer, claims: dict[str, Any], reason: str
) -> None:
    await register(shop, issuer)
    now = int(clock.timestamp())
    claims = {name: now + value if name in ("exp", "nbf", "iat") and isinstance(value, int) else value
              for name, value in claims.items()}  # fmt: skip
    status, detail = await refusal(shop, issuer.token(**claims))
    assert status == 401
    assert reason in detail


async def test_clocks_may_differ_by_the_skew(shop: Shop, issuer: LocalIssuer) -> None:
    registered = await register(shop, issuer)
    now = int(clock.timestamp())
    assert (await me(shop, issuer.token(exp=now - 30, nbf=now + 30, iat=now + 30)))["kind"] == "user_token"
    strict = {"clock_skew_seconds": 0}
    await shop.request("PATCH", f"/v1/issuers/{registered['id']}", json=strict)
    for claims in ({"exp": now - 30}, {"nbf": now + 30}):
        assert (await refusal(shop, issuer.token(**claims)))[0] == 401


def _part(content: dict[str, Any] | bytes) -> str:
    content = content if isinstance(content, bytes) else json.dumps(content)
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _signed(issuer: LocalIssuer, header: dict[str, Any], sign: Callable[[bytes], bytes]) -> str:
    """Return a token with any header, whose signature a function computes."""
    text = f"{_part(header)}.{issuer.token().split('.')[1]}"
    return f"{text}.{_part(sign(text.encode()))}"


def _unsigned(issuer: LocalIssuer) -> str:
    return _signed(issuer, {"alg": "none"}, lambda _: b"")


def _signed_with_the_public_key(issuer: LocalIssuer) -> str:
    """Return a token whose secret is the text of the issuer's public key (CVE-2015-9235)."""
    secret = issuer.keys[0].as_pem(private=False)
    return _signed(issuer, {"alg": "HS256", "kid": "first"}, lambda text: hmac.digest(secret, text, "sha256"))


def _with_a_critical_header(issuer: LocalIssuer) -> str:
    private = issuer.keys[0].private_key
    header = {"alg": "RS256", "kid": "first", "crit": ["x"], "x": 1}
    return _signed(issuer, header, lambda text: private.sign(text, PKCS1v15(), SHA256()))


def _nested_deeply(issuer: LocalIssuer) -> str:
    claims = issuer.token().split(".")[1]
    content = base64.urlsafe_b64decode(claims + "==").rstrip(b"}") + b',"x":' + b"[" * 3_000 + b"]" * 3_000 + b"}"
    text = f"{_part({'alg': 'RS256', 'kid': 'first'})}.{_part(content)}"
    return f"{text}.{_part(issuer.keys[0].private_key.sign(text.encode(), PKCS1v15(), SHA256()))}"


def _with_its_own_key(issuer: LocalIssuer) -> str:
    key = RSAKey.generate_key(2048, {"kid": "mine"})
    return issuer.token(key, {"jwk": key.as_dict(private=False), "jku": "https://evil.example/keys"})


def _another_key_of_the_same_id(issuer: LocalIssuer) -> str:
    return issuer.token(RSAKey.generate_key(2048, {"kid": "first"}))


FORGERIES: dict[str, Callable[[LocalIssuer], str]] = {
    "unsigned": _unsigned,
    "signed with the public key as a secret": _signed_with_the_public_key,
    "signed with a key of its own": _with_its_own_key,
    "signed with another key of the same id": _another_key_of_the_same_id,
    "signed by another algorithm of the same key": lambda issuer: issuer.token(header={"alg": "PS256"}),
    "of an unknown key": lambda issuer: issuer.token(RSAKey.generate_key(2048, {"kid": "unknown"})),
    "that announces a logout": lambda issuer: issuer.token(header={"typ": "logout+jwt"}),
    "with a critical header that is unknown": _with_a_critical_header,
    "with a long text": lambda issuer: issuer.token(filler="x" * 20_000),
    "nested deeply": _nested_deeply,
}


@pytest.mark.parametrize("forge", FORGERIES.values(), ids=FORGERIES.keys())
@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")
async def test_a_forged_token_is_refused(shop: Shop, issuer: LocalIssuer, forge: Callable[[LocalIssuer], str]) -> None:
    await register(shop, issuer)
    assert (await refusal(shop, forge(issuer)))[0] == 401
    assert (await me(shop, issuer.token()))["kind"] == "user_token"


@pytest.mark.parametrize(
    ("algorithm", "key"),
    [
        ("PS256", lambda: RSAKey.generate_key(2048, {"kid": "k"})),
        ("ES256", lambda: ECKey.generate_key("P-256", {"kid": "k"})),
        ("ES512", lambda: ECKey.generate_key("P-521", {"kid": "k"})),
        ("EdDSA", lambda: OKPKey.generate_key("Ed25519", {"kid": "k"})),
        ("Ed25519", lambda: OKPKey.generate_key("Ed25519", {"kid": "k"})),
    ],
)
@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")
async def test_an_issuer_may_use_any_signature_that_it_declares(
    shop: Shop, issuer: LocalIssuer, algorithm: str, key: Callable[[], Any]
) -> None:
    issuer.keys = [key()]
    await register(shop, issuer, algorithms=[algorithm])
    assert (await me(shop, issuer.token(header={"alg": algorithm})))["kind"] == "user_token"


@pytest.mark.parametrize("algorithm", ["none", "HS256", "HS512", "RSA-OAEP", "rs256", ""])
async def test_secrets_and_unsigned_tokens_cannot_be_declared(shop: Shop, issuer: LocalIssuer, algorithm: str) -> None:
    body = {"name": "x", "url": issuer.url, "audience": "x", "algorithms": [algorithm]}
    assert (await shop.request("POST", "/v1/issuers", json=body)).status_code == 422


async def test_a_rotated_key_is_fetched_and_unknown_keys_are_not_fetched_without_end(
    shop: Shop, issuer: LocalIssuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_sets, "PAUSE_SECONDS", 0.5)
    await register(shop, issuer)
    await me(shop, issuer.token())
    issuer.keys = [RSAKey.generate_key(2048, {"kid": "second"})]
    await asyncio.sleep(0.6)

    assert (await me(shop, issuer.token()))["kind"] == "user_token"

    before = len(issuer.requests)
    unknown = [issuer.token(header={"kid": str(number)}) for number in range(50)]
    assert {(await refusal(shop, token))[0] for token in unknown} == {401}
    assert len(issuer.requests) <= before + 4


async def test_a_withdrawn_key_is_refused_when_the_keys_are_fetched_again(
    shop: Shop, issuer: LocalIssuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_sets, "PAUSE_SECONDS", 0.0)
    monkeypatch.setattr("gateway.access.token_cache.CHECK_SECONDS", 0.0)
    await register(shop, issuer)
    stolen = issuer.token()
    await me(shop, stolen)
    issuer.keys = [RSAKey.generate_key(2048, {"kid": "second"})]
    await me(shop, issuer.token())
    assert (await refusal(shop, stolen))[0] == 401


@pytest.mark.parametrize("mode", ["failing", "hanging", "endless"])
async def test_an_issuer_that_fails_delays_only_its_own_tokens(
    gateway: ServiceUnderTest, shop: Shop, issuer: LocalIssuer, mode: str
) -> None:
    # given an issuer that fails, and another one that works
    await register(shop, issuer)
    issuer.mode = mode
    async with local_issuer() as healthy:
        other = await a_shop(gateway)
        await register(other, healthy)

        # when many of its tokens arrive
        began = time.monotonic()
        failing = [asyncio.create_task(refusal(shop, issuer.token(jti=str(number)))) for number in range(20)]
        await asyncio.sleep(0.05)

        # then other tokens and keys are served at once, and its own fail within the deadline
        for _ in range(5):
            assert (await me(other, healthy.token()))["kind"] == "user_token"
            assert await shop.status() == 200
        assert time.monotonic() - began < 2
        assert {status for status, _ in await asyncio.gather(*failing)} == {503}
        assert time.monotonic() - began < key_sets.FETCH_SECONDS + 2
    assert len(issuer.requests) <= 2


async def test_known_keys_are_used_while_the_issuer_is_down(
    shop: Shop, issuer: LocalIssuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_sets, "FRESH_SECONDS", 0.0)
    monkeypatch.setattr(key_sets, "PAUSE_SECONDS", 0.0)
    await register(shop, issuer)
    await me(shop, issuer.token())
    issuer.mode = "failing"
    for number in range(3):
        assert (await me(shop, issuer.token(jti=str(number))))["kind"] == "user_token"
    monkeypatch.setattr(key_sets, "USABLE_SECONDS", 0.0)
    assert (await refusal(shop, issuer.token(jti="last")))[0] == 503


KEY_SETS: dict[str, Any] = {
    "not an object": [],
    "no keys": {},
    "keys that are no list": {"keys": {}},
    "an empty list": {"keys": []},
    "keys of any type": {"keys": [None, 1, "x", {}, {"kty": "oct", "k": "AAAA"}, {"kty": "RSA", "n": 1, "e": "AQAB"}]},
    "a key that is too large": {"keys": [{"kty": "RSA", "kid": "first", "n": "_" * 100_000, "e": "AQAB"}]},
    "a key that is too small": {"keys": [{"kty": "RSA", "kid": "first", "n": _part(b"\xff" * 128), "e": "AQAB"}]},
}


@pytest.mark.parametrize("keys", KEY_SETS.values(), ids=KEY_SETS.keys())
async def test_a_malformed_key_set_verifies_nothing(shop: Shop, issuer: LocalIssuer, keys: Any) -> None:
    issuer.key_set = keys
    await register(shop, issuer)
    assert (await refusal(shop, issuer.token()))[0] in (401, 503)


@pytest.mark.parametrize(
    ("discovery", "reason"),
    [
        ({"issuer": "https://other.example"}, "another issuer"),
        ({"jwks_uri": "https://10.0.0.1/keys"}, "not a public address"),
        ({"jwks_uri": "file:///etc/passwd"}, "no host"),
        ({"jwks_uri": None}, "no host"),
    ],
)
async def test_a_wrong_discovery_document_is_refused(
    shop: Shop, issuer: LocalIssuer, discovery: dict[str, Any], reason: str
) -> None:
    issuer.discovery = discovery
    await register(shop, issuer)
    status, detail = await refusal(shop, issuer.token())
    assert status == 503
    assert reason in detail


async def test_an_issuer_and_its_audience_belong_to_one_tenant(
    gateway: ServiceUnderTest, shop: Shop, issuer: LocalIssuer
) -> None:
    other = await a_shop(gateway)
    await register(shop, issuer)
    await register(other, issuer, audience="others")
    body = {"name": "x", "url": issuer.url, "audience": AUDIENCE}

    taken = await other.request("POST", "/v1/issuers", json=body)

    assert (taken.status_code, taken.json()["code"]) == (409, "issuer_taken")
    assert (await me(other, issuer.token()))["tenant_id"] == str(shop.tenant.id)
    assert (await me(shop, issuer.token(aud="others")))["tenant_id"] == str(other.tenant.id)
    assert (await refusal(shop, issuer.token(aud=[AUDIENCE, "others"])))[0] == 401


async def test_two_tenants_that_register_the_same_at_once_do_not_share_it(
    gateway: ServiceUnderTest, shop: Shop, issuer: LocalIssuer
) -> None:
    shops = [shop, await a_shop(gateway), await a_shop(gateway)]
    body = {"name": "x", "url": issuer.url, "audience": AUDIENCE}
    responses = await asyncio.gather(*(one.request("POST", "/v1/issuers", json=body) for one in shops))
    assert sorted(response.status_code for response in responses) == [201, 409, 409]


@pytest.mark.parametrize(
    "url",
    ["http://login.example.com", "https://10.0.0.1", "https://postgres", "https://a:b@login.example.com", "login", ""],
)
async def test_an_issuer_must_be_public_and_have_tls(shop: Shop, url: str) -> None:
    response = await shop.request("POST", "/v1/issuers", json={"name": "x", "url": url, "audience": "x"})
    assert response.status_code == 422


@pytest.mark.parametrize("scope", ["api-keys:write", "issuers:write", "customer-tokens:write"])
async def test_users_cannot_get_scopes_of_keys_alone(shop: Shop, issuer: LocalIssuer, scope: str) -> None:
    body = {"name": "x", "url": issuer.url, "audience": "x", "default_scopes": [scope]}
    refused = await shop.request("POST", "/v1/issuers", json=body)
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (422, "not_a_scope_of_tokens")


async def test_a_tenant_has_ten_issuers_at_most(shop: Shop, issuer: LocalIssuer) -> None:
    for number in range(10):
        await register(shop, issuer, audience=str(number))
    body = {"name": "x", "url": issuer.url, "audience": str(uuid7())}
    refused = await shop.request("POST", "/v1/issuers", json=body)
    assert (refused.status_code, refused.json()["code"]) == (409, "too_many_issuers")
