"""The documentation's pages as they are served: addresses, caching, security, and links that lead somewhere."""

import gzip
import hashlib
import re
import shlex
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from chassis import NotFound
from gateway.pages import assets, docs, guide
from local.generated import ROOT

PAGES = ["/docs", "/docs/try", guide.ADDRESS, *(f"{guide.ADDRESS}/{file.stem}" for file in guide.FOLDER.glob("*.md"))]
LINK = re.compile(r'(?:href|src)="([^"]+)"')
ID = re.compile(r'id="([^"]+)"')


@pytest.fixture
def browser() -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(Starlette(routes=docs.routes)), base_url="http://rapport")


@pytest.mark.parametrize("path", PAGES)
async def test_a_page_loads_its_own_files_alone(browser: httpx.AsyncClient, path: str) -> None:
    page = await browser.get(path)
    policy = page.headers["content-security-policy"]
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; ")
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert ("trusted-types 'none'" in policy) == (path != "/docs/try")
    assert not re.search(r"<script(?![^>]* src=)|<style| style=| on\w+=", page.text)
    for link in LINK.findall(page.text):
        assert link.startswith(("/", "#")), link


@pytest.mark.parametrize("path", PAGES)
async def test_every_link_leads_to_something(browser: httpx.AsyncClient, openapi: dict[str, Any], path: str) -> None:
    page = await browser.get(path)
    assert {"/openapi.json", "/asyncapi.json", guide.ADDRESS} <= set(LINK.findall(page.text))
    for link in LINK.findall(page.text):
        target, _, anchor = link.partition("#")
        if target in ("/openapi.json", "/asyncapi.json"):
            continue
        found = page if target == "" else await browser.get(target)
        assert found.status_code == 200, link
        known = anchors(openapi) if (target or path) == "/docs" else ID.findall(found.text)
        assert anchor in {"", *known}, link


def anchors(openapi: dict[str, Any]) -> list[str]:
    """Return the anchors of the API reference, which the browser makes of the document."""
    operations = [operation for path in openapi["paths"].values() for operation in path.values()]
    return [
        *ID.findall((assets.SITE / "docs.html").read_text()),
        *(operation["operationId"] for operation in operations),
        *{f"tag-{tag}" for operation in operations for tag in operation["tags"]},
        *(f"problem-{code}" for code in openapi["x-problems"]),
        *(f"field-code-{code}" for code in openapi["x-field-codes"]),
    ]


def test_every_operation_has_an_anchor_of_its_own(openapi: dict[str, Any]) -> None:
    names = Counter(anchors(openapi))
    assert [name for name, count in names.items() if count > 1] == []
    assert [name for name in names if not re.fullmatch(r"[a-z][a-z0-9_-]*", name)] == []


async def test_files_are_kept_for_a_year_under_the_address_of_their_content(browser: httpx.AsyncClient) -> None:
    current, older = assets.PREFIX + assets.digest(), assets.PREFIX + "0" * 12
    for name in assets.files():
        served = await browser.get(f"{current}/{name}")
        assert served.headers["cache-control"] == "public, max-age=31536000, immutable", name
        assert (served.status_code, served.headers["content-encoding"]) == (200, "gzip"), name
        again = await browser.get(f"{current}/{name}", headers={"if-none-match": served.headers["etag"]})
        assert again.status_code == 304, name
        assert (await browser.get(f"{older}/{name}")).headers["cache-control"] == "no-cache", name
    plain = await browser.get(f"{current}/docs.js", headers={"accept-encoding": "identity"})
    assert plain.content == (assets.SITE / "docs.js").read_bytes()
    for name in ("docs.html", "LICENSE", "README.md", "swagger-ui.css.gz"):
        with pytest.raises(NotFound):
            await browser.get(f"{current}/{name}")


def test_the_address_changes_with_every_file(tmp_path: Path) -> None:
    named = {name: tmp_path / name for name in ("a.js", "b.css")}
    digests = set()
    for content in ("ab", "ac", "bc"):
        for file, text in zip(named.values(), content, strict=True):
            file.write_text(text)
        digests.add(assets.digest_of(named))
    assert len(digests) == 3


async def test_the_reference_is_small(browser: httpx.AsyncClient) -> None:
    """Swagger UI has 460 kB, so it has a page of its own."""
    page = await browser.get("/docs")
    scripts = [file for name, file in assets.files().items() if file.parent == assets.SITE]
    assert len(gzip.compress(page.content)) + sum(len(gzip.compress(file.read_bytes())) for file in scripts) < 40_000


def test_the_vendored_files_are_those_of_the_page_beside_them() -> None:
    recorded = dict(
        re.findall(r"\| (\S+\.(?:js|css)) \|.*`([0-9a-f]{64})`", (assets.VENDORED / "README.md").read_text())
    )
    content = {file.stem: gzip.decompress(file.read_bytes()) for file in assets.VENDORED.glob("*.gz")}
    assert {name: hashlib.sha256(each).hexdigest() for name, each in content.items()} == recorded
    assert {"LICENSE", "NOTICE"} <= {file.name for file in assets.VENDORED.iterdir()}


@pytest.mark.parametrize(
    ("link", "target"),
    [
        ("customers.md", "/docs/guide/customers"),
        ("README.md", "/docs/guide"),
        ("gateway.md#errors", "/docs/guide/gateway#errors"),
        ("../events.md", "/docs#events"),
        ("#tags", "#tags"),
        ("../operations.md", None),
        ("missing.md", None),
        ("javascript:alert(1)", None),
        ("https://example.org", None),
    ],
)
def test_a_link_of_the_guide_leads_to_a_served_page(link: str, target: str | None) -> None:
    assert guide.address(link) == target


def test_the_guide_is_rendered_without_its_markup_becoming_a_page() -> None:
    shown = guide.render(
        "# A <b>title</b>\n\n[out](../operations.md) `<i>`\n\n```http\nGET /<x>\n```\n\n```json 201\n{}\n```\n"
    )
    assert "<b>" not in shown
    assert "<i>" not in shown
    assert "<p>out <code>" in shown
    assert "<figcaption>Request</figcaption>" in shown
    assert "<figcaption>Response 201</figcaption>" in shown


def test_a_request_of_the_guide_has_its_curl_command() -> None:
    request = 'PATCH /v1/customers/{ada}\nIf-Match: "1"\n{"given_name": "it\'s",\n "tags": ["A: b"]}\n'
    words = shlex.split(guide.curl(request).replace("\\\n", ""))
    assert words == [
        *("curl", "-X", "PATCH", "$URL/v1/customers/{ada}", "-H", "Authorization: Bearer $KEY", "-H", 'If-Match: "1"'),
        *("-H", "Content-Type: application/json", "-d", '{"given_name": "it\'s",\n "tags": ["A: b"]}'),
    ]
    assert guide.curl("GET /v1/customers?limit=1\n").split(" ")[1] == '"$URL/v1/customers?limit=1"'


def test_the_image_of_the_gateway_has_the_guide() -> None:
    folder = str(guide.FOLDER.relative_to(ROOT))
    assert f"COPY {folder} {folder}" in (ROOT / "Dockerfile").read_text()
    assert f"!{folder}" in Path(ROOT / ".dockerignore").read_text().split("\n")
