"""The operations that create, read, change and list campaigns, and that add customers to their lists."""

from collections.abc import Mapping, Sequence
from string import ascii_lowercase
from typing import Annotated, Any
from uuid import UUID

from fastapi import Query as Parameter

from chassis import (
    REQUIRED,
    UNKNOWN_RECORD,
    Feature,
    IfMatch,
    Page,
    PageParams,
    Query,
    RecordTooLarge,
    UnitOfWork,
    ValidationFailed,
    VersionMismatch,
    Work,
    equals,
    find_erased,
    paginate,
    uuid7,
)
from services.interactions.campaigns import tables
from services.interactions.campaigns.campaigns.events import AudienceNotListed
from services.interactions.campaigns.campaigns.schemas import (
    Campaign,
    CampaignCreate,
    CampaignCustomers,
    CampaignCustomersCreate,
    CampaignUpdate,
)
from services.interactions.campaigns.queries.campaigns import CampaignNotInState, require_state
from services.interactions.campaigns.queries.templates import template_version
from services.interactions.campaigns.rules.campaigns import CampaignState, VariantDocument

feature = Feature("campaigns")


@feature.post("/campaigns", scope="interactions:write", status_code=201, raises=[RecordTooLarge])
async def create_campaign(work: Work, body: CampaignCreate) -> Campaign:
    """Create a campaign as a draft. Nothing is sent before it is scheduled."""
    values = body.values()
    values["variants"] = await _variants(work, values["variants"], values["variables"])
    return Campaign.of(await work.insert(tables.Campaign(**values)))


@feature.get("/campaigns", scope="interactions:read")
async def list_campaigns(
    work: Work,
    params: PageParams,
    state: Annotated[CampaignState | None, Parameter(description="Only campaigns in this state.")] = None,
) -> Page[Campaign]:
    """List campaigns, oldest first."""
    return await paginate(work, params, tables.Campaign, Campaign.of, where=equals(state=state))


@feature.get("/campaigns/{id:uuid}", scope="interactions:read")
async def read_campaign(work: Work, id: UUID) -> Campaign:
    """Return a campaign."""
    return Campaign.of(await work.get(tables.Campaign, id))


@feature.patch(
    "/campaigns/{id:uuid}", scope="interactions:write", raises=[CampaignNotInState, RecordTooLarge, VersionMismatch]
)
async def update_campaign(work: Work, id: UUID, body: CampaignUpdate, if_match: IfMatch) -> Campaign:
    """Change a draft. A campaign that is scheduled does not change any more."""
    before = await work.get(tables.Campaign, id, for_update=True)
    work.check_version(before, if_match)
    require_state(before, "draft")
    changes = body.changes()
    if {"variants", "variables"} & changes.keys():
        variants = changes.get("variants", before.variants)
        changes["variants"] = await _variants(work, variants, changes.get("variables", before.variables))
    return Campaign.of(await work.update(before, **changes))


@feature.post(
    "/campaigns/{id:uuid}/customers", scope="interactions:write", raises=[AudienceNotListed, CampaignNotInState]
)
async def add_campaign_customers(work: Work, id: UUID, body: CampaignCustomersCreate) -> CampaignCustomers:
    """Add up to 10,000 customers to the list of a draft. Several requests add more. Erased customers are left out."""
    campaign = await work.get(tables.Campaign, id, for_update=True)
    require_state(campaign, "draft")
    if campaign.audience["kind"] != "customers":
        raise AudienceNotListed(f"The audience is {campaign.audience['kind']}.", kind=campaign.audience["kind"])
    ids = sorted(set(body.customer_ids) - set(await find_erased(work, body.customer_ids)))
    rows = [{"id": uuid7(), "campaign_id": id, "customer_id": customer} for customer in ids]
    added = await work.insert_many_or_ignore(tables.CampaignCustomer, rows)
    return CampaignCustomers(added=len(added), total=await work.fetch_row(_COUNT_CUSTOMERS, campaign_id=id))


async def _variants(
    work: UnitOfWork, variants: Sequence[Mapping[str, Any]], variables: Mapping[str, str]
) -> list[VariantDocument]:
    """Return the variants as they are stored. Raises ValidationFailed for a template or a value that is missing."""
    stored: list[VariantDocument] = []
    for position, variant in enumerate(variants):
        version = await _version(work, variant, position)
        missing = [name for name in version.variables if name not in variables]
        if missing:
            raise ValidationFailed.field("/variables", REQUIRED, f"values are missing for: {', '.join(missing)}")
        stored.append(
            {
                "key": ascii_lowercase[position],
                "template_id": str(version.template_id),
                "number": version.number,
                "weight": variant["weight"],
            }
        )
    return stored


async def _version(work: UnitOfWork, variant: Mapping[str, Any], position: int) -> tables.MessageTemplateVersion:
    """Return the version of a template that a variant names, by default its newest."""
    id, number = UUID(str(variant["template_id"])), variant["number"]
    template = await work.find(tables.MessageTemplate, id=id)
    if template is None:
        raise ValidationFailed.field(
            f"/variants/{position}/template_id", UNKNOWN_RECORD, f"is the id of no template: {id}"
        )
    version = await template_version(work, id, number or template.number)
    if version is None:
        raise ValidationFailed.field(
            f"/variants/{position}/number", UNKNOWN_RECORD, f"the template has no version {number}"
        )
    return version


_COUNT_CUSTOMERS = Query(int, "select count(*) from campaign_customer where campaign_id = :campaign_id")
