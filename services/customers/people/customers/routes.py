"""The operations on customers."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends
from fastapi import Query as Parameter

from chassis import (
    Batch,
    BatchResults,
    Command,
    Feature,
    IfMatch,
    Line,
    NotFound,
    Page,
    PageParams,
    Problem,
    RecordTooLarge,
    Reference,
    ShortLine,
    TimeRange,
    UnitOfWork,
    Upserted,
    VersionMismatch,
    Work,
    batch_response,
    condition,
    equals,
    json,
    merge_patch,
    paginate,
    time_range,
)
from services.customers.customization.queries.custom_fields import CustomFields, CustomValueTaken
from services.customers.customization.queries.filters import (
    CUSTOM_PARAMETERS,
    CustomFieldIndexBuilding,
    shape_list,
    sort_by,
)
from services.customers.people import tables
from services.customers.people.customers.events import (
    AmbiguousExternalIds,
    ExternalIdTaken,
    KindDiffers,
    NotIdentifiable,
)
from services.customers.people.customers.schemas import (
    FIELDS,
    OWN_FIELDS,
    Customer,
    CustomerCreate,
    CustomerUpdate,
    CustomerUpsert,
    ExternalReferenceCreate,
)
from services.customers.people.customers.search import find_by_external_id, lookup_filters, search_by_name
from services.customers.people.customers.upserts import (
    created_event,
    new_customer,
    reject_impossible,
    updated_event,
    upsert_many,
    with_search_words,
)
from services.customers.people.queries import (
    claim_external_ids,
    contact_points_of,
    store_contact_points,
    store_name_words,
)
from services.customers.people.rules import records
from services.customers.people.rules.records import CustomerKind, CustomerState, Lifecycle

feature = Feature("customers")
Sort: Any = sort_by("created_at", "updated_at")
Source = Annotated[Reference, Parameter(description="The system that assigned the id.")]
SourcesId = Annotated[Reference, Parameter(description="The customer's id in that system.")]


@feature.post(
    "/customers",
    scope="customers:write",
    status_code=201,
    raises=[CustomValueTaken, ExternalIdTaken, NotIdentifiable, RecordTooLarge],
)
async def create_customer(work: Work, body: CustomerCreate) -> Customer:
    """Create a customer. An external id that another customer has is rejected. To overwrite, use the upsert."""
    custom_fields = await CustomFields.load(work, "customer", [body.custom])
    customer = new_customer(work, body)
    custom_fields.check(customer.id, None, customer.custom)
    points = contact_points_of(work, customer)
    keys = records.external_keys(customer.external_ids)
    if work.is_retry:  # a new customer's ids are usually free: if not, the unique constraint fails and this runs again
        await _reject_taken_ids(work, keys)
    customer = await work.insert(customer)
    await store_contact_points(work, {customer.id: points})
    await claim_external_ids(work, [(customer.id, key) for key in keys])
    await store_name_words(work, [customer])
    await custom_fields.confirm(work)
    work.publish(created_event(customer))
    return Customer.from_row(customer)


@feature.post("/customers/batch", scope="customers:write", batch=True)
async def upsert_customers_batch(work: Work, batch: Batch[CustomerUpsert]) -> BatchResults:
    """Create or change up to a thousand customers, each found by its external ids.

    Absent fields stay as they are, null fields are cleared, external ids are added. An item that changes nothing is
    `unchanged` and does not raise the version.
    """
    return batch_response(batch, await upsert_many(work, batch.valid_items()))


@feature.put(
    "/customers/by-external-id",
    scope="customers:write",
    raises=[AmbiguousExternalIds, CustomValueTaken, KindDiffers, NotIdentifiable, RecordTooLarge],
)
async def upsert_customer(
    work: Work,
    body: CustomerUpsert,
    source: Source,
    id: SourcesId,
) -> Upserted[Customer]:
    """Create or change the customer that has this external id."""
    named = ExternalReferenceCreate.model_construct(source=source, id=id)
    others = [reference for reference in body.external_ids or [] if reference != named]
    # The copy is not validated: with the id of the path, a body may have one id more than the schema allows.
    item = body.model_copy(update={"external_ids": [named, *others]})
    outcome = (await upsert_many(work, [(0, item)]))[0]
    if isinstance(outcome, Problem):
        raise outcome
    status, customer_id = outcome
    customer = await work.get(tables.Customer, customer_id)
    return Upserted(Customer.from_row(customer), created=status == "created")


@feature.get("/customers/by-external-id", scope="customers:read", raises=[NotFound])
async def read_customer_by_external_id(work: Work, source: Source, id: SourcesId) -> Customer:
    """Return the customer that has this external id."""
    return await find_by_external_id(work, source, id)


@feature.get(
    "/customers",
    scope="customers:read",
    raises=[CustomFieldIndexBuilding],
    expensive=("q", "kind", "lifecycle", "state", "tag"),
)
async def list_customers(
    work: Work,
    params: PageParams,
    created_at: Annotated[TimeRange, Depends(time_range("created_at"))],
    updated_at: Annotated[TimeRange, Depends(time_range("updated_at"))],
    custom: Annotated[list[tuple[str, str]], Depends(CUSTOM_PARAMETERS)],
    email: Annotated[Line | None, Parameter(description="E-mail address.")] = None,
    phone: Annotated[ShortLine | None, Parameter(description="Phone number, in any notation.")] = None,
    external_id: Annotated[Reference | None, Parameter(description="External id, as `source:id`.")] = None,
    q: Annotated[
        str | None, Parameter(min_length=1, max_length=100, description="Words of a name, or parts of them.")
    ] = None,
    kind: Annotated[list[CustomerKind] | None, Parameter(description="Any of these kinds.")] = None,
    lifecycle: Annotated[list[Lifecycle] | None, Parameter(description="Any of these stages.")] = None,
    state: Annotated[list[CustomerState] | None, Parameter(description="Any of these states.")] = None,
    tag: Annotated[list[ShortLine] | None, Parameter(max_length=50, description="At least one of these tags.")] = None,
    sort: Annotated[
        Sort,
        Parameter(description="Sort field, also `custom.<name>` of an indexed field; prefix with `-` for descending."),
    ] = "created_at",
) -> Page[Customer]:
    """List customers, or find them by their contact points, external ids or names.

    `q` ignores accents and case and tolerates a wrong letter or two. Each of its words counts by its length. It
    returns the best matches first, on a single page. Distant matches are returned only if there are no close matches.
    """
    filters = [*equals(kind=kind, lifecycle=lifecycle, state=state), *created_at.filters, *updated_at.filters]
    filters += lookup_filters(work, email, phone, external_id)
    if tag is not None:
        filters.append(condition("tags && :tags", tags=tag))
    shape = await shape_list(work, "customer", custom, sort)
    filters += shape.filters
    if q is not None:
        params.after(work.tenant.id, "q")  # a search has a single page, so it accepts no cursor
        return await search_by_name(work, q, params.limit, filters)
    return await paginate(work, params, tables.Customer, Customer, sort=sort, key=shape.key, where=filters)


@feature.get("/customers/{id:uuid}", scope="customers:read", owner="id")
async def read_customer(work: Work, id: UUID) -> Customer:
    """Return a customer."""
    return Customer.from_row(await work.get(tables.Customer, id))


@feature.patch(
    "/customers/{id:uuid}",
    scope="customers:write",
    raises=[CustomValueTaken, ExternalIdTaken, NotIdentifiable, RecordTooLarge, VersionMismatch],
    owner="id",
    owner_fields=OWN_FIELDS,
)
async def update_customer(work: Work, id: UUID, body: CustomerUpdate, if_match: IfMatch) -> Customer:
    """Change the fields that are named: null clears a field, lists are replaced, `custom` is merged."""
    before = await work.get(tables.Customer, id, for_update=True)
    work.check_version(before, if_match)
    changes = _changes(work, before, body)
    if not changes:
        return Customer.from_row(before)
    if "custom" in changes:
        custom_fields = await CustomFields.load(work, "customer", [changes["custom"]])
        custom_fields.check(id, before.custom, changes["custom"])
        await custom_fields.confirm(work)
    after = with_search_words(before.replace(**changes))
    customer = await work.update(before, **changes, search_words=after.search_words)
    await _sync_lookups(work, before, after)
    if after.search_words != before.search_words:
        await store_name_words(work, [after])
    work.publish(updated_event(before, customer, changes))
    return Customer.from_row(customer)


def _changes(work: UnitOfWork, before: tables.Customer, body: CustomerUpdate) -> dict[str, Any]:
    """Return the fields that a patch changes. Raises NotIdentifiable, and ValidationFailed for impossible values."""
    values = body.changes()
    if body.custom is not None:
        values["custom"] = merge_patch(before.custom, body.custom)
    current = {name: getattr(before, name) for name in FIELDS}
    after = current | records.with_defaults(values, values)
    if not records.is_identifiable(after):
        raise NotIdentifiable
    changes = {name: value for name, value in after.items() if not json.json_equal(value, current[name])}
    reject_impossible(work, changes)
    return changes


async def _sync_lookups(work: UnitOfWork, before: tables.Customer, after: tables.Customer) -> None:
    """Bring contact points and external ids in line with the changed record."""
    if after.emails != before.emails or after.phones != before.phones:
        points = contact_points_of(work, after)
        await store_contact_points(work, {after.id: points}, replaced=[after.id])
    old, new = set(records.external_keys(before.external_ids)), set(records.external_keys(after.external_ids))
    for source, external_id in sorted(old - new):
        await work.execute(_DELETE_EXTERNAL_ID, source=source, external_id=external_id)
    if new - old:
        await _reject_taken_ids(work, sorted(new - old))
        await claim_external_ids(work, [(after.id, key) for key in sorted(new - old)])


async def _reject_taken_ids(work: UnitOfWork, keys: list[records.ExternalKey]) -> None:
    for index, (source, external_id) in enumerate(keys):
        holder = await work.find(tables.ExternalId, source=source, external_id=external_id)
        if holder is not None:
            raise ExternalIdTaken(
                f"{source} {external_id} belongs to another customer.",
                customer_id=str(holder.customer_id),
                pointer=f"/external_ids/{index}",
            )


_DELETE_EXTERNAL_ID = Command("delete from external_id where source = :source and external_id = :external_id")
