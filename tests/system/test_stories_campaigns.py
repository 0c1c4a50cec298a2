"""The story of a campaign: sent to those who permit it, ended by a click for the one who had enough."""

import asyncio
from typing import Any

from tests.support.campaigns import a_campaign, a_template
from tests.support.facts import a_customer
from tests.support.patience import PATIENCE_SECONDS
from tests.support.records import made
from tests.support.stack import RunningStack, Visitor, client_of

NEWS = {"purpose": "newsletter", "channel": "email"}


async def send(shop: Visitor, template: str, customers: list[str]) -> dict[str, Any]:
    """Send a campaign to customers, wait for its end, and return its recipients by customer."""
    campaign = await made(shop, "/v1/campaigns", a_campaign(template, audience={"kind": "customers"}))
    path = f"/v1/campaigns/{campaign['id']}"
    await made(shop, f"{path}/customers", {"customer_ids": customers})
    await made(shop, f"{path}/schedule", {})
    async with asyncio.timeout(PATIENCE_SECONDS):
        while (await shop.request("GET", path)).json()["state"] != "completed":  # noqa: ASYNC110
            await asyncio.sleep(0.2)
    await shop.drained()
    items = (await shop.request("GET", f"{path}/recipients")).json()["items"]
    return {item["customer_id"]: item for item in items}


async def test_a_campaign_reaches_who_permits_it_until_the_customer_unsubscribes(
    stack: RunningStack, visitor: Visitor
) -> None:
    # given a customer who permits newsletters, and one who does not
    emails = [{"address": "mary@example.org"}], [{"address": "emmy@example.org"}]
    mary, emmy = [(await made(visitor, "/v1/customers", a_customer(emails=each)))["id"] for each in emails]
    await made(visitor, f"/v1/customers/{mary}/consents", NEWS | {"decision": "granted", "source": "form"})
    template = (await made(visitor, "/v1/templates", a_template(html="<p>{{ customer.given_name }}</p>")))["id"]
    await visitor.drained()

    # when a campaign is sent
    sent = await send(visitor, template, [mary, emmy])

    # then one of them got it, with a link, and the scanner that follows the link changes nothing
    assert (sent[mary]["state"], sent[emmy]["reason"]) == ("sent", "no_permission")
    feed = (await visitor.request("GET", "/v1/events?types=interactions.message_requested.v1")).json()["items"]
    (mail,) = [event["data"] for event in feed]
    assert (mail["customer_id"], mail["recipient"], mail["html"]) == (mary, "mary@example.org", "<p>Ada</p>")
    async with client_of(stack) as browser:
        page = await browser.get(mail["unsubscribe_path"], headers={"accept": "text/html"})
        assert (page.status_code, page.headers["cache-control"]) == (200, "no-store")
        path = f"/v1/customers/{mary}/may-contact"
        assert (await visitor.request("GET", path, params=NEWS)).json()["permitted"]

        # when she clicks
        form = {"content-type": "application/x-www-form-urlencoded"}
        done = await browser.post(mail["unsubscribe_path"], content=b"List-Unsubscribe=One-Click", headers=form)
        assert done.status_code == 200, done.text

    # then she gets nothing any more, and the customers service has the receipt
    await visitor.drained()
    permission = (await visitor.request("GET", path, params=NEWS)).json()
    assert (permission["permitted"], permission["reason"]) == (False, "withdrawn")
    again = await send(visitor, template, [mary])
    assert (again[mary]["state"], again[mary]["reason"]) == ("suppressed", "no_permission")
