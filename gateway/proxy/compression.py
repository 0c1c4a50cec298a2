"""Compression of responses by gzip, if the client accepts it (RFC 9110, sections 8.4 and 12.5.3).

A compressed response has other bytes than the service's, so its strong ETag becomes a weak one.
"""

import asyncio
import zlib
from collections.abc import Iterable
from functools import lru_cache

from starlette.types import Message, Send

MIN_BYTES = 1_000
"""Smaller responses fit into a packet anyway."""
LEVEL = 1
"""zlib's fastest level: a list of 108 kB becomes 12 kB in 0.4 ms. Level 6 takes twice as long to save 1.5 kB more."""
SLICE_BYTES = 65_536
"""Maximum number of bytes that are compressed before other requests get their turn, in about 0.3 ms."""
GZIP_WINDOW = 31
"""zlib's window bits for the gzip format."""
COMPRESSIBLE = (b"application/json", b"application/problem+json", b"text/")
WITHOUT_CONTENT = (204, 205)
VARY = (b"vary", b"accept-encoding")
CONTENT_ENCODING = (b"content-encoding", b"gzip")
Headers = list[tuple[bytes, bytes]]


class CompressingSend:
    """The `send` of a request, which compresses the response. A streamed response is compressed piece by piece."""

    def __init__(self, send: Send, request_headers: Iterable[tuple[bytes, bytes]]) -> None:
        self._send = send
        received = dict(request_headers)
        self._accepts = accepts_gzip(received.get(b"accept-encoding"))
        self._if_none_match = received.get(b"if-none-match", b"")
        self.added: Headers = []
        """Headers that the response gets."""
        self._start: Message | None = None
        self._compressor: zlib._Compress | None = None

    async def __call__(self, message: Message) -> None:
        """Send a part of the response."""
        if message["type"] == "http.response.start":
            await self._begin(message)
        elif self._start is not None:
            await self._send_first(self._start, message)
        elif self._compressor is not None:
            await self._send_compressed(message, self._compressor)
        else:
            await self._send(message)

    async def _begin(self, message: Message) -> None:
        headers: Headers = [*message.get("headers", ()), *self.added]
        if message["status"] == 304:
            headers = [*(self._as_client_has_it(header) for header in headers), VARY]
        elif message["status"] not in WITHOUT_CONTENT and _is_compressible(headers):
            headers.append(VARY)
            if self._accepts:
                self._start = {**message, "headers": headers}  # its length depends on whether the content is streamed
                return
        await self._send({**message, "headers": headers})

    async def _send_first(self, start: Message, message: Message) -> None:
        self._start = None
        self._compressor = zlib.compressobj(LEVEL, wbits=GZIP_WINDOW)
        headers = [_weakened(header) for header in start["headers"] if header[0] != b"content-length"]
        headers.append(CONTENT_ENCODING)
        if message.get("more_body", False):
            await self._send({**start, "headers": headers})
            await self._send_compressed(message, self._compressor)
            return
        content = await compressed(message.get("body", b""), self._compressor) + self._compressor.flush()
        headers.append((b"content-length", str(len(content)).encode()))
        await self._send({**start, "headers": headers})
        await self._send({**message, "body": content})

    async def _send_compressed(self, message: Message, compressor: "zlib._Compress") -> None:
        more = message.get("more_body", False)
        content = await compressed(message.get("body", b""), compressor)
        if not more:
            content += compressor.flush()
        if content or not more:
            await self._send({**message, "body": content})

    def _as_client_has_it(self, header: tuple[bytes, bytes]) -> tuple[bytes, bytes]:
        """Return the ETag of a 304 in the form that the client has. A cache updates no entry with another one."""
        weakened = _weakened(header)
        return weakened if header[0] == b"etag" and weakened[1] in self._if_none_match else header


async def compressed(content: bytes, compressor: "zlib._Compress") -> bytes:
    """Return the compressed content so far. Other requests get their turn between slices."""
    if len(content) <= SLICE_BYTES:
        return compressor.compress(content)
    parts = []
    for begin in range(0, len(content), SLICE_BYTES):
        parts.append(compressor.compress(content[begin : begin + SLICE_BYTES]))
        await asyncio.sleep(0)
    return b"".join(parts)


@lru_cache(maxsize=256)
def accepts_gzip(accept_encoding: bytes | None) -> bool:
    """Return whether an Accept-Encoding header allows gzip, and does not prefer uncompressed content."""
    weights = dict(_weighted(part) for part in (accept_encoding or b"").lower().split(b","))
    gzip = max(weights.get(b"gzip", -1.0), weights.get(b"x-gzip", -1.0))
    if gzip < 0:
        gzip = weights.get(b"*", 0.0)
    return gzip > 0 and gzip >= weights.get(b"identity", 0.0)


def _weighted(part: bytes) -> tuple[bytes, float]:
    coding, *parameters = (piece.strip() for piece in part.split(b";"))
    for parameter in parameters:
        name, _, value = parameter.partition(b"=")
        if name.strip() == b"q":
            try:
                return coding, float(value)
            except ValueError:
                return coding, 0.0
    return coding, 1.0


def _is_compressible(headers: Headers) -> bool:
    is_text, length = False, MIN_BYTES
    for name, value in headers:
        if name == b"content-type":
            is_text = value.startswith(COMPRESSIBLE)
        elif name == b"content-length":
            length = int(value)
        elif name == b"content-encoding" or (name == b"cache-control" and b"no-transform" in value):
            return False
    return is_text and length >= MIN_BYTES


def _weakened(header: tuple[bytes, bytes]) -> tuple[bytes, bytes]:
    name, value = header
    return (name, b"W/" + value) if name == b"etag" and value.startswith(b'"') else header
