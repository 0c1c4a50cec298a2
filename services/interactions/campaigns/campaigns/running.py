"""The job that runs campaigns: it takes a chunk of each campaign in turn, so that a large one does not delay others.

A chunk locks its campaign. So a pause takes effect between two chunks, and no two workers send for one campaign at the
same time. What a chunk has sent is stored in its transaction, together with the events that send it: a worker that is
killed has sent nothing of it.
"""

from datetime import timedelta
from uuid import UUID

from chassis import Chunk, Command, Feature, JobRun, Query, UnitOfWork
from services.interactions.base import Job
from services.interactions.campaigns import tables
from services.interactions.campaigns.campaigns.events import CampaignCompleted, CampaignStarted
from services.interactions.campaigns.campaigns.planning import plan_recipients
from services.interactions.campaigns.campaigns.sending import send_due_messages

feature = Feature("campaigns")
KIND = "campaigns"
FIRST = UUID(int=0)
CLOSING = 10_000


@feature.periodic(every=timedelta(seconds=5))
async def start_running_campaigns(work: UnitOfWork) -> bool:
    """Start the job if a campaign has work to do and the job is not running."""
    if await work.fetch(_IS_DUE, now=work.now):
        await work.insert(Job(kind=KIND, actor=work.actor, created_at=work.now))
    return False


@feature.job(KIND)
async def run_campaigns(work: UnitOfWork, job: JobRun) -> Chunk:
    """Do a chunk of the campaign whose turn it is. The job ends when no campaign has anything to do now."""
    after = FIRST if job.cursor is None else UUID(job.cursor["after"])
    campaign = await _next(work, after) or await _next(work, FIRST)
    if campaign is None:
        return Chunk({"after": str(after)}, is_last=True)
    return Chunk({"after": str(campaign.id)}, done=await _advance(work, campaign))


async def _next(work: UnitOfWork, after: UUID) -> tables.Campaign | None:
    """Lock and return the next campaign that has something to do, and that no other worker is at."""
    return next(iter(await work.fetch(_NEXT, after=after, now=work.now)), None)


async def _advance(work: UnitOfWork, campaign: tables.Campaign) -> int:
    """Do the next chunk of a campaign. Returns the number of recipients that it concerned."""
    if campaign.state == "cancelled":
        return await _close(work, campaign)
    if campaign.started_at is None:
        campaign = await work.update(campaign, state="running", started_at=work.now)
        work.publish(CampaignStarted.from_row(campaign, campaign_id=campaign.id))
    if campaign.planned_at is None:
        return await plan_recipients(work, campaign)
    sent = await send_due_messages(work, campaign)
    if sent == 0 and not await work.fetch(_ANY_PLANNED, campaign_id=campaign.id):
        campaign = await work.update(campaign, state="completed", finished_at=work.now)
        work.publish(CampaignCompleted.from_row(campaign, campaign_id=campaign.id, recipients=campaign.planned))
    return sent


async def _close(work: UnitOfWork, campaign: tables.Campaign) -> int:
    """Suppress recipients of a cancelled campaign that still wait."""
    closed = await work.execute(_SUPPRESS, campaign_id=campaign.id, limit=CLOSING)
    if closed < CLOSING:
        await work.update(campaign, finished_at=work.now)
    return closed


_HAS_WORK = """
    finished_at is null and (
        (state = 'scheduled' and starts_at <= :now) or state = 'cancelled'
        or (state = 'running' and (planned_at is null or not exists (
            select from campaign_recipient where campaign_id = campaign.id and state = 'planned'
        ) or exists (
            select from campaign_recipient where campaign_id = campaign.id and state = 'planned' and due_at <= :now
        )))
    )
"""
_IS_DUE = Query(
    UUID,
    f"""
    select id from campaign where {_HAS_WORK}
        and not exists (select from job where kind = '{KIND}' and state in ('queued', 'running'))
    limit 1
    """,
)
_NEXT = Query(
    tables.Campaign,
    f"select * from campaign where id > :after and {_HAS_WORK} order by id limit 1 for no key update skip locked",
)
_ANY_PLANNED = Query(
    UUID, "select id from campaign_recipient where campaign_id = :campaign_id and state = 'planned' limit 1"
)
_SUPPRESS = Command(
    """
    update campaign_recipient set state = 'suppressed', reason = 'campaign_cancelled' where id in (
        select id from campaign_recipient where campaign_id = :campaign_id and state = 'planned' limit :limit
    )
    """
)
