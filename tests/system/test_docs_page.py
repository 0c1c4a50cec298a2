"""The documentation's pages in a browser: what readers see, on a desktop and on a phone, in both themes."""

import ast
import json
import re
import shlex
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.support import browser
from tests.support.browser import PHONE, Page, opened_page
from tests.support.stack import RunningStack

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(browser.program() is None, reason="no browser: install Debian's package chromium"),
]
READY = "document.querySelectorAll('.operation').length > 0"
OPEN_ALL = "for (const each of document.querySelectorAll('main details')) { each.fill(); each.open = true; }"
FITS = f"document.scrollingElement.scrollWidth <= {PHONE[0]}"


@pytest.fixture(scope="module")
async def browser_page(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Page]:
    async with opened_page(tmp_path_factory.mktemp("browser")) as opened:
        yield opened


@pytest.fixture
async def page(browser_page: Page, stack: RunningStack) -> AsyncIterator[Page]:
    """Yield a page without any choice of an earlier reader. At the end, it has no error and asked no other host."""
    await browser_page.open(f"{stack.url}/docs/guide")
    await browser_page.evaluate("localStorage.clear()")
    await browser_page.prefer("light")
    await browser_page.resize(*browser.DESKTOP)
    browser_page.errors.clear()
    browser_page.requests.clear()
    yield browser_page
    # Swagger UI warns of each operation id with an underscore in an address, which it would read as a space.
    assert [error for error in browser_page.errors if "escaping deep link whitespace" not in error] == []
    own = (stack.url, "about:", "data:", "blob:")
    assert [url for url in browser_page.requests if not url.startswith(own)] == []


async def text_of(page: Page, selector: str) -> str:
    return str(await page.evaluate(f"document.querySelector({selector!r}).innerText"))


async def test_every_operation_and_event_can_be_opened_by_its_address(page: Page, stack: RunningStack) -> None:
    await page.open(f"{stack.url}/docs", READY)
    await page.evaluate(OPEN_ALL)
    missing = await page.evaluate("""(async () => {
      const root = await (await fetch("/openapi.json")).json();
      const events = await (await fetch("/asyncapi.json")).json();
      const operations = Object.values(root.paths).flatMap((each) => Object.values(each));
      const messages = Object.values(events.channels).flatMap((each) => Object.values(each.messages));
      const codes = Object.keys(root["x-problems"]).map((each) => `problem-${each}`);
      return [...operations.map((each) => each.operationId), ...messages.map((each) => `event-${each.name}`), ...codes]
        .filter((id) => document.getElementById(id) === null);
    })()""")
    assert missing == []
    assert await page.evaluate("new Set([...document.querySelectorAll('[id]')].map((each) => each.id)).size") == (
        await page.evaluate("document.querySelectorAll('[id]').length")
    )


async def test_an_address_opens_its_operation(page: Page, stack: RunningStack) -> None:
    await page.open(f"{stack.url}/docs#redeem_points", f"{READY} && document.getElementById('redeem_points').open")
    assert await page.evaluate("document.activeElement.closest('details').id") == "redeem_points"
    assert await page.evaluate("document.querySelector('nav [aria-current]').hash") == "#redeem_points"
    top = await page.evaluate("document.getElementById('redeem_points').getBoundingClientRect().top")
    assert 0 < top < 300
    shown = await text_of(page, "#redeem_points")
    assert "loyalty:redeem" in shown
    assert "insufficient_points" in shown


async def test_an_operation_shows_enumerations_limits_and_nested_fields(page: Page, stack: RunningStack) -> None:
    await page.open(
        f"{stack.url}/docs#record_purchase", f"{READY} && document.querySelector('#record_purchase .fields')"
    )
    await page.evaluate(
        "document.querySelectorAll('#record_purchase .nested').forEach((each) => { each.open = true; })"
    )
    await page.until("document.querySelector('#record_purchase .nested .field-name')")
    shown = await text_of(page, "#record_purchase .operation-words")
    assert "sku" in shown
    assert "required" in shown
    await page.open(
        f"{stack.url}/docs#create_customer", f"{READY} && document.querySelector('#create_customer .fields')"
    )
    shown = await text_of(page, "#create_customer .operation-words")
    assert "One of person organization" in shown
    assert "200 characters" in shown
    await page.open(f"{stack.url}/docs#list_customers", f"{READY} && document.querySelector('#list_customers .fields')")
    assert "default 50" in await text_of(page, "#list_customers .operation-words")


async def test_an_event_shows_its_data_and_its_delivery(page: Page, stack: RunningStack) -> None:
    event = "#event-interactions\\\\.purchase_recorded\\\\.v1"
    await page.open(
        f"{stack.url}/docs#event-interactions.purchase_recorded.v1", f"document.querySelector('{event} .fields')"
    )
    await page.evaluate(f"document.querySelectorAll('{event} .nested').forEach((each) => {{ each.open = true; }})")
    await page.until(f"document.querySelector('{event}').innerText.includes('webhook-signature')")
    shown = json.loads(await page.evaluate(f"document.querySelector('{event} [aria-label=Example] code').textContent"))
    assert (shown["specversion"], shown["type"]) == ("1.0", "interactions.purchase_recorded.v1")
    assert {"purchase_id", "lines", "total"} <= shown["data"].keys()


async def test_a_search_finds_an_operation_by_its_name_and_by_its_fields(page: Page, stack: RunningStack) -> None:
    await page.open(f"{stack.url}/docs", READY)
    visible = (
        "[...document.querySelectorAll('nav a')].filter((each) => each.checkVisibility()).map((each) => each.hash)"
    )
    await page.evaluate("document.getElementById('search').focus()")
    await page.type("redeem poi")
    assert "#redeem_points" in await page.evaluate(visible)
    assert "#create_customer" not in await page.evaluate(visible)
    await page.press("Enter")
    await page.until("document.getElementById('redeem_points').open")
    await page.evaluate("document.getElementById('search').focus()")
    await page.press("Escape")
    await page.type("unit_cost")
    assert "#record_purchase" in await page.evaluate(visible)
    await page.press("Escape")
    assert len(await page.evaluate(f"{visible}.concat([...document.querySelectorAll('nav li')])")) > 60


async def test_the_keyboard_alone_reaches_an_operation(page: Page, stack: RunningStack) -> None:
    await page.open(f"{stack.url}/docs#read_status", f"{READY} && document.getElementById('read_status').open")
    await page.press("Enter")  # the address has moved the focus to the summary
    assert await page.evaluate("document.getElementById('read_status').open") is False
    await page.press("Tab")
    assert await page.evaluate("document.activeElement !== document.body")
    unnamed = "[...document.querySelectorAll('button, input')].filter((each) => !name(each))"
    named = "(each) => each.textContent || each.labels?.length || each.ariaLabel"
    assert await page.evaluate(f"((name) => {unnamed}.length)({named})") == 0


async def test_a_key_appears_in_the_samples_and_nowhere_else(page: Page, stack: RunningStack) -> None:
    await page.open(f"{stack.url}/docs#create_customer", f"{READY} && document.querySelector('#create_customer .code')")
    assert "Bearer $RAPPORT_API_KEY" in await text_of(page, "#create_customer .code")
    await page.evaluate("document.getElementById('key').focus()")
    await page.type("rap_it's")
    assert r"-H 'Authorization: Bearer rap_it'\''s'" in await text_of(page, "#create_customer .code")
    stored = "JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie, location.href, document.title])"
    assert "rap_it" not in await page.evaluate(stored)
    assert not [url for url in page.requests if "rap_it" in url]


async def test_samples_are_programs(page: Page, stack: RunningStack) -> None:
    await page.open(f"{stack.url}/docs", READY)
    await page.evaluate("document.querySelectorAll('.operation').forEach((each) => { each.fill(); })")
    samples: dict[str, list[str]] = {}
    for language in ("curl", "python", "typescript", "java", "go"):
        await page.evaluate(f"document.querySelector('#create_customer [value={language}]').click()")
        read = "[...document.querySelectorAll('.operation [aria-label=Request] code')].map((each) => each.textContent)"
        samples[language] = await page.evaluate(read)
    assert len(samples["python"]) == len(samples["curl"]) > 60
    for program in samples["python"]:
        ast.parse(program)
    broken = re.compile(r"\bundefined\b|\[object")
    assert not [program for each in samples.values() for program in each if broken.search(program)]


async def test_samples_carry_every_value(page: Page, stack: RunningStack) -> None:
    body = {
        "text": 'it\'s "é" `x`',
        "flags": [True, False, None],
        "number": 1.5,
        "empty": {},
        "list": [],
        "a b": [{"c": 1}],
    }
    call = {
        **{"method": "PATCH", "path": "/v1/things/{id}", "name": "update_thing", "tag": "some-things"},
        **{"url": stack.url, "key": "", "takesArguments": True, "hasResult": True},
        "parameters": [
            {"name": "id", "in": "path", "value": "0193a7c2-5e1b-7c3a-9f42-6d2b8e4c1a70", "format": "uuid"},
            {"name": "seen_at.gte", "in": "query", "value": "2026-03-01T10:00:00+01:00", "format": "date-time"},
            {"name": "If-Match", "in": "header", "value": '"3"'},
        ],
        "body": {"type": "application/json", "schema": "ThingUpdate", "value": body},
    }
    await page.open(f"{stack.url}/docs", READY)
    made = await page.evaluate(f"""(async () => {{
      const folder = document.querySelector("script[type=module]").src.replace(/[^/]+$/, "");
      const {{ LANGUAGES, sample }} = await import(`${{folder}}samples.js`);
      const call = JSON.parse({json.dumps(json.dumps(call))});
      return Object.fromEntries(Object.keys(LANGUAGES).map((language) => [language, sample(language, call)]));
    }})()""")
    words = shlex.split(made["curl"].replace("\\\n", ""))
    sent = "/v1/things/0193a7c2-5e1b-7c3a-9f42-6d2b8e4c1a70?seen_at.gte=2026-03-01T10%3A00%3A00%2B01%3A00"
    assert words[1:4] == ["-X", "PATCH", stack.url + sent]
    assert 'If-Match: "3"' in words
    assert json.loads(words[words.index("-d") + 1]) == body
    (given,) = re.findall(r"ThingUpdate\.from_dict\((.*)\),\n\)", made["python"], re.DOTALL)
    assert ast.literal_eval(given) == body
    assert 'if_match="\\"3\\""' in made["python"]
    assert 'seen_at_gte=datetime.fromisoformat("2026' in made["python"]
    assert "import { updateThing }" in made["typescript"]
    assert 'headers: {\n        "If-Match": "\\"3\\"",' in made["typescript"]
    assert "SomeThingsApi.APIUpdateThingRequest.newBuilder()" in made["java"]
    assert ".seenAtGte(OffsetDateTime.parse(" in made["java"]
    assert 'SomeThingsAPI.UpdateThing(ctx, "0193' in made["go"]
    assert ".ThingUpdate(body).SeenAtGte(time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC))" in made["go"]


async def test_schemas_that_contain_themselves_end(page: Page, stack: RunningStack) -> None:
    await page.open(f"{stack.url}/docs", READY)
    shown = await page.evaluate("""(async () => {
      const folder = document.querySelector("script[type=module]").src.replace(/[^/]+$/, "");
      const { schemaBlock } = await import(`${folder}fields.js`);
      const { exampleOf } = await import(`${folder}example.js`);
      const child = { $ref: "#/components/schemas/Node" };
      const root = { components: { schemas: { Node: { type: "object", required: ["name"], properties: {
        name: { type: "string", maxLength: 1, description: "A `name`." },
        kind: { anyOf: [{ enum: ["leaf", "branch"], type: "string" }, { type: "null" }] },
        children: { type: "array", items: child, maxItems: 3 },
        parent: { anyOf: [child, { type: "null" }] } } } } } };
      const block = schemaBlock(root, child);
      return [block.innerText ?? block.textContent, exampleOf(root, child)];
    })()""")
    words, example = shown
    for expected in ("at most 1 character", "One of leaf branch", "array of Node", "at most 3 items", "as above"):
        assert expected in words
    assert example == {"name": "…", "kind": "leaf", "children": [], "parent": None}


async def colour(page: Page) -> int:
    """Return the brightness of the background."""
    rgb: str = await page.evaluate("getComputedStyle(document.body).backgroundColor")
    return sum(int(part) for part in rgb.removeprefix("rgb(").removesuffix(")").split(","))


@pytest.mark.parametrize("path", ["/docs", "/docs/guide/customers", "/docs/try"])
async def test_dark_is_what_the_system_prefers_or_the_reader_chose(page: Page, stack: RunningStack, path: str) -> None:
    await page.open(f"{stack.url}{path}", "document.getElementById('theme').title === 'Theme: auto'")
    light = await colour(page)
    await page.prefer("dark")
    assert await colour(page) < 150 < 600 < light
    await page.until("document.documentElement.classList.contains('dark-mode')")  # Swagger UI reads the class
    await page.evaluate("document.getElementById('theme').click()")
    assert await colour(page) == light
    await page.open(f"{stack.url}{path}", "document.getElementById('theme').title === 'Theme: light'")
    assert await colour(page) == light


@pytest.mark.parametrize("path", ["/docs", "/docs/guide", "/docs/guide/customers", "/docs/guide/gateway", "/docs/try"])
async def test_a_phone_shows_a_page_without_scrolling_sideways(page: Page, stack: RunningStack, path: str) -> None:
    await page.resize(*PHONE)
    await page.open(f"{stack.url}{path}", READY if path == "/docs" else "document.querySelector('main *')")
    if path == "/docs":
        await page.evaluate(OPEN_ALL)
        assert await page.evaluate("!document.querySelector('nav').checkVisibility()")
        await page.evaluate("document.getElementById('menu').click()")
        assert await page.evaluate("document.querySelector('nav').checkVisibility()")
        await page.evaluate("document.querySelector('nav a[href=\"#create_customer\"]').click()")
        assert await page.evaluate("!document.querySelector('nav').checkVisibility()")
    assert await page.evaluate(FITS)


async def test_a_request_can_be_tried(page: Page, stack: RunningStack, visitor: Any) -> None:
    await page.open(f"{stack.url}/docs/try#/status/read_status", "document.querySelector('.opblock.is-open .execute')")
    await page.evaluate("document.querySelector('.btn.authorize').click()")
    await page.until("document.querySelector('.auth-container input')")
    await page.evaluate("document.querySelector('.auth-container input').focus()")
    await page.type(visitor.key)
    await page.evaluate("document.querySelector('.auth-btn-wrapper .authorize').click()")
    await page.evaluate("document.querySelector('.opblock.is-open .execute').click()")
    await page.until("document.querySelector('.live-responses-table .response-col_status')")
    shown = await text_of(page, ".live-responses-table")
    assert "200" in shown
    assert '"customers"' in shown
