"""Request and response bodies of templates."""

from datetime import datetime
from typing import Annotated, ClassVar, Self
from uuid import UUID

from pydantic import Field, StringConstraints, model_validator

from chassis import Fields, Line, Lines, MergePatch, MultilineText, RequestBody, Resource, Subject
from services.interactions.campaigns import tables

VARIABLE_PATTERN = "^[a-z][a-z0-9_]{0,39}$"
MAX_VARIABLES = 50
VariableName = Annotated[str, StringConstraints(pattern=VARIABLE_PATTERN)]
VariableNames = Annotated[list[VariableName], Field(max_length=MAX_VARIABLES, json_schema_extra={"uniqueItems": True})]
VariableValues = Annotated[dict[VariableName, Lines], Field(max_length=MAX_VARIABLES)]
Number = Annotated[int, Field(strict=True, ge=1, le=2**31 - 1)]


class TemplateFields(Fields):
    """The fields of a template that may be null."""

    subject: Subject | None = None
    """The subject, for channels that have one. It is a template as well."""
    html: MultilineText | None = None
    """The text as HTML. The values of variables are escaped."""


class TemplateCreate(TemplateFields, RequestBody):
    """A template to create."""

    example = {
        "name": "Kettles are back",
        "subject": "{{ customer.given_name | default('Hello') }}, kettles are back",
        "text": "Dear {{ customer.name | default('customer') }},\n\nkettles cost {{ campaign.price }} again.",
        "html": "<p>Dear {{ customer.name | default('customer') }},</p><p>kettles cost {{ campaign.price }} again.</p>",
        "variables": ["price"],
    }

    name: Line
    """The name, for your own use."""
    text: MultilineText
    """The text, in a small part of the Jinja language."""
    variables: VariableNames = []
    """The variables to which a campaign gives values: `price` is `campaign.price` in the template."""

    @model_validator(mode="after")
    def _sort_variables(self) -> Self:
        self.variables = sorted(set(self.variables))
        return self


class TemplateUpdate(TemplateFields, MergePatch):
    """Fields to change. Another content is a new version, and campaigns that use an earlier one keep it."""

    example = {"name": "Kettles"}
    never_null: ClassVar[frozenset[str]] = frozenset(("name", "text", "variables"))

    name: Line | None = None
    """The name, for your own use."""
    text: MultilineText | None = None
    """The text, in a small part of the Jinja language."""
    variables: VariableNames | None = None
    """The variables to which a campaign gives values."""

    @model_validator(mode="after")
    def _sort_variables(self) -> Self:
        if self.variables is not None:
            self.variables = sorted(set(self.variables))
        return self


class Template(TemplateFields, Resource, row=tables.MessageTemplate, etag="version"):
    """A template, with the content of its newest version."""

    id: UUID
    """Identifies the template."""
    version: int
    """Counts the changes of the record, also of its name. It is the ETag."""
    name: str
    """The name."""
    number: int
    """The number of the newest version of the content, from 1."""
    text: str
    """The text."""
    variables: list[str]
    """The variables to which a campaign gives values, in alphabetical order."""
    created_at: datetime
    """When it was created."""
    updated_at: datetime
    """When it last changed."""


class TemplateVersion(TemplateFields, Resource, row=tables.MessageTemplateVersion):
    """A version of a template's content."""

    number: int
    """The number of the version, from 1."""
    text: str
    """The text."""
    variables: list[str]
    """The variables to which a campaign gives values, in alphabetical order."""
    created_at: datetime
    """When it was created."""
    created_by: str
    """The principal that created it."""


class SampleCustomer(MergePatch):
    """Fields of a customer that does not exist."""

    name: Line | None = None
    """The name by which the customer is addressed."""
    given_name: Line | None = None
    """The given name."""
    family_name: Line | None = None
    """The family name."""
    language: Line | None = None
    """The preferred language, such as `nl`."""
    country: Line | None = None
    """The country: two letters of ISO 3166-1."""
    postal_code: Line | None = None
    """The postal code."""


class TemplatePreviewRequest(RequestBody):
    """For whom a template is rendered. Without a customer, the fields of the customer are empty."""

    example = {"customer": {"given_name": "Ada", "name": "Ada King"}, "variables": {"price": "EUR 29"}}

    number: Number | None = None
    """The version. Default: the newest."""
    customer_id: UUID | None = None
    """A customer."""
    customer: SampleCustomer | None = None
    """The fields of a customer that does not exist, in place of `customer_id`."""
    variables: VariableValues = {}
    """The values of the variables: all those of the version."""

    @model_validator(mode="after")
    def _require_one_customer(self) -> Self:
        if self.customer_id is not None and self.customer is not None:
            raise ValueError("send either customer_id or customer")
        return self


class TemplatePreview(Resource):
    """The texts of a template for a customer."""

    number: int
    """The version."""
    subject: str | None
    """The subject, or null."""
    text: str
    """The text."""
    html: str | None
    """The text as HTML, or null."""
