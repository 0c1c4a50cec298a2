"""Headers that a tenant adds to its deliveries. They cannot replace those that Rapport or HTTP need."""

import re

MAX_HEADERS = 20
_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_VALUE = re.compile(r"[\x21-\x7e]([\x20-\x7e\t]{0,1998}[\x21-\x7e])?")
_RESERVED = frozenset(
    ("accept-encoding", "connection", "content-encoding", "content-length", "content-type", "cookie", "date", "expect",
     "forwarded", "host", "keep-alive", "te", "trailer", "traceparent", "tracestate", "transfer-encoding", "upgrade",
     "user-agent", "via")
)  # fmt: skip
_RESERVED_PREFIXES = ("webhook-", "svix-", "proxy-", "x-rapport-", "x-forwarded-", "sec-", "ce-")


def reject_header(name: str, value: str) -> str | None:
    """Return why a header cannot be sent, or None if it can."""
    if not _NAME.fullmatch(name):
        return "the name is not that of an HTTP header"
    if name.lower() in _RESERVED or name.lower().startswith(_RESERVED_PREFIXES):
        return "the header is reserved"
    if not _VALUE.fullmatch(value):
        return "the value must be visible ASCII, of at most 2,000 characters"
    return None
