"""Parse the Authorization header of a request. Other credentials get a 401 that names the header to send."""

from collections.abc import Iterable

from chassis.core.problems import Unauthenticated

KEY_HEADERS = (b"x-api-key", b"api-key", b"apikey", b"x-auth-token", b"x-access-token")
"""Headers in which other APIs expect a key."""
KEY_PREFIX = "rap_"
EXPECTED = "Send the API key as `Authorization: Bearer rap_...`."


def bearer_key(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """Return the key that a request presents. Raises Unauthenticated, whose text repeats no secret."""
    received = dict(reversed(list(headers)))  # of several Authorization headers, only the first counts
    authorization = received.get(b"authorization", b"").decode("latin-1").strip()
    scheme, _, key = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return key.strip()
    raise Unauthenticated(_explanation(authorization, scheme, received))


def _explanation(authorization: str, scheme: str, received: dict[bytes, bytes]) -> str:
    if authorization.startswith(KEY_PREFIX):
        return f"The Authorization header has a key without its scheme. {EXPECTED}"
    if scheme.lower() in ("basic", "digest", "token", "apikey", "negotiate"):
        return f"Found {scheme.capitalize()} credentials. {EXPECTED}"
    if authorization:
        return f"The Authorization header has another scheme than Bearer. {EXPECTED}"
    for name in KEY_HEADERS:
        if name in received:
            return f"Found the header {name.decode().title()}. {EXPECTED}"
    return f"The Authorization header is missing. {EXPECTED}"
