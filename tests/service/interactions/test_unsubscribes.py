"""Unsubscribes: by a link without a login, at once, for all who share the address, and never by a mere visit."""

import asyncio
from typing import Any
from uuid import UUID

import httpx

from tests.support.campaigns import (
    a_draft,
    a_reader,
    at,
    mails,
    outcomes,
    recipients,
    sent_campaign,
    step,
)
from tests.support.erasure import erase
from tests.support.interactions import consent
from tests.support.promises import a_sandbox, events_of
from tests.support.service import ServiceUnderTest

HTML = {"accept": "text/html"}


async def a_link(service: ServiceUnderTest) -> str:
    """Send a campaign, and return the link of its only message."""
    await sent_campaign(service)
    (mail,) = await mails(service)
    return str(mail["unsubscribe_path"])


async def click(service: ServiceUnderTest, link: str, method: str = "POST", **options: Any) -> httpx.Response:
    """Open a link as a browser without a login does: the gateway finds the tenant in the token."""
    return await service.with_scopes().request(method, link, **options)


async def test_a_link_has_no_id_and_only_its_hash_is_stored(interactions: ServiceUnderTest) -> None:
    reader = await a_reader(interactions)
    link = await a_link(interactions)
    assert link.startswith("/v1/unsubscribes/")
    assert str(reader) not in link
    stored = [await interactions.rows(f"select * from {table}") for table in ("campaign_recipient", "message")]
    assert link.rpartition("/")[2] not in str(stored)


async def test_a_visit_changes_nothing_and_a_click_withdraws_the_permission(interactions: ServiceUnderTest) -> None:
    reader = await a_reader(interactions)
    link = await a_link(interactions)
    await interactions.published()
    for _ in range(3):  # scanners of mails follow links
        shown = await click(interactions, link, "GET")
        page = await click(interactions, link, "GET", headers=HTML | {"accept-language": "nl"})
    assert shown.json() == {"purpose": "newsletter", "channel": "email", "unsubscribed_at": None}
    assert (page.headers["content-type"], page.headers["content-language"]) == ("text/html; charset=utf-8", "nl")
    assert '<form method="post">' in page.text
    assert "Corner Shop" in page.text
    assert await interactions.published() == []
    assert await outcomes(interactions, await sent_campaign(interactions)) == {reader: ("sent", None)}
    await interactions.published()
    form = {"content-type": "application/x-www-form-urlencoded"}
    done = await click(interactions, link, content=b"List-Unsubscribe=One-Click", headers=form)
    assert done.status_code == 200, done.text
    (event,) = await interactions.published()
    assert (event.type, event.subject) == ("interactions.unsubscribed.v1", str(reader))
    assert (event.data["purpose"], event.data["channel"]) == ("newsletter", "email")
    campaign = await sent_campaign(interactions)
    (recipient,) = (await recipients(interactions, campaign)).values()
    assert (recipient["state"], recipient["reason"]) == ("suppressed", "no_permission")
    message = (await interactions.get(f"/v1/messages/{recipient['message_id']}")).json()
    assert (message["reason"], message["receipt_id"]) == ("withdrawn", event.data["receipt_id"])


async def test_a_repeat_changes_nothing_also_at_once(interactions: ServiceUnderTest) -> None:
    await a_reader(interactions)
    link = await a_link(interactions)
    answers = await asyncio.gather(*(click(interactions, link) for _ in range(5)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["unsubscribed_at"] for answer in answers}) == 1
    assert 'role="status"' in (await click(interactions, link, headers=HTML)).text
    assert len(await events_of(interactions, "unsubscribed")) == 1


async def test_messages_that_wait_are_stopped_at_once_and_others_are_not(interactions: ServiceUnderTest) -> None:
    sandbox = await a_sandbox(interactions)
    reader = await a_reader(sandbox)
    await sandbox.deliver(consent("granted", reader, purpose="survey"))
    link = await a_link(sandbox)
    waiting, other = await a_draft(sandbox), await a_draft(sandbox, purpose="survey")
    for campaign in (waiting, other):
        await step(sandbox, campaign, "schedule", send_local="2026-03-02T10:00")
    moved = await at(sandbox, 11)
    assert await outcomes(moved, waiting) == {reader: ("planned", None)}
    await click(moved, link)
    assert await outcomes(moved, waiting) == {reader: ("suppressed", "unsubscribed")}
    await at(sandbox, 24)
    assert await outcomes(sandbox, other) == {reader: ("sent", None)}
    results = (await sandbox.get(f"/v1/campaigns/{waiting['id']}/results")).json()
    assert results["suppressed_by_reason"] == [{"reason": "unsubscribed", "n": 1}]


async def test_a_later_grant_counts_again(interactions: ServiceUnderTest) -> None:
    sandbox = await a_sandbox(interactions)
    reader = await a_reader(sandbox)
    await click(sandbox, await a_link(sandbox))
    await sandbox.deliver(consent("granted", reader, "2026-03-01T12:00:00Z"))
    moved = await at(sandbox, 3)
    assert await outcomes(moved, await sent_campaign(moved)) == {reader: ("sent", None)}


async def test_all_who_share_the_address_are_unsubscribed(interactions: ServiceUnderTest) -> None:
    ada, bo = await a_reader(interactions, "house@example.org"), await a_reader(interactions, "house@example.org")
    campaign = await sent_campaign(interactions)
    (mail,) = await mails(interactions)
    await click(interactions, mail["unsubscribe_path"])
    events = await events_of(interactions, "unsubscribed")
    assert {UUID(event.data["customer_id"]) for event in events} == {ada, bo}
    results = (await interactions.get(f"/v1/campaigns/{campaign['id']}/results")).json()
    assert (results["sent"], results["unsubscribed"]) == (2, 2)
    again = await outcomes(interactions, await sent_campaign(interactions))
    assert again == dict.fromkeys((ada, bo), ("suppressed", "no_permission"))


async def test_a_token_that_is_unknown_of_another_tenant_or_of_an_erased_customer_is_not_found(
    interactions: ServiceUnderTest,
) -> None:
    reader = await a_reader(interactions)
    link = await a_link(interactions)
    other = await interactions.for_new_tenant()
    for service, path in ((interactions, link[:-1] + ("A" if link[-1] != "A" else "B")), (other, link)):
        for method in ("GET", "POST"):
            assert (await click(service, path, method)).status_code == 404
            page = await click(service, path, method, headers=HTML)
            assert (page.status_code, "not valid any more" in page.text) == (404, True)
    await erase(interactions, reader)
    assert (await click(interactions, link)).status_code == 404
    assert await events_of(interactions, "unsubscribed") == []


async def test_the_receipt_that_comes_back_is_the_decision_that_is_stored(interactions: ServiceUnderTest) -> None:
    reader = await a_reader(interactions)
    await click(interactions, await a_link(interactions))
    (event,) = await events_of(interactions, "unsubscribed")
    receipt = event.data["receipt_id"]
    await interactions.deliver(consent("withdrawn", reader, event.data["unsubscribed_at"], receipt_id=receipt))
    decisions = await interactions.rows("select * from consent_decision where decision = 'withdrawn'")
    assert [str(row["id"]) for row in decisions] == [receipt]
