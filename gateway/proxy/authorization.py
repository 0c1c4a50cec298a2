"""Parse the Authorization header of a request. Other credentials get a 401 that names the header to send."""

from collections.abc import Collection

from chassis.core.problems import Problem, Unauthenticated

KEY_HEADERS = (b"x-api-key", b"api-key", b"apikey", b"x-auth-token", b"x-access-token")
"""Headers in which other APIs expect a key."""
KEY_PREFIX = "rap_"
EXPECTED = "Send the API key as `Authorization: Bearer rap_...`."


class OriginMismatch(Problem, status=403):
    """The token belongs to pages of another origin.

    The header `Origin`, which browsers send, must be the origin for which the token was issued.
    """


def require_origin(origin: str, headers: Collection[tuple[bytes, bytes]]) -> None:
    """Raise OriginMismatch unless a request comes from a page of this origin."""
    if [value.decode("latin-1") for name, value in headers if name == b"origin"] != [origin]:
        raise OriginMismatch


def bearer_key(headers: Collection[tuple[bytes, bytes]]) -> str:
    """Return the key that a request presents. Raises Unauthenticated, whose text repeats no secret."""
    values = [value for name, value in headers if name == b"authorization"]
    if len(values) > 1:  # servers differ in which of them they read
        raise Unauthenticated("The request has more than one Authorization header. Send one.")
    authorization = values[0].decode("latin-1").strip() if values else ""
    scheme, _, key = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return key.strip()
    raise Unauthenticated(_explanation(authorization, scheme, {name for name, _ in headers}))


def _explanation(authorization: str, scheme: str, received: Collection[bytes]) -> str:
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
