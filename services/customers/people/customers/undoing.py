"""The reverse of an upsert: records get former values back, or are removed."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter

from chassis import Command, Problem, UnitOfWork, json
from services.customers.customization.queries.custom_fields import CustomFields
from services.customers.people import tables
from services.customers.people.customers.events import CustomerRemoved
from services.customers.people.customers.schemas import FIELDS
from services.customers.people.customers.upserts import Draft, store, write
from services.customers.people.queries import BlockList
from services.customers.people.queries.history import clear_history
from services.customers.people.rules import records
from services.customers.people.rules.blocking import identities_of
from services.customers.people.rules.profiles import Values


async def restore_many(work: UnitOfWork, restored: Sequence[tuple[tables.Customer, Values]]) -> set[UUID]:
    """Set fields of locked records to former values. Returns the records that may not have them any more."""
    custom_fields = await CustomFields.load(work, "customer", [values.get("custom") for _, values in restored])
    blocks = await BlockList.load(work, {identity for _, values in restored for identity in identities_of(values)})
    drafts, removed, refused = [], [], set()
    for customer, values in restored:
        former = {name: _FIELD_TYPES[name].validate_python(value) for name, value in values.items()}
        changes = {name: value for name, value in former.items() if not json.json_equal(getattr(customer, name), value)}
        if changes:
            draft = Draft(customer, is_new=False)
            try:
                write(work, custom_fields, blocks, draft, changes)
            except Problem:  # a custom field has been defined since, or the person blocked
                refused.add(customer.id)
                continue
            drafts.append(draft)
            kept = records.external_keys(draft.customer.external_ids)
            removed += [key for key in records.external_keys(customer.external_ids) if key not in kept]
            draft.new_keys = [key for key in kept if key not in records.external_keys(customer.external_ids)]
    if removed:
        await work.execute(
            _DELETE_EXTERNAL_IDS, sources=[source for source, _ in removed], ids=[id for _, id in removed]
        )
    await store(work, drafts)
    await custom_fields.confirm(work)
    await blocks.confirm(work)
    return refused


async def remove_many(work: UnitOfWork, customers: Sequence[tables.Customer]) -> None:
    """Delete locked records, with their look-ups and the values in their history."""
    for customer in customers:
        work.audit("deleted", tables.Customer, customer.id, {})
        work.publish(CustomerRemoved.from_row(customer, customer_id=customer.id, removed_at=work.now))
    ids = [customer.id for customer in customers]
    await work.execute(_DELETE_CUSTOM_VALUES, ids=ids)
    await work.execute(_DELETE_CUSTOMERS, ids=ids)
    await clear_history(work, tables.Customer, ids)


_FIELD_TYPES: dict[str, TypeAdapter[Any]] = {
    name: TypeAdapter(field.annotation) for name in FIELDS if (field := tables.Customer.model_fields[name]).annotation
}
_DELETE_CUSTOM_VALUES = Command("delete from custom_field_value where record_id = any(:ids)")
_DELETE_CUSTOMERS = Command("delete from customer where id = any(:ids)")
_DELETE_EXTERNAL_IDS = Command(
    """
    delete from external_id using unnest(:sources::text[], :ids::text[]) as removed(source, id)
    where external_id.source = removed.source and external_id.external_id = removed.id
    """
)
