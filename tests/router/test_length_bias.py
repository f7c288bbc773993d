"""The length bias: what answers owe to their length is taken off them, and nothing else is."""

import math
from dataclasses import dataclass, replace

import numpy as np
import pytest

from router.length_bias import LengthBias
from router.types import Arm, Feedback
from router.utility import Numbers

ARMS = tuple(Arm(f"m{i}", "s") for i in range(3))
QUALITY = (0.7, 0.6, 0.5)
LENGTHS = (30, 90, 245)
"""The worse the arm, the longer its answers."""


@dataclass(frozen=True, eq=False)
class Stream:
    """Judgements with their true and corrected rewards; all arrays [n]."""

    arm: Numbers
    length: Numbers
    given: Numbers
    corrected: Numbers
    bias: LengthBias

    def means(self, rewards: Numbers) -> list[float]:
        """The mean reward of each arm in the second half."""
        late = len(rewards) // 2
        return [float(rewards[late:][self.arm[late:] == i].mean()) for i in range(3)]

    def correlation(self, rewards: Numbers) -> float:
        """Of the rewards with the length within each arm, in the second half; the arms differ in both."""
        late = len(rewards) // 2
        length, rest = self.length[late:].copy(), rewards[late:].copy()
        for i in range(3):
            for column in (length, rest):
                column[self.arm[late:] == i] -= column[self.arm[late:] == i].mean()
        return float(np.corrcoef(rest, length)[0, 1])


def stream(slope: float, seed: int, n: int = 3000, topic: float = 0.0) -> Stream:
    """Arms tried evenly; `slope` is what a factor e of length adds to a judgement in logits.

    `topic` makes some questions longer to answer and better answered, without any bias.
    """
    draw, bias = np.random.default_rng(seed), LengthBias()
    places = np.linalg.qr(draw.normal(size=(16, 16)))[0][:4].astype(np.float32)
    rows = np.zeros((4, n))
    for step in range(n):
        i, kind = int(draw.integers(3)), int(draw.integers(4))
        length = math.log(LENGTHS[i]) * (topic == 0) + 4.5 * (topic != 0) + 0.4 * draw.normal() + topic * (kind - 1.5)
        logit = math.log(QUALITY[i] / (1 - QUALITY[i])) + topic * (kind - 1.5) + slope * (length - math.log(90))
        reward = float(draw.random() < 1 / (1 + math.exp(-logit)))
        tokens = max(1, round(math.exp(length)))
        feedback = Feedback("d", ARMS[i], places[kind], reward, answer_tokens=tokens)
        rows[:, step] = i, length, reward, bias.correct(feedback)
    return Stream(rows[0], rows[1], rows[2], rows[3], bias)


@pytest.mark.parametrize("seed", range(3))
def test_where_longer_wins_the_ranking_of_the_arms_stays_right(seed: int) -> None:
    seen = stream(1.0, seed)
    given, corrected = seen.means(seen.given), seen.means(seen.corrected)
    assert given[0] < given[1] < given[2], "the stream is biased: the worst arm is rated best"
    assert corrected[0] > corrected[1] > corrected[2]
    assert corrected == pytest.approx(QUALITY, abs=0.12)


@pytest.mark.parametrize("seed", range(3))
def test_what_is_left_hardly_goes_with_length(seed: int) -> None:
    seen = stream(1.0, seed)
    assert seen.correlation(seen.given) > 0.12
    assert abs(seen.correlation(seen.corrected)) < 0.07


@pytest.mark.parametrize("seed", range(3))
def test_without_a_bias_nothing_changes(seed: int) -> None:
    seen = stream(0.0, seed)
    assert np.mean(seen.given == seen.corrected) > 0.9
    assert np.abs(seen.given - seen.corrected).max() < 0.25
    assert seen.bias.slope().used < 0.1


def test_answers_that_are_worse_for_being_longer_are_left_alone() -> None:
    seen = stream(-1.0, 5)
    assert seen.bias.slope().estimate < -0.5
    assert np.array_equal(seen.given[500:], seen.corrected[500:])


def test_topics_that_take_long_and_go_well_are_not_a_bias() -> None:
    seen = stream(0.0, 6, topic=0.8)
    assert seen.correlation(seen.given) > 0.3, "length and reward do go together"
    assert seen.bias.slope().used < 0.2


def test_a_corrected_reward_is_right_on_average_and_lies_between_nought_and_one() -> None:
    seen = stream(1.5, 7)
    assert seen.corrected.min() >= 0.0
    assert seen.corrected.max() <= 1.0
    long = seen.arm == 2
    assert seen.corrected[long & (seen.given == 0)].max() < 0.3, "a bad mark for a long answer stays one"
    assert seen.means(seen.corrected)[2] == pytest.approx(QUALITY[2], abs=0.12)


def test_an_answer_of_unknown_length_keeps_its_reward() -> None:
    bias = stream(1.0, 8).bias
    before = bias.slope()
    one = Feedback("d", ARMS[0], np.ones(16, dtype=np.float32), 1.0)
    assert bias.correct(one) == 1.0
    assert bias.correct(replace(one, answer_tokens=0)) == 1.0
    assert bias.slope() == before


def test_a_broken_embedding_and_a_new_arm_are_taken() -> None:
    bias = stream(1.0, 9).bias
    broken = np.full(16, np.nan, dtype=np.float32)
    for size in (16, 32):
        one = Feedback("d", Arm("new", "s"), broken[:size], 1.0, answer_tokens=400, expected=1.0)
        assert 0 < bias.correct(one) < 1
    assert math.isfinite(bias.slope().estimate)
