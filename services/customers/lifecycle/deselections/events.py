"""The events of de-selections."""

from datetime import datetime
from uuid import UUID

from chassis import Event, Work
from services.customers.lifecycle import tables
from services.customers.lifecycle.rules.deselecting import DeselectionState, NoticeChannel, Treatment


class DeselectionEvent(Event):
    """The fields of every event about a de-selection. Reasons are read from the API, because they are texts."""

    deselection_id: UUID
    """The de-selection."""
    customer_id: UUID
    """The customer."""
    treatment: Treatment
    """The treatment."""


class DeselectionProposed(DeselectionEvent, type="customers.deselection_proposed.v1", partition_key="customer_id"):
    """A de-selection was proposed. It has no effect unless a person approves it."""

    expires_at: datetime
    """When the proposal expires."""


class DeselectionDecided(DeselectionEvent, type="customers.deselection_decided.v1", partition_key="customer_id"):
    """A person has decided on a proposal, or on an appeal. If it is approved, the customer has to be informed."""

    state: DeselectionState
    """The state of the de-selection now."""
    notice_channel: NoticeChannel | None
    """How the customer is informed. Null unless the de-selection is approved."""
    takes_effect_at: datetime | None
    """When the treatment begins. The customer has to be informed before. Null unless it is approved."""
    ends_at: datetime | None
    """When the treatment ends. Null unless it is approved."""


class DeselectionTookEffect(DeselectionEvent, type="customers.deselection_took_effect.v1", partition_key="customer_id"):
    """The notice period has ended, and the treatment applies."""

    ends_at: datetime
    """When the treatment ends."""


class DeselectionEnded(DeselectionEvent, type="customers.deselection_ended.v1", partition_key="customer_id"):
    """A proposal or a treatment has expired, with or without an appeal. The customer is treated as every other."""


def publish_decision(work: Work, row: tables.Deselection) -> None:
    """Publish the state of a de-selection after a decision or an appeal."""
    approved = row.state == "approved"
    work.publish(
        DeselectionDecided.from_row(
            row,
            deselection_id=row.id,
            notice_channel=row.notice_channel if approved else None,
            takes_effect_at=row.takes_effect_at if approved else None,
            ends_at=row.expires_at if approved else None,
        )
    )
