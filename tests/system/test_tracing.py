"""Traces by OpenTelemetry: a purchase is a single trace across gateway, service, outbox, Kafka and its readers."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from tests.support.facts import a_customer, a_program, a_purchase, a_rule
from tests.support.stack import RunningStack, a_visitor

TRACE, CALLER = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
SERVER, PRODUCER, CONSUMER = 2, 4, 5
"""The kinds of spans in the protocol."""


@dataclass(frozen=True)
class Span:
    service: str
    name: str
    kind: int
    id: str
    parent: str


class Collector:
    """A receiver of OTLP over HTTP."""

    def __init__(self) -> None:
        self.spans: list[Span] = []

    def add(self, body: bytes) -> None:
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            (service,) = (one.value.string_value for one in resource.resource.attributes if one.key == "service.name")
            for span in (span for scope in resource.scope_spans for span in scope.spans):
                if span.trace_id.hex() == TRACE:
                    ids = (span.span_id.hex(), span.parent_span_id.hex())
                    self.spans.append(Span(service, span.name, span.kind, *ids))

    @contextmanager
    def listening(self) -> Iterator[str]:
        """Listen on loopback, and yield the address."""
        collector = self

        class Receiver(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                collector.add(self.rfile.read(int(self.headers["content-length"])))
                self.send_response(200)
                self.end_headers()
                self.wfile.write(ExportTraceServiceResponse().SerializeToString())

            def log_message(self, *_: object) -> None:
                pass

        with ThreadingHTTPServer(("127.0.0.1", 0), Receiver) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            yield f"http://127.0.0.1:{server.server_port}"
            server.shutdown()


@pytest.mark.slow
async def test_a_purchase_is_a_single_connected_trace(tmp_path: Path) -> None:
    collector = Collector()
    with collector.listening() as address:
        stack = RunningStack(tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=address)
        stack.start()
        visitor = a_visitor(stack)
        program = (await visitor.request("POST", "/v1/programs", json=a_program())).json()
        await visitor.request("POST", f"/v1/programs/{program['id']}/earning-rules", json=a_rule())
        customer = (await visitor.request("POST", "/v1/customers", json=a_customer())).json()
        headers = {"traceparent": f"00-{TRACE}-{CALLER}-01"}
        bought = await visitor.request("POST", "/v1/purchases", json=a_purchase(customer["id"]), headers=headers)
        assert bought.status_code == 201
        await visitor.drained()
        await visitor.close()
        stack.stop()  # exports the remaining spans
    spans = {span.id: span for span in collector.spans}
    by_name = {(span.service, span.name): span for span in collector.spans}
    server = by_name["gateway", "POST interactions:purchases"]
    assert (server.kind, server.parent) == (SERVER, CALLER)
    recorded = by_name["interactions", "POST /v1/purchases"]
    published = by_name["interactions", "publish interactions.purchase_recorded.v1"]
    earned = by_name["loyalty", "points interactions.purchase_recorded.v1"]
    effect = by_name["loyalty", "publish loyalty.points_earned.v1"]
    chain = [server, recorded, published, earned, effect]
    assert [span.parent for span in chain[1:]] == [span.id for span in chain[:-1]]
    assert (published.kind, earned.kind) == (PRODUCER, CONSUMER)
    assert {span.service for span in spans.values()} == {"gateway", "interactions", "loyalty", "analytics"}
    assert [span for span in spans.values() if span.parent not in spans and span != server] == []
