"""The parameters of the default policy."""

from collections.abc import Mapping
from dataclasses import dataclass

from router.parameters import read
from router.refitting import FIRST

SOON = 10.0
"""Judgements of an arm with which it is drawn half as sharply as with many: first impressions must not bury it."""
REACH = 1.2
"""Standard deviations of what is believed by which an arm may look worse than the best and still be tried evenly."""


@dataclass(frozen=True, slots=True)
class Knobs:
    """`[router.params]` of this policy; the defaults come from `benchmarks.routing`.

    `strength` is how many judgements an arm's prior is worth over all questions; `caution` how many standard deviations
    better an arm must be to be preferred to the best single one; `sharpness` how many times each judgement counts when
    drawing (more explores less); `floor` the probability spread over all arms that may still be the best; `far` and
    `usual` the shares of known questions that lie as far off as what is believed not at all, and wholly; `window` how
    many of the latest questions are fitted; `background` 0 fits at once instead of in a thread of its own.
    """

    strength: float = 2.0
    caution: float = 0.2
    sharpness: float = 8.0
    floor: float = 0.1
    draws: float = 256
    far: float = 0.02
    usual: float = 0.15
    window: float = 20_000
    trees: float = 80
    background: float = 1.0

    @classmethod
    def of(cls, params: Mapping[str, float]) -> "Knobs":
        """The settings' values. Raises BadSettings for one that cannot be meant."""
        return read(cls, params, cls._meant)

    def _meant(self) -> Mapping[str, bool]:
        return {
            "strength": self.strength > 0,
            "caution": self.caution >= 0,
            "sharpness": self.sharpness > 0,
            "floor": 0 <= self.floor < 1,
            "draws": self.draws >= 1,
            "far": 0 <= self.far < self.usual,
            "usual": self.usual <= 1,
            "window": self.window >= FIRST,
            "trees": self.trees >= 1,
        }
