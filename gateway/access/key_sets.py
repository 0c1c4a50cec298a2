"""The public keys of identity providers: discovered, cached, and fetched again when a provider rotates them.

A provider that does not respond delays only its own tokens, and its keys are used for an hour longer.
"""

import asyncio
import time
import warnings
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import ECKey, JWKRegistry, OKPKey, RSAKey

from chassis.core.problems import Problem, Unauthenticated
from chassis.http.outbound import ForbiddenUrl, OutboundError, OutboundPolicy, fetch
from chassis.types import json

DISCOVERY_PATH = "/.well-known/openid-configuration"
FETCH_SECONDS = 3.0
"""For the discovery document, and again for the keys."""
MAX_DOCUMENT_BYTES = 256_000
MAX_KEYS = 100
MAX_ISSUERS = 1_000
FRESH_SECONDS = 600.0
"""After this time, the keys are fetched again in the background."""
USABLE_SECONDS = 3_600.0
"""After this time, keys that cannot be fetched again are not used any more."""
PAUSE_SECONDS = 10.0
"""Between two fetches from an issuer, however many unknown keys its tokens name."""
KEY_TYPES = {"RS": RSAKey, "PS": RSAKey, "ES": ECKey, "Ed": OKPKey}
"""By the first letters of an algorithm."""
PUBLIC_MEMBERS = frozenset(("kty", "kid", "use", "alg", "n", "e", "crv", "x", "y"))
MAX_MODULUS_TEXT = 1_366
"""RSA of at most 8,192 bits. A larger key would make each signature expensive to verify."""
MAX_EXPONENT_TEXT = 8
Key = RSAKey | ECKey | OKPKey


class IssuerUnavailable(Problem, status=503):
    """The keys of the token's issuer cannot be fetched, so the token cannot be verified.

    `detail` says why. Other issuers and API keys are not affected. Retry after the seconds in `Retry-After`.
    """

    def __init__(self, reason: str) -> None:
        text = f"The issuer's keys cannot be fetched: {reason}."
        super().__init__(text, headers={"Retry-After": str(int(PAUSE_SECONDS))})


@dataclass(slots=True)
class KeySet:
    """The keys of an issuer, and the state of their fetch. Times are monotonic."""

    keys: list[Key] = field(default_factory=list)
    fetched_at: float = float("-inf")
    tried_at: float = float("-inf")
    error: str = ""
    fetching: asyncio.Task[None] | None = None


class KeySets:
    """The keys of all issuers, by the URL of the issuer."""

    def __init__(self, session: aiohttp.ClientSession, policy: OutboundPolicy) -> None:
        self._session = session
        self._policy = policy
        self._sets: dict[str, KeySet] = {}

    async def find(self, issuer: str, kid: str | None, algorithm: str) -> Key:
        """Return the key that has signed a token. Raises Unauthenticated and IssuerUnavailable."""
        known = self._sets.get(issuer)
        if known is None:
            if len(self._sets) >= MAX_ISSUERS:
                del self._sets[next(iter(self._sets))]
            known = self._sets[issuer] = KeySet()
        age = time.monotonic() - known.fetched_at
        key = _choose(known.keys, kid, algorithm) if age < USABLE_SECONDS else None
        if key is None:
            await self._fetch_again(issuer, known)
            key = _choose(known.keys, kid, algorithm)
        elif age > FRESH_SECONDS:
            self._start(issuer, known)
        if key is not None:
            return key
        if time.monotonic() - known.fetched_at > USABLE_SECONDS:
            raise IssuerUnavailable(known.error)
        raise Unauthenticated("The issuer has no key with the id and the algorithm of the token.")

    def forget(self, issuers: set[str]) -> None:
        """Forget the keys of issuers that have changed."""
        for issuer in issuers:
            self._sets.pop(issuer, None)

    async def close(self) -> None:
        """Cancel the fetches that are running."""
        tasks = [known.fetching for known in self._sets.values() if known.fetching is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _fetch_again(self, issuer: str, known: KeySet) -> None:
        self._start(issuer, known)
        if known.fetching is not None:
            await asyncio.shield(known.fetching)

    def _start(self, issuer: str, known: KeySet) -> None:
        """Start a fetch, unless one is running or has just ended."""
        if known.fetching is None and time.monotonic() - known.tried_at > PAUSE_SECONDS:
            known.fetching = asyncio.create_task(self._refresh(issuer, known))

    async def _refresh(self, issuer: str, known: KeySet) -> None:
        try:
            known.keys = await self._fetch_keys(issuer)
            known.fetched_at = time.monotonic()
        except (OutboundError, ForbiddenUrl, ValueError) as error:
            known.error = str(error)
            if time.monotonic() - known.fetched_at > USABLE_SECONDS:
                known.keys = []
        finally:
            known.tried_at = time.monotonic()
            known.fetching = None

    async def _fetch_keys(self, issuer: str) -> list[Key]:
        """Return the signing keys of an issuer. Raises OutboundError, ForbiddenUrl and ValueError."""
        discovered = await self._fetch_document(issuer.rstrip("/") + DISCOVERY_PATH)
        if discovered.get("issuer") != issuer:
            raise ValueError("the discovery document names another issuer")
        found = await self._fetch_document(str(discovered.get("jwks_uri")))
        keys = found.get("keys")
        if not isinstance(keys, list):
            raise ValueError("the key set has no list of keys")
        imported = [_imported(key) for key in keys[:MAX_KEYS]]
        return [key for key in imported if key is not None]

    async def _fetch_document(self, text: str) -> dict[str, Any]:
        url = self._policy.require_url(text)
        content = await fetch(self._session, url, max_bytes=MAX_DOCUMENT_BYTES, seconds=FETCH_SECONDS)
        try:
            document = json.loads(content)
        except json.JSONDecodeError:
            raise ValueError(f"{url.path} is not JSON") from None
        if not isinstance(document, dict):
            raise ValueError(f"{url.path} is not a JSON object")
        return document


def _imported(value: Any) -> Key | None:
    """Return a public key that may verify signatures, or None. Private parts, which do not belong there, are dropped.

    Keys of other types are skipped, because providers publish keys of several types.
    """
    if not isinstance(value, dict) or value.get("use", "sig") != "sig":
        return None
    public = {name: item for name, item in value.items() if name in PUBLIC_MEMBERS}
    if not all(isinstance(item, str) for item in public.values()) or public.get("kty") not in ("RSA", "EC", "OKP"):
        return None
    if len(public.get("n", "")) > MAX_MODULUS_TEXT or len(public.get("e", "")) > MAX_EXPONENT_TEXT:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", SecurityWarning)  # RSA of less than 2,048 bits
            key = JWKRegistry.import_key(public)
    except (JoseError, SecurityWarning, ValueError, KeyError, TypeError):
        return None
    return key if isinstance(key, (RSAKey, ECKey, OKPKey)) else None


def _choose(keys: list[Key], kid: str | None, algorithm: str) -> Key | None:
    """Return the only key that fits a token. A token without a key id fits if there is one key for its algorithm."""
    kind = KEY_TYPES[algorithm[:2]]
    fitting = [key for key in keys if isinstance(key, kind) and key.get("alg", algorithm) == algorithm]
    if kid is not None:
        fitting = [key for key in fitting if key.get("kid") == kid]
    return fitting[0] if len(fitting) == 1 else None
