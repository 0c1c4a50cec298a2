"""Changes of a record that automations of the interactions service request: the owner, and tags."""

from uuid import UUID

from chassis import Feature, IncomingEvent, NotFound, PersonErased, UnitOfWork
from services.customers.people import tables
from services.customers.people.customers.changes import changes_of, complete, publish_updated
from services.customers.people.customers.events import OwnerNeedsName
from services.customers.people.queries import CustomerArchived

feature = Feature("customers")
MAX_TAGS = 200
"""The number of tags that a request may set."""


class CustomerChangeRequested(IncomingEvent, type="interactions.customer_change_requested.v1"):
    """A step of an automation is to change the record of a customer."""

    customer_id: UUID
    owner_id: str | None
    add_tags: list[str]
    remove_tags: list[str]


@feature.on(CustomerChangeRequested)
async def apply_requested_change(work: UnitOfWork, requested: CustomerChangeRequested) -> None:
    """Change the owner and the tags. An archived customer, and the owner of one without a name, stay as they are.

    Records of other services may name a customer whom this one does not know. Then there is nothing to change.
    """
    try:
        before = await work.get(tables.Customer, requested.customer_id, for_update=True)
    except (NotFound, PersonErased):
        return
    kept = [tag for tag in before.tags if tag not in requested.remove_tags]
    added = [tag for tag in dict.fromkeys(requested.add_tags) if tag not in kept]
    await _change(work, before, {"tags": [*kept, *added][:MAX_TAGS]})
    if requested.owner_id is not None:
        current = await work.get(tables.Customer, before.id, for_update=True)
        await _change(work, current, {"owner_id": requested.owner_id})


async def _change(work: UnitOfWork, before: tables.Customer, values: dict[str, object]) -> None:
    try:
        changes = changes_of(work, before, values, adds_external_ids=False)
    except (CustomerArchived, OwnerNeedsName):
        return
    if changes:
        after = complete(work, before.replace(**changes))
        derived = {name: getattr(after, name) for name in tables.Customer.computed}
        publish_updated(work, before, await work.update(before, **changes, **derived), changes)
