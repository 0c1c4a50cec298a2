"""The version of a template, and its texts for a customer."""

from collections.abc import Mapping
from uuid import UUID

from chassis import UnitOfWork
from services.interactions.campaigns import tables
from services.interactions.campaigns.rules.templates import Content, render
from services.interactions.contact.tables import CustomerProfile


async def template_version(work: UnitOfWork, template_id: UUID, number: int) -> tables.MessageTemplateVersion | None:
    """Return a version of a template, or None if there is none."""
    return await work.find(tables.MessageTemplateVersion, template_id=template_id, number=number)


def render_for(
    version: tables.MessageTemplateVersion, customer: Mapping[str, str | None], variables: Mapping[str, str]
) -> Content:
    """Return the texts of a version for a customer. Raises RenderedTooLarge."""
    return render(Content(version.subject, version.text, version.html), customer, variables)


def customer_fields(profile: CustomerProfile | None) -> dict[str, str | None]:
    """Return the fields of a customer that a template may use."""
    if profile is None:
        return {}
    return {
        "name": profile.name,
        "given_name": profile.given_name,
        "family_name": profile.family_name,
        "language": next(iter(profile.languages), None),
        "country": profile.country,
        "postal_code": profile.postal_code,
    }
