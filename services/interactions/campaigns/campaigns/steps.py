"""The steps of a campaign: schedule, pause, resume and cancel. A step waits for the chunk that is being sent."""

from uuid import UUID

from chassis import Feature, Query, UnitOfWork, Work
from services.interactions.campaigns import tables
from services.interactions.campaigns.campaigns.events import AudienceEmpty, CampaignCancelled, CampaignScheduled
from services.interactions.campaigns.campaigns.schemas import Campaign, CampaignScheduleRequest
from services.interactions.campaigns.queries.campaigns import CampaignNotInState, require_step
from services.interactions.campaigns.rules.campaigns import CampaignStep
from services.interactions.campaigns.rules.schedules import first_instant

feature = Feature("campaigns")


@feature.post("/campaigns/{id:uuid}/schedule", scope="interactions:write", raises=[AudienceEmpty, CampaignNotInState])
async def schedule_campaign(work: Work, id: UUID, body: CampaignScheduleRequest) -> Campaign:
    """Schedule a campaign, or change its time before it starts. Its audience is planned when it starts.

    A time that is over counts as now, so a local time is sent at once where it is over.
    """
    before = await _lock(work, id, "schedule")
    if before.audience["kind"] == "customers" and not await work.fetch(_ANY_CUSTOMER, campaign_id=id):
        raise AudienceEmpty
    starts_at = body.send_at or work.now
    if body.send_local is not None:
        starts_at = first_instant(body.send_local)
    campaign = await work.update(
        before, state="scheduled", send_at=body.send_at, send_local=body.send_local, starts_at=max(starts_at, work.now)
    )
    work.publish(CampaignScheduled.from_row(campaign, campaign_id=id))
    return Campaign.of(campaign)


@feature.post("/campaigns/{id:uuid}/pause", scope="interactions:write", raises=[CampaignNotInState])
async def pause_campaign(work: Work, id: UUID) -> Campaign:
    """Pause a campaign. After the response none of its messages is sent until it is resumed."""
    return Campaign.of(await work.update(await _lock(work, id, "pause"), state="paused"))


@feature.post("/campaigns/{id:uuid}/resume", scope="interactions:write", raises=[CampaignNotInState])
async def resume_campaign(work: Work, id: UUID) -> Campaign:
    """Resume a paused campaign. Messages whose time has passed meanwhile are sent at once."""
    before = await _lock(work, id, "resume")
    state = "scheduled" if before.started_at is None else "running"
    return Campaign.of(await work.update(before, state=state))


@feature.post("/campaigns/{id:uuid}/cancel", scope="interactions:write", raises=[CampaignNotInState])
async def cancel_campaign(work: Work, id: UUID) -> Campaign:
    """Cancel a campaign. Messages that were sent stay, and recipients that wait get none."""
    before = await _lock(work, id, "cancel")
    # The worker suppresses the recipients that wait, if there are any.
    finished_at = work.now if before.started_at is None else None
    campaign = await work.update(before, state="cancelled", finished_at=finished_at)
    work.publish(CampaignCancelled.from_row(campaign, campaign_id=id))
    return Campaign.of(campaign)


async def _lock(work: UnitOfWork, id: UUID, step: CampaignStep) -> tables.Campaign:
    """Lock and return a campaign for which a step is possible. Raises NotFound and CampaignNotInState."""
    campaign = await work.get(tables.Campaign, id, for_update=True)
    require_step(campaign, step)
    return campaign


_ANY_CUSTOMER = Query(UUID, "select customer_id from campaign_customer where campaign_id = :campaign_id limit 1")
