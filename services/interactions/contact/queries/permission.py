"""Permission to contact customers, as of now."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from chassis import Query, UnitOfWork, current_person_sql
from services.interactions.contact.rules import permission as rules
from services.interactions.contact.rules.permission import ConsentDecisionKind, Decision, Permission


async def may_contact(work: UnitOfWork, customer_id: UUID, purpose: str, channel: str) -> Permission:
    """Return whether a customer may be contacted now for a purpose on a channel. Without a decision: no."""
    return (await may_contact_many(work, [customer_id], purpose, channel))[customer_id]


async def may_contact_many(
    work: UnitOfWork, customer_ids: Collection[UUID], purpose: str, channel: str
) -> dict[UUID, Permission]:
    """Return the same for many customers, by two statements.

    A customer of whom no event has arrived counts as active: the event may be on its way. A merged customer has the
    permission of its survivor.
    """
    ids = list(customer_ids)
    found: dict[UUID, list[Decision]] = defaultdict(list)
    for row in await work.select(_DECISIONS, ids=ids, purpose=purpose, channel=channel):
        found[row.asked_id].append(Decision(row.receipt_id, row.decision, row.decided_at, row.expires_at))
    inactive = set(await work.select(_INACTIVE, ids=ids))
    return {id: rules.permission(found[id], work.now, is_active=id not in inactive) for id in ids}


@dataclass(frozen=True, slots=True)
class _Row:
    asked_id: UUID
    receipt_id: UUID
    decision: ConsentDecisionKind
    decided_at: datetime
    expires_at: datetime | None


# `offset 0` keeps the subquery, so that an index finds the rows of each person under row-level security.
_ASKED = f"""
    unnest(:ids::uuid[]) as asked(id)
    cross join lateral (select {current_person_sql("asked.id")} as id offset 0) as person
"""
_DECISIONS = Query(
    _Row,
    f"""
    select asked.id as asked_id, consent_decision.id as receipt_id, decision, decided_at, expires_at
    from {_ASKED}
    join consent_decision on customer_id = person.id
    where purpose = :purpose and channel = :channel
    """,
)
_INACTIVE = Query(
    UUID,
    f"""
    select asked.id from {_ASKED} join customer_profile as profile on profile.id = person.id
    where state <> 'active' or archived_at is not null
    """,
)
