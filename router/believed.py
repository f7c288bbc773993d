"""What a policy believes as plain rows for the page and for `/v1/policies`: quality, interval, what was rated."""

from collections.abc import Mapping

import numpy as np

from router.fit import Fit
from router.past import Past
from router.posterior import Columns
from router.sums import sums
from router.utility import Numbers

LEAN = 4.0
"""Judgements that an arm's level over all questions is worth when a region is told."""
NINETY = 1.645
"""Standard deviations to either side that hold 90 % of a normal distribution."""


def rows(columns: Columns, level: Numbers, weight: Numbers, reward: Numbers, lean: float = 0.0) -> Mapping[str, object]:
    """By arm: the quality with its 90 % interval, and what was rated; arms that were not rated are left out.

    All arrays are [arms]. With `lean` the quality is what was rated, leaning on the level by so many judgements;
    without, it is the level.
    """
    quality = (reward + lean * level) / (weight + lean) if lean else level
    spread = NINETY * np.sqrt((quality * (1 - quality) + 0.01) / (weight + 1.0 + lean))
    bounds = np.stack([quality, quality - spread, quality + spread]).clip(0.0, 1.0)
    table = np.concatenate([bounds, [weight, reward]]).round(6)
    names = ("quality", "low", "high", "n", "reward")
    found = zip(columns.arms(), *table.tolist(), strict=True)
    return {str(arm): dict(zip(names, row, strict=True)) for arm, *row in sorted(found) if row[3] > 0}


def by_region(columns: Columns, level: Numbers, past: Past, fit: Fit, latest: int) -> Mapping[str, object]:
    """The same for each region of the fit, of the latest judgements; regions are numbered from 1."""
    places, width = slice(max(0, len(past) - latest), len(past)), len(columns)
    column, own = past.column.rows[places].astype(np.intp), past.counted(np.arange(len(past)))[places]
    region = fit.region(past.index.vectors(past.row.rows[places].astype(np.int64)))
    size, flat = len(fit.centres) * width, region * width + column
    weight = sums(flat, own, size).reshape(-1, width)
    reward = sums(flat, own * past.reward.rows[places], size).reshape(-1, width)
    return {
        str(i + 1): rows(columns, level, weight[i], reward[i], lean=LEAN)
        for i in range(len(fit.centres))
        if weight[i].any()
    }
