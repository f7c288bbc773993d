"""What Prometheus may read of what has happened: requests, decisions, calls, tokens, money, waiting, feedback.

Counts and durations live here and only grow; how things stand now is read when somebody asks (service/watching.py). The
values of labels are names of the settings, or of the code: never a word of a user.
"""

import platform

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.registry import Collector

from models.types import Usage
from router.types import Decided, Decision, Ended, Event, Outcome
from router.unplaced import SIDE
from strategies.core import Called

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
OVERHEAD_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28)
WAIT_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 40.0, 80.0, 160.0)


disable_created_metrics()  # type: ignore[no-untyped-call]  # a third of the text, when each series began: unread


class Metrics:
    """The counters of one service; a registry of their own, so that two services in one process do not mix."""

    def __init__(self, version: str = "") -> None:
        own = self.registry = CollectorRegistry()
        self.requests = Counter("pointsman_requests", "HTTP requests", ["route", "method", "status"], registry=own)
        self.in_progress = Gauge("pointsman_requests_in_progress", "HTTP requests under way", registry=own)
        self.rejected = Counter("pointsman_rejected", "requests turned away, by reason", ["reason"], registry=own)
        self.decisions = Counter(
            "pointsman_decisions",
            "runs that ended, by the arm that answered",
            ["arm", "policy", "status"],
            registry=own,
        )
        self.explored = Counter(
            "pointsman_explored", "decisions for another arm than the likeliest", ["policy"], registry=own
        )
        self.fallbacks = Counter(
            "pointsman_fallbacks", "runs that another arm answered, by the chosen one", ["arm", "error"], registry=own
        )
        self.side_requests = Counter("pointsman_side_requests", "titles, tags and the like", ["kind"], registry=own)
        self.calls = Counter("pointsman_calls", "model calls", ["model", "status"], registry=own)
        self.call_seconds = Histogram(
            "pointsman_call_seconds", "waiting for a model", ["model"], buckets=WAIT_BUCKETS, registry=own
        )
        self.first_token = Histogram(
            "pointsman_first_token_seconds",
            "seconds of a run until the answer's first token, by the model that answered",
            ["model"],
            buckets=WAIT_BUCKETS,
            registry=own,
        )
        self.run_seconds = Histogram(
            "pointsman_run_seconds", "seconds of a run, by strategy", ["strategy"], buckets=WAIT_BUCKETS, registry=own
        )
        self.decide_seconds = Histogram(
            "pointsman_decide_seconds", "embedding and choosing", buckets=OVERHEAD_BUCKETS, registry=own
        )
        self.tokens = Counter("pointsman_tokens", "tokens read and written by models", ["model", "kind"], registry=own)
        self.usd = Counter("pointsman_usd", "dollars for models, where prices are known", ["model"], registry=own)
        self.gpu_seconds = Counter("pointsman_gpu_seconds", "computing of models", ["model"], registry=own)
        self.feedback = Counter("pointsman_feedback", "feedback received", ["kind"], registry=own)
        self.overhead = Histogram(
            "pointsman_overhead_seconds",
            "seconds of an answer in which no model was at work",
            buckets=OVERHEAD_BUCKETS,
            registry=own,
        )
        Info("pointsman_build", "what runs", registry=own).info(
            {"version": version, "python": platform.python_version()}
        )
        ProcessCollector(registry=own)
        self._watched: Collector | None = None

    def watch(self, standing: Collector) -> None:
        """Show how things stand, too; it takes the place of what was watched before."""
        if self._watched is not None:
            self.registry.unregister(self._watched)
        self._watched = standing
        self.registry.register(standing)

    def tell(self, decision_id: str, event: Event) -> None:
        """Count what a run tells."""
        if isinstance(event, Decided):
            self._chosen(event.decision)
        elif isinstance(event, Called):
            self.calls.labels(event.model, "failed" if event.error else "ok").inc()
            self.call_seconds.labels(event.model).observe(event.seconds)
            if event.reply is not None:
                self._spent(event.model, event.reply.usage)
        elif isinstance(event, Ended):
            self._ended(event.outcome, event.decision)

    def text(self) -> bytes:
        """All of it in Prometheus' text format."""
        return generate_latest(self.registry)

    def _chosen(self, decision: Decision) -> None:
        if decision.policy == SIDE:
            self.side_requests.labels(decision.query.origin.side or "").inc()
            return
        self.decide_seconds.observe(decision.seconds + decision.embed_seconds)
        if decision.probability < max(decision.propensities.values()):
            self.explored.labels(decision.policy).inc()

    def _spent(self, model: str, usage: Usage) -> None:
        self.tokens.labels(model, "prompt").inc(usage.prompt_tokens)
        self.tokens.labels(model, "completion").inc(usage.completion_tokens)
        if usage.usd:
            self.usd.labels(model).inc(usage.usd)
        if usage.gpu_seconds:
            self.gpu_seconds.labels(model).inc(usage.gpu_seconds)

    def _ended(self, outcome: Outcome, decision: Decision) -> None:
        self.decisions.labels(str(outcome.arm), decision.policy, outcome.status).inc()
        self.run_seconds.labels(outcome.arm.strategy).observe(outcome.seconds)
        if outcome.first_token_seconds is not None:
            self.first_token.labels(outcome.arm.model).observe(outcome.first_token_seconds)
        if outcome.arm != decision.arm:
            self.fallbacks.labels(str(decision.arm), (outcome.error or "").partition(":")[0]).inc()
