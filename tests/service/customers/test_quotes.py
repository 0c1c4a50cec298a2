"""Quotes: numbered without gaps, unchanged once sent, and rendered with every name."""

import asyncio
from collections import Counter
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

import pytest
from pypdf import PdfReader
from structlog.testing import CapturingLogger

from chassis.types.ids import uuid7
from services.customers.sales.quotes import routes
from services.customers.sales.quotes.fonts import EAST_ASIAN, Fonts, fonts_for
from tests.support.sales import a_deal, a_pipeline, created, events_of
from tests.support.service import ServiceUnderTest

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LINES = [
    {"name": "Kettles", "quantity": "10", "unit_price": "3.35"},
    {"name": "Tea", "quantity": "1", "unit_price": "0.50"},
]


@pytest.fixture
async def shop(customers: ServiceUnderTest) -> ServiceUnderTest:
    """Provide the service to a sandbox whose clock shows NOW."""
    return await customers.for_new_tenant(kind="sandbox", clock_at=NOW)


async def a_deal_with_lines(shop: ServiceUnderTest, **fields: Any) -> dict[str, Any]:
    pipelines = (await shop.get("/v1/pipelines")).json()["items"]
    deal = await a_deal(shop, pipelines[0] if pipelines else await a_pipeline(shop), **fields)
    assert (await shop.put(f"/v1/deals/{deal['id']}/lines", {"lines": LINES})).status_code == 200
    return deal


async def a_quote(shop: ServiceUnderTest, **fields: Any) -> dict[str, Any]:
    deal = await a_deal_with_lines(shop)
    return await created(shop, "/v1/quotes", {"deal_id": deal["id"], **fields})


async def act(shop: ServiceUnderTest, quote: dict[str, Any], verb: str, body: Any = None) -> Any:
    options = {} if body is None else {"json": body}
    return await shop.request("POST", f"/v1/quotes/{quote['id']}/{verb}", **options)


async def test_a_quote_keeps_the_lines_of_its_deal_with_exact_taxes(shop: ServiceUnderTest) -> None:
    deal = await a_deal_with_lines(shop)
    body = {"deal_id": deal["id"], "tax_rate": "0.21", "line_taxes": [{"number": 2, "tax_rate": "0.09"}]}
    quote = await created(shop, "/v1/quotes", body)
    assert [line["tax"] for line in quote["lines"]] == ["7.04", "0.05"]  # 7.035 and 0.045, half up
    assert [quote[name]["amount"] for name in ("net", "tax", "total")] == ["34.00", "7.09", "41.09"]
    assert (quote["number"], quote["revision"], quote["valid_until"]) == (1, 1, "2026-03-31")
    await shop.put(f"/v1/deals/{deal['id']}/lines", {"lines": LINES[:1]})
    assert (await shop.get(f"/v1/quotes/{quote['id']}")).json() == quote
    assert (await shop.get("/v1/quotes", deal_id=deal["id"], number=1)).json()["items"] == [quote]


async def test_numbers_have_no_gaps_under_concurrency_and_failures(shop: ServiceUnderTest) -> None:
    full, empty = await a_deal_with_lines(shop), await a_deal(shop, await a_pipeline(shop, name="Other"))
    bodies = [{"deal_id": full["id"]}, {"deal_id": empty["id"]}, {"deal_id": full["id"], "note": "x" * 300_000}] * 6
    responses = await asyncio.gather(*(shop.post("/v1/quotes", body) for body in bodies))
    assert Counter(response.status_code for response in responses) == {201: 6, 409: 6, 422: 6}
    rows = await shop.rows("select number from quote order by number")
    assert [row["number"] for row in rows] == list(range(1, 7))


@pytest.mark.parametrize("death", ["raise exception 'disk full'", "perform pg_terminate_backend(pg_backend_pid())"])
async def test_a_transaction_that_fails_or_is_killed_gives_its_number_back(shop: ServiceUnderTest, death: str) -> None:
    first = await a_quote(shop)
    await shop.as_owner(
        f"create function die() returns trigger language plpgsql as $$ begin {death}; return new; end $$",
        "create trigger dies before insert on quote for each row when (new.note = 'dies') execute function die()",
    )
    try:
        failed = await shop.post("/v1/quotes", {"deal_id": first["deal_id"], "note": "dies"})
    finally:
        await shop.as_owner("drop trigger dies on quote", "drop function die()")
    assert failed.status_code >= 500
    assert (await created(shop, "/v1/quotes", {"deal_id": first["deal_id"]}))["number"] == first["number"] + 1


async def test_a_quote_of_an_empty_or_lost_deal_is_refused(shop: ServiceUnderTest) -> None:
    empty = await a_deal(shop, await a_pipeline(shop))
    refusal = await shop.post("/v1/quotes", {"deal_id": empty["id"]})
    assert (refusal.status_code, refusal.json()["code"]) == (409, "empty_deal")
    lost = await a_deal_with_lines(shop)
    await shop.post(f"/v1/deals/{lost['id']}/lose", {"reason": "price"})
    assert (await shop.post("/v1/quotes", {"deal_id": lost["id"]})).json()["code"] == "deal_closed"
    unknown = await shop.post("/v1/quotes", {"deal_id": str(uuid7())})
    assert unknown.json()["errors"][0]["pointer"] == "/deal_id"


async def test_a_sent_quote_changes_only_by_a_new_version(shop: ServiceUnderTest) -> None:
    quote = await a_quote(shop)
    path = f"/v1/quotes/{quote['id']}"
    assert (await shop.patch(path, {"note": "Free delivery."}, if_match='"1"')).json()["version"] == 2
    assert (await act(shop, quote, "send")).json()["state"] == "sent"
    assert (await shop.patch(path, {"note": "Not free."})).json()["code"] == "quote_not_draft"
    assert (await act(shop, quote, "send")).json()["code"] == "quote_not_draft"
    second = (await act(shop, quote, "versions", {"tax_rate": "0.21"})).json()
    assert (second["number"], second["revision"], second["state"]) == (quote["number"], 2, "draft")
    assert (await shop.get(path)).json()["state"] == "replaced"
    assert (await act(shop, quote, "accept")).json()["code"] == "quote_not_sent"
    assert (await act(shop, quote, "versions", {})).json()["code"] == "quote_final"


async def test_of_parallel_decisions_and_versions_one_counts(shop: ServiceUnderTest) -> None:
    quote = await a_quote(shop)
    await act(shop, quote, "send")
    tries = [act(shop, quote, "accept") for _ in range(2)] + [act(shop, quote, "decline", {}) for _ in range(2)]
    tries += [act(shop, quote, "versions", {}) for _ in range(2)]
    responses = await asyncio.gather(*tries)
    state = (await shop.get(f"/v1/quotes/{quote['id']}")).json()["state"]
    successes = [response for response in responses if response.is_success]
    assert len(successes) == (2 if state == "replaced" and any(r.status_code == 200 for r in successes) else 1)
    decided = await events_of(shop, "customers.quote_accepted.v1", "customers.quote_declined.v1")
    assert len(decided) <= 1


async def test_a_quote_expires_on_the_day_after_its_last(shop: ServiceUnderTest) -> None:
    quote = await a_quote(shop, valid_until="2026-03-10")
    await act(shop, quote, "send")
    last = shop.for_tenant(shop.tenant.model_copy(update={"clock_at": NOW.replace(day=10)}))
    await last.run_periodic_tasks()
    assert (await last.get(f"/v1/quotes/{quote['id']}")).json()["state"] == "sent"
    after = shop.for_tenant(shop.tenant.model_copy(update={"clock_at": NOW.replace(day=11)}))
    assert (await act(after, quote, "accept")).json()["code"] == "quote_out_of_date"
    await asyncio.gather(after.run_periodic_tasks(), after.run_periodic_tasks())
    assert len(await events_of(after, "customers.quote_expired.v1")) == 1
    assert (await after.get(f"/v1/quotes/{quote['id']}")).json()["state"] == "expired"


async def test_a_discount_above_the_limit_is_not_sent_before_it_is_approved(shop: ServiceUnderTest) -> None:
    deal = await a_deal(shop, await a_pipeline(shop, discount_percent="10"))
    lines = [{"name": "Kettles", "quantity": "1", "unit_price": "10.00", "discount": "3.00"}]
    await shop.put(f"/v1/deals/{deal['id']}/lines", {"lines": lines})
    quote = await created(shop, "/v1/quotes", {"deal_id": deal["id"]})
    assert (await act(shop, quote, "send")).json()["code"] == "discount_not_approved"
    approval = await created(shop, f"/v1/deals/{deal['id']}/discount-approvals", {"reason": "A large order."})
    await shop.acting_as("user:sales/grace").post(f"/v1/discount-approvals/{approval['id']}/approve", {})
    assert (await act(shop, quote, "send")).status_code == 200


async def test_the_document_is_a_pdf_that_a_client_may_keep(shop: ServiceUnderTest) -> None:
    path = f"/v1/quotes/{(await a_quote(shop))['id']}/document"
    first, second = await shop.get(path), await shop.get(path)
    assert first.headers["content-type"] == "application/pdf"
    assert first.content.startswith(b"%PDF-")
    assert (first.content, first.headers["etag"]) == (second.content, second.headers["etag"])
    kept = await shop.request("GET", path, headers={"if-none-match": first.headers["etag"]})
    assert (kept.status_code, kept.content) == (304, b"")
    await shop.patch(path.removesuffix("/document"), {"note": "Free delivery."})
    assert (await shop.get(path)).headers["etag"] != first.headers["etag"]


@pytest.mark.parametrize("name", ["Łukasz Đỗ", "Ελένη", "Мария", "محمد بن سلمان", "שרה", "นภา", "अनिल", "a\u0301"])
async def test_a_name_in_any_of_these_scripts_is_printed_as_it_is(name: str) -> None:
    assert fonts_for(name, None) == Fonts((), ())


@pytest.mark.parametrize("name", ["李伟", "繁體 𠮷", "トヨタ ｶﾅ", "삼성"])
async def test_a_name_of_east_asia_is_printed_with_a_second_font(name: str) -> None:
    assert fonts_for(f"Ada {name}\ufe0f", None) == Fonts((EAST_ASIAN,), ())


async def test_the_operators_font_is_asked_before_that_of_east_asia() -> None:
    assert fonts_for("李 Ada", EAST_ASIAN).others == (EAST_ASIAN,)
    assert fonts_for("Ada 😀 😀", EAST_ASIAN) == Fonts((), ("😀",))


async def test_a_name_in_many_scripts_gives_a_document_with_its_letters(shop: ServiceUnderTest) -> None:
    name = "Łukasz Ελένη Мария محمد שרה นภา अनिल 李伟 トヨタ 삼성"
    deal = await a_deal_with_lines(shop)
    customer = {"given_name": name, "addresses": [{"street": f"{name} 1\n{name}", "city": name}]}
    await shop.patch(f"/v1/customers/{deal['customer_id']}", customer)
    quote = await created(shop, "/v1/quotes", {"deal_id": deal["id"], "note": name})
    document = await shop.get(f"/v1/quotes/{quote['id']}/document")
    assert quote["customer_name"].startswith(name)
    text = text_of(document.content)
    assert [each for each in ("Łukasz", "Ελένη", "Мария", "李伟", "トヨタ", "삼성") if each not in text] == []


async def test_what_no_font_has_is_named_below_and_in_the_log(
    shop: ServiceUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = CapturingLogger()
    monkeypatch.setattr(routes, "log", log)
    quote = await a_quote(shop, note="Tea 😀 for Արամ")
    document = await shop.get(f"/v1/quotes/{quote['id']}/document")
    assert "Tea?for????" in text_of(document.content)
    assert "Notprintableinthisdocument:U+1F600,U+0531" in text_of(document.content)
    assert [call.kwargs for call in log.calls] == [{"quote_id": quote["id"], "characters": 5}]


def text_of(document: bytes) -> str:
    """Return the text of a document, without the spaces that its reader sees between letters of East Asia."""
    return PdfReader(BytesIO(document)).pages[0].extract_text().replace("\0", "").replace(" ", "")
