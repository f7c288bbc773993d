"""Sums of values by where they belong."""

import numpy as np
from numpy.typing import NDArray

from router.utility import Numbers


def sums(where: NDArray[np.intp], values: NDArray[np.floating] | NDArray[np.bool_], size: int) -> Numbers:
    """What the values [n] add up to in each place 0..size-1 that `where` [n] names, float64 [size]."""
    return np.asarray(np.bincount(where, values, minlength=size), dtype=np.float64)
