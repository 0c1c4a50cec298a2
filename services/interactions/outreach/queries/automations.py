"""What the modules of automations share: the facts of customers, and when a run begins."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from chassis import Query, UnitOfWork
from services.interactions.contact.tables import CustomerProfile
from services.interactions.outreach import tables
from services.interactions.outreach.rules.automations import CUSTOMER_FACTS, Facts


def customer_facts(profile: CustomerProfile | None) -> Facts:
    """Return the facts of a customer that conditions and texts can name. Without a profile, all are absent."""
    if profile is None:
        return dict.fromkeys(CUSTOMER_FACTS)
    values = {**profile.__dict__, "language": next(iter(profile.languages), None)}
    return {name: values[name.removeprefix("customer.")] for name in CUSTOMER_FACTS}


async def with_customer_facts(work: UnitOfWork, facts_of: Sequence[tuple[UUID | None, Facts]]) -> list[Facts]:
    """Return the facts of events together with those of their customers, in the same order."""
    ids = sorted({customer for customer, _ in facts_of if customer is not None})
    profiles = {profile.id: profile for profile in await work.select(_PROFILES, ids=ids)} if ids else {}
    return [
        {**facts, **customer_facts(None if customer is None else profiles.get(customer))}
        for customer, facts in facts_of
    ]


def first_due(work: UnitOfWork, automation: tables.Automation) -> datetime:
    """Return when the first step of a run that starts now is due."""
    return work.now + timedelta(minutes=automation.steps[0]["after_minutes"])


_PROFILES = Query(CustomerProfile, "select * from customer_profile where id = any(:ids)")
