"""The feed, which has every event of a tenant in its final order, and the webhooks that deliver it."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import BigInteger, Column, Identity, Index, Text, text
from sqlmodel import Field

from chassis import Versioned, belongs_to, bigint, check, choice, index, text_list, timestamp, unique
from gateway.base import Base
from gateway.events.rules.retries import DeliveryState, DisabledReason, EndpointState, SecretPurpose


class FeedEvent(Base, table=True):
    """An event, as its publisher sent it. Its id is the event's."""

    __tablename__ = "feed_event"
    __table_args__ = (unique("position"), index("type", "position"), index("subject", "position"))

    position: int = Field(sa_column=Column(BigInteger, Identity(always=True), nullable=False))
    """The order of the feed. A transaction takes numbers while it holds the tenant's lock, so none appears late."""
    type: str
    subject: str
    time: datetime = timestamp()
    sequence: int = bigint()
    actor: str
    traceparent: str | None = None
    data: str = Field(sa_type=Text)
    """JSON, as the publisher wrote it: numbers keep their digits."""
    recorded_at: datetime = timestamp()


class WebhookEndpoint(Versioned, Base, table=True):
    """A URL of a tenant that gets events. Its secrets are in a table of their own."""

    __tablename__ = "webhook_endpoint"
    __table_args__ = (
        belongs_to("api_key_id", "api_key"),
        index("api_key_id"),
        check("disabled_for_a_reason", "(state = 'disabled') = (disabled_reason is not null)"),
        check("disabled_at_a_time", "(state = 'disabled') = (disabled_at is not null)"),
        check("rate_is_positive", "max_per_second > 0"),
        check("records_need_a_key", "cardinality(include) = 0 or api_key_id is not null"),
    )
    audited: ClassVar[bool] = True

    url: str
    event_types: list[str] = text_list()
    description: str | None = None
    ordered: bool = False
    include: list[str] = text_list()
    max_per_second: int | None = bigint(nullable=True, default=None)
    header_names: list[str] = text_list()
    state: EndpointState = choice(EndpointState, "state", default="enabled")
    disabled_reason: DisabledReason | None = choice(DisabledReason, "disabled_reason", nullable=True, default=None)
    disabled_at: datetime | None = timestamp(nullable=True, default=None)
    created_by: str
    api_key_id: UUID | None = None
    """The key with whose scopes records are read, if the endpoint asks for them."""
    deleted_at: datetime | None = timestamp(nullable=True, default=None)
    """Since then it does not exist for the API. Its deliveries are deleted in batches, and it last."""


class WebhookSecret(Base, table=True):
    """A secret of an endpoint, encrypted: a signing key, or the value of a custom header."""

    __tablename__ = "webhook_secret"
    __table_args__ = (
        belongs_to("endpoint_id", "webhook_endpoint", cascade=True),
        index("endpoint_id"),
        check("only_headers_have_names", "(purpose = 'header') = (name <> '')"),
    )

    endpoint_id: UUID
    purpose: SecretPurpose = choice(SecretPurpose, "purpose")
    name: str = ""
    ciphertext: str
    created_at: datetime = timestamp()
    expires_at: datetime | None = timestamp(nullable=True, default=None)
    """A key that was replaced signs until then, beside its successor."""


class WebhookLane(Base, table=True):
    """The lane of an endpoint, under the endpoint's id: a single worker at a time sends its deliveries.

    It is locked after the deliveries of a transaction are inserted, so that no worker finds it empty meanwhile.
    """

    __tablename__ = "webhook_lane"
    __table_args__ = (
        belongs_to("id", "webhook_endpoint", cascade=True),
        # Workers look for due lanes of all tenants.
        Index("ix_webhook_lane_due_at", "due_at", postgresql_where=text("due_at is not null")),
    )

    due_at: datetime | None = timestamp(nullable=True, default=None)
    """When something is to be sent. Null if nothing is."""
    leased_by: UUID | None = None
    leased_until: datetime | None = timestamp(nullable=True, default=None)
    """A worker that is killed leaves the lane to another one then."""
    failures: int = bigint(default=0)
    failing_since: datetime | None = timestamp(nullable=True, default=None)
    last_failure_at: datetime | None = timestamp(nullable=True, default=None)
    paused_until: datetime | None = timestamp(nullable=True, default=None)
    recover_after: UUID | None = None
    """The event up to which a recovery has planned deliveries, in the order of their ids. Null if there is none."""


class Delivery(Base, table=True):
    """An event for an endpoint. Ids increase with the position in the feed."""

    __tablename__ = "delivery"
    __table_args__ = (
        belongs_to("endpoint_id", "webhook_endpoint"),
        unique("event_id", "endpoint_id"),
        index("endpoint_id", "id"),
        index("endpoint_id", "due_at", "id", name="ix_delivery_pending", postgresql_where=text("state = 'pending'")),
        index(
            "endpoint_id",
            "subject",
            "position",
            name="ix_delivery_in_order",
            postgresql_where=text("state = 'pending' and in_order"),
        ),
        index("id", name="ix_delivery_failed", postgresql_where=text("state = 'failed'")),
        check("due_while_pending", "(state = 'pending') = (due_at is not null)"),
    )

    endpoint_id: UUID
    event_id: UUID
    event_type: str
    subject: str
    position: int | None = bigint(nullable=True, default=None)
    """The event's position in the feed. Null for a test event."""
    test_event: str | None = Field(default=None, sa_type=Text)
    """The data of a test event, which the feed does not contain."""
    in_order: bool = False
    """It is sent after all earlier events about its subject."""
    state: DeliveryState = choice(DeliveryState, "state", default="pending")
    attempts: int = bigint(default=0)
    failures: int = bigint(default=0)
    """Failed attempts since the first, or since it was sent again on request: the place in the retry schedule."""
    due_at: datetime | None = timestamp(nullable=True, default=None)
    created_at: datetime = timestamp()
    finished_at: datetime | None = timestamp(nullable=True, default=None)
    last_status: int | None = bigint(nullable=True, default=None)


class DeliveryAttempt(Base, table=True):
    """A request to an endpoint, and its response."""

    __tablename__ = "delivery_attempt"
    __table_args__ = (
        belongs_to("delivery_id", "delivery", cascade=True),
        unique("delivery_id", "number"),
    )

    delivery_id: UUID
    number: int = bigint()
    at: datetime = timestamp()
    latency_ms: int = bigint()
    status: int | None = bigint(nullable=True, default=None)
    error: str | None = None
    response: str = Field(default="", sa_type=Text)
    """The first kilobyte of the response."""
