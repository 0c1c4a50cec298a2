"""A real OpenID provider: users log in there, and its tokens open the API."""

import asyncio
import base64
import hashlib
import re
import secrets
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from local.data_dir import free_port
from tests.support.facts import a_customer, a_purchase, known_as
from tests.support.guard import Guard
from tests.support.node import installed
from tests.support.records import made
from tests.support.replica import Replica
from tests.support.stack import RunningStack, Visitor

pytestmark = pytest.mark.slow
CLIENT = "rapport-web"
CALLBACK = "http://127.0.0.1/callback"


@contextmanager
def provider(port: int) -> Iterator[str]:
    """Run the OpenID provider and return its URL."""
    folder = installed(Path(__file__).parent / "openid")
    process = subprocess.Popen(
        ["node", "provider.js", str(port)], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    guard = Guard(process.pid)
    try:
        assert process.stdout is not None
        lines = []
        while "ready\n" not in lines:
            line = process.stdout.readline()
            assert line, lines
            lines.append(line)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)
        process.stdout.close()
        guard.dismiss()


async def log_in(issuer: str, name: str) -> str:
    """Log a user in as a browser does (authorization code with PKCE), and return the ID token."""
    verifier = secrets.token_urlsafe(48)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    async with httpx.AsyncClient(trust_env=False, base_url=issuer) as browser:
        response = await browser.get("/auth", params={
            "client_id": CLIENT, "response_type": "code", "scope": "openid", "redirect_uri": CALLBACK,
            "code_challenge": challenge, "code_challenge_method": "S256",
        })  # fmt: skip
        while not response.headers.get("location", "").startswith(CALLBACK):
            if response.is_redirect:
                response = await browser.get(response.headers["location"])
                continue
            prompt, action = (
                re.search(r'name="prompt" value="(\w+)"', response.text),
                re.search(r'action="([^"]+)"', response.text),
            )
            assert prompt is not None, response.text
            assert action is not None, response.text
            form = {"prompt": prompt[1], "login": name, "password": "any"}
            response = await browser.post(action[1], data=form)
        code = parse_qs(urlsplit(response.headers["location"]).query)["code"][0]
        grant = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "client_id": CLIENT}
        tokens = await browser.post("/token", data=grant | {"code_verifier": verifier})
        assert tokens.status_code == 200, tokens.text
        return str(tokens.json()["id_token"])


@asynccontextmanager
async def user(stack: RunningStack, token: str) -> AsyncIterator[Visitor]:
    """Provide a client with a user's token."""
    one = Visitor(stack, token)
    yield one
    await one.close()


async def me(stack: RunningStack, token: str) -> dict[str, Any]:
    async with user(stack, token) as visitor:
        response = await visitor.request("GET", "/v1/me")
    return dict(response.json()) | {"status": response.status_code}


async def test_users_and_customers_of_a_provider_use_the_api(stack: RunningStack, visitor: Visitor) -> None:
    port = free_port(set())
    with provider(port) as issuer:
        # given a tenant that accepts the provider's users
        rules = [{"claim": "groups", "value": "staff", "scopes": ["customers:read"]}]
        body = {"name": "login", "url": issuer, "audience": CLIENT, "rules": rules}
        registered = await made(visitor, "/v1/issuers", body)

        # when users log in, then their groups decide what they may do
        staff, other = [await me(stack, await log_in(issuer, name)) for name in ("staff-ada", "bo")]
        assert (staff["kind"], staff["principal"]) == ("user_token", f"user:{registered['id']}/staff-ada")
        assert (staff["scopes"], other["scopes"]) == (["customers:read"], [])
        async with user(stack, await log_in(issuer, "staff-ada")) as reader:
            assert (await reader.request("GET", "/v1/customers")).status_code == 200
            assert (await reader.request("POST", "/v1/customers", json=a_customer())).status_code == 403

        # when the tenant maps users to its customers
        ada = await made(visitor, "/v1/customers", a_customer(**known_as("ada", "login")))
        bo = await made(visitor, "/v1/customers", a_customer(**known_as("bo", "login")))
        await made(visitor, "/v1/purchases", a_purchase(ada["id"]))
        scopes = ["customers:read", "customers:write", "interactions:read"]
        change = {"customer_source": "login", "default_scopes": scopes}
        await visitor.request("PATCH", f"/v1/issuers/{registered['id']}", json=change)

        # then each has access to his or her own record and purchases alone
        async with user(stack, await log_in(issuer, "ada")) as customer:
            path, others = f"/v1/customers/{ada['id']}", f"/v1/customers/{bo['id']}"
            assert (await customer.request("PATCH", path, json={"occupation": "poet"})).json()["occupation"] == "poet"
            purchases = await customer.request("GET", f"/v1/purchases?customer_id={ada['id']}")
            assert len(purchases.json()["items"]) == 1
            for refused in (others, "/v1/customers", "/v1/purchases", f"/v1/purchases?customer_id={bo['id']}"):
                assert (await customer.request("GET", refused)).status_code == 403
        assert (await me(stack, await log_in(issuer, "eve")))["code"] == "customer_unknown"

    # when the provider restarts with a new key, then its new tokens are accepted
    await asyncio.sleep(10)
    with provider(port) as issuer:
        assert (await me(stack, await log_in(issuer, "ada")))["customer_id"] == ada["id"]


async def test_a_revoked_key_ends_its_users_on_every_replica_within_a_second(
    stack: RunningStack, visitor: Visitor
) -> None:
    key = await made(visitor, "/v1/api-keys", {"name": "login", "scopes": ["issuers:write", "status:read"]})
    async with Replica(stack, "gateway", name="second", role="api") as replica, user(stack, key["key"]) as owner:
        with provider(free_port(set())) as issuer:
            body = {"name": "login", "url": issuer, "audience": CLIENT, "default_scopes": ["status:read"]}
            await made(owner, "/v1/issuers", body)
            token = await log_in(issuer, "ada")
            url = f"http://127.0.0.1:{replica.port}"
            async with httpx.AsyncClient(trust_env=False, base_url=url) as client:
                headers = {"authorization": f"Bearer {token}"}
                assert (await client.get("/v1/me", headers=headers)).status_code == 200
                assert (await visitor.request("DELETE", f"/v1/api-keys/{key['id']}")).status_code == 204
                async with asyncio.timeout(1):
                    while (await client.get("/v1/me", headers=headers)).status_code != 401:  # noqa: ASYNC110
                        await asyncio.sleep(0.02)
