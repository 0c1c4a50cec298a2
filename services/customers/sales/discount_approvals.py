"""Discount approvals: a discount above what its author may grant waits for the decision of another person.

The limits are those of the pipeline. An approval covers the discount that was requested, and smaller ones. Neither the
author of a discount nor the principal that requested its approval can decide about it.
"""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import Query as Parameter
from pydantic import Field

from chassis import (
    Event,
    Feature,
    Fields,
    IfMatch,
    MultilineText,
    Page,
    PageParams,
    Problem,
    RequestBody,
    Resource,
    UnitOfWork,
    VersionMismatch,
    Work,
    equals,
    paginate,
)
from services.customers.sales import tables
from services.customers.sales.queries.deals import change_deal
from services.customers.sales.rules.lines import ApprovalState

feature = Feature("discount-approvals")
PercentText = Annotated[str, Field(pattern=r"^[0-9]{1,3}\.[0-9]{2}$", examples=["12.50"])]


class DiscountApprovalEvent(Event):
    """The fields of every event about an approval. None contains its reasons."""

    approval_id: UUID
    """The approval."""
    deal_id: UUID
    """The deal."""
    customer_id: UUID
    """The customer."""
    percent: PercentText
    """The discount of the lines in per cent of their list prices."""


class DiscountApprovalRequested(
    DiscountApprovalEvent, type="customers.discount_approval_requested.v1", partition_key="customer_id"
):
    """A discount waits for a decision."""

    requested_by: Annotated[str, Field(description="The principal.", examples=["key:0193a7c2"])]
    requested_at: datetime
    """When it was requested."""


class DiscountApproved(DiscountApprovalEvent, type="customers.discount_approved.v1", partition_key="customer_id"):
    """A discount was approved."""

    decided_by: Annotated[str, Field(description="The principal.", examples=["key:0193a7c2"])]
    decided_at: datetime
    """When it was approved."""


class DiscountRefused(DiscountApprovalEvent, type="customers.discount_refused.v1", partition_key="customer_id"):
    """A discount was refused."""

    decided_by: Annotated[str, Field(description="The principal.", examples=["key:0193a7c2"])]
    decided_at: datetime
    """When it was refused."""


class NoApprovalNeeded(Problem, status=409):
    """The discount of the deal is within the limit of its author, or is approved already.

    Nothing is to be decided.
    """


class ApprovalWaiting(Problem, status=409):
    """An approval of this discount was requested already.

    `approval_id` is that request. Wait for its decision, or change the lines.
    """


class ApprovalDecided(Problem, status=409):
    """The request is no longer waiting: it was decided, or the lines of the deal have changed since.

    Read it again. For another discount, request another approval.
    """


class OwnDiscount(Problem, status=409):
    """The discount was granted, or its approval requested, by the same principal.

    Another person must decide.
    """


class DiscountApprovalCreate(RequestBody):
    """Why a discount should be approved."""

    example = {"reason": "They order for ten houses."}

    reason: MultilineText
    """The reason."""


class DiscountApproveRequest(RequestBody):
    """A decision to approve a discount."""

    example = {"reason": "Until the end of the quarter."}

    reason: MultilineText | None = None
    """The reason."""


class DiscountRefuseRequest(RequestBody):
    """A decision to refuse a discount."""

    example = {"reason": "Below cost."}

    reason: MultilineText
    """The reason."""


class DiscountApproval(Fields, Resource, row=tables.DiscountApproval, etag="version"):
    """A request to approve a discount, and the decision."""

    id: UUID
    """Identifies the request."""
    version: int
    """Counts the changes. It is the ETag."""
    deal_id: UUID
    """The deal."""
    customer_id: UUID
    """The customer."""
    percent: PercentText
    """The discount of the lines in per cent of their list prices."""
    reason: str | None
    """Why it should be approved."""
    state: ApprovalState
    """Superseded requests are those of lines that have changed before the decision."""
    requested_by: str
    """The principal that requested it: `key:<id>` for an API key."""
    decided_by: str | None
    """The principal that decided, or null."""
    decision_reason: str | None
    """The reason of the decision, or null."""
    decided_at: datetime | None
    """When it was decided, or null."""
    created_at: datetime
    """When it was requested."""


@feature.post(
    "/deals/{id:uuid}/discount-approvals",
    scope="customers:write",
    status_code=201,
    raises=[ApprovalWaiting, NoApprovalNeeded],
)
async def request_discount_approval(work: Work, id: UUID, body: DiscountApprovalCreate) -> DiscountApproval:
    """Request the approval of a deal's discount, which is above the limit of its author."""
    deal = await work.get(tables.Deal, id, for_update=True)
    if deal.discount_state == "waiting":
        waiting = await work.find(tables.DiscountApproval, deal_id=id, state="waiting")
        raise ApprovalWaiting(approval_id=str(waiting.id) if waiting else None)
    if deal.state != "open" or deal.discount_state in ("within_limit", "approved"):
        raise NoApprovalNeeded
    approval = await work.insert(
        tables.DiscountApproval(
            customer_id=deal.customer_id,
            deal_id=id,
            percent=deal.discount_percent,
            reason=body.reason,
            requested_by=work.actor,
        )
    )
    await _set_state(work, deal, discount_state="waiting")
    event = DiscountApprovalRequested.from_row(approval, approval_id=approval.id, requested_at=work.now)
    work.publish(event)
    return DiscountApproval.from_row(approval)


@feature.get("/discount-approvals", scope="customers:read")
async def list_discount_approvals(
    work: Work,
    params: PageParams,
    deal_id: Annotated[UUID | None, Parameter(description="Only requests of this deal.")] = None,
    state: Annotated[list[ApprovalState] | None, Parameter(description="Any of these states.")] = None,
) -> Page[DiscountApproval]:
    """List requests, oldest first."""
    where = equals(deal_id=deal_id, state=state)
    return await paginate(work, params, tables.DiscountApproval, DiscountApproval, where=where)


@feature.get("/discount-approvals/{id:uuid}", scope="customers:read")
async def read_discount_approval(work: Work, id: UUID) -> DiscountApproval:
    """Return a request and its decision."""
    return DiscountApproval.from_row(await work.get(tables.DiscountApproval, id))


@feature.post(
    "/discount-approvals/{id:uuid}/approve",
    scope="customers:approve",
    raises=[ApprovalDecided, OwnDiscount, VersionMismatch],
)
async def approve_discount(work: Work, id: UUID, body: DiscountApproveRequest, if_match: IfMatch) -> DiscountApproval:
    """Approve a discount. The deal can then be won with it, or with a smaller one."""
    deal, approval = await _lock(work, id, if_match)
    approval = await _decide(work, approval, "approved", body.reason)
    await _set_state(work, deal, discount_state="approved", approved_percent=approval.percent)
    work.publish(DiscountApproved.from_row(approval, approval_id=id))
    return DiscountApproval.from_row(approval)


@feature.post(
    "/discount-approvals/{id:uuid}/refuse",
    scope="customers:approve",
    raises=[ApprovalDecided, OwnDiscount, VersionMismatch],
)
async def refuse_discount(work: Work, id: UUID, body: DiscountRefuseRequest, if_match: IfMatch) -> DiscountApproval:
    """Refuse a discount, with the reason. The deal is not won with it."""
    deal, approval = await _lock(work, id, if_match)
    approval = await _decide(work, approval, "refused", body.reason)
    await _set_state(work, deal, discount_state="refused")
    work.publish(DiscountRefused.from_row(approval, approval_id=id))
    return DiscountApproval.from_row(approval)


async def _lock(work: UnitOfWork, id: UUID, if_match: IfMatch) -> tuple[tables.Deal, tables.DiscountApproval]:
    """Return a waiting request and its deal, locked: the deal first, as by a change of its lines."""
    deal_id = (await work.get(tables.DiscountApproval, id)).deal_id
    deal = await work.get(tables.Deal, deal_id, for_update=True)
    approval = await work.get(tables.DiscountApproval, id, for_update=True)
    work.check_version(approval, if_match)
    if approval.state != "waiting":
        raise ApprovalDecided(f"The request is {approval.state}.")
    if work.actor in (approval.requested_by, deal.discounted_by):
        raise OwnDiscount
    return deal, approval


async def _decide(
    work: UnitOfWork, approval: tables.DiscountApproval, state: ApprovalState, reason: str | None
) -> tables.DiscountApproval:
    return await work.update(approval, state=state, decided_by=work.actor, decided_at=work.now, decision_reason=reason)


async def _set_state(work: UnitOfWork, deal: tables.Deal, **changes: str) -> None:
    """Change the discount's state of a locked deal, also of one that was closed before the decision."""
    await change_deal(work, deal, await work.get(tables.Stage, deal.stage_id), **changes)
