"""Serving: one process of a service under uvicorn, that stops without losing what it has begun."""

import os

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from chassis import json
from chassis.problems import MalformedRequest
from chassis.service import Role, Service
from chassis.telemetry import log

HEADER_BYTES = 64_000


class BoundedHttp(HttpToolsProtocol):
    """HTTP whose head has a limit: the parser itself takes headers of any size. What is more is a 400."""

    def on_message_begin(self) -> None:
        """A new request."""
        self._head_bytes = 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """A part of the address."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header."""
        self._count(len(name) + len(value))
        super().on_header(name, value)

    def send_400_response(self, msg: str) -> None:
        """What is no HTTP, or too much of it: it has neither path nor trace, and gets a problem all the same."""
        problem, trace_id = MalformedRequest("This is no HTTP, or its head is too large."), os.urandom(16).hex()
        log.warning("request refused", error=msg, trace_id=trace_id)
        body = json.dumps(problem.document(trace_id=trace_id))
        head = f"content-type: application/problem+json\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
        self.transport.write(b"HTTP/1.1 400 Bad Request\r\n" + head.encode() + body)
        self.transport.close()

    def _count(self, size: int) -> None:
        self._head_bytes += size
        if self._head_bytes > HEADER_BYTES:
            raise ValueError("the head of the request is too large")


def serve(service: Service, role: Role, host: str, port: int) -> None:
    """Runs until SIGTERM or SIGINT: then no new requests, the running ones end, the loops stop."""
    service.role = role
    settings = service.settings
    config = uvicorn.Config(
        service.asgi(),
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
    )
    uvicorn.Server(config).run()
