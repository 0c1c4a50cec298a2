"""Browsers: pages of the allowed origins may call the API, and no others. OPTIONS names the methods of a path."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from pydantic import ValidationError

from chassis.service import load
from local.data_dir import DataDir
from tests.support.edge import Gateway, Recorder, gateway_at, recording
from tests.support.gateway import Shop
from tests.support.programs import output_of
from tests.support.service import settings_of
from tests.support.wire import Listener, listening

CHROMIUM = Path("/usr/bin/chromium")
SHOP = "https://shop.example"
PREFLIGHT = {"origin": SHOP, "access-control-request-method": "PATCH", "access-control-request-headers": "if-match"}
PAGE = """<!doctype html><pre id="seen">nothing</pre><script>
const headers = {"Authorization": "Bearer KEY", "Content-Type": "application/json", "Idempotency-Key": "k"}
fetch("URL/v1/customers", {method: "POST", headers, body: "{}"}).then(
    response => [response.status, response.headers.get("ratelimit-policy"), response.headers.get("etag")].join(" "),
    error => error.name,
).then(text => { document.getElementById("seen").textContent = text })
</script>"""


@pytest.fixture(scope="module")
async def recorder() -> AsyncIterator[Recorder]:
    async with recording() as recorder:
        yield recorder


@pytest.fixture(scope="module")
async def page() -> AsyncIterator[Listener]:
    """Serve a page of an allowed origin. A test sets its content."""
    async with listening() as listener:
        yield listener


@pytest.fixture(scope="module")
async def edge(database: DataDir, recorder: Recorder, page: Listener) -> AsyncIterator[Gateway]:
    origins = f"{SHOP}, http://127.0.0.1:{page.port}"
    async with gateway_at(database, recorder.port, CORS_ORIGINS=origins) as gateway:
        yield gateway


@pytest.fixture
async def client(edge: Gateway) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=edge.url, trust_env=False, verify=False) as client:
        yield client


def cors_of(response: httpx.Response) -> dict[str, str]:
    return {name: value for name, value in response.headers.items() if name.startswith("access-control-")}


async def test_a_preflight_request_is_answered_without_a_key(client: httpx.AsyncClient, recorder: Recorder) -> None:
    recorder.taken()
    for path in ("/v1/customers", "/v1/tenants", "/v1/nothing", "/openapi.json"):
        response = await client.options(path, headers=PREFLIGHT)
        allowed = cors_of(response)
        assert (response.status_code, response.content) == (204, b""), path
        assert allowed["access-control-allow-origin"] == SHOP
        assert "PATCH" in allowed["access-control-allow-methods"]
        assert {"Authorization", "If-Match", "Idempotency-Key"} <= set(
            allowed["access-control-allow-headers"].split(", ")
        )
        assert allowed["access-control-max-age"] == "7200"
        assert "access-control-allow-credentials" not in allowed
    assert recorder.taken() == []


async def test_a_page_may_read_every_response_and_its_headers(client: httpx.AsyncClient, shop: Shop) -> None:
    key = {"origin": SHOP, "authorization": f"Bearer {shop.key}"}
    responses = [
        await client.get("/v1/customers", headers=key),
        await client.get("/v1/tenants", headers=key),
        await client.get("/v1/nothing", headers=key),
        await client.get("/v1/customers", headers={"origin": SHOP}),
        await client.get("/openapi.json", headers={"origin": SHOP}),
    ]
    assert [response.status_code for response in responses] == [200, 200, 404, 401, 200]
    for response in responses:
        assert response.headers["access-control-allow-origin"] == SHOP
        assert {"ETag", "Link", "Retry-After"} <= set(response.headers["access-control-expose-headers"].split(", "))
        assert "origin" in response.headers["vary"]
        assert "access-control-allow-credentials" not in response.headers


@pytest.mark.parametrize("origin", ["https://evil.example", f"{SHOP}.evil.example", "http://shop.example", "null", ""])
async def test_other_origins_get_no_permission(client: httpx.AsyncClient, shop: Shop, origin: str) -> None:
    read = await client.get("/v1/customers", headers={"origin": origin, "authorization": f"Bearer {shop.key}"})
    preflight = await client.options("/v1/customers", headers={**PREFLIGHT, "origin": origin})
    for response in (read, preflight):
        assert cors_of(response) == {}
        assert "origin" in response.headers["vary"]  # for caches


async def test_options_lists_the_methods_of_a_path(client: httpx.AsyncClient, recorder: Recorder) -> None:
    recorder.taken()
    for path, allow in (
        ("/v1/customers", "GET, HEAD, OPTIONS, POST"),
        ("/v1/customers/0193a7c2-5b1e-7c3a-9d54-0242ac120002", "GET, HEAD, OPTIONS, PATCH"),
        ("/v1/customers/batch", "OPTIONS, POST"),
        ("/openapi.json", "GET, HEAD, OPTIONS"),
        ("/problems/not-found", "GET, HEAD, OPTIONS"),
        ("/docs/assets/0123/guide.js", "GET, HEAD, OPTIONS"),
    ):
        response = await client.options(path)
        assert (response.status_code, response.headers.get("allow")) == (204, allow), path
    unknown = await client.options("/v1/custmers")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "no_such_route")
    wrong = await client.request("TRACE", "/v1/customers/batch")
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "OPTIONS, POST")
    assert recorder.taken() == []


async def test_every_origin_is_allowed_only_by_a_star(database: DataDir, recorder: Recorder, shop: Shop) -> None:
    async with (
        gateway_at(database, recorder.port, CORS_ORIGINS="*") as gateway,
        httpx.AsyncClient(base_url=gateway.url, trust_env=False, verify=False) as client,
    ):
        headers = {"origin": "https://any.example", "authorization": f"Bearer {shop.key}"}
        read = await client.get("/v1/customers", headers=headers)
        preflight = await client.options("/v1/customers", headers={**PREFLIGHT, "origin": "https://any.example"})
    for response in (read, preflight):
        assert response.headers["access-control-allow-origin"] == "*"
        assert "access-control-allow-credentials" not in response.headers


@pytest.mark.parametrize("origins", ["shop.example", "https://Shop.example", f"{SHOP}/", f"{SHOP}/cart", "null"])
def test_a_setting_that_no_browser_would_match_is_refused(database: DataDir, origins: str) -> None:
    service = load("gateway")
    known = settings_of(database, service).model_dump()
    with pytest.raises(ValidationError, match="is not an origin"):
        service.settings(**{**known, "cors_origins": origins})


@pytest.mark.skipif(not CHROMIUM.exists(), reason=f"{CHROMIUM} is not installed: no page is opened in a browser")
async def test_a_real_browser_lets_pages_of_allowed_origins_alone_read(
    edge: Gateway, page: Listener, shop: Shop, tmp_path: Path
) -> None:
    content = PAGE.replace("URL", edge.url).replace("KEY", shop.key).encode()
    answer = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s"
    page.answer = answer % (len(content), content)
    options = ("--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=10000", "--dump-dom")
    async with listening(page.answer) as other:
        seen = [
            await output_of(CHROMIUM, *options, f"--user-data-dir={tmp_path}", f"http://127.0.0.1:{origin.port}/")
            for origin in (page, other)
        ]
    assert '200 "tenant"' in seen[0]
    assert "TypeError" in seen[1]
