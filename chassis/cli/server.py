"""The server: a process of a service under uvicorn, which finishes running requests before it stops."""

import asyncio
import gc
import os
from http import HTTPStatus
from typing import Any

import httptools
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from chassis.cli.deadlines import Deadlines, Progress, default_max_connections
from chassis.core.problems import HeadTooLarge, MalformedRequest, Problem, RequestTimeout
from chassis.core.settings import Settings
from chassis.core.telemetry import log
from chassis.http.context import ENDLESS
from chassis.service import Role, Service, asgi_app
from chassis.types import json

MAX_HEAD_BYTES = 64_000
MAX_FRAMING_BYTES = 65_536
"""Maximum bytes of a chunked message beside its head and its body, in addition to those of each chunk."""
CHUNK_FRAMING_BYTES = 32
UPGRADE_HEADERS = (b"upgrade", b"http2-settings")


class BoundedHttp(HttpToolsProtocol):
    """HTTP/1.1 with a limited request head that ignores `Upgrade` (RFC 9110, section 7.8).

    The parser accepts headers of any size, and a larger head is a 431. It also stops behind a head with `Upgrade` and
    would read the body as the next request (MagicStack/httptools#124, Kludex/uvicorn#2722). Such a head is parsed
    again without that header, so that the parser alone decides where heads and bodies begin.

    `deadlines` are those of all connections of the process.
    """

    deadlines = Deadlines()

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.progress = Progress()
        self._head_bytes = 0
        self._received = 0
        self._chunks = 0
        self._piece = 0
        self._is_refused = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Watch a new connection."""
        super().connection_made(transport)
        self.deadlines.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Watch a closed connection no longer."""
        self.deadlines.discard(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse received bytes. Replaces uvicorn's method, which drops the bytes behind a head with `Upgrade`."""
        if self._is_refused:
            return
        self._unset_keepalive_if_required()
        self._piece = len(data)
        self._received += len(data)
        if self.progress.head_seconds is None and self.progress.body_seconds is None:
            self.progress.begin_head()  # also for bytes that may belong to no head, such as empty lines
        try:
            self._parse(data)
            if self._chunks:
                self._check_framing()
        except httptools.HttpParserError as error:
            self._refuse(_problem_of(error))

    def on_message_begin(self) -> None:
        """Start to count the head of a new request."""
        self._head_bytes = self._chunks = self.progress.body_bytes = 0
        self._received, self._piece = self._piece, 0  # another request of the same piece is not counted
        self.progress.begin_head()
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """Count a part of the address."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Count a header."""
        self._count(len(name) + len(value))
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Start the request, unless its head will be parsed again."""
        if self.parser.should_upgrade():
            if self.parser.get_method() == b"CONNECT":
                raise MalformedRequest("CONNECT is not supported: this is not a proxy.")
            return
        self._check_framing_headers()
        super().on_headers_complete()
        self.progress.begin_body()
        self.deadlines.begin_request(self)
        self.headers = []  # trailers, which come next, are no headers (RFC 9110, section 6.5)

    def on_message_complete(self) -> None:
        """Finish the body, unless the head will be parsed again."""
        if not self.parser.should_upgrade():
            self.progress.end_body()
            super().on_message_complete()

    def on_body(self, body: bytes) -> None:
        """Count a part of the body."""
        self.progress.body_bytes += len(body)
        super().on_body(body)

    def on_chunk_header(self) -> None:
        """Count a chunk."""
        self._chunks += 1

    def shutdown(self) -> None:
        """End a response that would not end by itself. Others may finish."""
        if self.is_running and self.cycle.scope.get(ENDLESS):
            self.transport.close()
        else:
            super().shutdown()

    def on_response_complete(self) -> None:
        """Let the connection be closed for a new one, if no other request has arrived."""
        if not self.pipeline:
            self.deadlines.end_request(self)
        super().on_response_complete()

    def end_slow_head(self) -> None:
        """Respond with 408 if a part of the head has arrived, and close the connection."""
        if self._received > 0:
            self._refuse(RequestTimeout("The head of the request did not arrive in time."))
        else:
            self.transport.close()

    def end_slow_body(self) -> None:
        """Respond with 408 unless the response has begun, and close the connection."""
        self._refuse(RequestTimeout())

    @property
    def is_running(self) -> bool:
        """True from the end of a request's head to the end of its response."""
        return self.cycle is not None and not self.cycle.response_complete

    @property
    def awaits_body(self) -> bool:
        """True if the client may send the body: it does not wait to be asked, and is not slowed down."""
        return self.transport.is_reading() and not self.cycle.waiting_for_100_continue

    def _refuse(self, problem: Problem, *, is_in_body: bool | None = None) -> None:
        """Respond with a problem and close the connection. There is no path and no trace yet.

        Requests that have arrived before get their responses first, and a refusal never cuts into a response.
        `is_in_body` is true if the problem concerns the last request whose head has arrived, and false if it concerns
        the bytes after that request.
        """
        if self.transport.is_closing():
            return
        trace_id = os.urandom(16).hex()
        log.info("request refused", error=problem.detail, status=problem.status, trace_id=trace_id)
        self._is_refused = True
        in_body = self.progress.body_seconds is not None if is_in_body is None else is_in_body
        if self.is_running and not in_body:
            self.cycle.keep_alive = False
            return
        if not (in_body and (self.pipeline or self.cycle.response_started)):
            body = json.dumps(problem.document(trace_id=trace_id))
            lines = (
                f"HTTP/1.1 {problem.status} {HTTPStatus(problem.status).phrase}",
                "content-type: application/problem+json",
                f"content-length: {len(body)}",
                "connection: close",
            )
            self.transport.write("\r\n".join([*lines, "\r\n"]).encode() + body)
        self.transport.close()

    def _check_framing_headers(self) -> None:
        """Raise MalformedRequest for headers that servers read differently: no single host, or other transfer codings.

        RFC 9112, sections 3.2 and 6.1, require it of HTTP/1.1.
        """
        hosts = codings = 0
        for name, value in self.headers:
            if name == b"host":
                hosts += 1
            elif name == b"transfer-encoding":
                codings += 1 if value.strip().lower() == b"chunked" else 2
        is_old = (hosts == 0 or codings > 0) and self.parser.get_http_version() == "1.0"
        if hosts > 1 or (hosts == 0 and not is_old):
            raise MalformedRequest("The request must have one Host header.")
        if codings > 1 or (codings > 0 and is_old):
            raise MalformedRequest("The only transfer coding is chunked, in HTTP/1.1.")

    def _check_framing(self) -> None:
        """Refuse chunks with long extensions, which are neither head nor body."""
        framing = self._received - self._head_bytes - self.progress.body_bytes
        if framing > MAX_FRAMING_BYTES + self._chunks * CHUNK_FRAMING_BYTES:
            self._refuse(MalformedRequest("The chunks of the body have too long extensions."), is_in_body=True)

    def _parse(self, data: bytes) -> None:
        rest = memoryview(data)
        while True:
            try:
                self.parser.feed_data(rest)
                return
            except httptools.HttpParserUpgrade as stopped:
                head, rest = self._head_without_upgrade(), rest[stopped.args[0] :]
                # The stopped parser would ignore everything after a head with `Connection: close`.
                self.parser = httptools.HttpRequestParser(self)
                self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn sets it
                self.parser.feed_data(head)

    def _head_without_upgrade(self) -> bytes:
        """Return the head that the parser has read, as it reads it again."""
        first = b"%s %s HTTP/%s" % (self.parser.get_method(), self.url, self.parser.get_http_version().encode())
        lines = [b"%s: %s" % header for header in self.headers if header[0] not in UPGRADE_HEADERS]
        return b"\r\n".join([first, *lines, b"\r\n"])

    def _count(self, size: int) -> None:
        self._head_bytes += size
        if self._head_bytes > MAX_HEAD_BYTES:
            raise HeadTooLarge(f"The first line and the headers may have at most {MAX_HEAD_BYTES} bytes.")


def _problem_of(error: httptools.HttpParserError) -> Problem:
    """Return the problem that a callback of the parser has raised, or else that of invalid HTTP."""
    raised = error.__context__
    if isinstance(raised, Problem):
        return raised
    reason = str(error) if raised is None else "its target is not a URL"
    return MalformedRequest(f"This is not valid HTTP: {reason}.")


def serve(service: Service, settings: Settings, role: Role, host: str, port: int) -> None:
    """Run until SIGTERM or SIGINT. Then stop accepting requests, finish those that are running, and stop the loops."""
    _tune_garbage_collector()
    BoundedHttp.deadlines.max_connections = settings.max_connections or default_max_connections()
    config = uvicorn.Config(
        asgi_app(service, settings, role),
        host=host,
        port=port,
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        date_header=True,
        timeout_graceful_shutdown=int(settings.shutdown_seconds),
        timeout_keep_alive=75,
        http=BoundedHttp,
        ws="none",
        lifespan="on",
    )
    uvicorn.Server(config).run()


def _tune_garbage_collector() -> None:
    """Leave the imported code out of collections, and collect less often.

    By default, a page of fifty models causes a collection, and a batch of a thousand causes many. Rows and models hold
    no cycles, so reference counts free them.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
