"""The operation that finds cards."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import Query as Parameter

from chassis import REQUIRED, Feature, Line, Query, ShortLine, ValidationFailed, Work
from services.interactions.contact.queries.profiles import find_by_email, find_by_phone, profile_of
from services.interactions.contact.rules.permission import ConsentDecisionKind, Decision, permission
from services.interactions.contact.tables import CustomerProfile
from services.interactions.overview import tables
from services.interactions.overview.agent_cards.records import (
    RECORDS,
    CardRecord,
    case_of,
    contact_of,
    promise_of,
    purchase_of,
    warning_of,
)
from services.interactions.overview.agent_cards.schemas import (
    AgentCard,
    AgentCards,
    CardMembership,
    CardPermission,
    SuggestedAction,
)
from services.interactions.overview.rules import Happened, Situation, next_action

feature = Feature("agent-cards")
MAX_CARDS = 10
"""Maximum customers who share an address and are shown."""
Records = dict[str, list[CardRecord]]
"""The records on a card by their kind."""


@feature.get("/agent-cards", scope="interactions:read")
async def find_agent_cards(
    work: Work,
    customer_id: Annotated[UUID | None, Parameter(description="The customer.")] = None,
    email: Annotated[Line | None, Parameter(description="An e-mail address, in any letter case.")] = None,
    phone: Annotated[ShortLine | None, Parameter(description="A phone number, in any notation.")] = None,
) -> AgentCards:
    """Return the card of each customer with an id, an e-mail address or a phone number. Send exactly one of them."""
    if sum(value is not None for value in (customer_id, email, phone)) != 1:
        detail = "exactly one of customer_id, email and phone is expected"
        raise ValidationFailed.field("/customer_id", REQUIRED, detail, "query")
    profiles = await _profiles(work, customer_id, email, phone)
    return AgentCards(items=[await _card(work, profile) for profile in profiles[:MAX_CARDS]])


async def _profiles(
    work: Work, customer_id: UUID | None, email: str | None, phone: str | None
) -> list[CustomerProfile]:
    if customer_id is not None:
        profile = await profile_of(work, customer_id)
        return [] if profile is None else [profile]
    return await find_by_email(work, email) if email is not None else await find_by_phone(work, phone or "")


async def _card(work: Work, profile: CustomerProfile) -> AgentCard:
    records: Records = defaultdict(list)
    for record in await work.select(RECORDS, customer_id=profile.id):
        records[record.kind].append(record)
    balances = await work.select(_BALANCES, customer_id=profile.id)
    permissions = await _permissions(work, profile)
    return AgentCard(
        customer_id=profile.id,
        name=profile.name,
        lifecycle=profile.lifecycle,
        languages=profile.languages,
        preferred_channel=profile.preferred_channel,
        owner_id=profile.owner_id,
        timezone=profile.timezone,
        warnings=[warning_of(record) for record in records["warning"]],
        last_contacts=[contact_of(record) for record in records["touch_point"]],
        last_purchase=next((purchase_of(record) for record in records["purchase"]), None),
        open_cases=[case_of(record) for record in records["case"]],
        open_promises=[promise_of(record) for record in records["promise"]],
        memberships=[CardMembership.from_row(row, membership_id=row.id) for row in balances],
        permissions=permissions,
        suggestion=_suggestion(work.now, records, has_permission=bool(permissions)),
    )


async def _permissions(work: Work, profile: CustomerProfile) -> list[CardPermission]:
    """Return the purposes and channels that the customer permits now."""
    if profile.state != "active" or profile.archived_at is not None:
        return []
    decisions: dict[tuple[str, str], list[Decision]] = defaultdict(list)
    for row in await work.select(_DECISIONS, customer_id=profile.id):
        decisions[row.purpose, row.channel].append(Decision(row.id, row.decision, row.decided_at, row.expires_at))
    return [
        CardPermission(purpose=purpose, channel=channel)
        for (purpose, channel), known in sorted(decisions.items())
        if permission(known, work.now, is_active=True).allowed
    ]


def _suggestion(now: datetime, records: Records, *, has_permission: bool) -> SuggestedAction | None:
    contacts, purchases = records["touch_point"], records["purchase"]
    situation = Situation(
        now=now,
        incidents=[Happened(record.id, record.at) for record in records["warning"]],
        open_promises=[Happened(record.id, record.at) for record in records["promise"]],
        unanswered_cases=[Happened(record.id, record.at) for record in records["case"] if not record.is_answered],
        regrets=[Happened(record.id, record.at) for record in records["regret"]],
        last_purchase=Happened(purchases[0].id, purchases[0].at) if purchases else None,
        last_contact_at=contacts[0].at if contacts else None,
        has_permission=has_permission,
    )
    action = next_action(situation)
    if action is None:
        return None
    return SuggestedAction(kind=action.kind, reason=action.reason, record_id=action.record_id)


@dataclass(frozen=True, slots=True)
class _Decision:
    id: UUID
    purpose: str
    channel: str
    decision: ConsentDecisionKind
    decided_at: datetime
    expires_at: datetime | None


_BALANCES = Query(
    tables.MemberBalance, "select * from member_balance where customer_id = :customer_id order by as_of desc limit 10"
)
_DECISIONS = Query(
    _Decision,
    """
    select id, purpose, channel, decision, decided_at, expires_at from consent_decision
    where customer_id = :customer_id
    """,
)
