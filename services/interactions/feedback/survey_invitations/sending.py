"""Sending invitations when they are due, and ending those that expire.

A transaction stores the link of an invitation together with its event, so that a worker that dies half-way has sent
nothing, and the next one begins where it was.
"""

from datetime import timedelta
from uuid import UUID

from chassis import Command, Feature, Query, UnitOfWork
from services.interactions.feedback import tables
from services.interactions.feedback.queries.invitations import lock_customers, send_invitation

feature = Feature("survey-invitations")
BATCH_SIZE = 100
EXPIRING = 1_000


@feature.periodic(every=timedelta(seconds=30))
async def send_due_invitations(work: UnitOfWork) -> bool:
    """Send the invitations that are due, or suppress them, in the order in which they became due."""
    due = await work.fetch(_DUE, now=work.now, batch_size=BATCH_SIZE)
    await lock_customers(work, [invitation.customer_id for invitation in due])
    surveys: dict[UUID, tables.Survey] = {}
    for invitation in due:
        if invitation.survey_id not in surveys:
            surveys[invitation.survey_id] = await work.get(tables.Survey, invitation.survey_id)
        await send_invitation(work, surveys[invitation.survey_id], invitation, by_event=True)
    return len(due) == BATCH_SIZE


@feature.periodic(every=timedelta(minutes=5))
async def expire_invitations(work: UnitOfWork) -> bool:
    """Mark the invitations whose link has expired. Their links are refused from that very moment, also without it."""
    return await work.execute(_EXPIRE, now=work.now, batch_size=EXPIRING) == EXPIRING


_DUE = Query(
    tables.SurveyInvitation,
    """
    select * from survey_invitation where state = 'queued' and send_at <= :now
    order by send_at, id limit :batch_size for no key update skip locked
    """,
)
_EXPIRE = Command(
    """
    update survey_invitation set state = 'expired' where id in (
        select id from survey_invitation where state in ('sent', 'opened') and expires_at <= :now
        order by expires_at, id limit :batch_size for no key update skip locked
    )
    """
)
