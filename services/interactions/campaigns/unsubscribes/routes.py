"""The operations of a link's holder: read what it ends, and unsubscribe.

The decision is stored here at once, so that nothing more is sent. The customers service records it by the event, as a
receipt with the same id.
"""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import Path, Request
from pydantic import Field

from chassis import Command, Event, Feature, NotFound, Query, Resource, UnitOfWork, Work, hash_link_token, uuid7
from services.interactions.campaigns import tables
from services.interactions.campaigns.rules.texts import UNSUBSCRIBE_TEXTS
from services.interactions.campaigns.unsubscribes.page import UnsubscribePage, done_page, gone_page, question_page
from services.interactions.contact.tables import ConsentDecision
from services.interactions.feedback.rules.surveys import SurveyLanguage
from services.interactions.feedback.rules.texts import choose_language

feature = Feature("unsubscribes")
Token = Annotated[str, Path(description="The token of the link.")]


class Unsubscribed(Event, type="interactions.unsubscribed.v1", partition_key="customer_id"):
    """A customer unsubscribed by the link of a campaign's message. It withdraws the permission."""

    customer_id: UUID
    """The customer."""
    receipt_id: UUID
    """The consent receipt of the withdrawal."""
    purpose: Annotated[str, Field(examples=["newsletter"])]
    """The purpose."""
    channel: Annotated[str, Field(examples=["email"])]
    """The channel."""
    campaign_id: UUID
    """The campaign whose message had the link."""
    unsubscribed_at: datetime
    """When the customer unsubscribed."""


class Unsubscription(Resource):
    """What the holder of a link ends. It contains nothing else about the customer."""

    purpose: str
    """The purpose of the messages."""
    channel: str
    """The channel of the messages."""
    unsubscribed_at: datetime | None
    """When the customer unsubscribed by this link, or null."""


@feature.get("/unsubscribes/{token}", scope=None, public=True)
async def read_unsubscription(work: Work, request: Request, token: Token) -> Unsubscription | UnsubscribePage:
    """Return what a link ends: as JSON, or as a page with a button if the request accepts `text/html`.

    It changes nothing, because scanners of mails follow links.
    """
    try:
        recipient, campaign = await _open(work, token)
    except NotFound:
        return _page_of_unknown(request)
    return _response(work, request, recipient, campaign)


@feature.post("/unsubscribes/{token}", scope=None, public=True)
async def unsubscribe_customer(work: Work, request: Request, token: Token) -> Unsubscription | UnsubscribePage:
    """Withdraw the permission for the purpose and the channel of the message. A repeat changes nothing.

    It is the address for `List-Unsubscribe` of mails (RFC 8058): the body `List-Unsubscribe=One-Click` is accepted.
    Messages of campaigns that wait for the customer are not sent any more.
    """
    try:
        recipient, campaign = await _open(work, token, for_update=True)
    except NotFound:
        return _page_of_unknown(request)
    if recipient.unsubscribed_at is None:
        await _withdraw(work, recipient, campaign)
        recipient = recipient.replace(unsubscribed_at=work.now)
    return _response(work, request, recipient, campaign)


async def _open(
    work: UnitOfWork, token: str, *, for_update: bool = False
) -> tuple[tables.CampaignRecipient, tables.Campaign]:
    """Return the recipient to whom a token was sent, and the campaign. Raises NotFound."""
    hashed = hash_link_token(token).hex()
    recipient = await work.find(tables.CampaignRecipient, for_update=for_update, token_hash=hashed)
    if recipient is None:
        raise NotFound("The link is not valid.")
    return recipient, await work.get(tables.Campaign, recipient.campaign_id)


async def _withdraw(work: UnitOfWork, recipient: tables.CampaignRecipient, campaign: tables.Campaign) -> None:
    """Withdraw the permission of all customers who got the message, because they share the address."""
    customers = await work.fetch(_MARK, message_id=recipient.message_id, now=work.now)
    for customer in sorted(set(customers)):
        decision = ConsentDecision(
            id=uuid7(),
            customer_id=customer,
            purpose=campaign.purpose,
            channel=campaign.channel,
            decision="withdrawn",
            decided_at=work.now,
        )
        await work.insert(decision)
        work.publish(
            Unsubscribed(
                customer_id=customer,
                receipt_id=decision.id,
                purpose=campaign.purpose,
                channel=campaign.channel,
                campaign_id=campaign.id,
                unsubscribed_at=work.now,
            )
        )
    await work.execute(_STOP, customers=customers, purpose=campaign.purpose, channel=campaign.channel)


def _response(
    work: UnitOfWork, request: Request, recipient: tables.CampaignRecipient, campaign: tables.Campaign
) -> Unsubscription | UnsubscribePage:
    if not _wants_page(request):
        return Unsubscription(
            purpose=campaign.purpose, channel=campaign.channel, unsubscribed_at=recipient.unsubscribed_at
        )
    language = _language(request)
    return question_page(language, work.tenant.name) if recipient.unsubscribed_at is None else done_page(language)


def _page_of_unknown(request: Request) -> UnsubscribePage:
    """Return the page for a token that is not valid. Raises NotFound if the request does not want a page."""
    if not _wants_page(request):
        raise NotFound("The link is not valid.")
    return gone_page(_language(request))


def _language(request: Request) -> SurveyLanguage:
    return choose_language(request.headers.get("accept-language", ""), tuple(UNSUBSCRIBE_TEXTS), "en")


def _wants_page(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "")


_MARK = Query(
    UUID,
    "update campaign_recipient set unsubscribed_at = :now where message_id = :message_id returning customer_id",
)
_STOP = Command(
    """
    update campaign_recipient set state = 'suppressed', reason = 'unsubscribed'
    from campaign where campaign.id = campaign_id and campaign_recipient.state = 'planned'
        and customer_id = any(:customers) and purpose = :purpose and channel = :channel
    """
)
