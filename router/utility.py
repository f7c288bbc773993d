"""What an answer is worth: its quality less what it takes, under one dial from cheap (0) to good (1)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from router.types import Candidate

Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Worth:
    """Exchange rates: how much reward (0..1) one second of a GPU, one second of waiting and one dollar are worth.

    They are a matter of taste, not of fact; `[router.params]` of the settings changes them by the names
    `worth_gpu_second`, `worth_second` and `worth_usd`.
    """

    gpu_second: float = 0.1
    second: float = 0.02
    usd: float = 10.0

    @classmethod
    def of(cls, params: Mapping[str, float]) -> "Worth":
        """The rates that the settings name; the others keep their defaults."""
        return cls(
            params.get("worth_gpu_second", cls().gpu_second),
            params.get("worth_second", cls().second),
            params.get("worth_usd", cls().usd),
        )


USUAL = Worth()


def utility(quality: float, gpu_seconds: float, seconds: float, usd: float, dial: float, worth: Worth = USUAL) -> float:
    """quality - (1 - dial) * (0.1 * GPU-seconds + 0.02 * seconds + 10 * dollars), the rates being `worth`.

    At dial 1 only quality counts. At the usual dial of 0.7 and the usual rates, an answer may take one GPU-second
    more for 3 points of quality, or five seconds of waiting more for 3 points, or one cent for 3 points.
    """
    return quality - (1 - dial) * (worth.gpu_second * gpu_seconds + worth.second * seconds + worth.usd * usd)


def prices(candidates: Sequence[Candidate], dial: float, worth: Worth = USUAL) -> Numbers:
    """What each candidate's expected costs take off its quality, in reward; float64 [n].

    An unknown cost counts as the mean of the known ones, never as nothing: an arm that was never tried is not cheap.
    The wait for a model counts besides.
    What a budget charges comes on top, whatever the dial: who asks for quality alone spends the same money.
    """
    gpu_seconds = filled([candidate.gpu_seconds for candidate in candidates])
    waits = np.array([candidate.wait for candidate in candidates])
    seconds = waits + filled([None if one.seconds is None else one.seconds - one.wait for one in candidates])
    usd = filled([candidate.usd for candidate in candidates])
    rates = (1 - dial) * np.array([worth.gpu_second, worth.second, worth.usd])
    surcharges = np.array([candidate.surcharge for candidate in candidates])
    return np.asarray(rates @ np.stack([gpu_seconds, seconds, usd]) + surcharges, dtype=np.float64)


def filled(values: Sequence[float | None]) -> Numbers:
    """What is not known taken for the mean of what is, or for nothing where nothing is; float64 [n]."""
    known = [value for value in values if value is not None]
    middle = sum(known) / len(known) if known else 0.0
    return np.array([middle if value is None else value for value in values], dtype=np.float64)
