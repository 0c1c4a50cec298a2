"""The columns of exports of other systems, and the targets that they have here."""

from collections.abc import Collection, Mapping
from typing import Literal

from typing_extensions import TypeAliasType

Preset = TypeAliasType(
    "Preset",
    Literal[
        "salesforce_accounts",
        "salesforce_contacts",
        "salesforce_leads",
        "salesforce_opportunities",
        "salesforce_cases",
        "hubspot_companies",
        "hubspot_contacts",
    ],
)


def _address(prefix: str, key: str) -> dict[str, str]:
    parts = {"Street": "street", "City": "city", "State": "region", "PostalCode": "postal_code", "Country": "country"}
    parts |= {"Latitude": "latitude", "Longitude": "longitude"}
    return {f"{prefix}{column}": f"addresses.{key}.{part}" for column, part in parts.items()}


_HUBSPOT_ADDRESS = {
    "Street Address": "addresses.1.street",
    "City": "addresses.1.city",
    "State/Region": "addresses.1.region",
    "Postal Code": "addresses.1.postal_code",
    "Country/Region": "addresses.1.country",
}
PRESETS: Mapping[str, Mapping[str, str]] = {
    "salesforce_accounts": {
        "Id": "external_ids.salesforce",
        "Name": "name",
        "Phone": "phones.1",
        "Fax": "phones.fax",
        **_address("Billing", "billing"),
        **_address("Shipping", "shipping"),
        "Website": "firmographics.website",
        "Industry": "firmographics.industry",
        "NumberOfEmployees": "firmographics.employees",
        "Type": "custom.account_type",
        "AnnualRevenue": "custom.annual_revenue",
        "Description": "custom.description",
        "ParentId": "relations.parent_account.salesforce",
        "OwnerId": "custom.salesforce_owner_id",
    },
    "salesforce_contacts": {
        "Id": "external_ids.salesforce",
        "FirstName": "given_name",
        "LastName": "family_name",
        "Email": "emails.1",
        "Phone": "phones.1",
        "MobilePhone": "phones.mobile",
        "HomePhone": "phones.home",
        "OtherPhone": "phones.other",
        "Fax": "phones.fax",
        "Title": "occupation",
        "Birthdate": "birth_date",
        **_address("Mailing", "mailing"),
        **_address("Other", "other"),
        "AccountId": "relations.account.salesforce",
        "ReportsToId": "custom.salesforce_reports_to_id",
        "OwnerId": "custom.salesforce_owner_id",
        "Salutation": "salutation",
        "Department": "custom.department",
        "LeadSource": "custom.lead_source",
        "Description": "custom.description",
    },
    "salesforce_leads": {
        "Id": "external_ids.salesforce",
        "FirstName": "given_name",
        "LastName": "family_name",
        "Email": "emails.1",
        "Phone": "phones.1",
        "MobilePhone": "phones.mobile",
        "Title": "occupation",
        **_address("", "1"),
        "Company": "custom.company",
        "Status": "custom.lead_status",
        "LeadSource": "custom.lead_source",
        "Industry": "custom.industry",
        "Website": "custom.website",
        "Description": "custom.description",
        "OwnerId": "custom.salesforce_owner_id",
    },
    "salesforce_opportunities": {
        "Id": "external_ids.salesforce",
        "AccountId": "customer.salesforce",
        "Name": "name",
        "StageName": "stage",
        "IsClosed": "closed",
        "IsWon": "won",
        "Amount": "amount",
        "CurrencyIsoCode": "currency",
        "CloseDate": "expected_close_on",
        "OwnerId": "owner_id",
        "LeadSource": "source",
        "Type": "custom.opportunity_type",
        "NextStep": "custom.next_step",
        "Description": "custom.description",
    },
    "hubspot_companies": {
        "Record ID": "external_ids.hubspot_company",
        "Company name": "name",
        "Phone Number": "phones.1",
        **_HUBSPOT_ADDRESS,
        "Company Domain Name": "firmographics.website",
        "Industry": "firmographics.industry",
        "Number of Employees": "firmographics.employees",
        "Annual Revenue": "custom.annual_revenue",
        "Lifecycle Stage": "custom.hubspot_lifecycle_stage",
        "Company owner": "custom.hubspot_owner",
    },
    "hubspot_contacts": {
        "Record ID": "external_ids.hubspot_contact",
        "First Name": "given_name",
        "Last Name": "family_name",
        "Email": "emails.1",
        "Phone Number": "phones.1",
        "Mobile Phone Number": "phones.mobile",
        "Job Title": "occupation",
        "Date of Birth": "birth_date",
        "Preferred language": "languages",
        **_HUBSPOT_ADDRESS,
        "Company Name": "custom.company",
        "Associated Company": "custom.company",
        "Associated Company IDs": "relations.account.hubspot_company",
        "Lifecycle Stage": "custom.hubspot_lifecycle_stage",
        "Lead Status": "custom.lead_status",
        "Contact owner": "custom.hubspot_owner",
    },
}
ELSEWHERE = {"salesforce_cases": "is a case, not a customer: send it to /v1/touch-points"}
"""The presets of files whose rows belong to another service, and what to do with a row."""
DEALS = frozenset(("salesforce_opportunities",))
"""The presets whose rows are deals."""
ORGANIZATIONS = frozenset(("salesforce_accounts", "hubspot_companies"))
"""The presets whose rows are organizations."""
_SIGNS = {
    "salesforce_accounts": ("Id", "Name", "BillingCity"),
    "salesforce_contacts": ("Id", "LastName", "AccountId"),
    "salesforce_leads": ("Id", "LastName", "IsConverted"),
    "salesforce_opportunities": ("Id", "StageName", "CloseDate"),
    "salesforce_cases": ("Id", "CaseNumber"),
    "hubspot_companies": ("Record ID", "Company name"),
    "hubspot_contacts": ("Record ID", "First Name", "Last Name"),
}
"""Columns by which an export is recognized."""
COMMON_NAMES = {
    "email": "emails.1",
    "e-mail": "emails.1",
    "email address": "emails.1",
    "phone": "phones.1",
    "phone number": "phones.1",
    "mobile": "phones.mobile",
    "first name": "given_name",
    "firstname": "given_name",
    "last name": "family_name",
    "lastname": "family_name",
    "surname": "family_name",
    "full name": "name",
    "company": "custom.company",
    "street": "addresses.1.street",
    "city": "addresses.1.city",
    "postal code": "addresses.1.postal_code",
    "zip": "addresses.1.postal_code",
    "country": "addresses.1.country",
    "birthday": "birth_date",
    "date of birth": "birth_date",
}
"""Names that columns often have, in lower case."""


def preset_of(columns: Collection[str]) -> str | None:
    """Return the preset whose export has these columns, or None."""
    return next((preset for preset, signs in _SIGNS.items() if set(signs) <= set(columns)), None)
