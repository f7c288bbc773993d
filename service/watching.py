"""How things stand, read when Prometheus asks: models and their queues, memory, the log, what the router learned."""

from collections.abc import Iterator, Mapping

from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from models.backend import Backend
from models.memory import LEDGER, Ledger
from models.states import states
from router.trust import Trusted
from store import Store
from store.recorder import Recorder

BREAKER = {"closed": 0, "half_open": 1, "open": 2}


def standing_of(backends: Mapping[str, Backend], store: Store, policy: Trusted) -> "Standing":
    """The gauges of an open service."""
    return Standing(backends, store.recorder, policy, LEDGER)


class Standing(Collector):
    """Gauges over what is open. Nothing is kept, so that nothing can be out of date."""

    def __init__(self, backends: Mapping[str, Backend], recorder: Recorder, policy: Trusted, ledger: Ledger) -> None:
        self._backends, self._recorder, self._policy, self._ledger = backends, recorder, policy, ledger

    def collect(self) -> Iterator[Metric]:
        """Every gauge with its value now."""
        yield GaugeMetricFamily("pointsman_log_pending", "events not yet in SQL", self._recorder.pending)
        yield GaugeMetricFamily("pointsman_log_lost", "events lost, or refused by the database", self._recorder.lost)
        yield from self._models()
        memory = GaugeMetricFamily(
            "pointsman_model_memory_bytes", "what a model in this process holds", labels=["model", "device"]
        )
        for device in self._ledger.devices:
            for model, held in self._ledger.held(device).items():
                memory.add_metric([model, device], held)
        yield memory
        yield GaugeMetricFamily(
            "pointsman_judgements_learned", "judgements that the policy's beliefs rest on", self._policy.learned
        )
        name = self._policy.name
        version = GaugeMetricFamily("pointsman_policy_version", "the promoted version, 0: none", labels=["policy"])
        version.add_metric([name], self._recorder.versions.get(name, 0))
        yield version

    def _models(self) -> Iterator[Metric]:
        found = [(name, states(backend)) for name, backend in self._backends.items()]
        for name, meaning, value in (
            ("in_progress", "calls under way", lambda one: one.in_use),
            ("queue_length", "calls that wait for their turn", lambda one: one.queued),
            ("wait_seconds", "seconds that a new call would wait", lambda one: one.seconds),
            ("breaker_state", "0 closed, 1 half open, 2 open", lambda one: BREAKER[one.breaker]),
            ("warm", "whether the model is loaded", lambda one: one.warm),
        ):
            family = GaugeMetricFamily(f"pointsman_model_{name}", meaning, labels=["model"])
            for model, state in found:
                family.add_metric([model], float(value(state)))
            yield family
