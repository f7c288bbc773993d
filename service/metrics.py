"""What Prometheus may read: requests, decisions, calls, feedback, the overhead, and what waits to be logged."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from router.types import Ended, Event
from strategies.core import Called

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
OVERHEAD_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28)


class Metrics:
    """The counters of one service; a registry of their own, so that two services in one process do not mix."""

    def __init__(self) -> None:
        own = self.registry = CollectorRegistry()
        self.requests = Counter("pointsman_requests", "HTTP requests", ["route", "method", "status"], registry=own)
        self.decisions = Counter("pointsman_decisions", "runs that ended", ["arm", "status"], registry=own)
        self.calls = Counter("pointsman_calls", "model calls", ["model", "status"], registry=own)
        self.call_seconds = Histogram("pointsman_call_seconds", "waiting for a model", ["model"], registry=own)
        self.gpu_seconds = Counter("pointsman_gpu_seconds", "computing of models", ["model"], registry=own)
        self.feedback = Counter("pointsman_feedback", "feedback received", ["kind"], registry=own)
        self.overhead = Histogram(
            "pointsman_overhead_seconds",
            "seconds of an answer in which no model was at work",
            buckets=OVERHEAD_BUCKETS,
            registry=own,
        )

    def watch(self, pending: Callable[[], float], lost: Callable[[], float]) -> None:
        """Show how many events wait for SQL, and how many were lost (always 0)."""
        Gauge("pointsman_log_pending", "events not yet in SQL", registry=self.registry).set_function(pending)
        Gauge("pointsman_log_lost", "events lost", registry=self.registry).set_function(lost)

    def tell(self, decision_id: str, event: Event) -> None:
        """Count what a run tells."""
        if isinstance(event, Called):
            self.calls.labels(event.model, "failed" if event.error else "ok").inc()
            self.call_seconds.labels(event.model).observe(event.seconds)
            if event.reply and event.reply.usage.gpu_seconds:
                self.gpu_seconds.labels(event.model).inc(event.reply.usage.gpu_seconds)
        elif isinstance(event, Ended):
            self.decisions.labels(str(event.outcome.arm), event.outcome.status).inc()

    def text(self) -> bytes:
        """All of it in Prometheus' text format."""
        return generate_latest(self.registry)
