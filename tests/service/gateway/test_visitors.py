"""Visitors: a link opens its own operations without a login, and guesses are slowed down.

The gateway forwards to the real service of customers.
"""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from chassis import UnitOfWork
from chassis.service import load
from chassis.types.ids import uuid7
from gateway.access import tenants
from local.data_dir import DataDir
from tests.conftest import StartService
from tests.support import browser
from tests.support.browser import PHONE, opened_page
from tests.support.echo import serving
from tests.support.facts import a_customer
from tests.support.gateway import Shop, a_shop, credentials_of
from tests.support.service import ServiceUnderTest

FREE = {"authentication_failures_per_key": 3, "authentication_failures_per_address": 8}


class Visited:
    """A tenant with a link, at a gateway of its own."""

    def __init__(self, gateway: ServiceUnderTest, shop: Shop, customers: ServiceUnderTest, link: str) -> None:
        self.gateway = gateway
        self.shop = shop
        self.customers = customers
        self.link = link

    async def send(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Send a request without credentials."""
        return await self.gateway.shared.client.request(method, path, **options)

    def guess(self) -> str:
        """Return a link of the tenant with a wrong secret."""
        return self.link[:-40] + uuid7().hex + "AAAAAAAA"


@pytest.fixture
async def visited(
    request: pytest.FixtureRequest, database: DataDir, start_service: StartService
) -> AsyncIterator[Visited]:
    customers = await start_service("customers")
    gateway = ServiceUnderTest(load("gateway"), database)
    async with serving(customers.shared.running.asgi) as port:
        upstreams = {name: f"http://127.0.0.1:{port}" for name in ("customers", "interactions", "loyalty", "analytics")}
        async with gateway.running(upstreams=upstreams, **FREE, **getattr(request, "param", {})):
            while not credentials_of(gateway).cache.is_listening:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            shop = await a_shop(gateway)
            own = customers.for_tenant(shop.tenant)
            customer = (await own.post("/v1/customers", a_customer())).json()["id"]
            link = (await own.post("/v1/preference-links", {"customer_id": customer})).json()["path"]
            yield Visited(gateway, shop, own, link)


async def test_a_link_needs_no_login_and_opens_nothing_else(visited: Visited) -> None:
    read = await visited.send("GET", visited.link)
    assert read.status_code == 200
    for name, value in (("cache-control", "no-store"), ("referrer-policy", "no-referrer")):
        assert read.headers[name] == value
    changed = await visited.send("POST", f"{visited.link}?action=allow", headers={"authorization": "Bearer wrong"})
    assert all(choice["allowed"] for choice in changed.json()["choices"])
    page = await visited.send("GET", visited.link, headers={"accept": "text/html"})
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    token = visited.link.rpartition("/")[2]
    for method, path in (
        ("DELETE", visited.link),
        ("GET", f"{visited.link}/x"),
        ("GET", "/v1/preferences"),
        ("GET", f"/v1/customers/{token}"),
        ("GET", f"/v1/preference-links/{token}"),
        ("GET", "/v1/me"),
    ):
        assert (await visited.send(method, path)).status_code == 401, path


async def test_a_token_of_the_gateway_for_visitors_opens_public_operations_alone(visited: Visited) -> None:
    credential = await credentials_of(visited.gateway).visitors.credential(visited.shop.tenant.id)
    headers = {"x-rapport-token": credential.token(visited.customers.shared.signer, "customers")}
    client = visited.customers.shared.client
    assert (await client.get(visited.link, headers=headers)).status_code == 200
    assert (await client.get("/v1/customers", headers=headers)).status_code == 401


async def test_guesses_are_slowed_down_and_the_holder_of_a_link_is_served(visited: Visited) -> None:
    assert (await visited.send("GET", visited.link)).status_code == 200
    statuses = [(await visited.send("GET", visited.guess())).status_code for _ in range(12)]
    assert set(statuses[: FREE["authentication_failures_per_address"]]) == {404}
    assert statuses[-1] == 429
    refused = await visited.send("GET", visited.guess())
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    assert refused.headers["cache-control"] == "no-store"
    assert (await visited.send("GET", visited.link)).status_code == 200
    assert await visited.shop.status() == 200


async def test_wrong_tokens_are_answered_alike(visited: Visited) -> None:
    other_tenant = await a_shop(visited.gateway)
    unknown = visited.link.replace(visited.link[16:37], "A" * 21)
    for link in (visited.guess(), unknown, "/v1/preferences/x"):
        answer = await visited.send("GET", link)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), link
        assert answer.json()["detail"] == "The link is not valid. It may have expired."
    assert other_tenant.tenant.id != visited.shop.tenant.id


@pytest.mark.parametrize("visited", [{"visitor_requests_per_second": 1.0}], indirect=True)
async def test_visitors_have_limits_of_their_own(visited: Visited) -> None:
    statuses = [(await visited.send("GET", visited.link)).status_code for _ in range(4)]
    assert statuses == [200, 200, 429, 429]
    assert await visited.shop.status() == 200


async def test_the_links_of_a_suspended_tenant_open_nothing(visited: Visited) -> None:
    assert (await visited.send("GET", visited.link)).status_code == 200
    async with visited.shop.as_command() as transaction:
        await tenants.suspend_tenant(UnitOfWork(transaction))
    async with asyncio.timeout(5):
        while (await visited.send("GET", visited.link)).status_code != 404:  # noqa: ASYNC110
            await asyncio.sleep(0.05)


@pytest.mark.skipif(browser.program() is None, reason="no browser: install Debian's package chromium")
async def test_the_page_in_a_browser_needs_no_scripts(visited: Visited, tmp_path: Path) -> None:
    proxy = visited.gateway.shared.running.asgi
    async with serving(proxy) as port, opened_page(tmp_path) as page:
        address = f"http://127.0.0.1:{port}{visited.link}"
        await page.call("Emulation.setScriptExecutionDisabled", value=True)
        for size in (browser.DESKTOP, PHONE):
            await page.resize(*size)
            await page.open(address, "document.querySelector('h1')")
            assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert {each.partition("?")[0] for each in page.requests} - {"about:blank"} == {address}

        # when the first button is used with the keyboard
        label = await page.evaluate("document.querySelector('button').focus() || document.activeElement.innerText")
        await page.press("Enter")

        # then the choice is stored, and the button is for the opposite
        await page.until("document.querySelector('[role=status]')")
        assert label == "Allow Offers: E-mail"
        assert await page.evaluate("document.querySelector('button').innerText") == "Stop Offers: E-mail"
        assert await page.evaluate("document.referrer") == ""
        assert page.errors == []
    assert (await visited.send("GET", visited.link)).json()["choices"][0]["allowed"]
