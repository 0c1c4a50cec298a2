"""The search of the texts of touch points: words as the beginnings of words, of one tenant, by index."""

import pytest

from chassis.types.ids import uuid7
from tests.support.interactions import a_touch_point
from tests.support.service import ServiceUnderTest

TEXTS: dict[str, dict[str, str | None]] = {
    "1": {"subject": "Lieferung der Grüße-Karten", "body": "Where is order 2026-03-01-0042? It's late."},
    "2": {"subject": "Delivery", "body": "Sent by ada@example.org from the harbour."},
    "3": {"subject": "Harbour store", "body": None},
    "4": {"subject": None, "body": "100% of C:\\temp & 'quotes' | (brackets) :* !"},
}


async def record_texts(interactions: ServiceUnderTest, customer: object) -> None:
    for id, texts in TEXTS.items():
        fields = {name: text for name, text in texts.items() if text is not None}
        body = a_touch_point(customer, source_id=id, **fields)
        if "subject" not in fields:
            del body["subject"]
        assert (await interactions.post("/v1/touch-points", body)).status_code == 201


@pytest.mark.parametrize(
    ("q", "ids"),
    [
        ("harbour", {"2", "3"}),
        ("HARB", {"2", "3"}),
        ("harb deliv", {"2"}),
        ("grüße", {"1"}),
        ("2026-03-01-0042", {"1"}),
        ("ada@example.org", {"2"}),
        ("it's", {"1"}),
        ("'quotes'", {"4"}),
        ("c:\\temp", {"4"}),
        ("(brackets)", {"4"}),
        ("100%", {"4"}),
        (":*", set()),
        ("' | '", set()),
        ("nowhere", set()),
    ],
)
async def test_a_search_finds_words_and_their_beginnings(interactions: ServiceUnderTest, q: str, ids: set[str]) -> None:
    await record_texts(interactions, uuid7())
    response = await interactions.get("/v1/touch-points", q=q)
    assert response.status_code == 200, response.text
    assert {item["source_id"] for item in response.json()["items"]} == ids


async def test_a_search_is_of_a_customer_with_other_filters(interactions: ServiceUnderTest) -> None:
    customer, other = uuid7(), uuid7()
    await record_texts(interactions, customer)
    body = a_touch_point(other, subject="Harbour", channel="chat", source_id="9")
    await interactions.post("/v1/touch-points", body)
    found = (await interactions.get("/v1/touch-points", q="harbour", customer_id=str(other))).json()["items"]
    assert [item["source_id"] for item in found] == ["9"]
    chats = (await interactions.get("/v1/touch-points", q="harbour", channel="chat")).json()["items"]
    assert [item["source_id"] for item in chats] == ["9"]
    page = (await interactions.get("/v1/touch-points", q="harbour", limit="2")).json()
    rest = (await interactions.get("/v1/touch-points", q="harbour", limit="2", cursor=page["next_cursor"])).json()
    assert (len(page["items"]), len(rest["items"]), rest["next_cursor"]) == (2, 1, None)


async def test_a_search_finds_nothing_of_another_tenant(running_interactions: ServiceUnderTest) -> None:
    own, other = await running_interactions.for_new_tenant(), await running_interactions.for_new_tenant()
    await record_texts(own, uuid7())
    assert (await other.get("/v1/touch-points", q="harbour")).json()["items"] == []


async def test_a_very_long_text_of_many_words_is_recorded_and_found(interactions: ServiceUnderTest) -> None:
    body = "".join(chr(0x4E00 + number % 20_000) + " " for number in range(49_000)) + "kettle"
    response = await interactions.post("/v1/touch-points", a_touch_point(uuid7(), body=body))
    assert response.status_code == 201, response.text
    assert len((await interactions.get("/v1/touch-points", q="kettle")).json()["items"]) == 1
    word = await interactions.post("/v1/touch-points", a_touch_point(uuid7(), body="x" * 100_000))
    assert word.status_code == 201
