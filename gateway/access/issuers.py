"""Issuers: the identity providers whose users may use the API (OpenID Connect).

A user's scopes come from the claims of the token, and are never more than those of the key that configured the issuer.
When this key ends, so does the access of the issuer's users.
"""

from datetime import datetime
from typing import Annotated, Any, ClassVar
from uuid import UUID

from pydantic import AfterValidator, Field, StrictInt

from chassis import (
    Command,
    Feature,
    FieldCode,
    Fields,
    IfMatch,
    Line,
    MergePatch,
    Page,
    PageParams,
    Problem,
    Query,
    Reference,
    RequestBody,
    Resource,
    Running,
    ShortLine,
    UnitOfWork,
    ValidationFailed,
    VersionMismatch,
    Work,
    paginate,
)
from chassis.http.outbound import ForbiddenUrl
from gateway.access import tables
from gateway.access.delegation import ApiKeyRequired, lock_keys, own_key, require_grantable
from gateway.access.key_sets import DISCOVERY_PATH
from gateway.access.queries import announce_issuer
from gateway.access.rules import Algorithm, url_id
from gateway.settings import Settings

feature = Feature("issuers")

DEFAULT_SKEW_SECONDS = 60
MAX_SKEW_SECONDS = 300
NOT_AN_ISSUER_URL = FieldCode(
    "not_an_issuer_url",
    "The URL is not that of a public server with TLS.",
    "Send the issuer's URL as its tokens name it in `iss`.",
)


class IssuerTaken(Problem, status=409):
    """An issuer with this URL and audience is registered already.

    A token names its issuer and its audience, and both together belong to a single tenant. Give each tenant, and each
    sandbox, an audience of its own.
    """


class TooManyIssuers(Problem, status=409):
    """The tenant has as many issuers as it may have.

    Delete those that are no longer used.
    """


class ScopeRuleFields(Fields):
    """Scopes of the users whose claim has a value. A claim may be a text, a list, or `scope` with several words."""

    claim: Annotated[Reference, Field(examples=["realm_access.roles"])]
    """The name of the claim. A dot leads into an object."""
    value: Annotated[Reference, Field(examples=["staff"])]
    """The value that the claim has, or contains."""
    scopes: Annotated[list[ShortLine], Field(min_length=1, max_length=100, examples=[["customers:read"]])]
    """The operations that these users may call."""


class ScopeRuleCreate(ScopeRuleFields, RequestBody):
    """Scopes to grant to the users whose claim has a value."""


class ScopeRule(ScopeRuleFields, Resource):
    """Scopes of the users whose claim has a value."""


def _require_distinct(items: list[Any]) -> list[Any]:
    return sorted(set(items))


Algorithms = Annotated[list[Algorithm], Field(min_length=1, max_length=11), AfterValidator(_require_distinct)]
Rules = Annotated[list[ScopeRuleCreate], Field(max_length=50)]
DefaultScopes = Annotated[list[ShortLine], Field(max_length=100, examples=[["customers:read"]])]
Skew = Annotated[StrictInt, Field(ge=0, le=MAX_SKEW_SECONDS)]
EXAMPLE = {
    "name": "Staff login",
    "algorithms": ["RS256"],
    "rules": [{"claim": "groups", "value": "staff", "scopes": ["customers:read"]}],
}


class IssuerCreate(RequestBody):
    """An identity provider to accept."""

    example = EXAMPLE | {"url": "https://login.example.com", "audience": "rapport"}

    name: Line
    """The purpose of the issuer, shown in lists."""
    url: Annotated[Reference, Field(examples=["https://login.example.com"])]
    """The URL of the issuer, as its tokens name it in `iss`."""
    audience: Annotated[Reference, Field(examples=["rapport"])]
    """The audience that its tokens must name in `aud`."""
    algorithms: Algorithms = ["RS256"]
    """The algorithms of signatures that are accepted."""
    clock_skew_seconds: Skew = DEFAULT_SKEW_SECONDS
    """How much the clocks of both sides may differ."""
    rules: Rules = []
    """Scopes by the claims of the token."""
    default_scopes: DefaultScopes = []
    """Scopes of every user of the issuer."""
    customer_source: Reference | None = None
    """If set, each user is the customer whose external id of this source is the user's `sub`."""


class IssuerUpdate(MergePatch):
    """A JSON Merge Patch of an issuer. Its URL and its audience do not change: create another issuer."""

    example = EXAMPLE

    never_null: ClassVar[frozenset[str]] = frozenset(
        ("name", "algorithms", "clock_skew_seconds", "rules", "default_scopes")
    )

    name: Line | None = None
    """The purpose of the issuer, shown in lists."""
    algorithms: Algorithms | None = None
    """The algorithms of signatures that are accepted."""
    clock_skew_seconds: Skew | None = None
    """How much the clocks of both sides may differ."""
    rules: Rules | None = None
    """Scopes by the claims of the token."""
    default_scopes: DefaultScopes | None = None
    """Scopes of every user of the issuer."""
    customer_source: Reference | None = None
    """Each user is the customer whose external id of this source is the user's `sub`. Null: users are no customers."""


class Issuer(Resource, row=tables.Issuer, etag="version"):
    """An identity provider whose users may use the API."""

    id: UUID
    """Identifies the issuer."""
    version: int
    """Counts the changes. It is the ETag."""
    name: str
    """The purpose of the issuer."""
    url: str
    """The URL of the issuer, as its tokens name it in `iss`."""
    audience: str
    """The audience that its tokens must name in `aud`."""
    algorithms: list[Algorithm]
    """The algorithms of signatures that are accepted."""
    clock_skew_seconds: int
    """How much the clocks of both sides may differ."""
    rules: list[ScopeRule]
    """Scopes by the claims of the token."""
    default_scopes: list[str]
    """Scopes of every user of the issuer."""
    customer_source: str | None
    """The source of external ids by which each user is a customer, or null."""
    configured_by: UUID
    """The key that created it or changed it last. Users have at most its scopes, and end with it."""
    created_at: datetime
    """When it was created."""
    updated_at: datetime
    """When it was changed last."""


@feature.post(
    "/issuers",
    scope="issuers:write",
    status_code=201,
    raises=[ApiKeyRequired, IssuerTaken, TooManyIssuers],
)
async def create_issuer(work: Work, running: Running, body: IssuerCreate) -> Issuer:
    """Accept the tokens of an identity provider. Its users get at most the scopes of this key, and end with it.

    The provider is called when its first token arrives, and not before.
    """
    assert isinstance(running.settings, Settings)
    try:
        running.settings.outbound_policy.require_url(body.url.rstrip("/") + DISCOVERY_PATH)
    except ForbiddenUrl as error:
        raise ValidationFailed.field("/url", NOT_AN_ISSUER_URL, f"the URL {error}") from None
    row = tables.Issuer(**body.values(), url_id=url_id(body.url))
    _require_grantable(work, row.rules, row.default_scopes)
    await lock_keys(work)
    key = await own_key(work)
    if await work.fetch_row(_COUNT) >= running.settings.issuer_limit:
        raise TooManyIssuers(f"A tenant may have {running.settings.issuer_limit} issuers.")
    stored = await work.insert_or_ignore(row.replace(configured_by=key.id))
    if stored is None:
        raise IssuerTaken
    await announce_issuer(work, stored.url_id)
    return Issuer.from_row(stored)


@feature.get("/issuers", scope="issuers:read")
async def list_issuers(work: Work, params: PageParams) -> Page[Issuer]:
    """List the tenant's issuers, oldest first."""
    return await paginate(work, params, tables.Issuer, Issuer)


@feature.get("/issuers/{id:uuid}", scope="issuers:read")
async def read_issuer(work: Work, id: UUID) -> Issuer:
    """Return an issuer."""
    return Issuer.from_row(await work.get(tables.Issuer, id))


@feature.patch("/issuers/{id:uuid}", scope="issuers:write", raises=[ApiKeyRequired, VersionMismatch])
async def update_issuer(work: Work, id: UUID, body: IssuerUpdate, if_match: IfMatch) -> Issuer:
    """Change an issuer. From then on its users get at most the scopes of the key that changed it, and end with it."""
    await lock_keys(work)
    issuer = await work.get(tables.Issuer, id, for_update=True)
    work.check_version(issuer, if_match)
    key = await own_key(work)
    changes = {name: value for name, value in body.changes().items() if value != getattr(issuer, name)}
    if not changes:
        return Issuer.from_row(issuer)
    after = issuer.replace(**changes)
    _require_grantable(work, after.rules, after.default_scopes)
    changed = await work.update(issuer, **changes, configured_by=key.id)
    await announce_issuer(work, issuer.url_id)
    return Issuer.from_row(changed)


@feature.delete("/issuers/{id:uuid}", scope="issuers:write", status_code=204, raises=[VersionMismatch])
async def delete_issuer(work: Work, id: UUID, if_match: IfMatch) -> None:
    """Stop accepting the tokens of an issuer. The next request with one of them is rejected."""
    issuer = await work.get(tables.Issuer, id, for_update=True)
    work.check_version(issuer, if_match)
    await work.execute(_DELETE, id=id)
    work.audit("deleted", tables.Issuer, id, {"url": [issuer.url, None], "audience": [issuer.audience, None]})
    await announce_issuer(work, issuer.url_id)


def _require_grantable(work: UnitOfWork, rules: list[dict[str, Any]], default_scopes: list[str]) -> None:
    require_grantable(work, default_scopes, "/default_scopes")
    for index, rule in enumerate(rules):
        require_grantable(work, rule["scopes"], f"/rules/{index}/scopes")


_COUNT = Query(int, "select count(*) from issuer")
_DELETE = Command("delete from issuer where id = :id")
