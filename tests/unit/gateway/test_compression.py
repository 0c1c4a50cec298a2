"""Compression: the headers that allow it, the responses that are compressed, and their ETags."""

import gzip
import random
from typing import Any

import pytest
from starlette.types import Message

from gateway.proxy.compression import SLICE_BYTES, CompressingSend, accepts_gzip

JSON = ("content-type", "application/json")
LONG = b'{"name": "Ada"}' * 100


@pytest.mark.parametrize(
    ("header", "accepted"),
    [
        (None, False),
        (b"", False),
        (b"gzip", True),
        (b"GZIP", True),
        (b"x-gzip", True),
        (b"gzip, deflate, br", True),
        (b"deflate, gzip;q=1.0, *;q=0.5", True),
        (b"gzip;q=0.001", True),
        (b"gzip;q=0", False),
        (b"gzip ; q=0.000", False),
        (b"*", True),
        (b"*;q=0", False),
        (b"gzip;q=0, *", False),
        (b"br, *;q=0.1", True),
        (b"identity", False),
        (b"identity, gzip;q=0.5", False),
        (b"identity;q=0.5, gzip", True),
        (b"identity;q=0, gzip", True),
        (b"deflate", False),
        (b"gzip;q=much", False),
        (b",,;q=1,gzip", True),
    ],
)
def test_gzip_is_used_if_the_client_accepts_it(header: bytes | None, accepted: bool) -> None:
    assert accepts_gzip(header) is accepted


async def sent(
    *parts: bytes, status: int = 200, headers: tuple[tuple[str, str], ...] = (JSON,), **request: str
) -> tuple[dict[str, str], list[bytes]]:
    """Send a response in parts to a client with these request headers. Return its headers and parts."""
    messages: list[Message] = []

    async def collect(message: Message) -> None:
        messages.append(message)

    asked = {"accept_encoding": "gzip", **request}
    send = CompressingSend(collect, [(name.replace("_", "-").encode(), text.encode()) for name, text in asked.items()])
    given = [(name.encode(), value.encode()) for name, value in headers]
    await send({"type": "http.response.start", "status": status, "headers": given})
    for number, part in enumerate(parts, 1):
        await send({"type": "http.response.body", "body": part, "more_body": number < len(parts)})
    start, *bodies = messages
    assert not bodies[-1].get("more_body", False)
    return {name.decode(): value.decode() for name, value in start["headers"]}, [body["body"] for body in bodies]


async def test_a_whole_response_is_compressed_and_has_the_length_of_its_bytes() -> None:
    headers, (body,) = await sent(LONG, headers=(JSON, ("content-length", str(len(LONG))), ("etag", '"5"')))
    assert gzip.decompress(body) == LONG
    assert headers == {
        "content-type": "application/json",
        "content-length": str(len(body)),
        "content-encoding": "gzip",
        "vary": "accept-encoding",
        "etag": 'W/"5"',
    }


async def test_a_streamed_response_is_compressed_part_by_part() -> None:
    parts = [random.Random(number).randbytes(5_000).hex().encode() for number in range(40)]
    headers, bodies = await sent(*parts)
    assert "content-length" not in headers
    assert len(bodies) > 2
    assert max(map(len, bodies)) < len(b"".join(bodies)) / 2, "the response was collected"
    assert gzip.decompress(b"".join(bodies)) == b"".join(parts)


async def test_a_large_part_is_compressed_in_slices() -> None:
    large = bytes(range(256)) * (5 * SLICE_BYTES // 256) + b"end"
    assert gzip.decompress((await sent(large))[1][0]) == large


@pytest.mark.parametrize(
    ("case", "more"),
    [
        ("small", {"headers": (JSON, ("content-length", "999"))}),
        ("an image", {"headers": (("content-type", "image/png"),)}),
        ("no type", {"headers": ()}),
        ("compressed by the service", {"headers": (JSON, ("content-encoding", "br"), ("etag", '"5"'))}),
        ("not to be transformed", {"headers": (JSON, ("cache-control", "no-cache, no-transform"))}),
        ("not accepted", {"accept_encoding": "br"}),
    ],
)
async def test_other_responses_stay_as_they_are(case: str, more: dict[str, Any]) -> None:
    headers, bodies = await sent(LONG, **more)
    given = dict(more.get("headers", (JSON,)))
    assert bodies == [LONG]
    assert headers == (given | {"vary": "accept-encoding"} if case == "not accepted" else given)


@pytest.mark.parametrize("media", ["application/problem+json", "text/html; charset=utf-8", "application/json"])
async def test_text_of_every_kind_is_compressed(media: str) -> None:
    assert (await sent(LONG, headers=(("content-type", media),)))[0]["content-encoding"] == "gzip"


async def test_a_weak_etag_stays() -> None:
    assert (await sent(LONG, headers=(JSON, ("etag", 'W/"5"'))))[0]["etag"] == 'W/"5"'


@pytest.mark.parametrize(
    ("known", "etag"), [('W/"5"', 'W/"5"'), ('"5"', '"5"'), ('"4", W/"5"', 'W/"5"'), ("*", '"5"'), ('W/"55"', '"5"')]
)
async def test_a_304_has_the_etag_that_the_client_has(known: str, etag: str) -> None:
    headers, bodies = await sent(b"", status=304, headers=(("etag", '"5"'),), if_none_match=known)
    assert (headers, bodies) == ({"etag": etag, "vary": "accept-encoding"}, [b""])


@pytest.mark.parametrize("headers", [(), (JSON,)])
async def test_a_204_stays_as_it_is(headers: tuple[tuple[str, str], ...]) -> None:
    assert await sent(b"", status=204, headers=headers) == (dict(headers), [b""])
