"""Invalid requests on the gateway's socket: each gets a problem, never a stack trace or silence."""

import asyncio

import pytest

from chassis.types import json
from tests.support.stack import RunningStack

UPGRADE = b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAA\r\n"


async def told(stack: RunningStack, request: bytes) -> tuple[int, dict[str, str], bytes]:
    """Send bytes, and return status, headers and body of the response."""
    reader, writer = await asyncio.open_connection("127.0.0.1", stack.port)
    try:
        writer.write(request)
        async with asyncio.timeout(20):
            head, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
            headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
            return int(head.split()[1]), headers, await reader.readexactly(int(headers["content-length"]))
    finally:
        writer.close()


@pytest.mark.parametrize(
    ("case", "request_bytes", "status", "code"),
    [
        ("another protocol", b"\x16\x03\x01\x02\x00\r\n\r\n", 400, "malformed_request"),
        ("an unknown method", b"BREW /v1/customers HTTP/1.1\r\nHost: x\r\n\r\n", 400, "malformed_request"),
        ("bytes in the path", b"GET /v1/\xff HTTP/1.1\r\nHost: x\r\n\r\n", 400, "malformed_request"),
        ("a NUL in a header", b"GET /v1/customers HTTP/1.1\r\nHost: x\r\nA: a\0b\r\n\r\n", 400, "malformed_request"),
        ("a huge head", b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 64_500 + b"\r\n\r\n", 431, "head_too_large"),
        (
            "two lengths",
            b"POST /v1/customers HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
            400,
            "malformed_request",
        ),
        ("a socket", b"GET /v1/customers HTTP/1.1\r\nHost: x\r\n" + UPGRADE + b"\r\n", 401, "unauthenticated"),
        ("nothing there", b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", 404, "no_such_route"),
    ],
)
async def test_what_is_no_request_of_ours_gets_a_problem(
    stack: RunningStack, case: str, request_bytes: bytes, status: int, code: str
) -> None:
    given, headers, body = await told(stack, request_bytes)
    assert (given, headers["content-type"]) == (status, "application/problem+json"), body
    problem = json.loads(body)
    assert (problem["status"], problem["code"]) == (status, code)
    assert {"type", "title", "detail", "instance", "errors"} <= problem.keys()
    assert len(problem["trace_id"]) == 32
