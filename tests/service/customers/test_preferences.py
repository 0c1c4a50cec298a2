"""The preference centre: what a link opens, changes and confirms, and what every other token gets."""

import asyncio
import re
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from typing import Any

import httpx
import pytest

from chassis.types.ids import uuid7
from tests.service.customers.test_consents import a_customers_path, decide, permission
from tests.support.facts import a_customer
from tests.support.service import ServiceUnderTest, a_tenant

HTML = {"accept": "text/html,application/xhtml+xml"}
NEWS = {"purpose": "newsletter", "channel": "email"}


class Parsed(HTMLParser):
    """A page: its texts, its forms, and every address that it names."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.forms: list[str] = []
        self.labels: list[str] = []
        self.loaded: list[str] = []
        self.language = ""
        self._in_button = False
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        found = dict(attributes)
        if tag == "form":
            assert found["method"] == "post"
            self.forms.append(str(found["action"]))
        if tag == "button":
            self._in_button = True
            self.labels.append("")
        if tag == "html":
            self.language = str(found["lang"])
        self.loaded += [str(found[name]) for name in ("src", "href") if name in found]

    def handle_endtag(self, tag: str) -> None:
        self._in_button = self._in_button and tag != "button"

    def handle_data(self, data: str) -> None:
        if self._in_button:
            self.labels[-1] += data


async def a_link(customers: ServiceUnderTest, path: str, **fields: Any) -> str:
    """Create a link and return its path."""
    body = {"customer_id": path.rpartition("/")[2], **fields}
    answer = await customers.post("/v1/preference-links", body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["path"])


async def allowed(customers: ServiceUnderTest, link: str) -> list[tuple[str, str]]:
    choices = (await customers.get(link)).json()["choices"]
    return [(each["purpose"], each["channel"]) for each in choices if each["allowed"]]


async def submit(customers: ServiceUnderTest, link: str, query: str, **options: Any) -> httpx.Response:
    return await customers.request("POST", f"{link}?{query}", **options)


async def receipts(customers: ServiceUnderTest, path: str) -> list[dict[str, Any]]:
    return list((await customers.get(f"{path}/consents")).json()["items"])


async def test_a_link_shows_and_changes_choices_alone(customers: ServiceUnderTest) -> None:
    # given a customer with a name and an address, and a link
    body = a_customer(family_name="Lovelace", emails=[{"address": "ada@example.com"}])
    path = f"/v1/customers/{(await customers.post('/v1/customers', body)).json()['id']}"
    link = await a_link(customers, path)
    shown = await customers.get(link)
    page = await customers.request("GET", link, headers=HTML)
    for text in (shown.text, page.text):
        assert not re.search(f"Ada|Lovelace|example.com|{path.rpartition('/')[2]}", text)
    assert await allowed(customers, link) == []

    # when its holder allows the newsletter, and later stops it
    choice = NEWS | {"allowed": True}
    changed = await customers.put(link, {"choices": [choice]})
    assert (changed.status_code, await allowed(customers, link)) == (200, [("newsletter", "email")])
    await customers.put(link, {"choices": [choice]})
    await customers.put(link, {"choices": [choice | {"allowed": False}]})

    # then each change is a receipt
    stored = await receipts(customers, path)
    assert [(each["decision"], each["source"]) for each in stored] == [
        ("granted", "preference_centre"),
        ("withdrawn", "preference_centre"),
    ]
    assert stored[0]["actor"].startswith("preference-link:")
    assert stored[0]["wording"] == "Allow Newsletter: E-mail"
    assert (await permission(customers, path, purpose="newsletter"))["reason"] == "withdrawn"


async def test_every_other_token_gets_the_same_response(customers: ServiceUnderTest) -> None:
    path = await a_customers_path(customers)
    now = datetime.now(UTC)
    revoked, expired, other = [await a_link(customers, path) for _ in range(3)]
    for link in (await customers.get("/v1/preference-links")).json()["items"][:1]:
        assert (await customers.request("DELETE", f"/v1/preference-links/{link['id']}")).status_code == 204
    await customers.rows(
        "update preference_link set expires_at = $1 where token_hash = sha256($2::text::bytea)",
        now - timedelta(seconds=1),
        expired.rpartition("/")[2],
    )
    unknown = other[:-4] + ("AAAA" if not other.endswith("AAAA") else "BBBB")
    links = [revoked, expired, unknown, "/v1/preferences/5-5-5", f"/v1/preferences/{uuid7()}"]
    for headers in ({}, HTML):
        for method, query, options in (
            ("GET", "", {}),
            ("POST", "?action=stop", {}),
            ("PUT", "", {"json": {"choices": [NEWS | {"allowed": True}]}}),
        ):
            answers = [await customers.request(method, link + query, headers=headers, **options) for link in links]
            texts = {
                re.sub('"(instance|trace_id)":"[^"]*"', "", answer.text).replace(link.rpartition("/")[2], "")
                for answer, link in zip(answers, links, strict=True)
            }
            assert {answer.status_code for answer in answers} == {404}
            assert len(texts) == 1
            assert len({answer.headers["content-type"] for answer in answers}) == 1
    assert await receipts(customers, path) == []
    assert (await customers.get(other)).status_code == 200
    assert (await (await customers.for_new_tenant()).get(other)).status_code == 404


async def test_the_page_works_without_scripts(customers: ServiceUnderTest) -> None:
    # given a Dutch customer
    body = a_customer(languages=["nl-BE"])
    path = f"/v1/customers/{(await customers.post('/v1/customers', body)).json()['id']}"
    link = await a_link(customers, path)

    # when a browser opens the page
    answer = await customers.request("GET", link, headers=HTML | {"accept-language": "fr"})

    # then it loads nothing, and each choice is a form
    page = Parsed(answer.text)
    assert (page.language, page.loaded) == ("nl", [])
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "form-action 'self'" in policy
    assert "unsafe" not in policy
    assert link.rpartition("/")[2] not in answer.text
    assert "Nieuwsbrief toestaan: E-mail" in page.labels
    assert "<script" not in answer.text

    # when its buttons are used
    form = page.forms[page.labels.index("Nieuwsbrief toestaan: E-mail")]
    done = await customers.request("POST", link + form, headers=HTML)
    assert 'role="status"' in done.text
    assert "Nieuwsbrief stoppen: E-mail" in Parsed(done.text).labels
    stop_all = Parsed(done.text).forms[-1]
    assert stop_all == "?action=stop"
    await customers.request("POST", link + stop_all, headers=HTML)
    assert await allowed(customers, link) == []


async def test_names_of_a_tenant_cannot_change_the_page(customers: ServiceUnderTest) -> None:
    shop = customers.for_tenant(a_tenant(name="<b>Tea & {co}</b>"))
    name = '"><script>alert(1)</script>{purpose}'
    await shop.patch("/v1/consent-settings", {"purposes": [{"key": "news", "name": name}]})
    link = await a_link(shop, await a_customers_path(shop))
    text = (await shop.request("GET", link, headers=HTML)).text
    assert "<script" not in text
    assert "&lt;b&gt;Tea &amp; {co}&lt;/b&gt;" in text


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/x-www-form-urlencoded", "List-Unsubscribe=One-Click"),
        (
            "multipart/form-data; boundary=b",
            '--b\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--b--\r\n',
        ),
    ],
)
async def test_one_click_unsubscribes_from_a_purpose(customers: ServiceUnderTest, content_type: str, body: str) -> None:
    path = await a_customers_path(customers)
    for purpose in ("newsletter", "survey"):
        await decide(customers, path, "granted", purpose=purpose)
    link = await a_link(customers, path)
    query = "action=stop&purpose=newsletter&channel=email"
    done = await submit(customers, link, query, content=body, headers={"content-type": content_type})
    assert done.status_code == 200
    assert await allowed(customers, link) == [("survey", "email")]
    wrong = await submit(customers, link, query, content="a=b", headers={"content-type": content_type})
    assert (wrong.status_code, wrong.json()["code"]) == (400, "unexpected_body")


@pytest.mark.parametrize(
    ("query", "status"),
    [("", 422), ("action=delete", 422), ("action=allow&purpose=x", 422), ("action=allow&channel=pigeon", 422)],
)
async def test_an_unknown_choice_is_refused(customers: ServiceUnderTest, query: str, status: int) -> None:
    path = await a_customers_path(customers)
    link = await a_link(customers, path)
    assert (await submit(customers, link, query)).status_code == status
    wrong = await customers.put(
        link, {"choices": [NEWS | {"allowed": True}, {"purpose": "x", "channel": "email", "allowed": True}]}
    )
    assert wrong.status_code == 422
    assert await receipts(customers, path) == []


async def request_consent(customers: ServiceUnderTest, path: str, **fields: Any) -> tuple[dict[str, Any], str]:
    """Ask for a confirmation, and return the pending receipt and the link."""
    receipt = await decide(customers, path, "pending", **NEWS, **fields)
    return receipt, await a_link(customers, path, confirms_id=receipt["id"])


async def reason(customers: ServiceUnderTest, path: str) -> str:
    return str((await permission(customers, path, **NEWS))["reason"])


async def test_a_consent_is_granted_when_it_is_confirmed_and_once(customers: ServiceUnderTest) -> None:
    path = await a_customers_path(customers)
    await customers.published()
    receipt, link = await request_consent(customers, path)
    (event,) = await customers.published()
    assert (event.type, event.data["receipt_id"]) == ("customers.consent_requested.v1", receipt["id"])
    assert "wording" not in event.data
    assert await reason(customers, path) == "pending"
    assert (await customers.get(link)).json()["confirmation"]["state"] == "open"
    assert await reason(customers, path) == "pending"  # a program that follows links confirms nothing

    await asyncio.gather(*(submit(customers, link, "action=confirm") for _ in range(3)))
    again = await customers.put(link, {"confirm": True})

    assert again.json()["confirmation"]["state"] == "confirmed"
    assert await reason(customers, path) == "granted"
    stored = await receipts(customers, path)
    assert [(each["decision"], each["confirms_id"]) for each in stored] == [
        ("pending", None),
        ("granted", receipt["id"]),
    ]
    await submit(customers, link, "action=stop")
    await submit(customers, link, "action=confirm")
    assert await reason(customers, path) == "withdrawn"


async def test_a_withdrawal_closes_the_confirmation(customers: ServiceUnderTest) -> None:
    path = await a_customers_path(customers)
    _, link = await request_consent(customers, path)
    await decide(customers, path, "withdrawn", **NEWS)
    closed = await submit(customers, link, "action=confirm")
    assert (closed.status_code, closed.json()["code"]) == (409, "confirmation_closed")
    assert await reason(customers, path) == "withdrawn"


async def test_a_confirmation_expires(customers: ServiceUnderTest) -> None:
    path = await a_customers_path(customers)
    soon = (datetime.now(UTC) + timedelta(seconds=1)).isoformat()
    receipt, link = await request_consent(customers, path, expires_at=soon)
    longer = await a_link(customers, path, confirms_id=receipt["id"], expires_at="2027-01-01T00:00:00Z")
    await asyncio.sleep(1.1)
    assert (await submit(customers, link, "action=confirm")).status_code == 404
    assert (await submit(customers, longer, "action=confirm")).status_code == 409
    assert await reason(customers, path) == "never_asked"


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"customer_id": str(uuid7())}, "/customer_id"),
        ({"confirms_id": str(uuid7())}, "/confirms_id"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "/expires_at"),
        ({"expires_at": "2190-01-01T00:00:00Z"}, "/expires_at"),
    ],
)
async def test_a_link_that_makes_no_sense_is_refused(
    customers: ServiceUnderTest, fields: dict[str, str], pointer: str
) -> None:
    path = await a_customers_path(customers)
    body = {"customer_id": path.rpartition("/")[2], **fields}
    answer = await customers.post("/v1/preference-links", body)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer)


async def test_a_token_is_stored_as_a_hash_alone(customers: ServiceUnderTest) -> None:
    link = await a_link(customers, await a_customers_path(customers))
    token = link.rpartition("/")[2]
    for table in ("preference_link", "chassis.idempotency", "chassis.audit", "chassis.outbox"):
        rows = await customers.rows(f"select row_to_json(found)::text as row from {table} as found")
        assert not [row for row in rows if token in row["row"]], table
    assert token not in (await customers.get("/v1/preference-links")).text
