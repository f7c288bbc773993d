"""Going over the past once more: the online levels take the judgements, and what befell arms beside them, in turn."""

import numpy as np

from router.asides import Asides
from router.fit import Fit
from router.layers import Layers
from router.past import Past


def walk(layers: Layers, past: Past, asides: Asides, fitted: Fit | None, since: int) -> None:
    """Let the levels take the judgements from this place on; `fitted` is what the levels go on from."""
    for place in range(since, len(past)):
        heed(layers, asides, place)
        column = int(past.column.rows[place])
        reward, weight = float(past.reward.rows[place]), float(past.weight.rows[place])
        region, usual = None, float(layers.usual[column])
        if fitted is not None:
            row = int(past.row.rows[place])
            embedding = past.index.vectors(np.array([row]))[0]
            features = fitted.features(embedding[None], past.surfaces.rows[row][None])
            spot = fitted.forest.spot(features[0])
            usual += fitted.trust_at(spot) * float(fitted.forest.excess_of_one(spot.leaves)[layers.places[column]])
            region = int(fitted.region(embedding))
        layers.take(column, reward, weight, usual, region)
    heed(layers, asides, len(past))


def heed(layers: Layers, asides: Asides, place: int) -> None:
    """Let the levels take what befell arms up to this place and was not heeded yet."""
    for aside in asides.until(place):
        if aside.weight:
            layers.take(aside.column, aside.reward, aside.weight, None, None)
        else:
            layers.renew(aside.column)


def follow(fitted: Fit, layers: Layers, past: Past, asides: Asides) -> None:
    """Bring the levels of a new fit up to now: with what it could not see, and what came after."""
    for aside in asides.back(fitted.judgements):
        layers.take(aside.column, aside.reward, aside.weight, None, None)
    walk(layers, past, asides, fitted, fitted.judgements)
