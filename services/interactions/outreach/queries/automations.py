"""What the modules of automations share: the facts of customers, and when a run begins."""

from datetime import datetime, timedelta

from chassis import UnitOfWork
from services.interactions.contact.tables import CustomerProfile
from services.interactions.outreach import tables
from services.interactions.outreach.rules.automations import CUSTOMER_FACTS, Facts


def customer_facts(profile: CustomerProfile | None) -> Facts:
    """Return the facts of a customer that conditions and texts can name. Without a profile, all are absent."""
    if profile is None:
        return dict.fromkeys(CUSTOMER_FACTS)
    values = {**profile.__dict__, "language": next(iter(profile.languages), None)}
    return {name: values[name.removeprefix("customer.")] for name in CUSTOMER_FACTS}


def first_due(work: UnitOfWork, automation: tables.Automation) -> datetime:
    """Return when the first step of a run that starts now is due."""
    return work.now + timedelta(minutes=automation.steps[0]["after_minutes"])
