"""Touch points, and the timelines and shopping histories of all records."""

from typing import Any

import pytest

from chassis.types.ids import uuid7
from tests.support.facts import a_purchase
from tests.support.interactions import a_refund, a_touch_point
from tests.support.service import ServiceUnderTest


async def test_a_touch_point_reads_back_as_recorded(interactions: ServiceUnderTest) -> None:
    customer = uuid7()
    fields = {"phase": "after", "body": "Dear shop,\nwhere is it?", "duration_seconds": 60, "data": {"a": [1, None]}}
    created = (await interactions.post("/v1/touch-points", a_touch_point(customer, agent_id="a-1", **fields))).json()
    assert (await interactions.get(f"/v1/touch-points/{created['id']}")).json() == created
    assert {name: created[name] for name in fields} == fields
    (event,) = await interactions.published()
    assert (event.type, event.subject) == ("interactions.touch_point_recorded.v1", str(customer))
    assert "Dear" not in str(event.data)


async def test_a_touch_point_of_an_author_has_no_customer(interactions: ServiceUnderTest) -> None:
    body = a_touch_point(author={"handle": "@ada", "display_name": "Ada"}, channel="review")
    created = (await interactions.post("/v1/touch-points", body)).json()
    assert (created["customer_id"], created["author"]) == (None, {"handle": "@ada", "display_name": "Ada"})
    (event,) = await interactions.published()
    assert event.subject == created["id"]


async def test_a_repeated_touch_point_returns_the_existing_one(interactions: ServiceUnderTest) -> None:
    body = a_touch_point(uuid7())
    first = await interactions.post("/v1/touch-points", body)
    repeat = await interactions.post("/v1/touch-points", body)
    assert (repeat.status_code, repeat.json()) == (200, first.json())
    other = await interactions.post("/v1/touch-points", body | {"subject": "Another"})
    assert (other.status_code, other.json()["code"]) == (409, "source_id_reused")
    batch = {"items": [body, a_touch_point(uuid7()), body | {"body": "x"}, {"source": "x"}]}
    results = (await interactions.post("/v1/touch-points/batch", batch)).json()["results"]
    assert [result["status"] for result in results] == ["unchanged", "created", "refused", "refused"]
    assert len(await interactions.published()) == 2


async def test_a_mail_is_cleaned_and_not_refused(interactions: ServiceUnderTest) -> None:
    mail = {"subject": "Re: order\r\n\t4711 " + "x" * 900, "body": "page1\fpage2\va\rb it\u0092s\r\n" + "x" * 99_900}
    created = await interactions.post("/v1/touch-points", a_touch_point(uuid7(), **mail))
    assert created.status_code == 201, created.text
    assert created.json()["subject"].startswith("Re: order 4711 xxx")
    assert created.json()["body"].startswith("page1\npage2\na\nb it\u2019s\nxxx")
    longer = await interactions.post("/v1/touch-points", a_touch_point(uuid7(), subject="x" * 999))
    assert (longer.status_code, longer.json()["errors"][0]["pointer"]) == (422, "/subject")


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"direction": "sideways"}, "/direction"),
        ({"phase": "never"}, "/phase"),
        ({"channel": ""}, "/channel"),
        ({"duration_seconds": -1}, "/duration_seconds"),
        ({"duration_seconds": 1.5}, "/duration_seconds"),
        ({"occurred_at": "1899-12-31T00:00:00Z"}, "/occurred_at"),
        ({"occurred_at": "2150-01-01T00:00:00Z"}, "/occurred_at"),
        ({"customer_id": None}, "/customer_id"),
        ({"body": "x" * 100_001}, "/body"),
    ],
)
async def test_an_invalid_touch_point_returns_422(
    interactions: ServiceUnderTest, fields: dict[str, Any], pointer: str
) -> None:
    response = await interactions.post("/v1/touch-points", a_touch_point(uuid7()) | fields)
    assert (response.status_code, response.json()["errors"][0]["pointer"]) == (422, pointer)


async def test_a_touch_point_needs_a_customer_or_an_author(interactions: ServiceUnderTest) -> None:
    body = a_touch_point(uuid7())
    response = await interactions.post("/v1/touch-points", {name: body[name] for name in body.keys() - {"customer_id"}})
    assert (response.status_code, response.json()["errors"][0]["pointer"]) == (422, "")


async def a_year(interactions: ServiceUnderTest, customer: object) -> None:
    """Record a mail, two purchases, and a refund of the second."""
    await interactions.post("/v1/touch-points", a_touch_point(customer))
    for day in ("02", "09"):
        lines = [
            {"sku": "tea", "name": "Tea", "quantity": "2", "unit_price": "2.50"},
            {"sku": "cake", "quantity": "0.5", "amount": "4.00"},
        ]
        body = a_purchase(customer, purchased_at=f"2026-03-{day}T23:30:00Z", lines=lines)
        purchase = (await interactions.post("/v1/purchases", body)).json()
    refund = a_refund(refunded_at="2026-03-10T10:00:00Z", amount="1.50")
    assert (await interactions.post(f"/v1/purchases/{purchase['id']}/refunds", refund)).status_code == 201


async def test_a_timeline_lists_the_records_of_a_customer_newest_first(interactions: ServiceUnderTest) -> None:
    customer = uuid7()
    await a_year(interactions, customer)
    await a_year(interactions, uuid7())
    path = f"/v1/timelines/{customer}"
    items = (await interactions.get(path)).json()["items"]
    assert [(item["kind"], item["amount"] and item["amount"]["amount"]) for item in items] == [
        ("refund", "-1.50"),
        ("purchase", "9.00"),
        ("purchase", "9.00"),
        ("touch_point", None),
    ]
    first = (await interactions.get(path, limit="3")).json()
    rest = (await interactions.get(path, limit="3", cursor=first["next_cursor"])).json()
    assert first["items"] + rest["items"] == items
    since = {"occurred_at.gte": "2026-03-09T00:00:00Z"}
    assert len((await interactions.get(path, **since)).json()["items"]) == 2
    purchase_recorded = await interactions.request("GET", f"{path}?kind=purchase&kind=refund")
    assert [item["kind"] for item in purchase_recorded.json()["items"]] == ["refund", "purchase", "purchase"]
    assert (await interactions.get(path, kind="dream")).status_code == 422


async def test_timelines_and_histories_contain_no_records_of_another_tenant(
    running_interactions: ServiceUnderTest,
) -> None:
    own, other = await running_interactions.for_new_tenant(), await running_interactions.for_new_tenant()
    customer = uuid7()
    await a_year(own, customer)
    assert (await other.get(f"/v1/timelines/{customer}")).json()["items"] == []
    assert (await other.get(f"/v1/shopping-histories/{customer}")).json()["totals"] == []


async def test_a_shopping_history_has_totals_items_and_weekdays(interactions: ServiceUnderTest) -> None:
    customer = uuid7()
    await a_year(interactions, customer)
    history = (await interactions.get(f"/v1/shopping-histories/{customer}")).json()
    (total,) = history["totals"]
    assert (total["purchases"], total["bought"]["amount"], total["refunded"]["amount"]) == (2, "18.00", "1.50")
    assert [(item["sku"], item["quantity"], item["amount"]["amount"], item["name"]) for item in history["items"]] == [
        ("tea", "4", "10.00", "Tea"),
        ("cake", "1", "8.00", None),
    ]
    # 23:30 UTC is the next day in Amsterdam: Monday the 2nd becomes Tuesday.
    assert history["weekdays"] == [{"weekday": 2, "purchases": 2}]


async def test_a_touch_point_has_a_sentiment_and_attachments_by_reference(interactions: ServiceUnderTest) -> None:
    sentiment = {"score": -0.5, "given_by": "agent-7"}
    file = {"name": "bill.pdf", "media_type": "application/pdf", "size_bytes": 4711, "url": "https://files.test/1"}
    body = a_touch_point(uuid7(), sentiment=sentiment, attachments=[file, {}], automatic="notification")
    created = (await interactions.post("/v1/touch-points", body)).json()
    assert (created["sentiment"], created["automatic"]) == (sentiment, "notification")
    assert created["attachments"] == [file | {"sha256": None}, dict.fromkeys([*file, "sha256"])]
    (listed,) = (await interactions.get("/v1/touch-points")).json()["items"]
    assert (await interactions.get(f"/v1/touch-points/{created['id']}")).json() == created == listed
    (event,) = await interactions.published()
    assert (event.data["sentiment"], event.data["automatic"]) == (-0.5, "notification")
    other = await interactions.post("/v1/touch-points", body | {"sentiment": sentiment | {"score": 1}})
    assert (other.status_code, other.json()["code"]) == (409, "source_id_reused")


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"sentiment": {"score": 1.1, "given_by": "a"}}, "/sentiment/score"),
        ({"sentiment": {"score": "1", "given_by": "a"}}, "/sentiment/score"),
        ({"sentiment": {"score": 1}}, "/sentiment/given_by"),
        ({"attachments": [{"sha256": "abc"}]}, "/attachments/0/sha256"),
        ({"attachments": [{"size_bytes": -1}]}, "/attachments/0/size_bytes"),
        ({"attachments": [{"content": "..."}]}, "/attachments/0/content"),
        ({"attachments": [{}] * 101}, "/attachments"),
        ({"automatic": "yes"}, "/automatic"),
    ],
)
async def test_invalid_additions_return_422(
    interactions: ServiceUnderTest, fields: dict[str, Any], pointer: str
) -> None:
    response = await interactions.post("/v1/touch-points", a_touch_point(uuid7(), **fields))
    assert (response.status_code, response.json()["errors"][0]["pointer"]) == (422, pointer)


async def test_a_timeline_is_filtered_by_channel_and_direction(interactions: ServiceUnderTest) -> None:
    customer = uuid7()
    await a_year(interactions, customer)
    await interactions.post("/v1/touch-points", a_touch_point(customer, channel="chat", direction="outbound"))
    path = f"/v1/timelines/{customer}"
    assert [item["channel"] for item in (await interactions.get(path, channel="chat")).json()["items"]] == ["chat"]
    several = (await interactions.request("GET", f"{path}?channel=chat&channel=email")).json()["items"]
    assert {item["channel"] for item in several} == {"chat", "email"}
    inbound = (await interactions.get(path, direction="inbound", kind="touch_point")).json()["items"]
    assert [item["channel"] for item in inbound] == ["email"]
