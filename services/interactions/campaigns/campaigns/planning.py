"""Planning: the audience of a campaign becomes rows of recipients, a chunk at a time, in the order of the customers.

The memory that a chunk needs does not depend on the number of customers. Planning a customer twice changes nothing.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from chassis import Command, Query, UnitOfWork, current_person_sql, find_erased
from services.interactions.campaigns import tables
from services.interactions.campaigns.rules.audiences import distance_km, recipient_id, variant_of
from services.interactions.campaigns.rules.schedules import instants_by_zone

CHUNK = 10_000


@dataclass(frozen=True, slots=True)
class Candidate:
    """A customer that may belong to an audience. `position` is the customer by which the chunk goes on."""

    position: UUID
    id: UUID
    timezone: str | None
    latitude: float | None
    longitude: float | None


async def plan_recipients(work: UnitOfWork, campaign: tables.Campaign) -> int:
    """Plan the next recipients of a locked campaign. Returns how many customers were looked at."""
    query = _LISTED if campaign.audience["kind"] == "customers" else _ALL
    after = campaign.plan_cursor or UUID(int=0)
    candidates = await work.fetch(query, campaign_id=campaign.id, after=after, limit=CHUNK)
    erased = set(await find_erased(work, [candidate.id for candidate in candidates]))
    customers = {each.id: each for each in candidates if _belongs(campaign, each)}
    rows = [_row(work, campaign, each) for each in customers.values() if each.id not in erased]
    planned = await work.insert_many_or_ignore(tables.CampaignRecipient, rows)
    await work.execute(
        _ADVANCE,
        id=campaign.id,
        planned=len(planned),
        cursor=candidates[-1].position if candidates else after,
        planned_at=work.now if len(candidates) < CHUNK else None,
    )
    return len(candidates)


def _belongs(campaign: tables.Campaign, candidate: Candidate) -> bool:
    """Return whether a customer belongs to the audience: always, unless it is a radius."""
    audience = campaign.audience
    place = (audience["latitude"], audience["longitude"], audience["radius_km"])
    latitude, longitude, radius = place
    if latitude is None or longitude is None or radius is None:
        return True
    if candidate.latitude is None or candidate.longitude is None:
        return False
    return distance_km(latitude, longitude, candidate.latitude, candidate.longitude) <= radius


def _row(work: UnitOfWork, campaign: tables.Campaign, candidate: Candidate) -> dict[str, Any]:
    id = recipient_id(campaign.id, candidate.id)
    return {
        "id": id,
        "campaign_id": campaign.id,
        "customer_id": candidate.id,
        "variant": variant_of(id, campaign.variants),
        "state": "planned",
        "due_at": _due_at(work, campaign, candidate.timezone),
    }


def _due_at(work: UnitOfWork, campaign: tables.Campaign, timezone: str | None) -> datetime:
    """Return when the message to a customer is due, in the time zone of the customer or else of the tenant."""
    if campaign.send_local is None:
        return campaign.send_at or campaign.starts_at or work.now
    instants = instants_by_zone(campaign.send_local)
    return instants.get(timezone or "") or instants[work.tenant.timezone]


_ALL = Query(
    Candidate,
    """
    select id as position, id, timezone, latitude, longitude from customer_profile
    where id > :after and state = 'active' and archived_at is null and :campaign_id::uuid is not null
    order by id limit :limit
    """,
)
_LISTED = Query(
    Candidate,
    f"""
    select listed.customer_id as position, person.id, timezone, latitude, longitude
    from campaign_customer as listed
    cross join lateral (select {current_person_sql("listed.customer_id")} as id offset 0) as person
    left join customer_profile as profile on profile.id = person.id
    where campaign_id = :campaign_id and listed.customer_id > :after
    order by listed.customer_id limit :limit
    """,
)
# Neither the version of the campaign nor the audit log counts the chunks.
_ADVANCE = Command(
    """
    update campaign set planned = planned + :planned, plan_cursor = :cursor, planned_at = :planned_at where id = :id
    """
)
