"""Where traces go: to an OpenTelemetry collector over HTTP, in batches, from threads of their own.

A collector that is slow or away costs memory for a bounded number of spans and nothing else: what does not fit is
dropped. Without an address in the settings nothing here is opened, and the library is not even imported.
"""

import asyncio
import threading
from collections.abc import Callable
from queue import SimpleQueue

from models.backend import ModelSpec
from router.types import Event
from service import VERSION
from service.sections import Settings
from service.tracing import Spans, Told, Tracing

PATH = "/v1/traces"
WAITING = 2048
"""Runs that wait to be made spans of, and spans that wait to be sent, at most."""
BATCH = 512
EVERY = 5.0
"""Seconds between two batches."""
PATIENCE = 3.0
"""Seconds that the collector may take for a batch, and that the end of the service waits for the last ones."""
LONGEST = 65_536
"""Characters of a value; what is longer is cut."""


class Traces:
    """Traces of nothing: where the settings name no collector."""

    def tell(self, decision_id: str, event: Event) -> None:
        """Take an event of a run."""

    async def close(self) -> None:
        """Send what waits, for at most PATIENCE seconds."""


class Sent(Traces):
    """Traces that are made and sent behind the answers, in threads; `shut_down` sends the last ones and may block."""

    def __init__(self, spans: Spans, shut_down: Callable[[], None]) -> None:
        self._tracing, self._spans, self._shut_down = Tracing(self._deliver), spans, shut_down
        self._ended: SimpleQueue[Told | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._write, name="traces", daemon=True)
        self._thread.start()

    def tell(self, decision_id: str, event: Event) -> None:
        self._tracing.tell(decision_id, event)

    async def close(self) -> None:
        # In a thread that nothing waits for beyond the patience: the library would wait for half a minute.
        last = threading.Thread(target=self._end, name="last-traces", daemon=True)
        last.start()
        await asyncio.to_thread(last.join, PATIENCE)

    def _deliver(self, run: Told) -> None:
        if self._ended.qsize() < WAITING:
            self._ended.put(run)

    def _write(self) -> None:
        while (run := self._ended.get()) is not None:
            self._spans.write(run)

    def _end(self) -> None:
        self._ended.put(None)
        self._thread.join()
        self._shut_down()


def open_traces(settings: Settings) -> Traces:
    """What sends traces to `telemetry.otlp_endpoint`, if there is one."""
    table = settings.telemetry
    if table.otlp_endpoint is None:
        return Traces()
    # Only now: a service without traces spends neither the time nor the memory.
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import SpanLimits, TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased

    base = table.otlp_endpoint.rstrip("/")
    exporter = OTLPSpanExporter(base if base.endswith(PATH) else base + PATH, timeout=PATIENCE)
    provider = TracerProvider(
        sampler=ParentBased(TraceIdRatioBased(table.sample)),
        resource=Resource.create({"service.name": table.service_name, "service.version": VERSION}),
        span_limits=SpanLimits(max_span_attribute_length=LONGEST),
        shutdown_on_exit=False,  # whoever opens it closes it
    )
    provider.add_span_processor(
        BatchSpanProcessor(
            exporter, max_queue_size=WAITING, max_export_batch_size=BATCH, schedule_delay_millis=1000 * EVERY
        )
    )

    providers = {name: provider_of(model.spec()) for name, model in settings.models.items()}
    kept = settings.store.redaction() if table.capture_content else None
    return Sent(Spans(provider.get_tracer("pointsman", VERSION), providers, kept), provider.shutdown)


def provider_of(spec: ModelSpec) -> str:
    """Whose model it is, as `gen_ai.provider.name`: `openai` for every server that speaks OpenAI's protocol."""
    if spec.deployments:
        return provider_of(spec.deployments[0])
    if spec.backend == "remote":
        prefix, slash, _ = (spec.model or "").partition("/")
        return prefix if slash and spec.api_base is None else "openai"
    return spec.backend if spec.backend.isidentifier() else "custom"
