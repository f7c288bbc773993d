"""The metrics of several workers as one: each writes what it counted into a file, whoever is asked adds them up.

Counters and histograms add up over the workers, and over those that took the place of one that died. What stands for
now (a gauge) is told for each, under the label `worker`. What the others counted is a second old at most.
"""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any  # JSON

import structlog
from prometheus_client import CollectorRegistry, Metric
from prometheus_client.registry import Collector

GROWING = ("counter", "histogram", "summary")
WORKER = "worker"
Key = tuple[str, tuple[tuple[str, str], ...]]

log = structlog.get_logger()


class Together(CollectorRegistry):
    """A registry that shows those of all workers; `own` is this one's, the files of all are in `folder`."""

    def __init__(self, own: CollectorRegistry, folder: Path, worker: int) -> None:
        super().__init__()
        self._own, self._folder, self._worker = own, folder, str(worker)
        self._before = [one for one in _read(self._file(self._worker)) if one["type"] in GROWING]

    def register(self, collector: Collector) -> None:
        """Count this in this worker."""
        self._own.register(collector)

    def unregister(self, collector: Collector) -> None:
        """Count this no more."""
        self._own.unregister(collector)

    def keep(self) -> None:
        """Let the others know what was counted here; a disk that is full is said, and costs no answer."""
        file = self._file(self._worker)
        fresh = file.with_suffix(".new")
        try:
            fresh.write_text(json.dumps(self._counted()))
            fresh.rename(file)
        except OSError as error:
            log.warning("the other workers do not see these metrics", error=str(error))

    def collect(self) -> Iterator[Metric]:
        """What all workers have counted."""
        others = [
            (file.stem, one)
            for file in sorted(self._folder.glob("*.json"))
            if file.stem != self._worker
            for one in _read(file)
        ]
        yield from _added([*((self._worker, one) for one in self._counted()), *others])

    def _counted(self) -> list[dict[str, Any]]:
        """This worker's families, with what those before it counted in its place."""
        here = [
            {
                "name": metric.name,
                "about": metric.documentation,
                "type": metric.type,
                "samples": [
                    [sample.name, sample.labels, sample.value]
                    for sample in metric.samples
                    if not sample.name.endswith("_created")  # moments do not add up
                ],
            }
            for metric in self._own.collect()
        ]
        return [*here, *self._before]

    def _file(self, worker: str) -> Path:
        return self._folder / f"{worker}.json"


def _added(families: Iterable[tuple[str, dict[str, Any]]]) -> Iterator[Metric]:
    """The families of all workers as one each."""
    metrics: dict[str, Metric] = {}
    sums: dict[str, dict[Key, float]] = {}
    for worker, one in families:
        name = one["name"]
        metrics.setdefault(name, Metric(name, one["about"], one["type"]))
        total = sums.setdefault(name, {})
        for sample, labels, value in one["samples"]:
            named = labels if one["type"] in GROWING else {**labels, WORKER: worker}
            key = (sample, tuple(sorted(named.items())))
            total[key] = total.get(key, 0.0) + value
    for name, metric in metrics.items():
        for (sample, pairs), value in sums[name].items():
            metric.add_sample(sample, dict(pairs), value)
        yield metric


def _read(file: Path) -> list[dict[str, Any]]:
    """What a worker wrote; nothing if it has not written yet."""
    try:
        found: list[dict[str, Any]] = json.loads(file.read_text())
    except FileNotFoundError:
        return []
    return found
