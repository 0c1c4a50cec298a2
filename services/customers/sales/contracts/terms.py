"""Due days of contracts: reminders of notices and ends, automatic renewals, and ends of those that have run out.

A row remembers the announced day in the transaction of the event, so each day is announced once.
"""

from datetime import timedelta

from chassis import Command, Feature, Query, Work
from services.customers.sales import tables
from services.customers.sales.contracts.events import (
    ContractEnded,
    ContractEnding,
    ContractNoticeApproaching,
    ContractRenewed,
)
from services.customers.sales.queries.named import today
from services.customers.sales.rules.contracts import REMINDER_DAYS, last_notice_on, renewed_until

feature = Feature("contracts")

BATCH_SIZE = 200
_REMINDER = timedelta(days=REMINDER_DAYS)


@feature.periodic(every=timedelta(minutes=5))
async def announce_notices(work: Work) -> bool:
    """Announce the last days for a notice that are near. One that is over is not announced."""
    day = today(work)
    contracts = await work.fetch(_LOCK_NOTICES, today=day, until=day + _REMINDER, batch_size=BATCH_SIZE)
    for contract in contracts:
        work.publish(ContractNoticeApproaching.from_row(contract, contract_id=contract.id))
    await work.execute(_MARK_NOTICES, ids=[contract.id for contract in contracts])
    return len(contracts) == BATCH_SIZE


@feature.periodic(every=timedelta(minutes=5))
async def announce_ends(work: Work) -> bool:
    """Announce the ends that are near."""
    day = today(work)
    contracts = await work.fetch(_LOCK_ENDS, today=day, until=day + _REMINDER, batch_size=BATCH_SIZE)
    for contract in contracts:
        work.publish(ContractEnding.from_row(contract, contract_id=contract.id))
    await work.execute(_MARK_ENDS, ids=[contract.id for contract in contracts])
    return len(contracts) == BATCH_SIZE


@feature.periodic(every=timedelta(minutes=5))
async def close_terms(work: Work) -> bool:
    """Renew contracts that renew themselves on the day after their end, and end all others."""
    day = today(work)
    contracts = await work.fetch(_LOCK_OVER, today=day, batch_size=BATCH_SIZE)
    for contract in contracts:
        if contract.renewal == "automatic" and contract.ends_on and contract.renewal_months:
            until = renewed_until(contract.ends_on, contract.renewal_months, day)
            notice = last_notice_on(until, contract.notice_days)
            renewed = await work.update(contract, ends_on=until, last_notice_on=notice)
            event = ContractRenewed.from_row(
                renewed,
                contract_id=contract.id,
                previous_ends_on=contract.ends_on,
                automatic=True,
                renewed_at=work.now,
            )
            work.publish(event)
        else:
            ended = await work.update(contract, state="ended", ended_on=contract.ends_on, end_reason="expired")
            work.publish(ContractEnded.from_row(ended, contract_id=contract.id, reason="expired"))
    return len(contracts) == BATCH_SIZE


# A row that another transaction has locked is skipped. The next run sees what it has become.
_LOCK_NOTICES = Query(
    tables.Contract,
    """
    select * from contract where state = 'active' and last_notice_on between :today and :until
        and last_notice_on is distinct from notice_announced
    order by last_notice_on, id limit :batch_size for no key update skip locked
    """,
)
_LOCK_ENDS = Query(
    tables.Contract,
    """
    select * from contract where state = 'active' and ends_on between :today and :until
        and ends_on is distinct from end_announced
    order by ends_on, id limit :batch_size for no key update skip locked
    """,
)
_LOCK_OVER = Query(
    tables.Contract,
    """
    select * from contract where state = 'active' and ends_on < :today
    order by ends_on, id limit :batch_size for no key update skip locked
    """,
)
_MARK_NOTICES = Command("update contract set notice_announced = last_notice_on where id = any(:ids)")
_MARK_ENDS = Command("update contract set end_announced = ends_on where id = any(:ids)")
