"""The columns of every record that a source sends, and the customers that such records name."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from chassis import DatabaseFunction, Person, bigint, index, timestamp
from services.interactions.base import Base


class SourceRecord(Base):
    """A record that another system sent under an id of its own. It never changes.

    Each table of such records declares `unique("source", "source_id")`.
    """

    customer_id: UUID | None
    source: str
    source_id: str
    content_hash: str
    """Distinguishes a repeat from a record with other content under the same source id."""
    recorded_at: datetime = timestamp()


class KnownCustomer(Base, table=True):
    """A customer that the customers service has announced, under the customer's id."""

    __tablename__ = "known_customer"
    persons: ClassVar[tuple[Person, ...]] = (
        Person(
            "id",
            merge="keep",
            merge_reason="The id of a merged customer stays known.",
            erase="keep",
            erase_reason="It is an id alone, and says that its records are not orphans.",
        ),
    )


class AwaitedCustomer(Base, table=True):
    """A customer that records name and that has not been announced yet, under the customer's id."""

    __tablename__ = "awaited_customer"
    __table_args__ = (index("since"),)
    persons: ClassVar[tuple[Person, ...]] = (
        Person("id", merge="keep", merge_reason="Its records wait for the announcement of this very id."),
    )

    since: datetime = timestamp()
    records: int = bigint()


# The status page counts over all tenants, and publishes no more than the count. A record and the event of its customer
# may cross, so a customer that is known in the meantime does not count.
count_orphans = DatabaseFunction(
    "count_orphans()",
    """
    create or replace function count_orphans() returns bigint
    language sql stable security definer set search_path = public, pg_temp as $$
        select coalesce(sum(records), 0)::bigint from (
            select records from awaited_customer as awaited
            where since < now() - interval '5 minutes'
            and not exists (
                select from known_customer as known
                where known.tenant_id = awaited.tenant_id and known.id = awaited.id
            )
            limit 10000
        ) as counted
    $$
    """,
)
Base.metadata.info.setdefault("objects", []).append(count_orphans)
