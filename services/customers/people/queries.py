"""Look-ups of customers: their contact points, external ids and names, kept in line with their records."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated
from uuid import UUID

from pydantic import Field

from chassis import Command, Event, Fields, Problem, Reference, Resource, UnitOfWork
from services.customers.people import tables
from services.customers.people.rules import contacts, places, records


class ExternalReferenceFields(Fields):
    """The id of a customer in another system."""

    source: Reference
    """The system that assigned the id."""
    id: Reference
    """The customer's id in that system."""


class ExternalReference(ExternalReferenceFields, Resource):
    """The id of a customer in another system."""


ExternalIds = Annotated[
    list[ExternalReference],
    Field(description="The customer's ids in other systems.", examples=[[{"source": "till", "id": "4711"}]]),
]


class CustomerEvent(Event):
    """The fields of every event about a customer.

    None contains a name or an address: events are kept for long, and an erasure must not change them.
    """

    customer_id: UUID
    """The customer."""
    external_ids: ExternalIds
    """The customer's ids in other systems."""


class CustomerArchived(Problem, status=409):
    """The customer is archived.

    Nothing of it changes until `POST /v1/customers/{id}/restore`.
    """


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
