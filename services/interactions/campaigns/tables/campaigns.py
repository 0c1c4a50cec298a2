"""Campaigns, their customers, and their recipients."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import text

from chassis import Person, Versioned, belongs_to, bigint, check, choice, document, index, timestamp, unique
from services.interactions.base import Base
from services.interactions.campaigns.rules.campaigns import (
    AudienceDocument,
    CampaignNature,
    CampaignState,
    RecipientReason,
    RecipientState,
    VariantDocument,
)


class Campaign(Versioned, Base, table=True):
    """A campaign. Its recipients are planned when it starts, up to the customer `plan_cursor`.

    `finished_at` is set when no recipient waits any more.
    """

    __tablename__ = "campaign"
    __table_args__ = (
        index("state", "id"),
        index("id", name="ix_campaign_unfinished", postgresql_where=text("finished_at is null")),
        check("finished", "finished_at is null or state in ('completed', 'cancelled')"),
        check("scheduled", "(starts_at is null) <= (state in ('draft', 'cancelled'))"),
        check("one_time", "send_at is null or send_local is null"),
    )
    audited: ClassVar[bool] = True
    computed: ClassVar[frozenset[str]] = frozenset(("planned", "plan_cursor", "planned_at"))

    name: str
    nature: CampaignNature = choice(CampaignNature, "nature")
    channel: str
    purpose: str
    audience: AudienceDocument = document()
    variants: list[VariantDocument] = document()
    variables: dict[str, str] = document(default_factory=dict)
    state: CampaignState = choice(CampaignState, "state", default="draft")
    send_at: datetime | None = timestamp(nullable=True, default=None)
    send_local: str | None = None
    starts_at: datetime | None = timestamp(nullable=True, default=None)
    started_at: datetime | None = timestamp(nullable=True, default=None)
    planned: int = bigint(default=0)
    plan_cursor: UUID | None = None
    planned_at: datetime | None = timestamp(nullable=True, default=None)
    finished_at: datetime | None = timestamp(nullable=True, default=None)


class CampaignCustomer(Base, table=True):
    """A customer on the list of a campaign that has not started."""

    __tablename__ = "campaign_customer"
    __table_args__ = (
        belongs_to("campaign_id", "campaign"),
        unique("campaign_id", "customer_id"),
        index("customer_id"),
    )
    persons: ClassVar[tuple[Person, ...]] = (
        Person(merge="keep", merge_reason="The list names the record. Its recipient is planned for the survivor."),
    )

    campaign_id: UUID
    customer_id: UUID


class CampaignRecipient(Base, table=True):
    """A customer to whom a campaign sends its message, or the reason why it does not.

    `delivery_key` is a hash of the address to which the message was sent, once for each address of a campaign. Other
    recipients with the address share the message. `token_hash` is that of the link by which the customer
    unsubscribes. An erasure removes both hashes.
    """

    __tablename__ = "campaign_recipient"
    __table_args__ = (
        belongs_to("campaign_id", "campaign"),
        index("campaign_id", "state", "id"),
        index(
            "campaign_id",
            "due_at",
            "id",
            name="ix_campaign_recipient_planned",
            postgresql_where=text("state = 'planned'"),
        ),
        index("customer_id", "sent_at", "id"),
        index(
            "campaign_id",
            "delivery_key",
            name="ux_campaign_recipient_delivery_key",
            unique=True,
            postgresql_where=text("delivery_key is not null"),
        ),
        index(
            "token_hash",
            name="ux_campaign_recipient_token_hash",
            unique=True,
            postgresql_where=text("token_hash is not null"),
        ),
        index("message_id", name="ix_campaign_recipient_message", postgresql_where=text("message_id is not null")),
        check("suppressed", "(state = 'suppressed') = (reason is not null)"),
        check("sent", "(state = 'sent') = (sent_at is not null)"),
    )
    persons: ClassVar[tuple[Person, ...]] = (Person(erase="own"),)

    campaign_id: UUID
    customer_id: UUID
    variant: str
    state: RecipientState = choice(RecipientState, "state", default="planned")
    reason: RecipientReason | None = choice(RecipientReason, "reason", nullable=True, default=None)
    due_at: datetime = timestamp()
    sent_at: datetime | None = timestamp(nullable=True, default=None)
    message_id: UUID | None = None
    delivery_key: str | None = None
    token_hash: str | None = None
    unsubscribed_at: datetime | None = timestamp(nullable=True, default=None)


class CampaignSettings(Versioned, Base, table=True):
    """The limits of all campaigns of a tenant. The id is the tenant's."""

    __tablename__ = "campaign_settings"
    __table_args__ = (check("quiet_hours", "(quiet_from is null) = (quiet_until is null)"),)
    audited: ClassVar[bool] = True

    quiet_from: str | None = None
    quiet_until: str | None = None
    window_days: int = 7
    max_messages: int | None = None
    max_selling_percent: int | None = None
