"""The start of searches: each tenant's first by request, and later ones also by themselves."""

from datetime import timedelta

from chassis import Command, Feature, Query, UnitOfWork
from services.customers.base import Job
from services.customers.lifecycle.duplicates.searching import IS_CURRENT, KIND
from services.customers.lifecycle.rules.duplicates import RULES

feature = Feature("duplicates")

MARGIN = timedelta(minutes=10)
"""A transaction that the last search did not see has stored a time before that search, by less than this."""
MANY_CHANGES = 1_000
"""So many changed records are a reason to search. They are not compared with the last search."""


async def start_or_find(work: UnitOfWork) -> Job:
    """Start a search, or return the running one."""
    await work.execute(_LOCK)
    running = await work.fetch(_RUNNING, kind=KIND)
    if running:
        return running[0]
    return await work.insert(Job(kind=KIND, actor=work.actor, created_at=work.now))


@feature.periodic(every=timedelta(hours=1))
async def search_again(work: UnitOfWork) -> bool:
    """Start a search for a tenant that has searched before, if records have changed since its last search."""
    if await _is_due(work):
        await start_or_find(work)
    return False


async def _is_due(work: UnitOfWork) -> bool:
    """Return whether the last search has failed, or has left something for the next.

    A tenant that has cancelled its last search does not want the next to begin by itself.
    """
    searches = await work.select(_LAST, kind=KIND)
    if not searches:  # a tenant without searches, or one whose last search was deleted after a while
        return bool(await work.select(_HAS_COMPARED))
    (last,) = searches
    if last.state != "succeeded":
        return last.state == "failed"
    (is_changed,) = await work.select(_IS_CHANGED, since=last.created_at - MARGIN, rules=RULES, most=MANY_CHANGES)
    return is_changed


_LOCK = Command(
    "select pg_advisory_xact_lock(hashtextextended('duplicate search ' || current_setting('app.tenant'), 0))"
)
_RUNNING = Query(Job, "select * from job where kind = :kind and state in ('queued', 'running')")
_LAST = Query(Job, "select * from job where kind = :kind order by created_at desc, id desc limit 1")
_HAS_COMPARED = Query(bool, "select true from compared_record limit 1")
# It reads the first entries of an index, and none if nothing has changed.
_IS_CHANGED = Query(
    bool,
    f"""
    select count(*) = :most or coalesce(bool_or(is_current and not is_compared), false) from (
        select {IS_CURRENT} as is_current, exists (
            select from compared_record as compared
            where compared.customer_id = latest.id and compared.version = latest.version and compared.rules = :rules
        ) as is_compared
        from (
            select * from customer where updated_at >= :since order by updated_at desc, id desc limit :most
        ) as latest
    ) as looked_at
    """,
)
