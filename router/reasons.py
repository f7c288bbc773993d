"""Why an arm was chosen, in one sentence that can be checked against the log."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from router.types import Candidate
from router.utility import Numbers

NEAR = "near"
"""What the nearest questions are called, where a region has its number."""
ENOUGH = 3.0
"""With fewer judgements than this in a region, the sentence speaks of a wider one."""


@dataclass(frozen=True, slots=True, eq=False)
class Tried:
    """What was rated in a region, or over all questions (`where` is empty): sums per arm, [arms].

    `unplain` counts the judgements that were not a whole yes or no.
    """

    where: str
    weight: Numbers
    reward: Numbers
    unplain: Numbers

    def take(self, columns: NDArray[np.intp]) -> "Tried":
        """The same for some arms."""
        return Tried(self.where, self.weight[columns], self.reward[columns], self.unplain[columns])

    @property
    def questions(self) -> str:
        """What the counted questions have in common, in words."""
        if self.where == NEAR:
            return "similar questions"
        return f"similar questions (region {self.where})" if self.where else "questions of all kinds"

    def count(self, i: int) -> str:
        """How the arm did: `7 of 9`, or a mean where judgements were not plain."""
        if self.weight[i] == 0.0:
            return "none tried"
        if self.unplain[i] == 0.0:
            return f"{self.reward[i]:.0f} of {self.weight[i]:.0f}"
        return f"{self.reward[i] / self.weight[i]:.2f} on average over {self.weight[i]:.3g}"

    def tell(self, i: int, arm: object) -> str:
        """The count as a clause."""
        if self.unplain[i] == 0.0:
            return f"{self.count(i)} {self.questions} went well with {arm}"
        return f"{arm} was rated {self.count(i)} {self.questions}"


def explain(
    candidates: Sequence[Candidate], worth: Numbers, odds: Numbers, chosen: int, levels: Sequence[Tried]
) -> str:
    """The sentence. `worth` is the expected utility and `odds` the probability of each candidate, both [n];

    `levels` is what was rated of them, narrowest region first.
    """
    arm, n = candidates[chosen].arm, len(candidates)
    if n == 1:
        return f"{arm} is the only arm that this request allows."
    if not levels[-1].weight.any():
        even = "every arm was equally likely, and" if np.ptp(odds) == 0.0 else f"at a probability of {odds[chosen]:.2f}"
        return f"Nothing is known of such questions yet; {even} {arm} was drawn."
    best = int(np.argmax(worth))
    rival = int(np.argmax(np.where(np.arange(n) == chosen, -np.inf, worth)))
    level = next((one for one in levels if one.weight[chosen] >= ENOUGH), levels[-1])
    if chosen != best:
        looks = f"{candidates[best].arm} looks best, {level.count(best)}"
        drawn = f"Exploring: {arm} was drawn at a probability of {odds[chosen]:.2f}"
        if level.weight[chosen] == 0.0:
            return f"{drawn} and has not been rated yet; {looks}."
        return f"{drawn}; {level.tell(chosen, arm)}; {looks}."
    if level.weight[chosen] == 0.0:
        return f"{arm} was not rated yet, and what is known of its model and its strategy makes it look best."
    against = f"against {level.count(rival)} with {candidates[rival].arm}"
    return f"{level.tell(chosen, arm)}, {against}{_dearer(candidates[chosen], candidates[rival])}."


def _dearer(one: Candidate, other: Candidate) -> str:
    for mine, its, unit, least in (
        (one.gpu_seconds, other.gpu_seconds, "GPU-s", 0.05),
        (one.seconds, other.seconds, "s", 0.05),
        (one.usd, other.usd, "dollars", 0.0001),
    ):
        if mine is not None and its is not None and abs(mine - its) >= least:
            return f"; {abs(mine - its):.2g} {unit} {'more' if mine > its else 'less'}"
    return ""
