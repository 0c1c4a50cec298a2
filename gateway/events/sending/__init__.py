"""Sending of webhooks: a loop of the gateway's worker delivers to each endpoint in a lane of its own."""

from chassis import Feature, LoopContext
from gateway.events.sending.client import open_client
from gateway.events.sending.sender import Sender

feature = Feature("webhook-sending")


@feature.loop
async def send_webhooks(context: LoopContext) -> None:
    """Send due deliveries until cancelled."""
    async with open_client(context.settings) as client:
        await Sender(context, client).run()
