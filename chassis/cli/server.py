"""The server: a process of a service under uvicorn, which finishes running requests before it stops."""

import gc
import os

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from chassis.core.problems import MalformedRequest
from chassis.core.settings import Settings
from chassis.core.telemetry import log
from chassis.service import Role, Service, asgi_app
from chassis.types import json

MAX_HEAD_BYTES = 64_000


class BoundedHttp(HttpToolsProtocol):
    """HTTP with a limited request head: a larger head is a 400. The parser itself accepts headers of any size."""

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

    def send_400_response(self, msg: str) -> None:
        """Respond to invalid HTTP with a problem. There is no path and no trace yet."""
        problem, trace_id = MalformedRequest("This is not valid HTTP, or its head is too large."), os.urandom(16).hex()
        log.warning("request refused", error=msg, trace_id=trace_id)
        body = json.dumps(problem.document(trace_id=trace_id))
        head = f"content-type: application/problem+json\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
        self.transport.write(b"HTTP/1.1 400 Bad Request\r\n" + head.encode() + body)
        self.transport.close()

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
