"""Delegation: which key a request has, and which scopes it may pass on to a token or to an issuer's users."""

from collections.abc import Iterable
from uuid import UUID

from chassis import Command, MissingScope, Problem, UnitOfWork, ValidationFailed
from chassis.core.problems import Unauthenticated
from chassis.types.codes import FieldCode
from gateway.access import tables
from gateway.access.rules import NOT_GRANTABLE

NOT_A_SCOPE_OF_TOKENS = FieldCode(
    "not_a_scope_of_tokens",
    "Only keys may have this scope, because other credentials depend on it.",
    "Leave the scope out. Use a key where it is required.",
)


class ApiKeyRequired(Problem, status=403):
    """Only an API key may do this, and not a token.

    What a key creates is revoked with it. Send the request from a server, with an API key.
    """


async def lock_keys(work: UnitOfWork) -> None:
    """Wait until no other request changes the tenant's keys."""
    await work.execute(_LOCK, id=work.tenant.id)


async def own_key(work: UnitOfWork, *, for_update: bool = True) -> tables.ApiKey:
    """Return the key of this request, locked until the commit unless `for_update` is false.

    Raises ApiKeyRequired, and Unauthenticated if the key was revoked since the request was authenticated.
    """
    kind, _, id = work.actor.partition(":")
    if kind != "key":
        raise ApiKeyRequired
    key = await work.get(tables.ApiKey, UUID(id), for_update=for_update)
    if key.revoked_at is not None:
        raise Unauthenticated("The API key is not valid.")
    return key


def require_grantable(work: UnitOfWork, scopes: Iterable[str], pointer: str) -> None:
    """Raise MissingScope for scopes that the key lacks, and ValidationFailed for those that only keys may have."""
    scopes = list(scopes)
    excess = sorted(set(scopes) - work.caller.scopes)
    if excess:
        raise MissingScope("A key cannot grant scopes that it does not have.", scopes=excess)
    for index, scope in enumerate(scopes):
        if scope in NOT_GRANTABLE:
            raise ValidationFailed.field(f"{pointer}/{index}", NOT_A_SCOPE_OF_TOKENS, f"only keys may have {scope}")


_LOCK = Command("select from tenant where id = :id for no key update")
