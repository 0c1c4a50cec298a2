"""Files in requests and responses: streamed between the client and the store, or read whole if they are small.

A route with `upload` receives its body as an `UploadedFile`. Whatever was stored is deleted if the request fails.
"""

import zlib
from collections.abc import AsyncIterator, Iterator
from typing import Annotated, Any, Protocol, cast

from fastapi import Depends, Request, Response
from starlette.types import Receive, Scope, Send

from chassis.core.files import FileStore, file_path
from chassis.core.identity import Tenant
from chassis.core.problems import MalformedRequest, PayloadTooLarge, UnsupportedMediaType
from chassis.http.body import StrictRequest
from chassis.types.ids import uuid7

ANY_FILE = "application/octet-stream"
"""The content type of a file of any format. Generated clients send it: most of them know no other for a file."""
GZIP_WINDOW = 31
"""zlib's window bits for the gzip format."""
_PIECE_BYTES = 65_536


class Recoder(Protocol):
    """Turns the bytes of an upload into those that are stored. It may raise a problem."""

    def feed(self, piece: bytes) -> bytes:
        """Return the bytes to store for a piece."""

    def finish(self) -> bytes:
        """Return the last bytes to store."""


class Upload:
    """The body of a request that is a file. `id` is that of the record that will own it."""

    def __init__(self, request: Request, accepted: tuple[str, ...], limit: int) -> None:
        self.id = uuid7()
        self.media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if self.media_type not in (ANY_FILE, *accepted):
            known = ", ".join((ANY_FILE, *accepted))
            raise UnsupportedMediaType(f"Send the file with one of these content types: {known}.")
        coding = request.headers.get("content-encoding", "identity").strip().lower()
        if coding not in ("identity", "gzip"):
            accepted_codings = {"Accept-Encoding": "gzip, identity"}
            raise UnsupportedMediaType(f"The file is compressed by {coding}. Send gzip.", headers=accepted_codings)
        announced = request.headers.get("content-length", "")
        if announced.isdigit() and int(announced) > limit:
            raise _too_large(limit)
        self.found: dict[str, Any] | None = None
        """What the route has found out about the file, for a second attempt."""
        self._request = request
        self._gunzip = Gunzip() if coding == "gzip" else None
        self._limit = limit
        self._stored: tuple[FileStore, str] | None = None
        self._content: bytes | None = None
        self._error: Exception | None = None

    @property
    def described(self) -> list[str]:
        """The facts of the file that precede it, by which a repeated request is recognized."""
        return [self.media_type, self._request.headers.get("content-length", "")]

    async def store(self, files: FileStore, tenant: Tenant, recoder: Recoder) -> str:
        """Store the file, decompressed, and return its path. A second attempt of the request finds it stored."""
        path = file_path(tenant.id, self.id, "upload")
        if self._stored is None:
            self._stored = (files, path)
            try:
                await files.write(path, self._pieces(recoder))
            except Exception as error:
                raise (self._error or error) from None
        return path

    async def read(self, limit: int) -> bytes:
        """Return a small file, decompressed. A second attempt of the request finds it read. Raises PayloadTooLarge."""
        if self._content is None:
            limit = self._limit = min(limit, self._limit)
            request = cast(StrictRequest, self._request)
            announced = request.headers.get("content-length", "")
            await request.reserve(int(announced) if announced.isdigit() and self._gunzip is None else limit)
            content = bytearray()
            async for piece in self._pieces(_Unchanged()):
                content += piece
            self._content = bytes(content)
        return self._content

    async def discard(self) -> None:
        """Delete the stored file: the request has failed."""
        if self._stored is not None:
            files, path = self._stored
            await files.delete([path])

    async def _pieces(self, recoder: Recoder) -> AsyncIterator[bytes]:
        received = 0
        try:
            async for chunk in self._request.stream():
                for piece in self._gunzip.feed(chunk) if self._gunzip else (chunk,):
                    received += len(piece)
                    if received > self._limit:
                        raise _too_large(self._limit)
                    if recoded := recoder.feed(piece):
                        yield recoded
            if self._gunzip is not None:
                self._gunzip.finish()
            if rest := recoder.finish():
                yield rest
        except Exception as error:
            self._error = error  # the store would raise an error of its own instead
            raise


class _Unchanged:
    """Stores a file as it is."""

    def feed(self, piece: bytes) -> bytes:
        return piece

    def finish(self) -> bytes:
        return b""


class Gunzip:
    """Decompresses a file of one or several gzip members, in small pieces: a small member may become very large."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(GZIP_WINDOW)
        self._is_within = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield what these bytes decompress to. Raises MalformedRequest."""
        while data:
            self._is_within = True
            try:
                piece = self._member.decompress(data, _PIECE_BYTES)
            except zlib.error:
                raise MalformedRequest("The file is not compressed by gzip, as its header says.") from None
            data = self._member.unconsumed_tail
            if self._member.eof:
                data, self._member, self._is_within = self._member.unused_data, zlib.decompressobj(GZIP_WINDOW), False
            yield piece

    def finish(self) -> None:
        """Raise MalformedRequest if the last member is cut off."""
        if self._is_within:
            raise MalformedRequest("The compressed file is cut off.")


def _too_large(limit: int) -> PayloadTooLarge:
    return PayloadTooLarge(f"A file may have at most {limit} bytes.", limit=limit)


async def _injected_upload(request: Request) -> Upload:
    return cast(Upload, request.scope[UPLOAD])


UPLOAD = "rapport.upload"
"""Where the scope of a request keeps its upload."""
UploadedFile = Annotated[Upload, Depends(_injected_upload)]
"""The file that a route with `upload` receives."""


class StreamedFile(Response):
    """A response that is read from a file while it is sent."""

    def __init__(self, pieces: AsyncIterator[bytes], size: int, name: str) -> None:
        headers = {"content-length": str(size), "content-disposition": f'attachment; filename="{name}"'}
        super().__init__(None, 200, headers, self.media_type)
        self._pieces = pieces

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the response."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        if scope["method"] != "HEAD":
            async for piece in self._pieces:
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


class CsvFile(StreamedFile):
    """A file of comma-separated values (RFC 4180), in UTF-8."""

    media_type = "text/csv"


class JsonLinesFile(StreamedFile):
    """A file with a JSON value on each line."""

    media_type = "application/jsonl"
