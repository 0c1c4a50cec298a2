"""Traces by OpenTelemetry, if the setting OTEL_EXPORTER_OTLP_ENDPOINT names a collector.

A request, the publication of an event and the reaction to it are spans. Requests, the outbox and events carry a
traceparent anyway, so a trace connects them across processes. Without the setting nothing is imported.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Literal

from chassis.core.version import VERSION

SpanKind = Literal["server", "producer", "consumer"]
Attribute = str | int


class TracingNotInstalled(Exception):
    """The setting is present, and the libraries are not."""


class Span:
    """A span that has started. `traceparent` makes it the parent of further spans."""

    def __init__(self, span: Any) -> None:
        self._span = span
        context = span.get_span_context()
        self.trace_id = f"{context.trace_id:032x}"
        self.traceparent = f"00-{self.trace_id}-{context.span_id:016x}-{context.trace_flags:02x}"

    def end(self, error: str | None = None, *, name: str | None = None, **attributes: Attribute) -> None:
        """End the span, as failed if there is an error."""
        from opentelemetry.trace import StatusCode

        if name is not None:
            self._span.update_name(name)
        self._span.set_attributes(_named(attributes))
        if error is not None:
            self._span.set_status(StatusCode.ERROR, error)
        self._span.end()


class Tracing:
    """Starts the spans of a process, and exports them in the background."""

    def __init__(self, endpoint: str, service: str) -> None:
        try:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
            from opentelemetry.sdk.resources import Resource
            from opentelemetry.sdk.trace import TracerProvider
            from opentelemetry.sdk.trace.export import BatchSpanProcessor
        except ImportError as error:
            raise TracingNotInstalled(
                "OTEL_EXPORTER_OTLP_ENDPOINT is set, but OpenTelemetry is not installed: pip install 'rapport[otel]'"
            ) from error
        resource = {"service.name": service, "service.namespace": "rapport", "service.version": VERSION}
        self._provider = TracerProvider(resource=Resource.create(resource))
        exporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces")
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("rapport")

    def start(
        self,
        name: str,
        kind: SpanKind,
        traceparent: str | None,
        *,
        started_at: datetime | None = None,
        **attributes: Attribute,
    ) -> Span:
        """Start a span within a trace, or in a new one if the traceparent is missing or invalid."""
        from opentelemetry.context import Context
        from opentelemetry.trace import SpanKind as Kind
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        carrier = {"traceparent": traceparent} if traceparent else {}
        span = self._tracer.start_span(
            name,
            TraceContextTextMapPropagator().extract(carrier, Context()),
            Kind[kind.upper()],
            _named(attributes),
            start_time=None if started_at is None else int(started_at.timestamp() * 1_000_000_000),
        )
        return Span(span)

    def close(self) -> None:
        """Export the remaining spans. This may take some seconds."""
        self._provider.shutdown()


def open_tracing(endpoint: str | None, service: str) -> Tracing | None:
    """Return the tracing of a process, or None if no collector is configured. Raises TracingNotInstalled."""
    return Tracing(endpoint, service) if endpoint else None


@contextmanager
def ending(spans: Iterable[Span]) -> Iterator[None]:
    """End the spans after the block, as failed if it raises."""
    failure: str | None = None
    try:
        yield
    except BaseException as error:
        failure = type(error).__name__
        raise
    finally:
        for span in spans:
            span.end(failure)


def _named(attributes: dict[str, Attribute]) -> dict[str, Attribute]:
    return {_NAMES[name]: value for name, value in attributes.items()}


_NAMES = {
    "method": "http.request.method",
    "route": "http.route",
    "path": "url.path",
    "status": "http.response.status_code",
    "topic": "messaging.destination.name",
    "message_id": "messaging.message.id",
    "system": "messaging.system",
    "tenant": "rapport.tenant",
    "feature": "rapport.feature",
}
"""The names of attributes in the semantic conventions of OpenTelemetry."""
