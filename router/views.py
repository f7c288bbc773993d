"""What a policy lays open: estimates of its candidates, put together from arrays in the candidates' order."""

from collections.abc import Mapping, Sequence

import numpy as np

from router.types import Arm, Candidate, Estimate
from router.utility import Numbers


def estimates(
    candidates: Sequence[Candidate], quality: Numbers, low: Numbers, high: Numbers, n: Numbers, taken: Numbers
) -> Mapping[Arm, Estimate]:
    """One estimate per candidate; all arrays [n] in their order, `taken` being the price of each in reward."""
    rows = zip(candidates, *(column.tolist() for column in (quality, low, high, n, quality - taken)), strict=True)
    return {
        one.arm: Estimate(q, lo, hi, weight, one.gpu_seconds, one.seconds, one.usd, one.calls, worth, one.tokens)
        for one, q, lo, hi, weight, worth in rows
    }


def unknown(candidates: Sequence[Candidate], taken: Numbers) -> Mapping[Arm, Estimate]:
    """The estimates of a policy that knows nothing of quality: a half, anywhere between 0 and 1."""
    half, none = np.full(len(candidates), 0.5), np.zeros(len(candidates))
    return estimates(candidates, half, none, none + 1.0, none, taken)
