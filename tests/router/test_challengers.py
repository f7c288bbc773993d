"""What holds for every policy that is made of a predictor, and what each learns from one judged arm a question."""

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType

import numpy as np
import pytest

from models.errors import BadSettings
from models.types import Message, Request
from router.judged import Judged
from router.policies import load_policy
from router.scored import Scored
from router.types import Arm, Candidate, Feedback, Predicts, RouterSettings, Settles
from router.utility import Numbers
from strategies.core import Constraints, Query
from strategies.core.query import Vector
from tests.router.yard import Words, candidates, query, rated

CHALLENGERS = ("nearest", "clusters", "pilots", "logistic", "linucb", "expertise_tree", "instruction")
EVERY = pytest.mark.parametrize("name", CHALLENGERS)
ARMS = candidates(("m0", "m1", "m2"), 1)
SUM = Words().one("what is the sum of three and four")
PLACES = 0.9 * np.eye(3, 16)
"""Three kinds of questions, at these places; the arm of the same number is good at the kind, the others are not."""


def open_(name: str, *, explore: bool = True, params: Mapping[str, float] = MappingProxyType({})) -> Scored:
    policy = load_policy(name, RouterSettings(seed=7, explore=explore, params=params))
    assert isinstance(policy, Scored)
    return policy


def questions(n: int, seed: int) -> Vector:
    """Questions of the three kinds in turn, unit rows."""
    x = PLACES[np.arange(n) % 3] + np.random.default_rng(seed).normal(0, 0.12, (n, 16))
    return np.asarray(x / np.linalg.norm(x, axis=1, keepdims=True), dtype=np.float32)


def log(n: int = 900, seed: int = 0) -> list[Feedback]:
    """What an even draw of one arm per question earned: 0.8 for the arm of the kind, 0.3 for the others."""
    draw, x = np.random.default_rng(seed), questions(n, seed)
    taken = draw.integers(3, size=n)
    rewards = draw.random(n) < np.where(taken == np.arange(n) % 3, 0.8, 0.3)
    return [
        Feedback(f"chatcmpl-{i}", ARMS[arm].arm, x[i], float(rewards[i]), propensity=1 / 3, text=f"kind {i % 3}?")
        for i, arm in enumerate(taken.tolist())
    ]


@lru_cache(maxsize=16)
def taught(name: str, explore: bool = True) -> Scored:
    """A policy that learned the log and settled; tests that share it only ask."""
    policy = learned(open_(name, explore=explore), log())
    policy.settle()
    return policy


def learned(policy: Scored, feedback: Sequence[Feedback]) -> Scored:
    for one in feedback:
        policy.learn(one)
    return policy


def asking(text: str, embedding: Vector, **limits: bool) -> Query:
    return Query(Request((Message("user", text),)), embedding, Constraints(explore=limits.get("explore")))


def predicted(policy: Scored, x: Vector) -> Numbers:
    return policy.predict(x, [f"kind {i % 3}?" for i in range(len(x))], [one.arm for one in ARMS])


@EVERY
def test_it_predicts_and_settles(name: str) -> None:
    policy = open_(name)
    assert isinstance(policy, Predicts)
    assert isinstance(policy, Settles)
    policy.settle()
    assert predicted(policy, questions(4, 1)) == pytest.approx(np.full((4, 3), 0.5))


@EVERY
def test_from_a_log_of_one_arm_a_question_it_learns_which_arm_is_good_at_which_kind(name: str) -> None:
    chosen = predicted(taught(name), questions(300, 5)).argmax(axis=1)
    assert (chosen == np.arange(300) % 3).mean() > 0.9


@EVERY
def test_what_it_predicts_of_many_at_once_is_what_its_choices_show(name: str) -> None:
    policy, x = taught(name), questions(9, 6)
    many = predicted(policy, x)
    for i, row in enumerate(x):
        estimates = policy.choose(asking(f"kind {i % 3}?", row), ARMS).estimates
        assert [estimates[one.arm].quality for one in ARMS] == pytest.approx(many[i].tolist(), abs=1e-6)


@EVERY
def test_the_same_feedback_gives_the_same_predictions(name: str) -> None:
    x = questions(30, 8)
    one, other = (learned(open_(name), log(150)) for _ in range(2))
    assert predicted(one, x).tolist() == predicted(other, x).tolist()
    assert json.dumps(one.beliefs()) == json.dumps(other.beliefs())


@pytest.mark.parametrize("name", CHALLENGERS[1:])  # the nearest questions are counted as they stand
def test_settling_fits_what_was_learned_since_the_last_fit_and_twice_is_once(name: str) -> None:
    policy, x = learned(open_(name), log(90)), questions(30, 8)
    before = predicted(policy, x)
    policy.settle()
    settled = predicted(policy, x)
    policy.settle()
    assert np.abs(settled - before).max() > 1e-4
    assert predicted(policy, x).tolist() == settled.tolist()


@EVERY
def test_an_arm_that_was_never_judged_is_not_taken_for_a_bad_one(name: str) -> None:
    feedback = [one for one in log(200) if one.arm != ARMS[2].arm]
    quality = predicted(learned(open_(name), feedback), questions(30, 9))
    assert quality[:, 2].min() > quality[:, :2].min()
    assert 0.3 < quality[:, 2].mean() < 0.6


@EVERY
def test_a_new_arm_is_known_by_its_kin_until_the_next_fit(name: str) -> None:
    policy = learned(open_(name), log(300))
    new = Candidate(Arm("m0", "later"), ARMS[0].strategy)
    policy.learn(rated(new.arm, questions(1, 3)[0], 1.0))
    choice = policy.choose(query(questions(1, 4)[0]), [*ARMS, new])
    assert 0.2 < choice.estimates[new.arm].quality < 0.95
    policy.settle()
    assert policy.choose(query(questions(1, 4)[0]), [*ARMS, new]).propensities[new.arm] > 0


@EVERY
def test_arms_are_drawn_with_the_odds_that_are_written_down(name: str) -> None:
    policy, asked = taught(name), questions(3, 10)[0]
    n = 800
    choices = [policy.choose(query(asked), ARMS) for _ in range(n)]
    expected = np.array([choices[0].propensities[one.arm] for one in ARMS]) * n
    counts = np.array([sum(choice.arm == one.arm for choice in choices) for one in ARMS])
    assert expected.min() >= 0.02 / 3 * n - 1e-9
    assert ((counts - expected) ** 2 / expected).sum() < 13.8  # chi-square, 2 degrees of freedom, 99.9 %


@EVERY
def test_a_batch_with_a_broken_embedding_gets_the_arms_means_for_it(name: str) -> None:
    policy, x = taught(name), questions(6, 11)
    broken = x.copy()
    broken[2] = np.nan
    fine, found = predicted(policy, x), predicted(policy, broken)
    assert np.isfinite(found).all()
    assert np.delete(found, 2, axis=0) == pytest.approx(np.delete(fine, 2, axis=0), abs=1e-6)
    assert np.ptp(found[2]) < 0.1


@EVERY
def test_another_embedder_starts_anew_and_keeps_the_means(name: str) -> None:
    policy = learned(open_(name, explore=False), [rated(ARMS[1].arm, SUM, 1.0)] * 12)
    wide = np.ones(32, np.float32) / np.float32(32**0.5)
    assert policy.choose(query(wide), ARMS).arm == ARMS[1].arm
    policy.learn(rated(ARMS[0].arm, wide, 0.0))
    policy.settle()
    assert policy.choose(query(wide), ARMS).arm == ARMS[1].arm


@EVERY
@pytest.mark.parametrize(("reward", "weight"), [(np.nan, 1.0), (1.0, np.nan), (1.0, 0.0), (1.0, -1.0), (np.inf, 1.0)])
def test_a_judgement_that_is_no_number_says_nothing(name: str, reward: float, weight: float) -> None:
    assert learned(open_(name), [rated(ARMS[0].arm, SUM, reward, weight)]).beliefs()["judged"] == 0.0


@EVERY
def test_a_log_without_propensities_does_no_harm(name: str) -> None:
    odd = [Feedback("", ARMS[i % 3].arm, questions(40, 2)[i], 0.5, propensity=(0.0, np.nan)[i % 2]) for i in range(40)]
    policy = learned(open_(name), odd)
    policy.settle()
    assert np.isfinite(predicted(policy, questions(5, 3))).all()


@EVERY
@pytest.mark.parametrize("params", [{"floor": 1.0}, {"sharpness": 0.0}, {"floor": float("nan")}])
def test_parameters_that_cannot_be_meant_are_refused(name: str, params: dict[str, float]) -> None:
    with pytest.raises(BadSettings, match=next(iter(params))):
        open_(name, params=params)


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("nearest", {"k": -1.0}),
        ("nearest", {"strength": 0.0}),
        ("clusters", {"regions": 0.0}),
        ("clusters", {"beta": -1.0}),
        ("clusters", {"top": 0.0}),
        ("pilots", {"max": 2.0}),
        ("logistic", {"ridge": 0.0}),
        ("logistic", {"components": 0.0}),
        ("linucb", {"alpha": -1.0}),
        ("expertise_tree", {"ridge": 0.0}),
        ("instruction", {"alpha": -0.1}),
    ],
)
def test_parameters_of_one_method_that_cannot_be_meant_are_refused(name: str, wrong: dict[str, float]) -> None:
    with pytest.raises(BadSettings, match=rf"router\.params\.{next(iter(wrong))}"):
        open_(name, params=wrong)


@EVERY
def test_the_reason_says_what_is_expected_and_counts_what_the_log_holds(name: str) -> None:
    x = questions(60, 12)
    rows = [rated(ARMS[i % 2].arm, x[3 * (i // 2)], float(i % 2 == 0 or i < 16)) for i in range(40)]
    policy = learned(open_(name, explore=False, params={"k": 50.0}), rows)
    policy.settle()
    choice = policy.choose(query(x[0]), ARMS[:2])
    good = choice.estimates[ARMS[0].arm].quality
    assert f" expects {good:.2f} of s0@m0" in choice.why
    assert "; 20 of 20 similar questions (cosine at least 0." in choice.why
    assert ") went well with s0@m0, against 8 of 20 with s0@m1." in choice.why


@EVERY
def test_the_nearest_questions_are_named_with_what_was_judged(name: str) -> None:
    policy, feedback = taught(name), log()
    choice = policy.choose(query(feedback[17].embedding), ARMS)
    first = choice.neighbours[0]
    reward = feedback[17].reward
    assert (first.decision_id, first.arm, first.reward) == ("chatcmpl-17", str(feedback[17].arm), reward)
    assert first.similarity == pytest.approx(1.0, abs=0.02)
    assert len(choice.neighbours) == 5


def test_with_nothing_known_every_arm_is_equally_likely() -> None:
    choice = open_("clusters").choose(query(SUM), ARMS)
    assert choice.propensities == pytest.approx(dict.fromkeys((one.arm for one in ARMS), 1 / 3))
    assert "Nothing is known of such questions yet" in choice.why


def test_exploring_ends_as_judgements_come_but_never_quite() -> None:
    asked = questions(3, 13)[0]
    early, late = learned(open_("nearest"), log(40)), taught("nearest")
    explored = [1.0 - max(policy.choose(query(asked), ARMS).propensities.values()) for policy in (early, late)]
    assert explored[0] > 1.5 * explored[1] > 0.02


def test_the_interval_narrows_with_what_was_judged_nearby() -> None:
    asked = questions(3, 14)[0]

    def width(n: int) -> float:
        estimate = (
            learned(open_("nearest", params={"k": 64.0}), log(n)).choose(query(asked), ARMS).estimates[ARMS[0].arm]
        )
        return estimate.high - estimate.low

    assert width(600) < width(30) / 1.5


def test_the_same_question_is_one_row_whatever_its_length() -> None:
    judged = Judged(16)
    rows = [judged.place(x, "same") for x in (SUM, SUM * 2, questions(1, 1)[0])]
    judged.book(rows[0], 20, 1.0, 0.5)
    judged.book(rows[1], 20, 0.0, 1.5)
    assert rows == [0, 0, 1]
    assert judged.weight.shape == (2, 21)
    assert (judged.weight[0, 20], judged.reward[0, 20]) == (2.0, 0.5)
    assert judged.weight[0, :20].sum() == 0.0


def test_a_table_of_questions_grows_past_what_was_planned_for() -> None:
    judged, x = Judged(16), questions(200, 15)
    for i, one in enumerate(x):
        judged.book(judged.place(one, str(i)), i % 3, 1.0, 1.0)
    assert judged.x == pytest.approx(x, abs=1e-6)
    assert judged.weight.sum(axis=0).tolist() == [67.0, 67.0, 66.0]
