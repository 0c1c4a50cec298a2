"""Me: the credential of a request, as the API sees it."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from typing_extensions import TypeAliasType

from chassis import Feature, Resource, TenantKind, Work
from chassis.core.identity import OPERATOR_CALLER
from chassis.http.owners import CALLER

feature = Feature("me")

CredentialKind = TypeAliasType(
    "CredentialKind", Literal["api_key", "session_token", "customer_token", "user_token", "operator_token"]
)
KINDS: dict[str, CredentialKind] = {
    "key": "api_key",
    "session": "session_token",
    "customer": "customer_token",
    "user": "user_token",
    "operator": "operator_token",
}


class Me(Resource):
    """The credential of a request."""

    kind: CredentialKind
    """The kind of credential."""
    principal: str
    """The actor of its changes in the audit log, such as `key:<id>`."""
    tenant_id: UUID | None
    """The tenant to which it belongs. Null for the operator's token."""
    tenant_name: str | None
    """The name of the tenant."""
    tenant_kind: TenantKind | None
    """The kind of the tenant: live, or a sandbox."""
    customer_id: UUID | None
    """The customer to whom a customer's token belongs, or null."""
    scopes: list[str]
    """The operations that it may call."""
    expires_at: datetime | None
    """When it expires, or null if it does not."""


@feature.get("/me", scope=None, owner=CALLER)
async def read_me(work: Work) -> Me:
    """Return the credential of this request: its tenant, principal, scopes and expiry. Every credential may call it."""
    caller = work.caller
    tenant = None if caller.tenant.id == OPERATOR_CALLER.tenant.id else caller.tenant
    return Me(
        kind=KINDS[caller.actor.partition(":")[0]],
        principal=caller.actor,
        tenant_id=tenant and tenant.id,
        tenant_name=tenant and tenant.name,
        tenant_kind=tenant and tenant.kind,
        customer_id=caller.owner,
        scopes=sorted(caller.scopes),
        expires_at=caller.expires_at,
    )
