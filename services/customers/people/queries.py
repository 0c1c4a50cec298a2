"""Look-ups of customers: their contact points and external ids, kept in line with their records."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from chassis import Command, UnitOfWork, ValidationFailed
from services.customers.people import rules, tables


def contact_points_of(work: UnitOfWork, customer: tables.Customer) -> list[rules.ContactPoint]:
    """Return the contact points of a record. Raises ValidationFailed for an impossible phone number."""
    try:
        return rules.contact_points(customer.emails, customer.phones, work.tenant.region)
    except rules.InvalidContact as error:
        raise ValidationFailed.field(error.location, "not_possible", str(error)) from None


async def store_contact_points(
    work: UnitOfWork, points: Mapping[UUID, Sequence[rules.ContactPoint]], *, replaced: Sequence[UUID] = ()
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


async def claim_external_ids(work: UnitOfWork, claims: Sequence[tuple[UUID, rules.ExternalKey]]) -> None:
    """Store external ids of customers.

    If a concurrent transaction has claimed an id, the unique constraint fails and the retry finds its customer.
    """
    # Two batches with the same ids must insert them in the same order, or they deadlock.
    rows = [
        {"customer_id": customer_id, "source": source, "external_id": external_id}
        for customer_id, (source, external_id) in sorted(claims, key=lambda claim: claim[1])
    ]
    await work.insert_many(tables.ExternalId, rows)


_DELETE_CONTACT_POINTS = Command("delete from contact_point where customer_id = any(:customers)")
