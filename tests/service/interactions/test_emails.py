"""Raw e-mails become touch points: of the right customer, direction and thread, each once."""

import gzip
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chassis.types.ids import uuid7
from tests.support.interactions import a_contact, customer_created
from tests.support.service import ServiceUnderTest
from tests.unit.interactions.test_emails import HOSTILE, LINES, MAIL


async def a_mailbox(interactions: ServiceUnderTest, address: str = "help@shop.example") -> str:
    body = {"address": address, "domains": ["shop.example"]}
    response = await interactions.post("/v1/mailboxes", body)
    assert response.status_code == 201, response.text
    return str(response.json()["id"])


async def send(interactions: ServiceUnderTest, mailbox: str, content: bytes, **headers: str) -> Any:
    headers = {"content-type": "message/rfc822"} | {name.replace("_", "-"): value for name, value in headers.items()}
    path = f"/v1/emails?mailbox_id={mailbox}"
    return await interactions.request("POST", path, content=content, headers=headers)


def a_mail(id: str, sender: str = "ada@example.org", to: str = "help@shop.example", more: str = "") -> bytes:
    return f"From: {sender}\nTo: {to}\nMessage-ID: <{id}@example.org>\nSubject: Tea\n{more}\nHello".encode()


async def test_a_message_becomes_a_touch_point(interactions: ServiceUnderTest) -> None:
    mailbox = await a_mailbox(interactions)
    response = await send(interactions, mailbox, MAIL)
    assert response.status_code == 201, response.text
    touch_point = response.json()["touch_point"]
    assert response.json()["candidates"] == []
    expected = {
        "source": "help@shop.example",
        "source_id": "m-3@example.org",
        "customer_id": None,
        "author": {"handle": "ada@example.org", "display_name": "Ada Löve"},
        "channel": "email",
        "direction": "inbound",
        "subject": "Grüße und \U0001f376",
        "body": "Where is my order? Grüße",
        "occurred_at": "2026-03-02T09:00:00Z",
        "reply_to": "m-1@example.org",
        "automatic": None,
    }
    assert {name: touch_point[name] for name in expected} == expected
    assert touch_point["attachments"][0]["name"] == "Rechnung ü.pdf"
    assert touch_point["data"]["to"] == ["help@shop.example", "second@shop.example"]
    (event,) = await interactions.published()
    assert event.type == "interactions.touch_point_recorded.v1"


async def test_a_message_is_recorded_once_also_with_other_headers(interactions: ServiceUnderTest) -> None:
    mailbox = await a_mailbox(interactions)
    first = await send(interactions, mailbox, a_mail("m-1"))
    copy = await send(interactions, mailbox, b"Received: from elsewhere\n" + a_mail("m-1"), content_encoding="identity")
    assert (first.status_code, copy.status_code) == (201, 200)
    assert copy.json()["touch_point"] == first.json()["touch_point"]
    without = b"From: ada@example.org\n\nHello"
    answers = [await send(interactions, mailbox, without) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 200]
    assert len(await interactions.published()) == 2


async def test_messages_of_a_conversation_are_a_thread_in_any_order(interactions: ServiceUnderTest) -> None:
    mailbox = await a_mailbox(interactions)
    third = a_mail("m-3", more="References: <m-1@example.org> <m-2@example.org>\n")
    second = a_mail("m-2", "help@shop.example", "ada@example.org", "In-Reply-To: <m-1@example.org>\n")
    threads = [
        (await send(interactions, mailbox, content)).json()["touch_point"]["thread_id"]
        for content in (third, second, a_mail("m-1"))
    ]
    assert len(set(threads)) == 1
    other = (await send(interactions, mailbox, a_mail("m-9"))).json()["touch_point"]  # with the same subject
    assert other["thread_id"] not in threads


@pytest.mark.parametrize(
    ("sender", "to", "direction", "party"),
    [
        ("ada@example.org", "help@shop.example", "inbound", "ada@example.org"),
        ("help@shop.example", "ada@example.org", "outbound", "ada@example.org"),
        ("ida@SHOP.example", "boss@shop.example, ada@example.org", "outbound", "ada@example.org"),
        ("ida@sub.shop.example", "help@shop.example", "inbound", "ida@sub.shop.example"),
    ],
)
async def test_the_direction_follows_from_the_own_addresses(
    interactions: ServiceUnderTest, sender: str, to: str, direction: str, party: str
) -> None:
    mailbox = await a_mailbox(interactions)
    touch_point = (await send(interactions, mailbox, a_mail("m-1", sender, to))).json()["touch_point"]
    assert (touch_point["direction"], touch_point["author"]["handle"]) == (direction, party)


async def test_messages_of_a_known_address_are_the_customers(interactions: ServiceUnderTest) -> None:
    mailbox, customer = await a_mailbox(interactions), uuid7()
    first = (await send(interactions, mailbox, a_mail("m-1"))).json()["touch_point"]
    await interactions.post(f"/v1/touch-points/{first['id']}/link", {"customer_id": str(customer)})
    second = (await send(interactions, mailbox, a_mail("m-2"))).json()["touch_point"]
    answer = (await send(interactions, mailbox, a_mail("m-3", "help@shop.example", "Ada@Example.org"))).json()
    assert second["customer_id"] == answer["touch_point"]["customer_id"] == str(customer)
    assert second["linked_at"] is not None
    assert len((await interactions.get(f"/v1/timelines/{customer}")).json()["items"]) == 3


async def test_the_customer_whose_record_has_the_address_precedes_earlier_links(interactions: ServiceUnderTest) -> None:
    mailbox, (ada, other, mistaken) = await a_mailbox(interactions), sorted(uuid7() for _ in range(3))
    first = (await send(interactions, mailbox, a_mail("m-1"))).json()["touch_point"]
    await interactions.post(f"/v1/touch-points/{first['id']}/link", {"customer_id": str(mistaken)})
    await interactions.deliver(customer_created(ada, contact=a_contact("Ada@Example.org")))
    second = (await send(interactions, mailbox, a_mail("m-2"))).json()["touch_point"]
    assert second["customer_id"] == str(ada)
    await interactions.deliver(customer_created(other, contact=a_contact("ada@example.org")))
    third = (await send(interactions, mailbox, a_mail("m-3"))).json()
    assert (third["touch_point"]["customer_id"], third["candidates"]) == (None, [str(ada), str(other)])


async def test_an_address_of_two_customers_is_not_linked(interactions: ServiceUnderTest) -> None:
    mailbox, customers = await a_mailbox(interactions), sorted(str(uuid7()) for _ in range(2))
    posts = [(await send(interactions, mailbox, a_mail(f"m-{n}"))).json()["touch_point"] for n in range(2)]
    for post, customer in zip(posts, customers, strict=True):
        await interactions.post(f"/v1/touch-points/{post['id']}/link", {"customer_id": customer})
    received = (await send(interactions, mailbox, a_mail("m-9"))).json()
    assert (received["touch_point"]["customer_id"], received["candidates"]) == (None, customers)


async def test_machines_are_marked(interactions: ServiceUnderTest) -> None:
    mailbox = await a_mailbox(interactions)
    received = (await send(interactions, mailbox, a_mail("m-1", more="Auto-Submitted: auto-replied\n"))).json()
    assert received["touch_point"]["automatic"] == "reply"


async def test_what_is_no_message_of_a_customer_is_refused(interactions: ServiceUnderTest) -> None:
    mailbox = await a_mailbox(interactions)
    for content in (b"Subject: no sender\n\nHello", a_mail("m-1", "a@shop.example", "b@shop.example")):
        refused = await send(interactions, mailbox, content)
        assert (refused.status_code, refused.json()["code"]) == (422, "email_without_party")
    unknown = (await send(interactions, str(uuid7()), a_mail("m-1"))).json()
    assert [(error["in"], error["code"]) for error in unknown["errors"]] == [("query", "unknown_record")]
    wrong = await send(interactions, mailbox, a_mail("m-1"), content_type="application/json")
    assert (wrong.status_code, wrong.json()["code"]) == (415, "unsupported_media_type")
    large = await send(interactions, mailbox, a_mail("m-1") + b"x" * 25_000_000)
    assert (large.status_code, large.json()["code"]) == (413, "payload_too_large")
    bomb = gzip.compress(b"\0" * 26_000_000)
    packed = await send(interactions, mailbox, bomb, content_encoding="gzip")
    assert (packed.status_code, packed.json()["code"]) == (413, "payload_too_large")
    assert (await send(interactions, mailbox, gzip.compress(a_mail("m-1")), content_encoding="gzip")).status_code == 201


async def test_a_time_that_cannot_be_right_is_replaced(interactions: ServiceUnderTest) -> None:
    mailbox = await a_mailbox(interactions)
    for number, date in enumerate(("Mon, 02 Mar 2099 10:00:00 +0000", "Mon, 02 Mar 1901 10:00:00 +0000", "soon")):
        received = await send(interactions, mailbox, a_mail(f"m-{number}", more=f"Date: {date}\n"))
        assert received.status_code == 201, received.text
        assert received.json()["touch_point"]["occurred_at"][:2] == "20"


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE.keys())
async def test_a_hostile_message_is_recorded_or_refused(interactions: ServiceUnderTest, content: bytes) -> None:
    mailbox = await a_mailbox(interactions)
    for head in (b"", b"From: ada@example.org\n"):
        assert (await send(interactions, mailbox, head + content)).status_code in (200, 201, 422)


CONTENTS = st.lists(LINES | st.binary(max_size=20), min_size=1, max_size=12).map(b"\n".join)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=CONTENTS)
async def test_no_bytes_are_an_error_of_the_server(interactions: ServiceUnderTest, content: bytes) -> None:
    address = f"{uuid7().hex}@shop.example"
    response = await send(interactions, await a_mailbox(interactions, address), b"From: a@b.c\n" + content)
    assert response.status_code in (201, 422), response.text


async def test_a_mailbox_keeps_its_address(interactions: ServiceUnderTest) -> None:
    id = await a_mailbox(interactions)
    again = await interactions.post("/v1/mailboxes", {"address": "HELP@shop.example"})
    assert (again.status_code, again.json()["mailbox_id"]) == (409, id)
    changed = await interactions.request(
        "PATCH", f"/v1/mailboxes/{id}", json={"domains": ["Büro.example", "a.example"]}
    )
    assert changed.json()["domains"] == ["xn--bro-hoa.example", "a.example"]
    for body in ({"address": "x@shop.example"}, {"domains": ["no domain"]}, {"domains": None}):
        assert (await interactions.request("PATCH", f"/v1/mailboxes/{id}", json=body)).status_code == 422
