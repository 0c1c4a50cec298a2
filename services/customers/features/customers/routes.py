"""The operations on customers."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Depends, Query, Response

from chassis import (
    Batch,
    BatchResults,
    Feature,
    IfMatch,
    Invalid,
    Line,
    Page,
    Paged,
    Problem,
    Reference,
    StaleVersion,
    TimeRange,
    Word,
    Work,
    merge_patch,
    page,
    results_of,
    shown,
    time_range,
    uuid7,
)
from chassis.json import same
from chassis.pages import Condition, Paging
from chassis.problems import MalformedRequest
from chassis.values import normal_email, normal_phone
from services.customers import rules
from services.customers.features.customers.facts import (
    AmbiguousExternalIds,
    CustomerUpdated,
    ExternalIdTaken,
    NotIdentifiable,
)
from services.customers.features.customers.upserts import (
    FIELDS,
    claim_external_ids,
    contacts_of,
    created,
    replace_contacts,
    upsert_customers,
)
from services.customers.features.customers.wire import (
    Customer,
    CustomerPatch,
    Lifecycle,
    NewCustomer,
    State,
)
from services.customers.model import Customer as Row
from services.customers.model import ExternalId

feature = Feature("customers")
Sort = Literal["created_at", "-created_at", "updated_at", "-updated_at"]
SEARCHED = 1_000
"""Matches of a fragment that are looked at, before other filters."""
CLOSE_TO_FAR = (0.6, 0.5, 0.4)
"""Which share of a fragment's trigrams a name must have. A letter wrong in six leaves half of them."""


@feature.post("/customers", scope="customers:write", status_code=201, refuses=[ExternalIdTaken, NotIdentifiable])
async def create_customer(work: Work, wanted: NewCustomer) -> Customer:
    """Records a customer. An external id that somebody has already is refused; to overwrite, use the upsert."""
    values = rules.complete(wanted.values(), FIELDS)
    if not rules.is_identifiable(values):
        raise NotIdentifiable
    row = Row(id=uuid7(), **values, search_name=rules.search_name(values))
    contacts = contacts_of(work, values)
    keys = rules.external_keys(values)
    if keys:
        await _refuse_taken(work, keys)
    await work.insert(row)
    await replace_contacts(work, {row.id: contacts})
    await claim_external_ids(work, [(row.id, *key) for key in dict.fromkeys(keys)])
    work.publish(created(work, row.id, values))
    return customer_of(vars(row))


@feature.post("/customers/batch", scope="customers:write", batch=True)
async def upsert_customers_batch(work: Work, batch: Batch[NewCustomer]) -> BatchResults:
    """Creates or changes up to a thousand customers, each found by its external ids.

    Absent fields stay as they are, null ones are cleared, external ids are added. An item that changes nothing is
    `unchanged` and raises no version.
    """
    return results_of(batch, await upsert_customers(work, batch.readable()))


@feature.put(
    "/customers/by-external-id",
    scope="customers:write",
    refuses=[AmbiguousExternalIds, NotIdentifiable],
    responses={201: {"model": Customer, "description": "It was created."}},
)
async def upsert_customer(
    work: Work,
    wanted: NewCustomer,
    response: Response,
    source: Annotated[Reference, Query(description="The system that the id is of.")],
    id: Annotated[Reference, Query(description="What that system calls the customer.")],
) -> Customer:
    """Creates or changes the customer that a system calls by this id."""
    known = wanted.external_ids or []
    named = {"source": source, "id": id}
    wanted = NewCustomer.model_validate(
        wanted.values() | {"external_ids": [named, *(one.model_dump() for one in known if one.model_dump() != named)]}
    )
    outcome = (await upsert_customers(work, [(0, wanted)]))[0]
    if isinstance(outcome, Problem):
        raise outcome
    status, customer_id = outcome
    if status == "created":
        response.status_code = 201
    return customer_of(vars(await work.get(Row, customer_id)))


@feature.get("/customers", scope="customers:read")
async def list_customers(
    work: Work,
    paging: Paged,
    created_at: Annotated[TimeRange, Depends(time_range("created_at"))],
    email: Annotated[Line | None, Query(description="Has this e-mail address.")] = None,
    phone: Annotated[Word | None, Query(description="Has this number, however it is written.")] = None,
    external_id: Annotated[Reference | None, Query(description="Is called so: `source:id`.")] = None,
    q: Annotated[str | None, Query(min_length=2, max_length=100, description="A fragment of a name.")] = None,
    lifecycle: Lifecycle | None = None,
    state: State | None = None,
    tag: Annotated[Word | None, Query(description="Carries this tag.")] = None,
    sort: Annotated[Sort, Query(description="`-` before it: falling.")] = "created_at",
) -> Page[Customer]:
    """Customers, found by what is known of them.

    `q` forgives accents, case and a wrong letter or two; it answers with the best matches first, on one page, and with
    what is further away only when nothing is close.
    """
    conditions = [*created_at.conditions, *_looked_up(work, email, phone, external_id)]
    if tag is not None:
        conditions.append(("{} = any(tags)", tag))
    where = {"lifecycle": lifecycle, "state": state}
    if q is not None:
        return await _search(work, paging, q, where, conditions)
    return await page(work, paging, Row, customer_of, sort=sort, where=where, conditions=conditions)


@feature.get("/customers/{id:uuid}", scope="customers:read")
async def read_customer(work: Work, id: UUID) -> Customer:
    """One customer."""
    return customer_of(vars(await work.get(Row, id)))


@feature.patch(
    "/customers/{id:uuid}", scope="customers:write", refuses=[ExternalIdTaken, NotIdentifiable, StaleVersion]
)
async def update_customer(work: Work, id: UUID, patch: CustomerPatch, if_match: IfMatch) -> Customer:
    """Changes the fields that are named; null clears one, lists are replaced, `custom` is merged."""
    row = await work.get(Row, id, lock=True)
    work.expect(row, if_match)
    given = patch.values()
    if given.get("kind", "") is None:
        raise Invalid.field("/kind", "required", "this cannot be removed")
    if given.get("custom") is not None:
        given["custom"] = merge_patch(row.custom, given["custom"])
    before = {name: getattr(row, name) for name in FIELDS}
    after = before | {name: rules.complete(given, [name])[name] for name in given}
    if not rules.is_identifiable(after):
        raise NotIdentifiable
    changed = sorted(name for name in after if not same(after[name], before[name]))
    if changed:
        await work.update(row, **{name: after[name] for name in changed}, search_name=rules.search_name(after))
        await _follow(work, row, before, after)
        work.publish(CustomerUpdated(customer_id=id, version=row.version, changed=changed))
    return customer_of(vars(row))


def _looked_up(work: Work, email: str | None, phone: str | None, external_id: str | None) -> list[Condition]:
    """The conditions of an exact look-up. Raises MalformedRequest for what cannot be looked up."""
    conditions: list[Condition] = []
    by_contact = "id in (select customer_id from contact_point where kind = '{}' and normal = {{}})"
    try:
        if email is not None:
            conditions.append((by_contact.format("email"), normal_email(email)))
        if phone is not None:
            conditions.append((by_contact.format("phone"), normal_phone(phone, work.tenant.region)))
    except ValueError as error:
        raise MalformedRequest(str(error)) from None
    if external_id is not None:
        source, colon, id = external_id.partition(":")
        if not (source and colon and id):
            raise MalformedRequest("external_id is written source:id.")
        known = "id in (select customer_id from external_id where source || ':' || external_id = {})"
        conditions += [(known, external_id)]
    return conditions


async def _search(
    work: Work, paging: Paging, q: str, where: Mapping[str, Any], conditions: list[Condition]
) -> Page[Customer]:
    """The best matches of a name fragment: a function of the owner finds them by the trigram index, which row-level
    security would keep from it, within the tenant that it checks itself.
    """
    compared = [(f"{name} = {{}}", value) for name, value in where.items() if value is not None]
    values: list[Any] = [rules.fold(q), paging.limit]
    filters = ["true"]
    for text, value in (*compared, *conditions):
        values.append(value)
        filters.append(text.format(f"${len(values)}"))
    for closeness in CLOSE_TO_FAR:
        rows = await work.read(
            f"select customer.* from search_customers($1, {SEARCHED}, {closeness}) as found join customer using (id) "
            f"where {' and '.join(filters)} order by found.score desc, id limit $2",
            *values,
        )
        if rows:
            break
    return Page.model_construct(items=[customer_of(row) for row in rows], next_cursor=None)


async def _follow(work: Work, row: Row, before: dict[str, Any], after: dict[str, Any]) -> None:
    """Brings what a customer is found by in line with the changed record."""
    if after["emails"] != before["emails"] or after["phones"] != before["phones"]:
        contacts = contacts_of(work, after)
        await work.execute("delete from contact_point where customer_id = $1", row.id)
        await replace_contacts(work, {row.id: contacts})
    old, new = set(rules.external_keys(before)), set(rules.external_keys(after))
    for source, external in sorted(old - new):
        await work.execute("delete from external_id where source = $1 and external_id = $2", source, external)
    if new - old:
        await _refuse_taken(work, sorted(new - old))
        await claim_external_ids(work, [(row.id, *key) for key in sorted(new - old)])


async def _refuse_taken(work: Work, keys: list[tuple[str, str]]) -> None:
    for index, (source, external) in enumerate(keys):
        holder = await work.find(ExternalId, source=source, external_id=external)
        if holder is not None:
            pointer = f"/external_ids/{index}"
            raise ExternalIdTaken(
                f"{source} {external} is another customer's.", customer_id=str(holder.customer_id), pointer=pointer
            )


def customer_of(row: Mapping[str, Any]) -> Customer:
    """The customer as it is shown."""
    return shown(Customer, row)
