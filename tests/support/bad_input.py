"""Requests that are invalid, or that servers read differently, as bytes, and the gateway's responses to them.

`docs/http.md` compares the gateway's responses to those of nginx.
"""

from dataclasses import dataclass

KEY = "<key>"
"""The placeholder of a valid API key."""
AUTHORIZATION = f"Authorization: Bearer {KEY}"
H2C = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAA"
STOLEN = "GET /v1/stolen HTTP/1.1\r\nHost: x\r\n\r\n"
"""A body that would be a second request if its length were read wrongly."""
BAD, UNKNOWN = "malformed_request", "unauthenticated"
NO_ROUTE, NO_METHOD = "no_such_route", "method_not_allowed"


@dataclass(frozen=True)
class Case:
    """A request, and the status and code of its response."""

    name: str
    text: str
    status: int
    code: str = ""

    def bytes(self, key: str) -> bytes:
        """Return the request as it is sent."""
        return self.text.replace(KEY, key).encode("latin-1")


def get(target: str, *headers: str, method: str = "GET", version: str = "HTTP/1.1") -> str:
    """Return a request without a body."""
    lines = (f"{method} {target} {version}", "Host: x", *(headers or (AUTHORIZATION,)))
    return "\r\n".join((*lines, "", ""))


def post(*headers: str, body: str = STOLEN) -> str:
    """Return a request with a body and the headers that frame it."""
    lines = ("POST /v1/customers HTTP/1.1", "Host: x", AUTHORIZATION, "Content-Type: application/json", *headers)
    return "\r\n".join((*lines, "", body))


def chunked(chunks: str, *headers: str) -> str:
    """Return a request with a chunked body."""
    return post(*headers, "Transfer-Encoding: chunked", body=chunks)


PATH = "/v1/customers"
LENGTH = f"Content-Length: {len(STOLEN)}"
CHUNKS = f"{len(STOLEN):x}\r\n{STOLEN}\r\n0\r\n\r\n"
NOT_HTTP = (
    Case("TLS", "\x16\x03\x01\x02\x00\r\n\r\n", 400, BAD),
    Case("SSH", "SSH-2.0-OpenSSH_9.2\r\n\r\n", 400, BAD),
    Case("HTTP/0.9", "GET /v1/customers\r\n\r\n", 400, BAD),
    Case("HTTP/2 without asking", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, BAD),
    Case("HTTP/1.2", get(PATH, version="HTTP/1.2"), 400, BAD),
    Case("HTTP/3.0", get(PATH, version="HTTP/3.0"), 400, BAD),
    Case("a word after the version", get(PATH, version="HTTP/1.1 x"), 400, BAD),
    Case("two spaces in the first line", get(f" {PATH}"), 200),
    Case("a proxy's preamble", f"PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n{get(PATH)}", 400, BAD),
)
METHODS = (
    Case("an unknown method", get(PATH, method="BREW"), 400, BAD),
    Case("a method in lower case", get(PATH, method="get"), 400, BAD),
    Case("TRACE", get(PATH, method="TRACE"), 405, NO_METHOD),
    Case("PROPFIND", get(PATH, method="PROPFIND"), 405, NO_METHOD),
    Case("PURGE", get(PATH, method="PURGE"), 405, NO_METHOD),
    Case("a method of no path", get("/v1/nothing", method="PURGE"), 404, NO_ROUTE),
    Case("a tunnel", get("x:443", method="CONNECT"), 400, BAD),
    Case("a tunnel with a path", get(PATH, method="CONNECT"), 400, BAD),
)
TARGETS = (
    Case("another host", get("http://other.example/v1/customers"), 200),
    Case("another host without a path", get("http://other.example"), 400, BAD),
    Case("only a host", get("other.example:80"), 400, BAD),
    Case("no slash", get("v1/customers"), 400, BAD),
    Case("a star", get("*"), 404, NO_ROUTE),
    Case("a fragment", get(f"{PATH}#part"), 200),
    Case("bytes beyond ASCII", get(f"{PATH}/\xff"), 400, BAD),
    Case("a NUL", get(f"{PATH}/\0"), 400, BAD),
    Case("an encoded NUL", get(f"{PATH}/%00"), 404, NO_ROUTE),
    Case("an encoded line break", get(f"{PATH}/%0d%0aX:%20y"), 404, NO_ROUTE),
    Case("dots", get(f"{PATH}/../programs"), 404, NO_ROUTE),
    Case("dots beyond the root", get("/v1/../../internal/status"), 404, NO_ROUTE),
    Case("a single dot", get("/v1/./customers"), 404, NO_ROUTE),
    Case("encoded dots", get(f"{PATH}/%2e%2e/%2E%2E/internal/status"), 404, NO_ROUTE),
    Case("encoded slashes", get(f"{PATH}/..%2f..%2Finternal%2fstatus"), 404, NO_ROUTE),
    Case("an encoded slash as the first", get("/v1%2fcustomers"), 404, NO_ROUTE),
    Case("backslashes", get(f"{PATH}\\..\\..\\internal"), 404, NO_ROUTE),
    Case("encoded backslashes", get(f"{PATH}/..%5c..%5cinternal"), 404, NO_ROUTE),
    Case("two slashes", get("/v1//customers"), 404, NO_ROUTE),
    Case("two slashes at the start", get("//v1/customers"), 404, NO_ROUTE),
    Case("capitals", get("/V1/customers"), 404, NO_ROUTE),
    Case("an internal page", get("/internal/status"), 404, NO_ROUTE),
    Case("an encoded letter", get("/v1/%63ustomers"), 200),
)
HEADS = (
    Case("a long header", get(PATH, AUTHORIZATION, "A: " + "a" * 64_500), 431, "head_too_large"),
    Case("a long target", get(f"{PATH}?q={'a' * 64_500}"), 431, "head_too_large"),
    Case("a long key", get(PATH, f"Authorization: Bearer {'a' * 64_500}"), 431, "head_too_large"),
    Case("many headers", get(PATH, AUTHORIZATION, *["A: b"] * 40_000), 431, "head_too_large"),
    Case("no host", f"GET {PATH} HTTP/1.1\r\n{AUTHORIZATION}\r\n\r\n", 400, BAD),
    Case("two hosts", get(PATH, AUTHORIZATION, "Host: y"), 400, BAD),
    Case("a space before the colon", get(PATH, AUTHORIZATION, "A : b"), 400, BAD),
    Case("a header without a colon", get(PATH, AUTHORIZATION, "A"), 400, BAD),
    Case("a header without a name", get(PATH, AUTHORIZATION, ": b"), 400, BAD),
    Case("a folded header", get(PATH, AUTHORIZATION, "A: b", " c"), 400, BAD),
    Case("a NUL in a header", get(PATH, AUTHORIZATION, "A: a\0b"), 400, BAD),
    Case("a NUL in a name", get(PATH, AUTHORIZATION, "A\0: b"), 400, BAD),
    Case("a bare CR in a header", get(PATH, AUTHORIZATION, "A: a\rB: b"), 400, BAD),
    Case("bare LF", get(PATH).replace("\r\n", "\n"), 400, BAD),
)
LENGTHS = (
    Case("two lengths", post("Content-Length: 2", LENGTH), 400, BAD),
    Case("the same length twice", post(LENGTH, LENGTH), 400, BAD),
    Case("a list of lengths", post("Content-Length: 2, 2"), 400, BAD),
    Case("a sign", post(f"Content-Length: +{len(STOLEN)}"), 400, BAD),
    Case("a negative length", post("Content-Length: -1"), 400, BAD),
    Case("a hexadecimal length", post("Content-Length: 0x10"), 400, BAD),
    Case("an empty length", post("Content-Length:"), 400, BAD),
    Case("a length with a space", post("Content-Length: 1 0"), 400, BAD),
    Case("a length beyond 64 bits", post("Content-Length: 99999999999999999999"), 400, BAD),
    Case("a length beyond the limit", post("Content-Length: 99999999999"), 413, "payload_too_large"),
    Case("a length and chunks", chunked(CHUNKS, "Content-Length: 3"), 400, BAD),
    Case("chunks and a length", post("Transfer-Encoding: chunked", "Content-Length: 3", body=CHUNKS), 400, BAD),
    Case("chunks twice", chunked(CHUNKS, "Transfer-Encoding: chunked"), 400, BAD),
    Case("a coding before chunks", post("Transfer-Encoding: gzip, chunked", body=CHUNKS), 400, BAD),
    Case("a coding after chunks", post("Transfer-Encoding: chunked, identity", body=CHUNKS), 400, BAD),
    Case("another coding", post("Transfer-Encoding: xchunked", body=CHUNKS), 400, BAD),
    Case("a coding with a control character", post("Transfer-Encoding: \x0bchunked", body=CHUNKS), 400, BAD),
    Case("chunks of HTTP/1.0", chunked(CHUNKS).replace("HTTP/1.1", "HTTP/1.0", 1), 400, BAD),
    Case("a chunk with a sign", chunked("+3\r\nabc\r\n0\r\n\r\n"), 400, BAD),
    Case("a hexadecimal prefix of a chunk", chunked("0x3\r\nabc\r\n0\r\n\r\n"), 400, BAD),
    Case("a chunk without a size", chunked("\r\nabc\r\n0\r\n\r\n"), 400, BAD),
    Case("a chunk beyond 64 bits", chunked("fffffffffffffffff\r\nabc\r\n0\r\n\r\n"), 400, BAD),
    Case("a chunk that is longer than its size", chunked("3\r\nabcdef\r\n0\r\n\r\n"), 400, BAD),
    Case("chunks that end with LF", chunked("3\nabc\n0\n\n"), 400, BAD),
    Case("chunk extensions of 300 kB", chunked(f"3;{'a' * 300_000}\r\nabc\r\n0\r\n\r\n"), 400, BAD),
)
CREDENTIALS = (
    Case("no authorization", get(PATH, "Accept: */*"), 401, UNKNOWN),
    Case("an empty authorization", get(PATH, "Authorization:"), 401, UNKNOWN),
    Case("a scheme alone", get(PATH, "Authorization: Bearer"), 401, UNKNOWN),
    Case("a key alone", get(PATH, f"Authorization: {KEY}"), 401, UNKNOWN),
    Case("Basic", get(PATH, "Authorization: Basic YTpi"), 401, UNKNOWN),
    Case("a wrong key", get(PATH, f"{AUTHORIZATION}x"), 401, UNKNOWN),
    Case("a key between quotes", get(PATH, f'Authorization: Bearer "{KEY}"'), 401, UNKNOWN),
    Case("two keys", get(PATH, f"{AUTHORIZATION}, Bearer {KEY}"), 401, UNKNOWN),
    Case("two headers", get(PATH, AUTHORIZATION, AUTHORIZATION), 401, UNKNOWN),
    Case("bytes beyond ASCII in a key", get(PATH, "Authorization: Bearer \xff\xfe"), 401, UNKNOWN),
    Case("a key of 60 kB", get(PATH, f"Authorization: Bearer {'a' * 60_000}"), 401, UNKNOWN),
    Case("a key in the query", get(f"{PATH}?access_token={KEY}", "Accept: */*"), 401, UNKNOWN),
)
UPGRADES = (
    Case("an upgrade with a body", post(H2C, LENGTH), 200),
    Case("an upgrade with chunks", chunked(CHUNKS, H2C), 200),
    Case("an upgrade to a socket", get(PATH, AUTHORIZATION, "Connection: Upgrade", "Upgrade: websocket"), 200),
    Case("an upgrade with two lengths", post(H2C, "Content-Length: 2", LENGTH), 400, BAD),
)
GROUPS = {
    "not HTTP/1.1": NOT_HTTP,
    "methods": METHODS,
    "targets": TARGETS,
    "heads": HEADS,
    "lengths": LENGTHS,
    "credentials": CREDENTIALS,
    "upgrades": UPGRADES,
}
CASES = [case for cases in GROUPS.values() for case in cases]
