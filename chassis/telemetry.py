"""Logs, metrics and request ids, in one pure ASGI layer: a middleware by FastAPI's helper costs thrice a request."""

import logging
import os
import re
import sys
import time
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chassis import json

REQUEST_ID = "x-request-id"
_TRACEPARENT = re.compile(r"^00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}$")
_REQUEST_ID = re.compile(r"^[A-Za-z0-9_.:-]{1,100}$")

traceparent: ContextVar[str | None] = ContextVar("traceparent", default=None)
"""The W3C trace context of what is running; it goes with the events of a transaction."""

log = structlog.get_logger()


def configure_logging(level: str, service: str) -> None:
    """One JSON object a line on standard output, from us and from the libraries."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(serializer=lambda value, **_: json.dump_text(_printable(value))),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.PrintLoggerFactory(sys.stdout),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(service=service)
    logging.basicConfig(handlers=[_ToStructlog()], level=logging.WARNING, force=True)


def is_shown(level: str, least: str) -> bool:
    """Whether lines of a level are written when those from `least` on are."""
    return bool(getattr(logging, level.upper()) >= getattr(logging, least.upper()))


class _ToStructlog(logging.Handler):
    """The libraries' own log lines in our form."""

    def emit(self, record: logging.LogRecord) -> None:
        log.log(record.levelno, record.getMessage(), logger=record.name)


def _printable(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(name): _printable(item) for name, item in value.items()}
    return value if isinstance(value, (str, int, float, bool, list, type(None))) else str(value)


class Metrics:
    """What a process counts. `/metrics` shows it to Prometheus."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Histogram(
            "http_request_duration_seconds",
            "Time from the request's arrival to the end of its answer.",
            ["method", "route", "status"],
            buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
            registry=self.registry,
        )
        self.relayed = Counter("outbox_relayed_total", "Events that Kafka has acknowledged.", registry=self.registry)
        self.applied = Counter(
            "reactions_applied_total", "Events that a feature has applied.", ["feature"], registry=self.registry
        )
        self.parked = Counter("dead_letters_total", "Events that were parked.", ["feature"], registry=self.registry)
        self.outbox_pending = Gauge("outbox_pending", "Events not yet acknowledged by Kafka.", registry=self.registry)
        self.outbox_oldest = Gauge("outbox_oldest_seconds", "Age of the oldest of them.", registry=self.registry)
        self.consumer_lag = Gauge("consumer_lag", "Records of the topics not yet applied.", registry=self.registry)


class Telemetry:
    """Gives each request an id and a trace, logs one line, observes its duration."""

    def __init__(self, app: ASGIApp, metrics: Metrics, service: str, log_requests: bool) -> None:
        self._app = app
        self._service = service
        self._metrics = metrics
        self._log_requests = log_requests

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = {name: value for name, value in scope["headers"] if name in (b"traceparent", b"x-request-id")}
        trace_id, own_traceparent = continue_trace(given.get(b"traceparent", b"").decode("latin-1"))
        given_id = given.get(b"x-request-id", b"").decode("latin-1")
        request_id = given_id if _REQUEST_ID.match(given_id) else trace_id
        scope.setdefault("state", {})["trace_id"] = trace_id
        scope["state"]["traceparent"] = own_traceparent
        traceparent.set(own_traceparent)
        started, status = time.perf_counter(), 500

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = message.setdefault("headers", [])
                headers += [(b"x-request-id", request_id.encode()), (b"x-content-type-options", b"nosniff")]
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        finally:
            self._observe(scope, status, time.perf_counter() - started, request_id, trace_id)

    def _observe(self, scope: Scope, status: int, seconds: float, request_id: str, trace_id: str) -> None:
        route = scope.get("rapport.route") or str(getattr(scope.get("route"), "path", "unknown"))
        self._metrics.requests.labels(scope["method"], route, status).observe(seconds)
        if self._log_requests and not route.startswith(("/health", "/ready", "/metrics")):
            # As `log.info` would write it, at a tenth of its cost.
            line = {
                "service": self._service,
                "event": "request",
                "level": "info",
                "method": scope["method"],
                "path": scope["path"],
                "route": route,
                "status": status,
                "milliseconds": round(seconds * 1000, 2),
                "request_id": request_id,
                "trace_id": trace_id,
                "timestamp": datetime.now(UTC),
            }
            print(json.dump_text(line), flush=True)


def continue_trace(given: str) -> tuple[str, str]:
    """The trace id of a traceparent and a child of it; a new trace when it is none (W3C Trace Context)."""
    found = _TRACEPARENT.match(given)
    trace_id = found.group(1) if found and found.group(1) != "0" * 32 else os.urandom(16).hex()
    return trace_id, f"00-{trace_id}-{os.urandom(8).hex()}-01"
