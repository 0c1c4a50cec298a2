"""The campaigns of the scenario in `tests.support.release`: each event of them happens once."""

from tests.support.campaigns import a_campaign, a_template
from tests.support.facts import a_customer
from tests.support.promises import CLOCK
from tests.support.release_of_sales import patch, post
from tests.support.stack import RunningStack, a_sandbox


async def use_campaigns(stack: RunningStack) -> None:
    """In a sandbox: send a campaign to the customers on its list, and cancel another."""
    sender = a_sandbox(stack, clock=CLOCK)
    customer = (await post(sender, "/v1/customers", a_customer(family_name="Sandwich")))["id"]
    news = {"purpose": "newsletter", "channel": "email", "decision": "granted", "source": "form"}
    await post(sender, f"/v1/customers/{customer}/consents", news)
    await sender.drained()
    template = (await post(sender, "/v1/templates", a_template()))["id"]
    await patch(sender, f"/v1/templates/{template}", {"text": "Dear {{ customer.given_name }}, look."})
    await patch(sender, "/v1/campaign-settings", {"max_messages": 3})
    for name in ("schedule", "cancel"):
        campaign = await post(sender, "/v1/campaigns", a_campaign(template, audience={"kind": "customers"}))
        path = f"/v1/campaigns/{campaign['id']}"
        await post(sender, f"{path}/customers", {"customer_ids": [customer]})
        await post(sender, f"{path}/{name}", {} if name == "schedule" else None)
        while name == "schedule" and (await sender.request("GET", path)).json()["state"] != "completed":
            await sender.drained()
    feed = (await sender.request("GET", "/v1/events?types=interactions.message_requested.v1")).json()["items"]
    await post(sender, feed[0]["data"]["unsubscribe_path"])
    await sender.drained()
    await sender.close()
