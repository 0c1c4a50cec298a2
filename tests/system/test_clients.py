"""Ordinary clients: Java's, curl's and the browsers', in their default settings, each against the running system."""

import shutil
from pathlib import Path

import pytest

from chassis.types import json
from tests.support.facts import a_customer
from tests.support.programs import output_of
from tests.support.stack import RunningStack, Visitor

HERE = Path(__file__).parent / "clients"
CHROMIUM = Path("/usr/bin/chromium")
CUSTOMER = json.dumps(a_customer(name="Ada", custom={"note": "a long note " * 200})).decode()
"""A customer that is large enough for a compressed response."""
SEEN = [
    'create 201 "1"',
    "stream 201",
    'read 200 gzip W/"1" Ada',
    "unchanged 304",
    'head 200 "1" 0',
    "missing 404 not_found",
    "batch 200 created",
    "change 200 Byron",
]


async def test_javas_client_is_served_although_it_asks_for_http_2(stack: RunningStack, visitor: Visitor) -> None:
    quick = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
    printed = await output_of("java", *quick, HERE / "Client.java", stack.url, visitor.key, CUSTOMER)
    assert printed.splitlines() == SEEN


@pytest.mark.skipif(shutil.which("node") is None, reason="Node is not installed: fetch is not tried")
async def test_fetch_is_served(stack: RunningStack, visitor: Visitor) -> None:
    printed = await output_of("node", HERE / "client.mjs", stack.url, visitor.key, CUSTOMER)
    assert printed.splitlines() == SEEN


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
async def test_curl_is_served_although_it_asks_for_http_2(
    stack: RunningStack, visitor: Visitor, tmp_path: Path
) -> None:
    async def curl(path: str, *options: str | Path, show: str = "%{http_code}") -> str:
        common = ("--http2", "--silent", "--show-error", "--max-time", "20", "--write-out", f"\n{show}")
        authorization = ("--header", f"Authorization: Bearer {visitor.key}")
        return await output_of("curl", *common, *authorization, *options, f"{stack.url}{path}")

    is_json = ("--header", "Content-Type: application/json")
    created, status = (await curl("/v1/customers", "--data", CUSTOMER, *is_json)).rsplit("\n", 1)
    path = f"/v1/customers/{json.loads(created)['id']}"
    tags = tmp_path / "etag"
    read, seen = (
        await curl(path, "--compressed", "--etag-save", tags, show="%{http_code} %header{content-encoding}")
    ).rsplit("\n", 1)
    unchanged = await curl(path, "--compressed", "--etag-compare", tags)
    head = await curl(path, "--head", show="%{http_code} %{size_download}")
    chunked = (*is_json, "--header", "Transfer-Encoding: chunked")
    batch = await curl("/v1/customers/batch", "--data", f'{{"items": [{CUSTOMER}]}}', *chunked)
    missing, not_found = (await curl("/v1/customers/00000000-0000-7000-8000-000000000000")).rsplit("\n", 1)
    assert (status, json.loads(read)["name"], seen) == ("201", "Ada", "200 gzip")
    assert (unchanged, head.rsplit("\n", 1)[1], batch.rsplit("\n", 1)[1]) == ("\n304", "200 0", "200")
    assert (not_found, json.loads(missing)["code"]) == ("404", "not_found")


@pytest.mark.skipif(not CHROMIUM.exists(), reason=f"{CHROMIUM} is not installed: no page is opened in a browser")
async def test_a_browser_shows_the_documentation(stack: RunningStack, tmp_path: Path) -> None:
    """Its page reads the compressed OpenAPI document by fetch."""
    options = ("--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=10000", "--dump-dom")
    page = await output_of(CHROMIUM, *options, f"--user-data-dir={tmp_path}", f"{stack.url}/")
    assert "/v1/customers/batch" in page
