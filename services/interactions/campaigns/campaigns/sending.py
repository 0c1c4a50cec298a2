"""Sending: each recipient that is due gets the message, or a reason why not, or waits for the end of the quiet hours.

Permission, limits, quiet hours, address and texts are those of now, not those of when the campaign was planned.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from chassis import Command, PersonErased, Query, UnitOfWork, hash_link_token, new_link_token
from services.interactions.campaigns import tables
from services.interactions.campaigns.queries.campaigns import campaign_settings
from services.interactions.campaigns.queries.templates import customer_fields, render_for, template_version
from services.interactions.campaigns.rules.campaigns import RecipientReason, reason_of
from services.interactions.campaigns.rules.limits import History, reason_against
from services.interactions.campaigns.rules.schedules import next_allowed, quiet_hours
from services.interactions.campaigns.rules.templates import RenderedTooLarge
from services.interactions.contact.queries.messages import request_message
from services.interactions.contact.queries.permission import may_contact_many
from services.interactions.contact.queries.profiles import primary_keys, profiles_of
from services.interactions.contact.rules.messages import ADDRESS_KINDS, refusal
from services.interactions.contact.rules.permission import Permission
from services.interactions.contact.tables import CustomerProfile

BATCH_SIZE = 100
UNSUBSCRIBE_PATH = "/v1/unsubscribes/"
DECIDED = {"id", "state", "reason", "due_at", "sent_at", "message_id", "delivery_key", "token_hash"}
CAUSE = "campaign"
"""The kind of the cause of the messages. Its id is the recipient's."""


@dataclass(frozen=True, slots=True)
class Batch:
    """The facts about the customers of a chunk. Sending adds to the histories and to the messages."""

    campaign: tables.Campaign
    settings: tables.CampaignSettings
    versions: Mapping[str, tables.MessageTemplateVersion]
    profiles: Mapping[UUID, CustomerProfile]
    permissions: Mapping[UUID, Permission]
    keys: Mapping[UUID, str]
    histories: dict[UUID, History]
    messages: dict[str, UUID]
    """The message that was sent to an address, by the hash of the address."""


async def send_due_messages(work: UnitOfWork, campaign: tables.Campaign) -> int:
    """Decide the next recipients of a locked campaign that are due. Returns how many there were."""
    recipients = await work.fetch(_LOCK_DUE, campaign_id=campaign.id, now=work.now, limit=BATCH_SIZE)
    if recipients:
        await work.execute(_LOCK_CUSTOMERS, ids=[recipient.customer_id for recipient in recipients])
        batch = await _load(work, campaign, recipients)
        decided = [recipient.replace(**await _decide(work, batch, recipient)) for recipient in recipients]
        await work.update_many(tables.CampaignRecipient, [row.model_dump(include=DECIDED) for row in decided])
    return len(recipients)


async def _load(work: UnitOfWork, campaign: tables.Campaign, recipients: Sequence[tables.CampaignRecipient]) -> Batch:
    ids = sorted({recipient.customer_id for recipient in recipients})
    settings = await campaign_settings(work)
    since = work.now - timedelta(days=settings.window_days)
    kind = ADDRESS_KINDS.get(campaign.channel)
    addresses = {} if kind is None else await primary_keys(work, ids, kind)
    keys = {id: _hash(addresses.get(id) or str(id)) for id in ids}
    histories = {row.customer_id: row for row in await work.fetch(_HISTORIES, ids=ids, since=since)}
    sent = await work.fetch(_SENT_TO, campaign_id=campaign.id, keys=list(keys.values()))
    return Batch(
        campaign,
        settings,
        await _versions(work, campaign),
        await profiles_of(work, ids),
        await may_contact_many(work, ids, campaign.purpose, campaign.channel),
        keys,
        {id: History(row.total, row.selling) for id, row in histories.items()},
        {row.delivery_key: row.message_id for row in sent},
    )


async def _versions(work: UnitOfWork, campaign: tables.Campaign) -> dict[str, tables.MessageTemplateVersion]:
    """Return the version of the template of each variant."""
    versions = {}
    for variant in campaign.variants:
        version = await template_version(work, UUID(variant["template_id"]), variant["number"])
        if version is None:
            raise LookupError(f"the template {variant['template_id']} has no version {variant['number']}")
        versions[variant["key"]] = version
    return versions


async def _decide(work: UnitOfWork, batch: Batch, recipient: tables.CampaignRecipient) -> dict[str, Any]:
    """Send the message to a recipient, if it may be sent. Returns the changes of the recipient's row."""
    customer, campaign, settings = recipient.customer_id, batch.campaign, batch.settings
    profile = batch.profiles.get(customer)
    zone = ZoneInfo((profile and profile.timezone) or work.tenant.timezone)
    due_at = next_allowed(work.now, zone, quiet_hours(settings.quiet_from, settings.quiet_until))
    if due_at > work.now:
        return {"due_at": due_at}
    history = batch.histories.get(customer, History())
    reason = reason_of(refusal(batch.permissions[customer].reason)) or reason_against(
        history, campaign.nature, settings.max_messages, settings.max_selling_percent
    )
    key = batch.keys[customer]
    if reason in (None, "no_permission", "not_active") and key not in batch.messages:
        return await _request(work, batch, recipient)
    if reason is not None:
        return _suppressed(reason)
    batch.histories[customer] = history.with_one(campaign.nature)
    return {"state": "sent", "sent_at": work.now, "message_id": batch.messages[key]}


async def _request(work: UnitOfWork, batch: Batch, recipient: tables.CampaignRecipient) -> dict[str, Any]:
    """Request the message, which decides the permission with its receipt. Returns the changes of the recipient."""
    campaign, customer = batch.campaign, recipient.customer_id
    token = new_link_token(work.tenant.id)
    try:
        texts = render_for(
            batch.versions[recipient.variant], customer_fields(batch.profiles.get(customer)), campaign.variables
        )
        message = await request_message(
            work,
            customer_id=customer,
            channel=campaign.channel,
            purpose=campaign.purpose,
            subject=texts.subject,
            body=texts.text,
            html=texts.html,
            unsubscribe_path=UNSUBSCRIBE_PATH + token,
            cause_kind=CAUSE,
            cause_id=recipient.id,
        )
    except RenderedTooLarge:
        return _suppressed("not_renderable")
    except PersonErased:
        return _suppressed("customer_erased")
    if message.state == "suppressed":
        return _suppressed(reason_of(message.reason) or "no_permission", message_id=message.id)
    key = batch.keys[customer]
    batch.messages[key] = message.id
    batch.histories[customer] = batch.histories.get(customer, History()).with_one(campaign.nature)
    hashes = {"delivery_key": key, "token_hash": hash_link_token(token).hex()}
    return {"state": "sent", "sent_at": work.now, "message_id": message.id, **hashes}


def _suppressed(reason: RecipientReason, **columns: Any) -> dict[str, Any]:
    return {"state": "suppressed", "reason": reason, **columns}


def _hash(address: str) -> str:
    return sha256(address.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class _History:
    customer_id: UUID
    total: int
    selling: int


@dataclass(frozen=True, slots=True)
class _Sent:
    delivery_key: str
    message_id: UUID


_LOCK_DUE = Query(
    tables.CampaignRecipient,
    """
    select * from campaign_recipient where campaign_id = :campaign_id and state = 'planned' and due_at <= :now
    order by due_at, id limit :limit for no key update skip locked
    """,
)
# Two campaigns that send to a customer at the same time would not see each other's message, and exceed the limits.
_LOCK_CUSTOMERS = Command(
    """
    select pg_advisory_xact_lock(hashtextextended('campaigns of ' || id, 0))
    from (select distinct unnest(:ids::uuid[]) as id order by id) as customers
    """
)
_HISTORIES = Query(
    _History,
    """
    select customer_id, count(*) as total, count(*) filter (where nature = 'selling') as selling
    from campaign_recipient join campaign on campaign.id = campaign_id
    where customer_id = any(:ids) and sent_at > :since group by customer_id
    """,
)
_SENT_TO = Query(
    _Sent,
    """
    select delivery_key, message_id from campaign_recipient
    where campaign_id = :campaign_id and delivery_key = any(:keys)
    """,
)
