"""Documents that change only with a release: compressed once, with an ETag of their content."""

import gzip
import hashlib
from collections.abc import Mapping

from fastapi import Request, Response

from chassis.http.etags import is_unchanged
from gateway.proxy.compression import accepts_gzip

SHARED_HEADERS = {"Cache-Control": "no-cache", "Vary": "Accept-Encoding"}
"""Clients may keep a document, and ask each time whether it has changed."""


class Document:
    """The content of a document, plain and compressed. Each form has its own strong ETag."""

    def __init__(
        self,
        content: bytes,
        media_type: str,
        headers: Mapping[str, str] | None = None,
        compressed: bytes | None = None,
    ) -> None:
        self._media_type = media_type
        self._headers = {**SHARED_HEADERS, **(headers or {})}
        digest = hashlib.sha256(content).hexdigest()[:16]
        self._plain = (content, f'"{digest}"')
        self._compressed = (compressed or gzip.compress(content, mtime=0), f'"{digest}-gzip"')

    def respond(self, request: Request, extra: Mapping[str, str] | None = None) -> Response:
        """Return the response: the document in a form that the client accepts, or 304 if it has it."""
        header = request.headers.get("accept-encoding")
        is_compressed = header is not None and accepts_gzip(header.encode("latin-1"))
        content, tag = self._compressed if is_compressed else self._plain
        headers = {**self._headers, **(extra or {}), "ETag": tag}
        if is_unchanged(request.headers.get("if-none-match"), tag):
            return Response(status_code=304, headers=headers)
        if is_compressed:
            headers["Content-Encoding"] = "gzip"
        return Response(content, headers=headers, media_type=self._media_type)
