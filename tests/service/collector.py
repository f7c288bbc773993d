"""An OpenTelemetry collector for tests: it takes traces over HTTP on a real socket, and can keep silent."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

Value = str | int | float | bool | list[str]


@dataclass(slots=True)
class Collected:
    """What came, and where to send it to."""

    url: str
    spans: list[Span] = field(default_factory=list)
    services: set[str] = field(default_factory=set)
    asked: threading.Event = field(default_factory=threading.Event)

    def of(self, kind: "Span.SpanKind.ValueType") -> list[Span]:
        """The spans of one kind, in the order of their beginnings: SERVER for requests, CLIENT for calls."""
        return sorted((one for one in self.spans if one.kind == kind), key=lambda one: one.start_time_unix_nano)


def facts(attributes: Iterator[KeyValue]) -> dict[str, Value]:
    """The attributes of a span or an event."""
    return {one.key: _value(one.value) for one in attributes}


@contextmanager
def collector(silent: bool = False) -> Iterator[Collected]:
    """A collector that listens; a silent one takes connections and never answers."""
    ending = threading.Event()

    class Taking(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            found.asked.set()
            if silent:
                ending.wait(30)
                return
            if self.path != "/v1/traces":
                self.send_error(404)
                return
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                found.services.add(str(facts(iter(resource.resource.attributes))["service.name"]))
                for scope in resource.scope_spans:
                    found.spans.extend(scope.spans)
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Nothing to say."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Taking)
    found = Collected(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield found
    finally:
        ending.set()
        server.shutdown()
        thread.join()
        server.server_close()


def _value(value: AnyValue) -> Value:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [one.string_value for one in value.array_value.values]
    found: Value = getattr(value, str(kind))
    return found
