"""Logs, metrics and request ids, in a pure ASGI layer: FastAPI's middleware helper would triple a request's cost."""

import logging
import os
import re
import sys
import time
from datetime import UTC, datetime
from typing import Any

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chassis.core.link_tokens import without_link_tokens
from chassis.core.tracing import Tracing
from chassis.core.version import VERSION
from chassis.types import json

_TRACEPARENT = re.compile(r"^00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}$")
_REQUEST_ID = re.compile(r"^[A-Za-z0-9_.:-]{1,100}$")

OPERATIONAL_PREFIXES = ("/health", "/ready", "/metrics", "/internal/")
"""Paths that are polled, so that their requests are not traced."""
CLIENT_DISCONNECTED = 499
"""The status in the log for a request without a response, as nginx writes it."""

log = structlog.get_logger()


def configure_logging(level: str, service: str) -> None:
    """Write one JSON object per line to standard output, for Rapport and for the libraries."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            # Connections and threads have contexts of their own, in which nothing is bound.
            lambda _, __, line: {"service": service, **line},
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(serializer=lambda value, **_: json.dumps_str(_printable(value))),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.PrintLoggerFactory(sys.stdout),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(service=service)
    logging.basicConfig(handlers=[LibraryLines()], level=logging.WARNING, force=True)


def is_enabled(level: str, least: str) -> bool:
    """Return whether lines of a level are written if `least` is the lowest written level."""
    return bool(getattr(logging, level.upper()) >= getattr(logging, least.upper()))


class LibraryLines(logging.Handler):
    """Writes the libraries' log lines in the same form."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line."""
        log.log(record.levelno, record.getMessage(), logger=record.name, exc_info=record.exc_info)


def _printable(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(name): _printable(item) for name, item in value.items()}
    return value if isinstance(value, (str, int, float, bool, list, type(None))) else str(value)


class Metrics:
    """The metrics of a process, which `/metrics` exposes to Prometheus."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Histogram(
            "http_request_duration_seconds",
            "Time from the request's arrival to the end of its response.",
            ["method", "route", "status"],
            buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
            registry=self.registry,
        )
        self.disconnected = Counter(
            "http_client_disconnects_total",
            "Requests whose client disconnected before its response began.",
            ["method", "route"],
            registry=self.registry,
        )
        self.relayed = Counter("outbox_relayed_total", "Events that Kafka has acknowledged.", registry=self.registry)
        self.applied = Counter(
            "reactions_applied_total", "Events that a feature has applied.", ["feature"], registry=self.registry
        )
        self.dead_lettered = Counter(
            "dead_letters_total", "Events that became dead letters.", ["feature"], registry=self.registry
        )
        self.outbox_pending = self._gauge("outbox_pending", "Events not yet acknowledged by Kafka, up to 10,000.")
        self.outbox_oldest = self._gauge("outbox_oldest_seconds", "Age of the oldest of them.")
        self.consumer_lag = self._gauge("consumer_lag", "Records of the topics not yet applied.")
        self.stored_dead_letters = self._gauge("dead_letters_stored", "Dead letters not replayed yet, up to 10,000.")
        self.clock_difference = self._gauge(
            "clock_difference_seconds", "Time of this process minus that of its database, at the last comparison."
        )
        self.pool_connections = self._gauge("database_connections", "Open connections of the API's pool.")
        self.pool_busy = self._gauge("database_connections_busy", "Those of them that a request uses.")
        self.gauges = Gauge("service_gauge", "Counts that features publish.", ["name"], registry=self.registry)
        info = Gauge("rapport_info", "Always 1; the labels name the version.", ["version"], registry=self.registry)
        info.labels(VERSION).set(1)
        ProcessCollector(registry=self.registry)

    def _gauge(self, name: str, meaning: str) -> Gauge:
        return Gauge(name, meaning, registry=self.registry)


class Telemetry:
    """Gives each request an id and a trace, logs it, and observes its duration."""

    def __init__(
        self, app: ASGIApp, metrics: Metrics, service: str, log_requests: bool, tracing: Tracing | None = None
    ) -> None:
        self._app = app
        self._service = service
        self._metrics = metrics
        self._log_requests = log_requests
        self._tracing = tracing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        received = {name: value for name, value in scope["headers"] if name in (b"traceparent", b"x-request-id")}
        caller = received.get(b"traceparent", b"").decode("latin-1")
        span = None
        if self._tracing is not None and not scope["path"].startswith(OPERATIONAL_PREFIXES):
            span = self._tracing.start(
                scope["method"], "server", caller, method=scope["method"], path=without_link_tokens(scope["path"])
            )
        trace_id, traceparent = (span.trace_id, span.traceparent) if span else continue_trace(caller)
        received_id = received.get(b"x-request-id", b"").decode("latin-1")
        request_id = received_id if _REQUEST_ID.match(received_id) else trace_id
        scope.setdefault("state", {})["trace_id"] = trace_id
        scope["state"]["traceparent"] = traceparent
        started, status = time.perf_counter(), 0

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = message.setdefault("headers", [])
                headers += [(b"x-request-id", request_id.encode()), (b"x-content-type-options", b"nosniff")]
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
            # Applications respond to every error, so without a response the client has disconnected.
            status = status or CLIENT_DISCONNECTED
        finally:
            route = scope.get("rapport.route") or str(getattr(scope.get("route"), "path", "unknown"))
            status = status or 500  # it raised an error
            self._observe(scope, route, status, time.perf_counter() - started, request_id, trace_id)
            if span is not None:
                error = str(status) if status >= 500 else None
                span.end(error, name=f"{scope['method']} {route}", route=route, status=status)

    def _observe(self, scope: Scope, route: str, status: int, seconds: float, request_id: str, trace_id: str) -> None:
        if status == CLIENT_DISCONNECTED:
            self._metrics.disconnected.labels(scope["method"], route).inc()
        else:
            self._metrics.requests.labels(scope["method"], route, status).observe(seconds)
        if self._log_requests and not route.startswith(("/health", "/ready", "/metrics")):
            # The line that `log.info` would write, without structlog's chain of processors: every request pays for it.
            line = {
                "service": self._service,
                "event": "request",
                "level": "info",
                "method": scope["method"],
                "path": without_link_tokens(scope["path"]),
                "route": route,
                "status": status,
                "milliseconds": round(seconds * 1000, 2),
                "request_id": request_id,
                "trace_id": trace_id,
                "timestamp": datetime.now(UTC),
            }
            print(json.dumps_str(line), flush=True)


def continue_trace(received: str) -> tuple[str, str]:
    """Return the trace id of a traceparent and a child of it (W3C Trace Context), or a new trace if it is invalid."""
    match = _TRACEPARENT.match(received)
    trace_id = match.group(1) if match and match.group(1) != "0" * 32 else os.urandom(16).hex()
    return trace_id, f"00-{trace_id}-{os.urandom(8).hex()}-01"
