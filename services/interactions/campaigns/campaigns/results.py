"""The figures of a campaign, of all recipients and of each variant, and its recipients."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import Query as Parameter

from chassis import Feature, Page, PageParams, Query, Resource, Work, equals, of_person, paginate
from services.interactions.campaigns import tables
from services.interactions.campaigns.campaigns.schemas import CampaignRecipient
from services.interactions.campaigns.rules.campaigns import CampaignState, RecipientReason, RecipientState

feature = Feature("campaigns")


class SuppressedCount(Resource):
    """How many recipients get no message for a reason."""

    reason: RecipientReason
    """The reason."""
    n: int
    """The number of recipients."""


class CampaignFigures(Resource):
    """Figures of recipients. Two recipients that share a message count as two."""

    planned: int
    """All recipients."""
    waiting: int
    """Those that are not decided yet."""
    sent: int
    """Those to whom a message was sent."""
    suppressed: int
    """Those who get no message."""
    suppressed_by_reason: list[SuppressedCount]
    """Why they get none, by frequency."""
    delivered: int
    """Those whose message was delivered and did not come back, as your sender has reported."""
    failed: int
    """Those whose message could not be delivered, without those that came back."""
    bounced: int
    """Those whose message came back."""
    clicked: int
    """Those who opened a link of the message."""
    unsubscribed: int
    """Those who unsubscribed by the link of the message."""


class VariantFigures(CampaignFigures):
    """Figures of the recipients of a variant."""

    variant: str
    """The key of the variant."""


class CampaignResults(CampaignFigures):
    """Figures of a campaign. Messages of customers that were erased have no outcomes any more."""

    campaign_id: UUID
    """The campaign."""
    state: CampaignState
    """The state of the campaign. While it is running, the figures change."""
    variants: list[VariantFigures]
    """The figures of each variant."""


@dataclass(frozen=True, slots=True)
class Group:
    """Recipients of a variant with the same state and reason."""

    variant: str
    state: RecipientState
    reason: RecipientReason | None
    n: int
    delivered: int
    failed: int
    bounced: int
    clicked: int
    unsubscribed: int


@feature.get("/campaigns/{id:uuid}/results", scope="interactions:read")
async def read_campaign_results(work: Work, id: UUID) -> CampaignResults:
    """Return the figures of a campaign, of all recipients and of each variant."""
    campaign = await work.get(tables.Campaign, id)
    groups = await work.select(_GROUPS, campaign_id=id)
    variants = []
    for key in (variant["key"] for variant in campaign.variants):
        figures = _figures([group for group in groups if group.variant == key])
        variants.append(VariantFigures(variant=key, **figures.__dict__))
    return CampaignResults(campaign_id=id, state=campaign.state, variants=variants, **_figures(groups).__dict__)


@feature.get("/campaigns/{id:uuid}/recipients", scope="interactions:read")
async def list_campaign_recipients(
    work: Work,
    id: UUID,
    params: PageParams,
    customer_id: Annotated[UUID | None, Parameter(description="Only this customer.")] = None,
    state: Annotated[RecipientState | None, Parameter(description="Only recipients in this state.")] = None,
) -> Page[CampaignRecipient]:
    """List the recipients of a campaign, in no particular order."""
    await work.get(tables.Campaign, id)
    where = [*of_person(customer_id), *equals(campaign_id=id, state=state)]
    return await paginate(work, params, tables.CampaignRecipient, CampaignRecipient, where=where)


def _figures(groups: Sequence[Group]) -> CampaignFigures:
    states: Counter[str] = Counter()
    reasons: Counter[RecipientReason] = Counter()
    for group in groups:
        states[group.state] += group.n
        if group.reason is not None:
            reasons[group.reason] += group.n
    ordered = sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
    return CampaignFigures(
        planned=states.total(),
        waiting=states["planned"],
        sent=states["sent"],
        suppressed=states["suppressed"],
        suppressed_by_reason=[SuppressedCount(reason=reason, n=n) for reason, n in ordered],
        delivered=sum(group.delivered for group in groups),
        failed=sum(group.failed for group in groups),
        bounced=sum(group.bounced for group in groups),
        clicked=sum(group.clicked for group in groups),
        unsubscribed=sum(group.unsubscribed for group in groups),
    )


_GROUPS = Query(
    Group,
    """
    select variant, recipient.state, recipient.reason, count(*) as n,
        count(*) filter (where message.state = 'delivered') as delivered,
        count(*) filter (where message.reason = 'failed') as failed,
        count(*) filter (where message.reason = 'bounced') as bounced,
        count(outcome.id) as clicked,
        count(unsubscribed_at) as unsubscribed
    from campaign_recipient as recipient
    left join message on message.id = recipient.message_id
    left join message_outcome as outcome on outcome.message_id = message.id and outcome.outcome = 'clicked'
    where campaign_id = :campaign_id
    group by variant, recipient.state, recipient.reason
    order by variant, recipient.state, recipient.reason
    """,
)
