"""Raters: who is right how often is found out, weighs accordingly, and nobody is silenced or turned round."""

import numpy as np
import pytest

from router.raters import ENOUGH, LEAST, START, Raters, fit, preferred, reliabilities
from router.types import Arm, Feedback
from router.utility import Numbers

TRUE = {"careful": 0.95, "hasty": 0.7, "coin": 0.5}
NAMES = tuple(TRUE)


class Labels:
    """Judgements of answers that are good with a known probability, by three raters in turn of chance."""

    def __init__(self, n: int, seed: int) -> None:
        draw = np.random.default_rng(seed)
        self.expected: Numbers = draw.beta(0.6, 0.6, n)
        good = draw.random(n) < self.expected
        self.rater = draw.integers(3, size=n)
        right = draw.random(n) < np.array(list(TRUE.values()))[self.rater]
        self.reward: Numbers = np.where(right, good, ~good).astype(np.float64)

    def feedback(self) -> list[Feedback]:
        """The same as feedback."""
        rows = zip(self.rater.tolist(), self.reward.tolist(), self.expected.tolist(), strict=True)
        nowhere, arm = np.zeros(4, dtype=np.float32), Arm("m", "s")
        return [Feedback("d", arm, nowhere, reward, NAMES[rater], expected=p) for rater, reward, p in rows]

    def raters(self) -> Raters:
        """What the fold knows after all of them."""
        raters = Raters()
        for one in self.feedback():
            raters.learn(one.rater, one.reward, one.expected)
        return raters


def test_maximising_expectation_finds_the_reliabilities_of_three_raters() -> None:
    labels = Labels(20_000, 0)
    found = [fit(labels.expected[labels.rater == i], labels.reward[labels.rater == i]) for i in range(3)]
    assert found == pytest.approx([0.953, 0.712, 0.513], abs=0.02)


def test_the_whole_log_gives_each_rater_a_reliability_with_its_error() -> None:
    labels = Labels(20_000, 1)
    failures = [Feedback("d", Arm("m", "s"), np.zeros(4, dtype=np.float32), 0.0, "engine", expected=0.9)] * 50
    found = reliabilities([*labels.feedback(), *failures])
    assert set(found) == set(TRUE), "the engine's failures are no opinion"
    for name, one in found.items():
        assert one.reliability == pytest.approx(TRUE[name], abs=0.02)
        assert 0.003 < one.error < 0.01
        assert one.n == np.sum(labels.rater == NAMES.index(name))


@pytest.mark.parametrize("seed", range(3))
def test_one_judgement_at_a_time_leads_to_the_same_order_and_weights(seed: int) -> None:
    raters = Labels(4000, seed).raters()
    found = {name: one.reliability for name, one in raters.reliabilities().items()}
    assert found == pytest.approx(TRUE, abs=0.2)
    weights = [raters.weight(name) for name in NAMES]
    assert weights[0] > 0.95
    assert weights[0] > weights[1] > weights[2]
    assert LEAST <= weights[2] < 0.45


def test_a_rater_alone_counts_whole_even_when_an_arm_gets_worse() -> None:
    raters, draw = Raters(), np.random.default_rng(0)
    for step in range(400):
        raters.learn("user", float(draw.random() < (0.9 if step < 200 else 0.2)), 0.9)
    assert raters.reliabilities()["user"].reliability < 0.6
    assert raters.weight("user") == 1.0


def test_what_gets_worse_for_everybody_makes_nobody_a_liar() -> None:
    raters, draw = Raters(), np.random.default_rng(1)
    for step in range(600):
        raters.learn(f"user {step % 3}", float(draw.random() < (0.9 if step < 300 else 0.4)), 0.9)
    assert min(raters.weight(f"user {i}") for i in range(3)) > 0.8


def test_nobody_is_called_worse_than_chance_by_a_few_judgements() -> None:
    few = Raters()
    for _ in range(ENOUGH - 1):
        few.learn("contrary", 0.0, 0.95)
    assert few.reliabilities()["contrary"].reliability == 0.5
    assert few.weight("contrary") == 1.0, "a stranger counts whole"
    few.learn("contrary", 0.0, 0.95)
    assert few.reliabilities()["contrary"].reliability < 0.5


def test_even_a_contrary_rater_is_heard_a_little() -> None:
    raters, draw = Raters(), np.random.default_rng(2)
    for _ in range(300):
        raters.learn("fair", float(draw.random() < 0.9), 0.9)
        raters.learn("contrary", float(draw.random() < 0.1), 0.9)
    assert raters.weight("contrary") == LEAST
    assert raters.weight("fair") == 1.0


def test_where_nothing_was_expected_nothing_is_learned_about_the_rater() -> None:
    raters = Raters()
    for _ in range(100):
        raters.learn("user", 0.0, None)
        raters.learn("other", 0.0, 0.5)
    for one in raters.reliabilities().values():
        assert (one.reliability, one.n) == (START, 100)
    assert raters.weight("user") == 1.0


def test_judgements_of_which_nothing_was_expected_do_not_end_the_time_as_a_stranger() -> None:
    raters, draw = Raters(), np.random.default_rng(5)
    for _ in range(3000):
        raters.learn("fair", float(draw.random() < 0.98), 0.99)
    for _ in range(ENOUGH):
        raters.learn("pinning", 0.0, None)
    for _ in range(5):
        raters.learn("pinning", 0.0, 0.95)
    assert raters.weight("pinning") == 1.0
    assert raters.reliabilities()["pinning"].n == ENOUGH + 5
    for _ in range(ENOUGH):
        raters.learn("pinning", 0.0, 0.95)
    assert raters.weight("pinning") < 1.0


def test_half_good_says_nothing_where_half_good_was_expected() -> None:
    raters = Raters()
    for _ in range(200):
        raters.learn("graded", 0.8, 0.8)
    assert raters.reliabilities()["graded"].reliability > 0.95


def test_the_better_answer_is_likely_to_be_preferred_and_both_chances_sum_to_one() -> None:
    assert preferred(0.7, 0.7) == 0.5
    assert preferred(0.9, 0.3) == pytest.approx(0.77, abs=0.01)
    assert preferred(0.9, 0.3) + preferred(0.3, 0.9) == pytest.approx(1.0)
