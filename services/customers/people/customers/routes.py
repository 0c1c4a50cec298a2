"""The operations on customers."""

from typing import Annotated, Any, cast
from uuid import UUID

from fastapi import Depends, Request
from fastapi import Query as Parameter

from chassis import (
    Batch,
    BatchResults,
    Feature,
    IfMatch,
    Line,
    MergePatch,
    NotFound,
    Page,
    PageParams,
    Problem,
    RecordTooLarge,
    Reference,
    ShortLine,
    TimeRange,
    Upserted,
    VersionMismatch,
    Work,
    batch_response,
    condition,
    equals,
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
from services.customers.customization.queries.saved_views import LISTS, ViewOutdated, list_by_view
from services.customers.people import tables
from services.customers.people.customers.changes import (
    changes_of,
    complete,
    identities_of,
    new_customer,
    publish_created,
    publish_updated,
)
from services.customers.people.customers.duplicates import store_new_contact_points
from services.customers.people.customers.events import (
    AmbiguousExternalIds,
    ExternalIdTaken,
    KindDiffers,
    NotIdentifiable,
    OwnerNeedsName,
    PossibleDuplicates,
    TransitionNotAllowed,
)
from services.customers.people.customers.lookups import reject_taken_ids, sync_lookups
from services.customers.people.customers.schemas import (
    OWN_FIELDS,
    Birthday,
    Customer,
    CustomerCreate,
    CustomerUpdate,
    CustomerUpsert,
    ExternalReferenceCreate,
)
from services.customers.people.customers.search import (
    NEAR_PATTERN,
    archived_filter,
    find_by_external_id,
    lookup_filters,
    nearby_filter,
    search_by_name,
)
from services.customers.people.customers.upserts import upsert_many
from services.customers.people.queries import (
    CustomerArchived,
    PersonBlocked,
    claim_external_ids,
    reject_blocked,
    store_name_words,
    store_places,
)
from services.customers.people.rules import places, records
from services.customers.people.rules.blocking import added
from services.customers.people.rules.profiles import DOCUMENTS
from services.customers.people.rules.records import AccountKind, CustomerKind
from services.customers.people.rules.stages import CustomerState, Lifecycle

feature = Feature("customers")
Sort: Any = sort_by("created_at", "updated_at", "name")
Source = Annotated[Reference, Parameter(description="The system that assigned the id.")]
SourcesId = Annotated[Reference, Parameter(description="The customer's id in that system.")]
Archived = Annotated[bool, Parameter(description="True: only archived customers. False: only the others.")]


@feature.post(
    "/customers",
    scope="customers:write",
    status_code=201,
    raises=[
        CustomValueTaken,
        ExternalIdTaken,
        NotIdentifiable,
        OwnerNeedsName,
        PersonBlocked,
        PossibleDuplicates,
        RecordTooLarge,
    ],
)
async def create_customer(work: Work, body: CustomerCreate) -> Customer:
    """Create a customer. An external id that another customer has is rejected. To overwrite, use the upsert.

    It is also rejected if a customer has the same e-mail address or phone number, and neither another name nor another
    birth date, unless `allow_duplicate` is true.
    """
    custom_fields = await CustomFields.load(work, "customer", [body.custom])
    customer = new_customer(work, body)
    custom_fields.check(customer.id, None, customer.custom)
    await reject_blocked(work, identities_of(customer))
    keys = records.external_keys(customer.external_ids)
    if work.is_retry:  # a new customer's ids are usually free: if not, the unique constraint fails and this runs again
        await reject_taken_ids(work, keys)
    customer = await work.insert(customer)
    await store_new_contact_points(work, customer, allow_duplicate=body.allow_duplicate)
    await store_places(work, {customer.id: places.points_of(customer.addresses)})
    await claim_external_ids(work, [(customer.id, key) for key in keys])
    await store_name_words(work, [customer])
    await custom_fields.confirm(work)
    publish_created(work, customer)
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
    raises=[
        AmbiguousExternalIds,
        CustomValueTaken,
        CustomerArchived,
        KindDiffers,
        NotIdentifiable,
        OwnerNeedsName,
        PersonBlocked,
        RecordTooLarge,
        TransitionNotAllowed,
    ],
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
async def read_customer_by_external_id(
    work: Work, source: Source, id: SourcesId, archived: Archived = False
) -> Customer:
    """Return the customer that has this external id."""
    return await find_by_external_id(work, source, id, archived=archived)


@feature.get(
    "/customers",
    scope="customers:read",
    raises=[CustomFieldIndexBuilding, NotFound, ViewOutdated],
    expensive=(
        "q",
        "kind",
        "lifecycle",
        "state",
        "tag",
        "account_kind",
        "near",
        "strategic",
        "archived",
        "view",
        "custom.",
    ),
)
async def list_customers(
    work: Work,
    params: PageParams,
    created_at: Annotated[TimeRange, Depends(time_range("created_at"))],
    updated_at: Annotated[TimeRange, Depends(time_range("updated_at"))],
    custom: Annotated[list[tuple[str, str]], Depends(CUSTOM_PARAMETERS)],
    request: Request,
    view: Annotated[
        UUID | None,
        Parameter(description="A saved view, whose parameters apply unless the request sends the same ones."),
    ] = None,
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
    account_kind: Annotated[
        list[AccountKind] | None, Parameter(description="At least one of these business relations.")
    ] = None,
    owner_id: Annotated[list[Reference] | None, Parameter(max_length=50, description="Any of these owners.")] = None,
    birthday: Annotated[Birthday | None, Parameter(description="Month and day of the birth date.")] = None,
    strategic: Annotated[bool | None, Parameter(description="Strategic customers, or all others.")] = None,
    near: Annotated[
        str | None,
        Parameter(
            description="`latitude,longitude,km`: customers with an address within the distance.",
            pattern=NEAR_PATTERN,
            examples=["52.37,4.89,10"],
        ),
    ] = None,
    archived: Archived = False,
    sort: Annotated[
        Sort,
        Parameter(description="Sort field, also `custom.<name>` of an indexed field; prefix with `-` for descending."),
    ] = "created_at",
) -> Page[Customer]:
    """List customers, or find them by their contact points, external ids or names.

    `q` ignores accents and case and tolerates a wrong letter or two. Each of its words counts by its length. It
    returns the best matches first, on a single page. Distant matches are returned only if there are no close matches.
    """
    if view is not None:
        return cast(Page[Customer], await list_by_view(work, request, view, "customer"))
    filters = equals(
        kind=kind, lifecycle=lifecycle, state=state, owner_id=owner_id, birthday=birthday, strategic=strategic
    )
    filters += [*created_at.filters, *updated_at.filters, archived_filter(archived=archived)]
    if state is None:
        filters.append(condition("merged_into is null"))
    filters += lookup_filters(work, email, phone, external_id)
    if state is None:
        filters.append(condition("erased_at is null"))
    if tag is not None:
        filters.append(condition("tags && :tags", tags=tag))
    if account_kind is not None:
        filters.append(condition("account_kinds && :account_kinds", account_kinds=account_kind))
    if near is not None:
        filters.append(nearby_filter(near))
    has_lookup = any(value is not None for value in (email, phone, external_id))
    shape = await shape_list(work, "customer", custom, sort, few=has_lookup)
    filters += shape.filters
    if q is not None:
        params.after(work.tenant.id, "q")  # a search has a single page, so it accepts no cursor
        return await search_by_name(work, q, params.limit, filters)
    sort = sort.replace("name", "sort_name") if sort in ("name", "-name") else sort
    return await paginate(work, params, tables.Customer, Customer, sort=sort, key=shape.key, where=filters)


LISTS["customer"] = feature.operations[-1]


@feature.get("/customers/{id:uuid}", scope="customers:read", owner="id", owner_hidden=("strategic_reason",))
async def read_customer(work: Work, id: UUID) -> Customer:
    """Return a customer."""
    return Customer.from_row(await work.get(tables.Customer, id))


@feature.patch(
    "/customers/{id:uuid}",
    scope="customers:write",
    raises=[
        CustomValueTaken,
        CustomerArchived,
        ExternalIdTaken,
        NotIdentifiable,
        OwnerNeedsName,
        PersonBlocked,
        RecordTooLarge,
        TransitionNotAllowed,
        VersionMismatch,
    ],
    owner="id",
    owner_fields=OWN_FIELDS,
    owner_hidden=("strategic_reason",),
)
async def update_customer(work: Work, id: UUID, body: CustomerUpdate, if_match: IfMatch) -> Customer:
    """Change the fields that are named.

    Null clears a field, lists are replaced, and `custom`, `preferences` and `firmographics` are merged.
    """
    before = await work.get(tables.Customer, id, for_update=True)
    work.check_version(before, if_match)
    changes = changes_of(work, before, _merged(before, body), adds_external_ids=False)
    if not changes:
        return Customer.from_row(before)
    if "custom" in changes:
        custom_fields = await CustomFields.load(work, "customer", [changes["custom"]])
        custom_fields.check(id, before.custom, changes["custom"])
        await custom_fields.confirm(work)
    after = complete(work, before.replace(**changes))
    await reject_blocked(work, added(identities_of(before), identities_of(after)))
    derived = {name: getattr(after, name) for name in tables.Customer.computed}
    customer = await work.update(before, **changes, **derived)
    await sync_lookups(work, before, after)
    if after.search_words != before.search_words:
        await store_name_words(work, [after])
    publish_updated(work, before, customer, changes)
    return Customer.from_row(customer)


def _merged(before: tables.Customer, body: CustomerUpdate) -> dict[str, Any]:
    """Return the fields of a patch. Objects are merged into those of the record."""
    values = body.changes()
    if body.custom is not None:
        values["custom"] = merge_patch(before.custom, body.custom)
    for name in DOCUMENTS:
        patch: MergePatch | None = getattr(body, name)
        if patch is not None:
            merged = merge_patch(getattr(before, name), patch.changes())
            values[name] = {field: merged.get(field) for field in type(patch).model_fields}
    return values
