"""The server: a process of a service under uvicorn, which finishes running requests before it stops."""

import gc
import os

import httptools
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from chassis.core.problems import MalformedRequest
from chassis.core.settings import Settings
from chassis.core.telemetry import log
from chassis.service import Role, Service, asgi_app
from chassis.types import json

MAX_HEAD_BYTES = 64_000
UPGRADE_HEADERS = (b"upgrade", b"http2-settings")


class BoundedHttp(HttpToolsProtocol):
    """HTTP/1.1 with a limited request head that ignores `Upgrade` (RFC 9110, section 7.8).

    The parser accepts headers of any size, and a larger head is a 400. It also stops behind a head with `Upgrade` and
    would read the body as the next request (MagicStack/httptools#124, Kludex/uvicorn#2722). Such a head is parsed
    again without that header, so that the parser alone decides where heads and bodies begin.
    """

    def data_received(self, data: bytes) -> None:
        """Parse received bytes. Replaces uvicorn's method, which drops the bytes behind a head with `Upgrade`."""
        self._unset_keepalive_if_required()
        try:
            self._parse(data)
        except httptools.HttpParserError as error:
            self.send_400_response(str(error))

    def on_message_begin(self) -> None:
        """Start to count the head of a new request."""
        self._head_bytes = 0
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
                raise ValueError("this is no proxy")
            return
        super().on_headers_complete()
        self.headers = []  # trailers, which come next, are no headers (RFC 9110, section 6.5)

    def on_message_complete(self) -> None:
        """Finish the body, unless the head will be parsed again."""
        if not self.parser.should_upgrade():
            super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Respond to invalid HTTP with a problem. There is no path and no trace yet."""
        problem, trace_id = MalformedRequest("This is not valid HTTP, or its head is too large."), os.urandom(16).hex()
        log.warning("request refused", error=msg, trace_id=trace_id)
        body = json.dumps(problem.document(trace_id=trace_id))
        head = f"content-type: application/problem+json\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
        self.transport.write(b"HTTP/1.1 400 Bad Request\r\n" + head.encode() + body)
        self.transport.close()

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
            raise ValueError("the head of the request is too large")


def serve(service: Service, settings: Settings, role: Role, host: str, port: int) -> None:
    """Run until SIGTERM or SIGINT. Then stop accepting requests, finish those that are running, and stop the loops."""
    _tune_garbage_collector()
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
