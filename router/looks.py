"""What is known around one question: what every arm is expected to do there, from how much, and what lies near."""

from dataclasses import dataclass

import numpy as np

from router.fit import Fit
from router.layers import Layers, Lean
from router.mosaic import Rows
from router.neighbours import Near
from router.past import Past
from router.posterior import Columns
from router.reasons import NEAR, Tried
from router.sums import sums
from router.surface import surface
from router.types import Neighbour
from router.utility import Numbers
from strategies.core.query import Vector

AROUND = 32
"""How many of the nearest questions are looked at."""
TOLD = 5
"""Neighbours that a decision shows."""
EDGE = 0.05
LIKE = 0.25
"""The cosine from which on a question counts as similar."""


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """Per arm, [arms]: the expected `quality`, and the weight of judgements `seen` that it rests on.

    `near` tells what was judged of similar questions; `places` are those judgements and `cosines` how near each lies.
    """

    quality: Numbers
    seen: Numbers
    near: Tried
    places: Rows
    cosines: Numbers
    trust: float


def nowhere(layers: Layers, width: int) -> Look:
    """A question that cannot be placed: what is known over all questions."""
    nothing = Tried(NEAR, *(np.zeros(width) for _ in range(3)))
    return Look(layers.usual, layers.weight[:width], nothing, np.zeros(0, dtype=np.intp), np.zeros(0), 0.0)


def look(embedding: Vector, text: str, past: Past, fit: Fit | None, layers: Layers, lean: Lean, width: int) -> Look:
    """Look around a question whose embedding is sound; `width` is the number of arms."""
    usual, near = layers.usual, past.near(embedding, AROUND)
    places, cosines = _judgements(near, past)
    column = past.column.rows[places].astype(np.intp)
    reward, weight = past.reward.rows[places].astype(np.float64), past.counted(places)
    like = (cosines >= LIKE) & (weight >= past.weight.rows[places])
    tried = Tried(
        NEAR,
        sums(column[like], weight[like], width),
        sums(column[like], (weight * reward)[like], width),
        sums(column[like], (((reward != 0.0) & (reward != 1.0)) | (weight != 1.0))[like], width),
    )
    if fit is None:
        much = weight * np.clip(2.0 * cosines - 0.5, 0.0, 1.0)
        total = sums(column, much, width)
        off = sums(column, much * (reward - usual[column]), width) / (total + lean.near_alone)
        return Look(usual + off, total, tried, places, cosines, 0.0)
    features = fit.features(embedding[None], surface(text)[None].astype(np.float32))
    spot = fit.forest.spot(features[0])
    trust, leaves = fit.trust_at(spot), spot.leaves
    region = int(fit.region(embedding))
    quality = usual + trust * fit.forest.excess_of_one(leaves)[layers.places]
    seen = trust * layers.same() * fit.forest.seen(leaves)[layers.places] + layers.seen(region)
    quality = quality + trust * layers.off(region) / (layers.seen(region) + lean.region)
    new = places >= fit.judgements
    if new.any():
        much = weight[new] * np.clip(2.0 * cosines[new] - 0.5, 0.0, 1.0)
        total = sums(column[new], much, width)
        off = sums(column[new], much * (reward[new] - quality[column[new]]), width)
        quality = quality + off / (total + lean.near)
    return Look(quality, seen, tried, places, cosines, trust)


def expected(embeddings: Vector, texts: list[str], fit: Fit, layers: Layers) -> Numbers:
    """The expected quality of every arm at many questions, [n, arms], right after a fit: without the nearest."""
    surfaces = np.stack([surface(text) for text in texts]).astype(np.float32)
    features = fit.features(embeddings, surfaces)
    excess = fit.forest.excess(fit.forest.leaves(features))[:, layers.places]
    return np.asarray(layers.usual + fit.trust(features)[:, None] * excess)


def within(quality: Numbers) -> Numbers:
    """The same between 0 and 1, in the same order: sums of what is expected may leave it, and must not tie there."""
    middle = np.minimum(np.maximum(quality, EDGE), 1.0 - EDGE)
    return np.asarray(middle + EDGE * np.tanh((quality - middle) / EDGE))


def told(seen: Look, past: Past, columns: Columns) -> tuple[Neighbour, ...]:
    """The nearest judgements, as a decision shows them."""
    arms = columns.arms()
    found = ((int(seen.places[i]), float(seen.cosines[i])) for i in np.argsort(-seen.cosines, kind="stable")[:TOLD])
    return tuple(
        Neighbour(past.decision(place), cosine, str(arms[int(past.column.rows[place])]), float(past.reward.rows[place]))
        for place, cosine in found
    )


def _judgements(near: Near, past: Past) -> tuple[Rows, Numbers]:
    places = past.judgements(near.rows)
    order = np.argsort(near.rows)
    found = order[np.searchsorted(near.rows[order], past.row.rows[places])] if len(places) else places
    return places, near.cosines[found].astype(np.float64)
