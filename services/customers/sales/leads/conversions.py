"""The conversion of a lead: a customer, new or named, and optionally a deal, in a single transaction."""

from dataclasses import dataclass
from uuid import UUID

from chassis import Feature, IfMatch, Query, RecordTooLarge, UnitOfWork, VersionMismatch, Work
from services.customers.customization.queries.custom_fields import CustomValueTaken
from services.customers.people.customers.events import ExternalIdTaken, PossibleDuplicates
from services.customers.people.customers.routes import create_customer
from services.customers.people.customers.schemas import CustomerCreate
from services.customers.people.queries import PersonBlocked
from services.customers.people.rules import contacts, records
from services.customers.sales import tables
from services.customers.sales.leads.events import LeadAlreadyConverted, LeadConverted, LeadUnqualified
from services.customers.sales.leads.schemas import Lead, LeadConvertRequest
from services.customers.sales.queries.deals import ClosingStage, StageFieldsMissing, create_deal
from services.customers.sales.queries.named import named_customer
from services.customers.sales.queries.pipelines import named_pipeline

feature = Feature("leads")

COPIED = ("kind", "given_name", "family_name", "name", "emails", "phones", "addresses", "external_ids", "custom")
MAX_CANDIDATES = 20


@dataclass(frozen=True, slots=True)
class Candidate:
    """A customer that shares contact points with a lead, and which."""

    customer_id: UUID
    matched_by: list[str]


@feature.post(
    "/leads/{id:uuid}/convert",
    scope="customers:write",
    raises=[
        ClosingStage,
        CustomValueTaken,
        ExternalIdTaken,
        LeadAlreadyConverted,
        LeadUnqualified,
        PersonBlocked,
        PossibleDuplicates,
        RecordTooLarge,
        StageFieldsMissing,
        VersionMismatch,
    ],
)
async def convert_lead(work: Work, id: UUID, body: LeadConvertRequest, if_match: IfMatch) -> Lead:
    """Make a lead a customer, new or named by `customer_id`, and optionally create a deal with it.

    A repeat returns the converted lead. If customers have the same e-mail address, phone number or external id, a new
    one is refused unless `allow_duplicate` is true.
    """
    lead = await work.get(tables.Lead, id, for_update=True)
    if lead.state == "converted":
        if body.customer_id in (None, lead.customer_id):
            return Lead.from_row(lead)
        raise LeadAlreadyConverted(customer_id=str(lead.customer_id))
    work.check_version(lead, if_match)
    if lead.state == "unqualified":
        raise LeadUnqualified
    customer_id = await _customer_of(work, lead, body)
    deal_id = await _deal_of(work, customer_id, lead, body)
    lead = await work.update(lead, state="converted", customer_id=customer_id, deal_id=deal_id, converted_at=work.now)
    work.publish(LeadConverted.from_row(lead, lead_id=id, customer_created=body.customer_id is None))
    return Lead.from_row(lead)


async def _customer_of(work: UnitOfWork, lead: tables.Lead, body: LeadConvertRequest) -> UUID:
    """Return the customer that a lead becomes. Raises PossibleDuplicates."""
    if body.customer_id is not None:
        return (await named_customer(work, body.customer_id)).id
    if not body.allow_duplicate:
        await _reject_duplicates(work, lead)
    values = {name: getattr(lead, name) for name in COPIED}
    values |= {name: contacts.without_forms(name, values[name]) for name in contacts.LOOKUP_FORMS}
    customer = CustomerCreate.model_validate(
        {name: value for name, value in values.items() if value} | {"allow_duplicate": body.allow_duplicate}
    )
    return (await create_customer(work, customer)).id


async def _reject_duplicates(work: UnitOfWork, lead: tables.Lead) -> None:
    points = contacts.contact_points(lead.emails, lead.phones)
    keys = records.external_keys(lead.external_ids)
    candidates = await work.fetch(
        _CANDIDATES,
        kinds=[kind for kind, _ in points],
        normals=[normal for _, normal in points],
        sources=[source for source, _ in keys],
        ids=[id for _, id in keys],
        most=MAX_CANDIDATES,
    )
    if candidates:
        shown = [{"customer_id": str(each.customer_id), "matched_by": each.matched_by} for each in candidates]
        raise PossibleDuplicates(f"There are {len(candidates)} customers with the same contacts.", candidates=shown)


async def _deal_of(work: UnitOfWork, customer_id: UUID, lead: tables.Lead, body: LeadConvertRequest) -> UUID | None:
    """Create the deal that a conversion asks for, with the lead's salesperson and source unless it names others."""
    if body.deal is None:
        return None
    values = body.deal.values() | {"customer_id": customer_id}
    values["owner_id"] = values["owner_id"] or lead.owner_id
    values["source"] = values["source"] or lead.source
    locked = await named_pipeline(work, body.deal.pipeline_id, "/deal/pipeline_id")
    return (await create_deal(work, locked, body.deal.stage_id, values)).id


_CANDIDATES = Query(
    Candidate,
    """
    with matching as (
        select customer_id, point.kind as matched_by from contact_point as point
        join unnest(:kinds::text[], :normals::text[]) as asked(kind, normal)
            on point.kind = asked.kind and point.normal = asked.normal
        union
        select customer_id, 'external_id' from external_id as known
        join unnest(:sources::text[], :ids::text[]) as asked(source, external_id)
            on known.source = asked.source and known.external_id = asked.external_id
    )
    select customer_id, array_agg(matched_by order by matched_by) as matched_by
    from matching join customer on customer.id = customer_id
    where customer.state not in ('merged', 'erased')
    group by customer_id order by count(*) desc, customer_id limit :most
    """,
)
