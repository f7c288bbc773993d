"""An outcome table: what every arm scored on every query, and what that took."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from models.errors import BadRequest
from router.types import Arm
from router.utility import Numbers

LEAST = 2
"""An arm scored on fewer queries is left out: it cannot be both learned and judged."""

Rows = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Spent:
    """What runs took, float64 [queries, arms], in one unit: "usd", "seconds" or "tokens"; NaN where unknown."""

    unit: str
    each: Numbers


@dataclass(frozen=True, slots=True, eq=False)
class OutcomeTable:
    """Queries and arms in the order in which the file names them; all arrays are float64 [queries, arms].

    `scores` 0..1 are NaN where an arm was not run on a query; `usd`, `seconds` and `tokens` also where the file does
    not say. `domains` are empty where there is no such column. `notes` tell what was left out or averaged.
    """

    name: str
    ids: tuple[str, ...]
    texts: tuple[str, ...]
    domains: tuple[str, ...]
    arms: tuple[Arm, ...]
    scores: Numbers
    usd: Numbers
    seconds: Numbers
    tokens: Numbers
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def ran(self) -> NDArray[np.bool_]:
        """Which arm was run on which query, [queries, arms]."""
        return ~np.isnan(self.scores)

    @property
    def spent(self) -> Spent | None:
        """The first of dollars, seconds and tokens that is known of every arm; None where none is."""
        for unit, each in (("usd", self.usd), ("seconds", self.seconds), ("tokens", self.tokens)):
            if np.isfinite(each).any(axis=0).all():
                return Spent(unit, each)
        return None

    def sample(self, n: int, seed: int) -> "OutcomeTable":
        """At most n of the queries, drawn evenly, in their order. Raises BadRequest if those cannot be routed."""
        if n >= len(self):
            return self
        drawn = np.random.default_rng(seed).choice(len(self), size=n, replace=False)
        return _rows(self, np.sort(drawn).astype(np.intp)).routable()

    def routable(self) -> "OutcomeTable":
        """The table without arms that were hardly run, which its notes name, and without queries that nobody ran.

        Raises BadRequest where fewer than two arms are left.
        """
        counts = self.ran.sum(axis=0)
        kept = np.flatnonzero(counts >= LEAST)
        notes = tuple(
            f"{self.arms[i]} is scored on {counts[i]} of {len(self)} queries and is left out"
            for i in np.flatnonzero(counts < LEAST)
        )
        if len(kept) < 2:
            told = "; ".join((f"there is {', '.join(map(str, self.arms))}", *notes))
            raise BadRequest(f"{self.name}: routing needs two arms or more; {told}", param="table")
        columns = {name: getattr(self, name)[:, kept] for name in ("scores", "usd", "seconds", "tokens")}
        table = replace(self, arms=tuple(self.arms[i] for i in kept), notes=(*self.notes, *notes), **columns)
        answered = table.ran.any(axis=1)
        return table if answered.all() else _rows(table, np.flatnonzero(answered))


def _rows(table: OutcomeTable, rows: Rows) -> OutcomeTable:
    ids, texts, domains = (tuple(column[i] for i in rows) for column in (table.ids, table.texts, table.domains))
    kept = {name: getattr(table, name)[rows] for name in ("scores", "usd", "seconds", "tokens")}
    return replace(table, ids=ids, texts=texts, domains=domains, **kept)
