"""Retention: periodic tasks that delete the rows that features keep no longer, a batch at a time."""

from collections.abc import Iterable, Iterator
from datetime import timedelta

from chassis.core.clock import clock
from chassis.core.settings import Settings
from chassis.db.statements import Command, table_name
from chassis.db.unit_of_work import UnitOfWork
from chassis.feature import PeriodicTask, Retention, RunTask

INTERVAL = timedelta(minutes=10)
BATCH_SIZE = 1_000


def deletion_tasks(retentions: Iterable[Retention], settings: Settings) -> Iterator[PeriodicTask]:
    """Yield a task for each retention whose setting has a number of days."""
    for retention in retentions:
        days = getattr(settings, retention.setting)
        if days is not None:
            yield PeriodicTask(retention.feature, INTERVAL, _deletion(retention, timedelta(days=days)))


def _deletion(retention: Retention, kept: timedelta) -> RunTask:
    name = table_name(retention.table)
    command = Command(
        f"""
        delete from {name} where id in (
            select id from (
                select id, {retention.column} from {name} order by {retention.order_by}, id limit {BATCH_SIZE}
            ) as oldest
            where {retention.column} < :before
        )
        """
    )

    async def delete_oldest(work: UnitOfWork) -> bool:
        # Real time: a sandbox that moves its clock by a year keeps its rows.
        return await work.execute(command, before=clock.now() - kept) == BATCH_SIZE

    return delete_oldest
