"""Tokens: each token that the gateway did not issue for this service and this moment is rejected with 401."""

import base64
import time
from collections.abc import Callable
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey, OKPKey

from chassis.core.clock import clock
from chassis.core.identity import ALGORITHM, HEADER, ISSUER, MAX_CLOCK_SKEW_SECONDS, Signer, Verifier, new_key_pair
from chassis.core.problems import Unauthenticated
from chassis.types import json
from chassis.types.ids import uuid7
from tests.support.service import ServiceUnderTest, a_tenant

AUDIENCE = "customers"


class Forger:
    """Builds the tokens of an attacker without the private key and, to vary single claims, tokens signed with it."""

    def __init__(self, private: str, public: str, service: ServiceUnderTest) -> None:
        self.private, self.public = private, public
        self.service = service
        self.true = Signer(private).sign(service.caller, AUDIENCE)
        self.head, self.claims, self.signature = self.true.split(".")

    def signed(self, key: str | None = None, header: dict[str, Any] | None = None, **claims: Any) -> str:
        """Return a signed token with other claims. None omits the claim."""
        now = int(time.time())
        usual = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "iat": now,
            "exp": now + 60,
            "sub": "key:x",
            "scopes": sorted(self.service.scopes),
            "tenant": self.service.tenant.model_dump(mode="json"),
        }
        kept = {name: value for name, value in (usual | claims).items() if value is not None}
        head = {"alg": ALGORITHM, **(header or {})}
        return jwt.encode(head, kept, OKPKey.import_key(json.loads(key or self.private)), algorithms=[ALGORITHM])

    def by_secret(self, secret: bytes) -> str:
        """Return a token signed by HMAC with the public key as its secret."""
        claims = json.loads(base64.urlsafe_b64decode(self.claims + "=="))
        return jwt.encode({"alg": "HS256"}, claims, OctKey.import_key(secret), algorithms=["HS256"])

    def with_head(self, head: Any, signature: str = "") -> str:
        return f"{part_of(head)}.{self.claims}.{signature}"

    def with_claims(self, **claims: Any) -> str:
        """Return the genuine token with other claims under its original signature."""
        stands = json.loads(base64.urlsafe_b64decode(self.claims + "=="))
        return f"{self.head}.{part_of(stands | claims)}.{self.signature}"

    def tenant(self, **facts: Any) -> dict[str, Any]:
        return {**self.service.tenant.model_dump(mode="json"), **facts}


def part_of(value: Any) -> str:
    return base64.urlsafe_b64encode(value if isinstance(value, bytes) else json.dumps(value)).decode().rstrip("=")


THIEF, THIEFS_PUBLIC = new_key_pair()

FORGERIES: dict[str, Callable[[Forger], str]] = {
    "nothing": lambda _: "",
    "no token": lambda _: "a",
    "half a token": lambda f: f"{f.head}.{f.claims}",
    "without its signature": lambda f: f"{f.head}.{f.claims}.",
    "one byte of the signature": lambda f: f"{f.head}.{f.claims}.{f.signature[:2]}",
    "another signature": lambda f: f"{f.head}.{f.claims}.{'A' * len(f.signature)}",
    "five parts": lambda f: f"{f.true}.{f.signature}.{f.signature}",
    "a Bearer before it": lambda f: f"Bearer {f.true}",
    "two in one header": lambda f: f"{f.signed(THIEF)}, {f.true}",
    "alg none": lambda f: f.with_head({"alg": "none"}),
    "alg None": lambda f: f.with_head({"alg": "None"}, f.signature),
    "no alg": lambda f: f.with_head({"typ": "JWT"}, f.signature),
    "alg null": lambda f: f.with_head({"alg": None}, f.signature),
    "a list of algs": lambda f: f.with_head({"alg": [ALGORITHM]}, f.signature),
    "HS256 by the public key": lambda f: f.by_secret(f.public.encode()),
    "HS256 by the public key's bytes": lambda f: f.by_secret(base64.urlsafe_b64decode(json.loads(f.public)["x"] + "=")),
    "another key": lambda f: f.signed(THIEF),
    "its own key in the head": lambda f: f.signed(THIEF, {"jwk": json.loads(THIEFS_PUBLIC)}),
    "its own key by a URL": lambda f: f.signed(THIEF, {"jku": "http://127.0.0.1:9/keys"}),
    "a key id that is a path": lambda f: f.signed(THIEF, {"kid": "../../../../dev/null"}),
    "a critical header": lambda f: f.with_head({"alg": ALGORITHM, "crit": ["b64"], "b64": False}, f.signature),
    "expired": lambda f: f.signed(iat=int(time.time()) - 120, exp=int(time.time()) - 60),
    "expired long ago": lambda f: f.signed(iat=1_000_000_000, exp=1_000_000_060),
    "never expires": lambda f: f.signed(exp=None),
    "expires at no time": lambda f: f.signed(exp="never"),
    "not yet issued": lambda f: f.signed(iat=int(time.time()) + 300, exp=int(time.time()) + 360),
    "not yet good": lambda f: f.signed(nbf=int(time.time()) + 300),
    "another issuer": lambda f: f.signed(iss="somebody"),
    "no issuer": lambda f: f.signed(iss=None),
    "another service": lambda f: f.signed(aud="loyalty"),
    "no audience": lambda f: f.signed(aud=None),
    "every audience": lambda f: f.signed(aud="*"),
    "another tenant": lambda f: f.with_claims(tenant=a_tenant().model_dump(mode="json")),
    "more scopes": lambda f: f.with_claims(scopes=["customers:read", "customers:write", "loyalty:adjust"]),
    "a later end": lambda f: f.with_claims(exp=int(time.time()) + 100_000),
    "another actor": lambda f: f.with_claims(sub="key:0"),
    "no tenant": lambda f: f.signed(tenant=None),
    "a tenant by its id alone": lambda f: f.signed(tenant=str(uuid7())),
    "a tenant whose id is a number": lambda f: f.signed(tenant=f.tenant(id=7)),
    "a tenant whose id is SQL": lambda f: f.signed(tenant=f.tenant(id="x'; drop table customer; --")),
    "a tenant without facts": lambda f: f.signed(tenant={"id": str(uuid7())}),
    "a tenant in a list": lambda f: f.signed(tenant=[f.tenant()]),
    "no actor": lambda f: f.signed(sub=None),
    "no scopes": lambda f: f.signed(scopes=None),
    "a number of scopes": lambda f: f.signed(scopes=7),
    "no claims": lambda f: f"{f.head}.{part_of(b'')}.{f.signature}",
    "claims that are a list": lambda f: f"{f.head}.{part_of([])}.{f.signature}",
    "a head that is no JSON": lambda f: f.with_head(b"\xff{", f.signature),
    "a head that is a list": lambda f: f.with_head([], f.signature),
    "a head that is deep": lambda f: f.with_head(b"[" * 30_000, f.signature),
    "a head that is deep in a field": lambda f: f.with_head(b'{"alg":' + b"[" * 30_000, f.signature),
    "very long": lambda _: "a" * 60_000,
    "very long, by another key": lambda f: f.signed(THIEF, scopes=["x" * 40_000]),
    "very many dots": lambda _: "." * 60_000,
    "other letters": lambda f: f"é{f.true}",
}


@pytest.fixture
def forger(customers: ServiceUnderTest) -> Forger:
    made = customers.data_dir.secrets()
    return Forger(made["token_private"], made["token_public"], customers)


async def status_with(service: ServiceUnderTest, *tokens: str) -> int:
    headers = [(HEADER.encode(), token.encode("latin-1")) for token in tokens]
    answer = await service.shared.client.get(f"/v1/customers/{uuid7()}", headers=headers)
    if answer.status_code == 401:
        assert answer.json()["code"] == "unauthenticated"
        assert answer.headers["www-authenticate"] == "Bearer"
    return answer.status_code


async def test_what_the_forger_makes_without_forging_is_good(customers: ServiceUnderTest, forger: Forger) -> None:
    assert await status_with(customers, forger.true) == 404
    assert await status_with(customers, forger.signed()) == 404


@pytest.mark.parametrize("forgery", FORGERIES)
async def test_a_forged_token_is_refused(customers: ServiceUnderTest, forger: Forger, forgery: str) -> None:
    assert await status_with(customers, forger.true) == 404  # the verifier caches the genuine token from here on
    assert await status_with(customers, FORGERIES[forgery](forger)) == 401


async def test_a_forged_token_before_a_true_one_is_refused(customers: ServiceUnderTest, forger: Forger) -> None:
    assert await status_with(customers, forger.signed(THIEF), forger.true) == 401
    assert await status_with(customers, "", forger.true) == 401


def test_a_token_that_is_remembered_ends_at_its_time(monkeypatch: pytest.MonkeyPatch, forger: Forger) -> None:
    verifier = Verifier(forger.public, AUDIENCE)
    assert verifier.caller(forger.true) == verifier.caller(forger.true) == forger.service.caller
    later = time.time() + 60 + MAX_CLOCK_SKEW_SECONDS + 1
    monkeypatch.setattr(clock, "timestamp", lambda: later)
    with pytest.raises(Unauthenticated):
        verifier.caller(forger.true)


def test_what_a_verifier_remembers_is_its_own(forger: Forger) -> None:
    """A token that another service has accepted is not accepted here."""
    Verifier(forger.public, AUDIENCE).caller(forger.true)
    with pytest.raises(Unauthenticated):
        Verifier(forger.public, "loyalty").caller(forger.true)
    with pytest.raises(Unauthenticated):
        Verifier(THIEFS_PUBLIC, AUDIENCE).caller(forger.true)
