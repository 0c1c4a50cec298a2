"""The operations on contracts."""

from datetime import timedelta
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends
from fastapi import Query as Parameter

from chassis import (
    NOT_AFTER,
    REQUIRED,
    UNKNOWN_RECORD,
    Feature,
    IfMatch,
    Page,
    PageParams,
    Query,
    RecordTooLarge,
    Reference,
    TimeRange,
    UnitOfWork,
    ValidationFailed,
    VersionMismatch,
    Work,
    day_range,
    equals,
    json,
    merge_patch,
    of_person,
    paginate,
    text_from_minor,
    time_range,
)
from services.customers.sales import tables
from services.customers.sales.contracts.events import (
    ContractCreated,
    ContractEnded,
    ContractOver,
    ContractRenewed,
    ContractUpdated,
)
from services.customers.sales.contracts.schemas import (
    Contract,
    ContractCreate,
    ContractEndRequest,
    ContractRenewRequest,
    ContractUpdate,
)
from services.customers.sales.queries.deals import amount_columns
from services.customers.sales.queries.named import TimeSort, named_customer, today
from services.customers.sales.rules.contracts import ContractState, Renewal, last_notice_on, next_end

feature = Feature("contracts")


@feature.post("/contracts", scope="customers:write", status_code=201, raises=[RecordTooLarge])
async def create_contract(work: Work, body: ContractCreate) -> Contract:
    """Create a contract. Its end and the last day for a notice are announced two weeks before."""
    customer = await named_customer(work, body.customer_id)
    values = {name: value for name, value in body.values().items() if value is not None}
    values["customer_id"] = customer.id
    await _check_deal(work, body.deal_id, customer.id)
    await _check_products(work, body.product_ids or [])
    columns = _columns(work, values)
    _check_term(columns)
    contract = await work.insert(tables.Contract(**columns))
    work.publish(ContractCreated.from_row(contract, contract_id=contract.id))
    return Contract.of(contract)


@feature.get("/contracts", scope="customers:read")
async def list_contracts(
    work: Work,
    params: PageParams,
    ends_on: Annotated[TimeRange, Depends(day_range("ends_on"))],
    last_notice_on: Annotated[TimeRange, Depends(day_range("last_notice_on"))],
    updated_at: Annotated[TimeRange, Depends(time_range("updated_at"))],
    customer_id: Annotated[UUID | None, Parameter(description="Only contracts with this customer.")] = None,
    deal_id: Annotated[UUID | None, Parameter(description="Only contracts that this deal led to.")] = None,
    owner_id: Annotated[Reference | None, Parameter(description="Only contracts of this person.")] = None,
    state: Annotated[list[ContractState] | None, Parameter(description="Any of these states.")] = None,
    renewal: Annotated[list[Renewal] | None, Parameter(description="Any of these renewals.")] = None,
    sort: Annotated[TimeSort, Parameter(description="Sort field; prefix with `-` for descending.")] = "created_at",
) -> Page[Contract]:
    """List contracts. `ends_on.lte` finds those that end by a day."""
    where = equals(deal_id=deal_id, owner_id=owner_id, state=state, renewal=renewal)
    where += [*of_person(customer_id), *ends_on.filters, *last_notice_on.filters, *updated_at.filters]
    return await paginate(work, params, tables.Contract, Contract.of, sort=sort, where=where)


@feature.get("/contracts/{id:uuid}", scope="customers:read")
async def read_contract(work: Work, id: UUID) -> Contract:
    """Return a contract."""
    return Contract.of(await work.get(tables.Contract, id))


@feature.patch("/contracts/{id:uuid}", scope="customers:write", raises=[ContractOver, RecordTooLarge, VersionMismatch])
async def update_contract(work: Work, id: UUID, body: ContractUpdate, if_match: IfMatch) -> Contract:
    """Change the fields that are named. A contract that has ended does not change any more."""
    before = await _lock_active(work, id, if_match)
    if body.product_ids:
        await _check_products(work, body.product_ids)
    amount = None if before.amount_minor is None else text_from_minor(before.amount_minor, before.currency or "")
    current = {name: getattr(before, name) for name in ("starts_on", "ends_on", "notice_days", "currency")}
    values = body.changes()
    if "custom" in values:
        values["custom"] = {} if body.custom is None else merge_patch(before.custom, body.custom)
    columns = _columns(work, {"amount": amount, **current, **values})
    changes = {name: value for name, value in columns.items() if not json.json_equal(value, getattr(before, name))}
    if not changes:
        return Contract.of(before)
    _check_term({name: getattr(before, name) for name in ("renewal", "renewal_months")} | columns)
    contract = await work.update(before, **changes)
    changed = sorted({name.removesuffix("_minor") for name in changes} - {"last_notice_on"})
    work.publish(ContractUpdated.from_row(contract, contract_id=id, changed=changed))
    return Contract.of(contract)


@feature.post("/contracts/{id:uuid}/renew", scope="customers:write", raises=[ContractOver, VersionMismatch])
async def renew_contract(work: Work, id: UUID, body: ContractRenewRequest, if_match: IfMatch) -> Contract:
    """Renew a contract for another term, or until a day."""
    before = await _lock_active(work, id, if_match)
    until = body.ends_on
    if until is None:
        if before.ends_on is None or before.renewal_months is None:
            raise ValidationFailed.field("/ends_on", REQUIRED, "a day is expected: the contract has no term")
        until = next_end(before.ends_on, before.renewal_months)
    if until <= (before.ends_on or before.starts_on):
        raise ValidationFailed.field("/ends_on", NOT_AFTER, "must be after the present end")
    notice = last_notice_on(until, before.notice_days)
    contract = await work.update(before, ends_on=until, last_notice_on=notice)
    event = ContractRenewed.from_row(
        contract, contract_id=id, previous_ends_on=before.ends_on, automatic=False, renewed_at=work.now
    )
    work.publish(event)
    return Contract.of(contract)


@feature.post("/contracts/{id:uuid}/end", scope="customers:write", raises=[ContractOver, VersionMismatch])
async def end_contract(work: Work, id: UUID, body: ContractEndRequest, if_match: IfMatch) -> Contract:
    """End a contract, with the reason."""
    before = await _lock_active(work, id, if_match)
    ended_on = body.ended_on or today(work)
    if ended_on > today(work) + timedelta(days=1):
        text = "must not be in the future: change `ends_on` and `renewal` for a later end"
        raise ValidationFailed.field("/ended_on", NOT_AFTER, text)
    contract = await work.update(before, state="ended", ended_on=ended_on, end_reason=body.reason, end_note=body.note)
    work.publish(ContractEnded.from_row(contract, contract_id=id, reason=body.reason))
    return Contract.of(contract)


async def _lock_active(work: UnitOfWork, id: UUID, if_match: IfMatch) -> tables.Contract:
    contract = await work.get(tables.Contract, id, for_update=True)
    work.check_version(contract, if_match)
    if contract.state == "ended":
        raise ContractOver(f"It ended on {contract.ended_on}.")
    return contract


def _columns(work: UnitOfWork, values: dict[str, Any]) -> dict[str, Any]:
    """Return the columns of a body: the amount in minor units, product ids as texts, the last day for a notice."""
    columns = {name: value for name, value in values.items() if name != "amount"}
    if values.get("amount") is not None:
        columns |= amount_columns(values, work.tenant.currency)
    elif "amount" in values:
        columns["amount_minor"] = None
    if "product_ids" in values:
        columns["product_ids"] = list(dict.fromkeys(str(id) for id in values["product_ids"] or []))
    return columns | {"last_notice_on": last_notice_on(values.get("ends_on"), values.get("notice_days"))}


def _check_term(columns: dict[str, Any]) -> None:
    """Raise ValidationFailed unless the contract ends after it starts, and has what its renewal needs."""
    ends_on = columns.get("ends_on")
    if ends_on is not None and ends_on < columns["starts_on"]:
        raise ValidationFailed.field("/ends_on", NOT_AFTER, "must not be before starts_on")
    for name in ("ends_on", "renewal_months"):
        if columns.get("renewal") == "automatic" and columns.get(name) is None:
            raise ValidationFailed.field(f"/{name}", REQUIRED, "an automatic renewal needs it")


async def _check_deal(work: UnitOfWork, deal_id: UUID | None, customer_id: UUID) -> None:
    if deal_id is not None and await work.find(tables.Deal, id=deal_id, customer_id=customer_id) is None:
        text = f"the customer has no deal with the id {deal_id}"
        raise ValidationFailed.field("/deal_id", UNKNOWN_RECORD, text)


async def _check_products(work: UnitOfWork, ids: list[UUID]) -> None:
    known = set(await work.fetch(_PRODUCT_IDS, ids=ids)) if ids else set()
    for index, id in enumerate(ids):
        if id not in known:
            raise ValidationFailed.field(f"/product_ids/{index}", UNKNOWN_RECORD, f"no product has the id {id}")


_PRODUCT_IDS = Query(UUID, "select id from product where id = any(:ids)")
