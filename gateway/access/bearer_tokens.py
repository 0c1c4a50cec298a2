"""Bearer tokens: turn issued tokens and users' tokens into credentials that depend on a key.

A token never has more scopes than its key, and ends with it.
"""

from collections.abc import Set
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID, uuid5

from chassis.core.identity import Caller
from chassis.core.problems import Problem, Unauthenticated
from gateway.access import issued_tokens
from gateway.access.issued_tokens import TokenSigner
from gateway.access.issuer_cache import IssuerCache
from gateway.access.key_cache import Credential, KeyCache
from gateway.access.key_sets import KeySets
from gateway.access.rules import mapped_scopes, url_id
from gateway.access.token_cache import TokenCache
from gateway.access.user_tokens import FindCustomer, VerifiedUser, verify_user
from gateway.access.web_tokens import UnverifiedToken, parse_token

LATEST = datetime(9999, 1, 1, tzinfo=UTC)


class CustomerUnknown(Problem, status=403):
    """The token's user is no customer.

    The issuer maps each user to a customer by an external id. `detail` names it. Create the customer with this id.
    """


class BearerTokens:
    """Verifies tokens, and remembers those that were verified."""

    def __init__(
        self,
        signer: TokenSigner,
        keys: KeyCache,
        issuers: IssuerCache,
        key_sets: KeySets | None,
        find_customer: FindCustomer | None,
    ) -> None:
        self.cache = TokenCache()
        self._signer = signer
        self._keys = keys
        self._issuers = issuers
        self._key_sets = key_sets
        self._find_customer = find_customer

    async def verify(self, text: str) -> Credential | None:
        """Return the credential of a token, which may have expired or been revoked. None if the text is no token.

        Raises Unauthenticated, and Problem if the token cannot be verified now.
        """
        token = parse_token(text)
        if token is None:
            return None
        if token.issuer == issued_tokens.ISSUER:
            return await self._verify_issued(text)
        return await self._verify_user(token)

    async def _verify_issued(self, text: str) -> Credential:
        token = self._signer.verify(text)
        key = None if token is None else await self._keys.find(token.key)
        if token is None or key is None:
            raise Unauthenticated("The token is not valid.")
        id = token.customer or token.id
        credential = _depending(key, id, token.actor, frozenset(token.scopes), token.expires_at, token.customer)
        credential.origin = token.origin
        if self._keys.is_cached(key.id, key):
            self.cache.store(text, credential, (key.id,))
        return credential

    async def _verify_user(self, token: UnverifiedToken) -> Credential:
        id = url_id(token.issuer)
        issuers = await self._issuers.find(id)
        if issuers is None or self._key_sets is None or self._find_customer is None:
            raise Unauthenticated("The token's issuer is not registered.")
        user = await verify_user(self._key_sets, issuers, token)
        key = await self._keys.find(user.issuer.configured_by)
        if key is None:
            raise Unauthenticated("The token's issuer is not registered.")
        credential = _of_user(key, user)
        if user.issuer.customer_source is not None:
            customer = await self._find_customer(key.caller.tenant, user.issuer.customer_source, user.subject)
            if customer is None:
                raise CustomerUnknown(f"No customer has the id {user.subject} of {user.issuer.customer_source}.")
            caller = replace(credential.caller, owner=customer, actor=f"customer:{customer}")
            credential = replace(credential, id=customer, caller=caller)
        if self._keys.is_cached(key.id, key) and self._issuers.is_cached(id, issuers):
            self.cache.store(token.text, credential, (key.id, id))
        return credential


def _of_user(key: Credential, user: VerifiedUser) -> Credential:
    issuer = user.issuer
    scopes = mapped_scopes(user.claims, issuer.rules, issuer.default_scopes)
    actor = f"user:{issuer.id}/{user.subject}"
    return _depending(key, uuid5(issuer.id, user.subject), actor, scopes, _time(user.expires_at), None)


def _depending(
    key: Credential, id: UUID, actor: str, scopes: Set[str], expires_at: datetime, customer: UUID | None
) -> Credential:
    """Return the credential of a token that depends on a key."""
    expires_at = min(expires_at, key.expires_at or LATEST)
    caller = Caller(key.caller.tenant, actor, frozenset(scopes & key.caller.scopes), customer, expires_at)
    rates = key.tenant_rate, key.key_rate
    return Credential(id, caller, b"", expires_at, key.is_revoked, key.is_suspended, key.id, *rates)


def _time(timestamp: float) -> datetime:
    return datetime.fromtimestamp(min(max(timestamp, 0), LATEST.timestamp()), UTC)
