"""Connections: requests with `Upgrade` are served as HTTP/1.1, and no byte of a body is read as a request.

RFC 9110, section 7.8: a server ignores an Upgrade that it does not support. Java's HttpClient and `curl --http2` send
one with every request.
"""

import itertools
from collections.abc import AsyncIterator

import pytest

from chassis.types import json
from tests.support.echo import Connection, connected, echoing

UPGRADES = {
    "none": "",
    "h2c": "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAA\r\n",
    "kept alive": "Connection: keep-alive, Upgrade\r\nUpgrade: h2c\r\n",
    "a socket": "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: AAAA\r\nSec-WebSocket-Version: 13\r\n",
    "capitals and spaces": "CONNECTION:   UPGRADE  \r\nUPGRADE:\tTLS/1.0, h2c\r\n",
    "two headers": "Connection: keep-alive\r\nUpgrade: a\r\nConnection: upgrade\r\nUpgrade: b\r\n",
    "no connection": "Upgrade: h2c\r\n",
}
LOOKS_LIKE_A_REQUEST = "GET /stolen HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"


def with_length(upgrade: str) -> str:
    head = f"POST /a?b=c HTTP/1.1\r\nHost: x\r\n{upgrade}X-A:\r\nContent-Length: {len(LOOKS_LIKE_A_REQUEST)}\r\n\r\n"
    return head + LOOKS_LIKE_A_REQUEST


def chunked(upgrade: str) -> str:
    head = f"POST /a?b=c HTTP/1.1\r\nHost: x\r\n{upgrade}X-A:\r\nTransfer-Encoding: chunked\r\n\r\n"
    half = len(LOOKS_LIKE_A_REQUEST) // 2
    parts = (LOOKS_LIKE_A_REQUEST[:half], LOOKS_LIKE_A_REQUEST[half:], "")
    return head + "".join(f"{len(part):x}\r\n{part}\r\n" for part in parts)


def whole(text: bytes) -> list[bytes]:
    return [text]


def head_and_body(text: bytes) -> list[bytes]:
    at = text.index(b"\r\n\r\n") + 4
    return [text[:at], text[at:]]


def cut_in_the_head(text: bytes) -> list[bytes]:
    at = text.index(b"Host")
    return [text[:at], text[at:]]


def byte_by_byte(text: bytes) -> list[bytes]:
    return [bytes([byte]) for byte in text]


@pytest.fixture(scope="module")
async def port() -> AsyncIterator[int]:
    async with echoing() as port:
        yield port


@pytest.fixture
async def connection(port: int) -> AsyncIterator[Connection]:
    async with connected(port) as connection:
        yield connection


@pytest.mark.parametrize("cut", [whole, head_and_body, cut_in_the_head, byte_by_byte], ids=lambda cut: cut.__name__)
@pytest.mark.parametrize("framed", [with_length, chunked], ids=lambda framed: framed.__name__)
@pytest.mark.parametrize("upgrade", UPGRADES.values(), ids=list(UPGRADES))
async def test_a_body_arrives_whole_whatever_the_head_wants_to_upgrade_to(
    connection: Connection, upgrade: str, framed: object, cut: object
) -> None:
    for _ in range(2):  # the second request uses the same connection
        await connection.send(cut(framed(upgrade).encode()))  # type: ignore[operator]
        method, path, headers, body = await connection.echoed()
        assert (method, path, body) == ("POST", "/a", LOOKS_LIKE_A_REQUEST)
        assert ["x-a", ""] in headers
        if "connection" in upgrade.lower():  # else it is no upgrade
            assert {"upgrade", "http2-settings"}.isdisjoint(name for name, _ in headers)


@pytest.mark.parametrize("cut", [whole, byte_by_byte], ids=lambda cut: cut.__name__)
async def test_pipelined_requests_are_answered_each_and_in_order(connection: Connection, cut: object) -> None:
    texts = [framed(upgrade) for upgrade, framed in itertools.product(UPGRADES.values(), (with_length, chunked))]
    numbered = [text.replace("/a?", f"/{number}?") for number, text in enumerate(texts)]
    await connection.send(cut("".join(numbered).encode()))  # type: ignore[operator]
    for number in range(len(texts)):
        assert (await connection.echoed())[:2] == ["POST", f"/{number}"]


async def test_an_upgrade_without_a_body_is_a_plain_request(connection: Connection) -> None:
    for upgrade in UPGRADES.values():
        await connection.send([f"GET /a HTTP/1.1\r\nHost: x\r\n{upgrade}\r\n".encode()])
        assert (await connection.echoed())[:2] == ["GET", "/a"]


async def test_an_upgrade_that_also_closes_is_answered_and_closed(connection: Connection) -> None:
    head = "POST /a HTTP/1.1\r\nHost: x\r\nConnection: close, Upgrade\r\nUpgrade: h2c\r\nContent-Length: 3\r\n\r\nabc"
    await connection.send([head.encode()])
    assert (await connection.echoed())[3] == "abc"
    assert await connection.rest() == b""


async def test_an_upgrade_of_http_1_0_is_served(connection: Connection) -> None:
    head = "POST /a HTTP/1.0\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 3\r\n\r\nabc"
    await connection.send([head.encode()])
    assert (await connection.echoed())[3] == "abc"


async def test_a_client_that_waits_for_100_continue_gets_it_despite_an_upgrade(connection: Connection) -> None:
    head = f"POST /a HTTP/1.1\r\nHost: x\r\n{UPGRADES['h2c']}Expect: 100-continue\r\nContent-Length: 3\r\n\r\n"
    await connection.send([head.encode()])
    assert (await connection.response())[0] == 100
    await connection.send([b"abc"])
    assert (await connection.echoed())[3] == "abc"


@pytest.mark.parametrize(
    ("case", "head"),
    [
        ("a tunnel", "CONNECT x:443 HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"),
        ("a tunnel with a path", "CONNECT /v1/customers HTTP/1.1\r\nHost: x\r\n\r\n"),
        ("a tunnel with an upgrade", f"CONNECT x:443 HTTP/1.1\r\nHost: x\r\n{UPGRADES['h2c']}\r\n"),
        ("HTTP/2 without asking", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        ("two lengths", f"POST / HTTP/1.1\r\n{UPGRADES['h2c']}Content-Length: 2\r\nContent-Length: 3\r\n\r\nabc"),
        (
            "a length and chunks",
            f"POST / HTTP/1.1\r\n{UPGRADES['h2c']}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        ),
        ("two hosts", f"GET / HTTP/1.1\r\nHost: x\r\n{UPGRADES['h2c']}Host: y\r\n\r\n"),
        ("the same host twice", "GET / HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n"),
        ("a transfer coding", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
        (
            "transfer codings on two lines",
            "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        ),
        ("a folded line", "GET / HTTP/1.1\r\nHost: x\r\nX-A: a\r\n b\r\n\r\n"),
    ],
)
async def test_a_head_that_cannot_be_framed_is_refused_and_its_connection_closed(
    connection: Connection, case: str, head: str
) -> None:
    await connection.send([head.encode() + LOOKS_LIKE_A_REQUEST.encode()])
    status, headers, body = await connection.response()
    assert (status, headers["connection"]) == (400, "close"), body
    assert await connection.rest() == b""


async def test_a_large_head_with_an_upgrade_is_refused(connection: Connection) -> None:
    await connection.send([f"GET / HTTP/1.1\r\nHost: x\r\n{UPGRADES['h2c']}X-A: {'a' * 64_500}\r\n\r\n".encode()])
    status, headers, body = await connection.response()
    assert (status, headers["connection"], json.loads(body)["code"]) == (431, "close", "head_too_large")


async def test_bytes_after_requests_are_refused_after_their_responses(connection: Connection) -> None:
    """A refusal that overtook a response would be taken for it."""
    request = "POST /{} HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\na"
    await connection.send([(request.format(1) + request.format(2) + "garbage\r\n\r\n").encode()])
    assert [(await connection.echoed())[1] for _ in range(2)] == ["/1", "/2"]
    assert await connection.rest() == b""


async def test_a_refusal_does_not_cut_into_a_response(connection: Connection) -> None:
    """The application has responded to the head alone, so that nothing can follow its response."""
    head = "POST /early HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    await connection.send([head.encode()])
    assert (await connection.response())[0] == 200
    await connection.send([b"garbage\r\n\r\n"])
    assert await connection.rest() == b""


@pytest.mark.parametrize("size", [1_000, 16_000, 400_000])
async def test_long_extensions_of_chunks_are_refused(connection: Connection, size: int) -> None:
    head = b"POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunks = b"3;" + b"a" * 300_000 + b"\r\nabc\r\n0\r\n\r\n"
    await connection.send([head] + [chunks[begin : begin + size] for begin in range(0, len(chunks), size)])
    status, headers, _ = await connection.response()
    assert (status, headers["connection"]) == (400, "close")


async def test_many_small_chunks_with_short_extensions_are_a_body(connection: Connection) -> None:
    head = b"POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    await connection.send([head, b"1;ab=cd\r\na\r\n" * 50_000, b"0\r\n\r\n"])
    assert (await connection.echoed())[3] == "a" * 50_000


async def test_trailers_are_no_headers(connection: Connection) -> None:
    head = "POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    trailers = "Authorization: Bearer x\r\nUpgrade: h2c\r\nConnection: upgrade\r\n"
    await connection.send([f"{head}0\r\n{trailers}\r\n".encode()])
    headers = (await connection.echoed())[2]
    assert [name for name, _ in headers] == ["host", "transfer-encoding"]
    await connection.send([b"GET /b HTTP/1.1\r\nHost: x\r\n\r\n"])
    assert (await connection.echoed())[1] == "/b"
