"""Fitting the gate of a cascade: from judged answers to the weights of its evidence and to which model it asks.

Source: as `strategies/cascade.py`; methods of Zeng et al. 2024, arXiv 2311.05185, as a logistic regression. Ours: the
weights of what is sure are not negative, so that C stays monotone, and they are drawn to the default gate, so that few
answers change it little.
"""

import asyncio
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from strategies.core.gate import DEFAULT, Gate, Gates, Judged, read

Numbers = NDArray[np.float64]
WEIGHTS = ("bias", "var_conf", "ent_conf", "logprob", "length")
BOUNDS = ((None, None), (0.0, None), (0.0, None), (0.0, None), (None, None))
PULL = 0.5  # how strongly the weights are drawn to the default gate: nats for a distance of 2 ** 0.5
FOLDS = 5
FEWEST = 20  # answers, for a fit and for its error
Z95 = 1.6449  # one-sided


@dataclass(frozen=True, slots=True)
class Fit:
    """A gate for one model and source of evidence, and what it is worth.

    `rows` answers of which a share `right` was; `before` and `after` are the mean log losses, in nats, of the gate in
    use and of this one on answers that it was not fitted on; `low` is the lower 95 % bound (one-sided, paired) of
    before - after. `strong` is how often each other model was right where this one was in doubt.
    """

    model: str
    source: str
    to: str
    gate: Gate
    rows: int
    right: float
    before: float
    after: float
    low: float
    strong: Mapping[str, float]

    @property
    def better(self) -> bool:
        """Whether the gain is more than chance."""
        return self.low > 0


async def fit_cascade(
    judged: Sequence[Judged],
    *,
    share: float | None = None,
    toll: float = DEFAULT["logprobs"].toll,
    before: Mapping[str, Gates] | None = None,
    fewest: int = FEWEST,
) -> list[Fit]:
    """Fit a gate for every model and source of evidence with `fewest` judged answers or more, off the event loop.

    `share` 0..1 of the answers is to be escalated: it fixes the threshold at that quantile of C; None leaves the
    threshold to the dial, at which asking the other model must win (1 - dial) * `toll` of reward. `before` are the
    gates in use (default gates where it holds none). Answers come from `store/doubts.py` or `fitted/try_cascade.py`.
    """
    return await asyncio.to_thread(_fit_all, tuple(judged), share, toll, before or {}, fewest)


def fit_gate(judged: Sequence[Judged]) -> Gate:
    """The gate that these answers, of one model and source, make most likely, drawn to the default one.

    Minimises the weighted cross-entropy of C against `weak` plus the pull, with bounds (L-BFGS-B).
    """
    # Here, because it takes a while to import and only a fit needs it.
    from scipy.optimize import minimize  # type: ignore[import-untyped]  # scipy has no types

    rows = [row for row in judged if row.weak is not None]
    source = judged[0].evidence.source
    x, start = _features(rows), np.array([getattr(DEFAULT[source], name) for name in WEIGHTS])
    y, weight = np.array([row.weak for row in rows], dtype=np.float64), np.array([row.weight for row in rows])

    def loss(w: Numbers) -> tuple[float, Numbers]:
        score = x @ w
        error = weight * (1 / (1 + np.exp(-score)) - y)
        value = float(weight @ (np.logaddexp(0, score) - y * score) + PULL / 2 * ((w - start) @ (w - start)))
        return value, x.T @ error + PULL * (w - start)

    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=BOUNDS)
    return replace(DEFAULT[source], rows=len(rows), **{n: float(v) for n, v in zip(WEIGHTS, found.x, strict=True)})


def save(path: Path, fits: Sequence[Fit], made_by: str) -> None:
    """Write the gates into the file that the strategy reads; other models and sources in it are kept."""
    file = json.loads(path.read_text()) if path.is_file() else {}
    for fit in fits:
        entry = file.setdefault(fit.model, {})
        entry |= {"to": fit.to, fit.source: {k: _rounded(v) for k, v in asdict(fit.gate).items()}, "made_by": made_by}
    path.write_text(json.dumps(file, indent=1) + "\n")
    read(path)


def _fit_all(
    judged: Sequence[Judged], share: float | None, toll: float, before: Mapping[str, Gates], fewest: int
) -> list[Fit]:
    groups: dict[tuple[str, str], list[Judged]] = defaultdict(list)
    for row in judged:
        groups[row.model, row.evidence.source].append(row)
    fits = []
    for (model, source), rows in groups.items():
        if sum(row.weak is not None for row in rows) >= max(fewest, 2):
            used = before.get(model, Gates())
            fits.append(_fit_one(model, source, rows, share, toll, used))
    return fits


def _fit_one(model: str, source: str, rows: Sequence[Judged], share: float | None, toll: float, used: Gates) -> Fit:
    known = [row for row in rows if row.weak is not None]
    gate = replace(fit_gate(known), toll=toll)
    strong = in_doubt(rows, gate)
    to = max(strong, key=lambda name: strong[name], default=used.to)
    gate = replace(gate, strong=strong.get(to, used.of(source, to).strong))
    if share is not None:
        gate = replace(gate, cut=float(np.quantile([gate.confidence(row.evidence) for row in rows], share)))
    old = used.of(source, used.to)
    gaps = log_losses(known, [old] * len(known)) - log_losses(known, _crossed(known))
    losses = log_losses(known, [old] * len(known)).mean()
    low = gaps.mean() - Z95 * gaps.std(ddof=1) / len(gaps) ** 0.5
    right = float(np.mean([row.weak for row in known]))
    return Fit(
        model, source, to, gate, len(known), right, float(losses), float(losses - gaps.mean()), float(low), strong
    )


def in_doubt(judged: Sequence[Judged], gate: Gate) -> dict[str, float]:
    """How often each other model is right, its answers weighted by the doubt 1 - C in the first one."""
    sums: dict[str, Numbers] = defaultdict(lambda: np.zeros(2))
    for row in judged:
        doubt = row.weight * (1 - gate.confidence(row.evidence))
        for name, score in row.strong.items():
            sums[name] += (doubt * score, doubt)
    return {name: float(right / doubt) for name, (right, doubt) in sums.items() if doubt > 0}


def log_losses(judged: Sequence[Judged], gates: Sequence[Gate]) -> Numbers:
    """The cross-entropy, in nats, of each gate's C against whether its answer was right; [n]."""
    c = np.array([gate.confidence(row.evidence) for row, gate in zip(judged, gates, strict=True)]).clip(1e-6, 1 - 1e-6)
    y = np.array([row.weak for row in judged], dtype=np.float64)
    return np.asarray(-(y * np.log(c) + (1 - y) * np.log(1 - c)), dtype=np.float64)


def _crossed(known: Sequence[Judged]) -> list[Gate]:
    """For each answer the gate of the folds that it is not in."""
    folds = min(FOLDS, len(known))
    gates = [fit_gate([row for i, row in enumerate(known) if i % folds != fold]) for fold in range(folds)]
    return [gates[i % folds] for i in range(len(known))]


def _features(rows: Sequence[Judged]) -> Numbers:
    told = [row.evidence for row in rows]
    return np.array([[1.0, e.var_conf, e.ent_conf, e.logprob or 0.0, e.length] for e in told], dtype=np.float64)


def _rounded(value: float | None) -> float | None:
    return round(value, 6) if isinstance(value, float) else value
