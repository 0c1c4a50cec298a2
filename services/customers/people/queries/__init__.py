"""Look-ups of customers: their contact points, external ids and names, and the block list that every record meets."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Self
from uuid import UUID

from pydantic import Field

from chassis import Command, Event, Fields, Problem, Query, Reference, Resource, UnitOfWork
from services.customers.people import tables
from services.customers.people.rules import blocking, contacts, places, records


class ExternalReferenceFields(Fields):
    """The id of a record in another system."""

    source: Reference
    """The system that assigned the id."""
    id: Reference
    """The record's id in that system."""


class ExternalReference(ExternalReferenceFields, Resource):
    """The id of a record in another system."""


ExternalIds = Annotated[
    list[ExternalReference],
    Field(description="The customer's ids in other systems.", examples=[[{"source": "till", "id": "4711"}]]),
]


class CustomerEvent(Event):
    """The fields of every event about a customer.

    Names and addresses are in `contact` of the events about the record alone: an erasure must find them.
    """

    customer_id: UUID
    """The customer."""
    external_ids: ExternalIds
    """The customer's ids in other systems."""


class CustomerArchived(Problem, status=409):
    """The customer is archived.

    Nothing of it changes until `POST /v1/customers/{id}/restore`.
    """


class PersonBlocked(Problem, status=409):
    """This person was erased and must not be recorded again.

    `pointer` is the value by which the person is recognized, and `block_id` is the block. If the person wishes to be
    recorded again, remove the block: `DELETE /v1/blocks/{id}`.
    """


@dataclass(frozen=True, slots=True)
class _Blocked:
    identity: str
    block_id: UUID


class BlockList:
    """The persons who must not be recorded again, for a request that writes records.

    blocks = await BlockList.load(work, identities)       # of all records of the request
    blocks.check(identities)                              # of a record: those that it adds. Raises PersonBlocked
    await blocks.confirm(work)                            # in the transaction that writes the records

    Persons are rarely blocked. So the first attempt looks up nothing: with a blocked identity, its commit fails. Only
    the retry looks up which of them it is. A record that is written takes no round trip more.
    """

    def __init__(self, blocked: Mapping[str, UUID]) -> None:
        self._blocked = blocked
        self._checked: set[str] = set()

    @classmethod
    async def load(cls, work: UnitOfWork, identities: Collection[str]) -> Self:
        """Look up the identities if the transaction runs again."""
        if not work.is_retry or not identities:
            return cls({})
        rows = await work.fetch(_BLOCKED, identities=sorted(identities))
        return cls({row.identity: row.block_id for row in rows})

    def check(self, identities: blocking.Identities) -> None:
        """Raise PersonBlocked if one of these identities is blocked."""
        for identity, pointer in identities.items():
            block_id = self._blocked.get(identity)
            if block_id is not None:
                raise PersonBlocked(f"The person of {pointer} is blocked.", block_id=str(block_id), pointer=pointer)
        self._checked.update(identities)

    async def confirm(self, work: UnitOfWork) -> None:
        """Let the transaction run again if one of the checked identities is blocked."""
        if self._checked:
            await work.defer(_CONFIRM, identities=sorted(self._checked))


async def reject_blocked(work: UnitOfWork, identities: blocking.Identities) -> None:
    """Raise PersonBlocked if one of the identities that a record adds is blocked, at the commit at the latest."""
    blocks = await BlockList.load(work, identities)
    blocks.check(identities)
    await blocks.confirm(work)


def reject_archived(customer: tables.Customer) -> None:
    """Raise CustomerArchived if a customer is archived."""
    if customer.archived_at is not None:
        raise CustomerArchived(f"The customer is archived since {customer.archived_at:%Y-%m-%d}. Restore it first.")


async def store_contact_points(
    work: UnitOfWork, points: Mapping[UUID, Sequence[contacts.ContactPoint]], *, replaced: Sequence[UUID] = ()
) -> None:
    """Store the contact points of customers, in place of those of the customers `replaced`."""
    if replaced:
        await work.execute(_DELETE_CONTACT_POINTS, customers=list(replaced))
    rows = [
        {"customer_id": customer_id, "kind": kind, "normal": normal}
        for customer_id, each in points.items()
        for kind, normal in each
    ]
    await work.insert_many(tables.ContactPoint, rows)


async def store_places(
    work: UnitOfWork, points: Mapping[UUID, Sequence[places.Point]], *, replaced: Sequence[UUID] = ()
) -> None:
    """Store the places of customers, in place of those of the customers `replaced`."""
    if replaced:
        await work.execute(_DELETE_PLACES, customers=list(replaced))
    rows = [
        {"customer_id": customer_id, "band": point.band, "latitude": point.latitude, "longitude": point.longitude}
        for customer_id, each in points.items()
        for point in each
    ]
    await work.insert_many(tables.Place, rows)


async def claim_external_ids(work: UnitOfWork, claims: Sequence[tuple[UUID, records.ExternalKey]]) -> None:
    """Store external ids of customers.

    If a concurrent transaction has claimed an id, the unique constraint fails and the retry finds its customer.
    """
    # Two batches with the same ids must insert them in the same order, or they deadlock.
    rows = [
        {"customer_id": customer_id, "source": source, "external_id": external_id}
        for customer_id, (source, external_id) in sorted(claims, key=lambda claim: claim[1])
    ]
    await work.insert_many(tables.ExternalId, rows)


async def store_name_words(work: UnitOfWork, customers: Iterable[tables.Customer]) -> None:
    """Add the words of the customers' names to the vocabulary. `remove_unused_words` removes those of former names."""
    # Two transactions with the same new words must insert them in the same order, or they deadlock.
    words = sorted({word for customer in customers for word in customer.search_words})
    if words:
        await work.defer(_INSERT_NAME_WORDS, words=words)


HASHES = """
    select identity, sha256(outer_pad || sha256(inner_pad || convert_to(identity, 'UTF8'))) as hash
    from block_key cross join unnest(:identities::text[]) as identity
"""
"""The keyed hashes of identities: HMAC-SHA256. A tenant without blocks has no key, and nothing is computed."""
_BLOCKED = Query(
    _Blocked,
    f"""
    select distinct on (identity) identity, block_id
    from ({HASHES}) as asked join blocked_identity using (hash) order by identity, block_id
    """,
)
# Inserts a row again that exists, so that the unique constraint fails, or nothing.
_CONFIRM = Command(
    f"""
    insert into blocked_identity (block_id, hash)
    select block_id, hash from ({HASHES}) as asked join blocked_identity using (hash)
    """
)
_DELETE_CONTACT_POINTS = Command("delete from contact_point where customer_id = any(:customers)")
_DELETE_PLACES = Command("delete from place where customer_id = any(:customers)")
# The shared lock keeps a word from being removed while this transaction is about to use it.
_INSERT_NAME_WORDS = Command(
    """
    insert into name_word (word)
    select word from unnest(:words::text[]) as word cross join (
        select pg_advisory_xact_lock_shared(hashtextextended('name_word ' || current_setting('app.tenant'), 0))
    ) as lock
    on conflict (tenant_id, word) do nothing
    """
)
