"""The operations on templates and their versions."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from chassis import (
    REQUIRED,
    TOO_LARGE,
    UNKNOWN_RECORD,
    Feature,
    FieldError,
    IfMatch,
    Page,
    PageParams,
    RecordTooLarge,
    UnitOfWork,
    ValidationFailed,
    VersionMismatch,
    Work,
    equals,
    paginate,
)
from services.interactions.campaigns import tables
from services.interactions.campaigns.queries.templates import customer_fields, render_for, template_version
from services.interactions.campaigns.rules.templates import InvalidTemplate, RenderedTooLarge, check_template
from services.interactions.campaigns.templates.schemas import (
    Template,
    TemplateCreate,
    TemplatePreview,
    TemplatePreviewRequest,
    TemplateUpdate,
    TemplateVersion,
)
from services.interactions.contact.queries.profiles import profile_of

feature = Feature("templates")
CONTENT = ("subject", "text", "html", "variables")


@feature.post("/templates", scope="interactions:configure", status_code=201, raises=[RecordTooLarge])
async def create_template(work: Work, body: TemplateCreate) -> Template:
    """Create a template, with its first version. Its language has no loops and no calls."""
    values = body.values()
    _check(values)
    template = await work.insert(tables.MessageTemplate(**values))
    await _insert_version(work, template)
    return Template.from_row(template)


@feature.get("/templates", scope="interactions:read")
async def list_templates(work: Work, params: PageParams) -> Page[Template]:
    """List templates, oldest first."""
    return await paginate(work, params, tables.MessageTemplate, Template)


@feature.get("/templates/{id:uuid}", scope="interactions:read")
async def read_template(work: Work, id: UUID) -> Template:
    """Return a template with the content of its newest version."""
    return Template.from_row(await work.get(tables.MessageTemplate, id))


@feature.patch("/templates/{id:uuid}", scope="interactions:configure", raises=[RecordTooLarge, VersionMismatch])
async def update_template(work: Work, id: UUID, body: TemplateUpdate, if_match: IfMatch) -> Template:
    """Change a template. Another content becomes its next version, and the earlier versions stay as they are."""
    before = await work.get(tables.MessageTemplate, id, for_update=True)
    work.check_version(before, if_match)
    changes = body.changes()
    content = {name: changes.get(name, getattr(before, name)) for name in CONTENT}
    _check(content)
    is_new = any(content[name] != getattr(before, name) for name in CONTENT)
    template = await work.update(before, **changes, **({"number": before.number + 1} if is_new else {}))
    if is_new:
        await _insert_version(work, template)
    return Template.from_row(template)


@feature.get("/templates/{id:uuid}/versions", scope="interactions:read")
async def list_template_versions(work: Work, id: UUID, params: PageParams) -> Page[TemplateVersion]:
    """List the versions of a template's content, oldest first."""
    await work.get(tables.MessageTemplate, id)
    where = equals(template_id=id)
    return await paginate(work, params, tables.MessageTemplateVersion, TemplateVersion, where=where)


@feature.post("/templates/{id:uuid}/preview", scope="interactions:read")
async def preview_template(work: Work, id: UUID, body: TemplatePreviewRequest) -> TemplatePreview:
    """Return the texts of a template for a customer, or for a customer that does not exist. Nothing is sent."""
    template = await work.get(tables.MessageTemplate, id)
    version = await template_version(work, id, body.number or template.number)
    if version is None:
        raise ValidationFailed.field("/number", UNKNOWN_RECORD, f"the template has no version {body.number}")
    _require_values(version.variables, body.variables)
    customer = await _customer(work, body)
    try:
        rendered = render_for(version, customer, body.variables)
    except RenderedTooLarge as error:
        raise ValidationFailed.field("/variables", TOO_LARGE, str(error)) from None
    return TemplatePreview(number=version.number, subject=rendered.subject, text=rendered.text, html=rendered.html)


def _check(content: Mapping[str, Any]) -> None:
    """Raise ValidationFailed unless the sources of a template are possible, with every part that is not."""
    errors, variables = [], frozenset(content["variables"])
    for name in ("subject", "text", "html"):
        if content[name] is None:
            continue
        try:
            check_template(content[name], variables)
        except InvalidTemplate as error:
            errors.append(FieldError(location="body", pointer=f"/{name}", code=error.code, detail=str(error)))
    if errors:
        raise ValidationFailed(errors[0].detail, errors=errors)


def _require_values(names: list[str], values: Mapping[str, str]) -> None:
    missing = [name for name in names if name not in values]
    if missing:
        raise ValidationFailed.field("/variables", REQUIRED, f"values are missing for: {', '.join(missing)}")


async def _customer(work: UnitOfWork, body: TemplatePreviewRequest) -> Mapping[str, str | None]:
    if body.customer_id is None:
        return {} if body.customer is None else body.customer.values()
    profile = await profile_of(work, body.customer_id)
    if profile is None:
        raise ValidationFailed.field("/customer_id", UNKNOWN_RECORD, f"is the id of no customer: {body.customer_id}")
    return customer_fields(profile)


async def _insert_version(work: UnitOfWork, template: tables.MessageTemplate) -> None:
    content = {name: getattr(template, name) for name in CONTENT}
    version = tables.MessageTemplateVersion(
        template_id=template.id, number=template.number, created_at=work.now, created_by=work.actor, **content
    )
    await work.insert(version)
