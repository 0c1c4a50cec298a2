"""That by which a changed record is found, in line with it: its contact points, its places and its external ids."""

from chassis import Command, UnitOfWork
from services.customers.people import tables
from services.customers.people.customers.changes import contact_points_of
from services.customers.people.customers.events import ExternalIdTaken
from services.customers.people.queries import claim_external_ids, store_contact_points, store_places
from services.customers.people.rules import places, records


async def sync_lookups(work: UnitOfWork, before: tables.Customer, after: tables.Customer) -> None:
    """Bring contact points, places and external ids in line with the changed record."""
    if after.emails != before.emails or after.phones != before.phones:
        await store_contact_points(work, {after.id: contact_points_of(after)}, replaced=[after.id])
    points = places.points_of(after.addresses)
    if points != places.points_of(before.addresses):
        await store_places(work, {after.id: points}, replaced=[after.id])
    old, new = set(records.external_keys(before.external_ids)), set(records.external_keys(after.external_ids))
    for source, external_id in sorted(old - new):
        await work.execute(_DELETE_EXTERNAL_ID, source=source, external_id=external_id)
    if new - old:
        await reject_taken_ids(work, sorted(new - old))
        await claim_external_ids(work, [(after.id, key) for key in sorted(new - old)])


async def reject_taken_ids(work: UnitOfWork, keys: list[records.ExternalKey]) -> None:
    """Raise ExternalIdTaken if a customer has any of these ids."""
    for index, (source, external_id) in enumerate(keys):
        holder = await work.find(tables.ExternalId, source=source, external_id=external_id)
        if holder is not None:
            raise ExternalIdTaken(
                f"{source} {external_id} belongs to another customer.",
                customer_id=str(holder.customer_id),
                pointer=f"/external_ids/{index}",
            )


_DELETE_EXTERNAL_ID = Command("delete from external_id where source = :source and external_id = :external_id")
