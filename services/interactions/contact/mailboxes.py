"""Mailboxes: the tenant's own addresses. They distinguish the messages that it sends from those that it receives."""

import re
from datetime import datetime
from typing import Annotated, Any, ClassVar
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints

from chassis import (
    Feature,
    FieldCode,
    Fields,
    IfMatch,
    Line,
    MergePatch,
    Page,
    PageParams,
    Problem,
    RequestBody,
    Resource,
    VersionMismatch,
    Work,
    normalize_email,
    paginate,
)
from chassis import invalid as invalid_value
from services.interactions.contact import tables

feature = Feature("mailboxes")
NOT_A_DOMAIN = FieldCode("not_a_domain", "The text is not a domain.", "Send a domain such as shop.example.com.")
_DOMAIN = re.compile(r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+")


def _domain(text: str) -> str:
    domain = text.strip().lower()
    if not domain.isascii():
        domain = normalize_email(f"x@{domain}").removeprefix("x@")
    if _DOMAIN.fullmatch(domain) is None:
        raise invalid_value(NOT_A_DOMAIN, "a domain is expected, such as shop.example.com")
    return domain


MailboxAddress = Annotated[
    str, StringConstraints(max_length=255), AfterValidator(normalize_email), Field(examples=["help@shop.example.com"])
]
Domain = Annotated[str, StringConstraints(max_length=253), AfterValidator(_domain)]


class MailboxAddressTaken(Problem, status=409):
    """Another mailbox already has this address.

    `mailbox_id` is that mailbox.
    """


class MailboxFields(Fields):
    """The fields of a mailbox that may change."""

    name: Line | None = None
    """What the mailbox is for."""


class MailboxCreate(MailboxFields, RequestBody):
    """A mailbox to add."""

    example = {"address": "help@shop.example.com", "name": "Help desk", "domains": ["shop.example.com"]}

    address: MailboxAddress
    """Its address. It is the `source` of its messages, and never changes."""
    domains: list[Domain] = Field(default=[], max_length=50)
    """Your own domains. A message from any address of them is outbound."""


class MailboxUpdate(MailboxFields, MergePatch):
    """Changes of a mailbox."""

    example = {"name": "Help desk"}
    never_null: ClassVar[frozenset[str]] = frozenset(("domains",))

    domains: list[Domain] | None = Field(default=None, max_length=50)
    """Your own domains, all of them."""


class Mailbox(MailboxFields, Resource, row=tables.Mailbox, etag="version"):
    """A mailbox of the tenant."""

    id: UUID
    """Identifies the mailbox."""
    address: str
    """Its address: the `source` of its messages."""
    domains: list[str]
    """The tenant's own domains."""
    version: int
    """Counts the changes; the ETag."""
    created_at: datetime
    """When it was added."""
    updated_at: datetime
    """When it was last changed."""


@feature.post("/mailboxes", scope="interactions:configure", status_code=201, raises=[MailboxAddressTaken])
async def create_mailbox(work: Work, body: MailboxCreate) -> Mailbox:
    """Add a mailbox."""
    holder = await work.find(tables.Mailbox, address=body.address)
    if holder is not None:
        raise MailboxAddressTaken(mailbox_id=str(holder.id), pointer="/address")
    return Mailbox.from_row(await work.insert(tables.Mailbox(**_columns(body.values()))))


@feature.get("/mailboxes", scope="interactions:read")
async def list_mailboxes(work: Work, params: PageParams) -> Page[Mailbox]:
    """List mailboxes, oldest first."""
    return await paginate(work, params, tables.Mailbox, Mailbox)


@feature.get("/mailboxes/{id:uuid}", scope="interactions:read")
async def read_mailbox(work: Work, id: UUID) -> Mailbox:
    """Return a mailbox."""
    return Mailbox.from_row(await work.get(tables.Mailbox, id))


@feature.patch("/mailboxes/{id:uuid}", scope="interactions:configure", raises=[VersionMismatch])
async def update_mailbox(work: Work, id: UUID, body: MailboxUpdate, if_match: IfMatch) -> Mailbox:
    """Change the name or the domains of a mailbox. Messages that are recorded already keep their direction."""
    mailbox = await work.get(tables.Mailbox, id, for_update=True)
    work.check_version(mailbox, if_match)
    return Mailbox.from_row(await work.update(mailbox, **_columns(body.changes())))


def _columns(values: dict[str, Any]) -> dict[str, Any]:
    """Return values as they are stored: each domain once."""
    if "domains" in values:
        values["domains"] = list(dict.fromkeys(values["domains"]))
    return values
