"""Known customers: whom the customers service has told of, so that records of nobody are noticed.

A purchase of an unknown customer is accepted, for the record may still be on its way. When it has not come after five
minutes, the purchase counts as an orphan on the status page.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from chassis import Feature, Incoming, Work

feature = Feature("known-customers")


class CustomerCreated(Incoming, type="customers.customer_created.v1"):
    """A customer was recorded."""

    customer_id: UUID


@feature.on_batch(CustomerCreated)
async def remember_customers(work: Work, created: Sequence[CustomerCreated]) -> None:
    """Remembers the customers, and waits for them no longer."""
    ids = sorted({one.customer_id for one in created})
    await work.execute(
        "insert into known_customer (id) select id from unnest($1::uuid[]) as id on conflict do nothing", ids
    )
    await work.execute("delete from awaited_customer where id = any($1)", ids)


@feature.gauge("orphans")
async def count_orphans(connection: Any) -> int:
    """Records whose customer has not appeared after five minutes, over all tenants."""
    return int(await connection.fetchval("select count_orphans()"))
