"""Known customers: those that the customers service has announced, so that records without a customer are noticed.

A record of an unknown customer is accepted because the customer's event may still be on its way. If it has not arrived
after five minutes, the record counts as an orphan on the status page.
"""

from collections.abc import Sequence
from uuid import UUID

import asyncpg

from chassis import Command, Feature, IncomingEvent, Query, Work

feature = Feature("known-customers")


class CustomerCreated(IncomingEvent, type="customers.customer_created.v1"):
    """A customer was recorded."""

    customer_id: UUID


class CustomerRemoved(IncomingEvent, type="customers.customer_removed.v1"):
    """A customer's record was removed, because its import was reverted."""

    customer_id: UUID


@feature.on_batch(CustomerCreated)
async def remember_customers(work: Work, created: Sequence[CustomerCreated]) -> None:
    """Store the customers as known, and stop awaiting them."""
    ids = sorted({event.customer_id for event in created})
    await work.execute(_INSERT_KNOWN, ids=ids)
    await work.execute(_DELETE_AWAITED, ids=ids)


@feature.on_batch(CustomerRemoved)
async def forget_customers(work: Work, removed: Sequence[CustomerRemoved]) -> None:
    """Treat the customers as unknown again."""
    await work.execute(_DELETE_KNOWN, ids=[event.customer_id for event in removed])


@feature.gauge("orphans")
async def count_orphans(pool: asyncpg.Pool) -> int:
    """Return the number of records whose customer was not announced within five minutes, over all tenants.

    It counts the records of 10,000 customers at most, like the function below, so that a status stays cheap.
    """
    return int(await pool.fetchval("select count_orphans()"))


@feature.tenant_gauge("orphans")
async def count_orphans_of_tenant(work: Work) -> int:
    """Return the number of the tenant's records whose customer was not announced within five minutes."""
    (count,) = await work.select(_COUNT_ORPHANS)
    return count


_COUNT_ORPHANS = Query(
    int,
    """
    select coalesce(sum(records), 0)::bigint from (
        select records from awaited_customer
        where since < now() - interval '5 minutes' and not exists (
            select from known_customer where known_customer.id = awaited_customer.id
        )
        limit 10000
    ) as counted
    """,
)
_INSERT_KNOWN = Command(
    "insert into known_customer (id) select id from unnest(:ids::uuid[]) as id on conflict do nothing"
)
_DELETE_KNOWN = Command("delete from known_customer where id = any(:ids)")
_DELETE_AWAITED = Command("delete from awaited_customer where id = any(:ids)")
