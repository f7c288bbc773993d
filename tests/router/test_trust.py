"""Trust: judgements are weighed before a policy learns them, and the fold stays a fold."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from router.policies import load_policy, policies
from router.trust import trust
from router.types import Arm, Candidate, Choice, Feedback, Predicts, RouterSettings, Settles
from strategies.core import Query
from strategies.core.query import Vector
from tests.router.yard import Words, candidates, query, rated

ARMS = candidates(("m0", "m1", "m2"), 1)
QUESTION = Words().one("what is the sum of 3 and 4")
RATERS = {"careful": 0.95, "hasty": 0.7, "coin": 0.5}


class Noting:
    """A policy that only writes down what it is given, and can predict."""

    name = "noting"

    def __init__(self) -> None:
        self.learned: list[Feedback] = []
        self.settled = 0

    def choose(self, query: Query, candidates: Sequence[Candidate]) -> Choice:
        return load_policy("fixed", RouterSettings()).choose(query, candidates)

    def learn(self, feedback: Feedback) -> None:
        self.learned.append(feedback)

    def beliefs(self) -> Mapping[str, object]:
        return {"policy": self.name}

    def settle(self) -> None:
        self.settled += 1

    def predict(self, embeddings: Vector, texts: Sequence[str], arms: Sequence[Arm]) -> NDArray[np.float64]:
        return np.full((len(embeddings), len(arms)), 0.25)


def noisy(n: int, seed: int) -> list[Feedback]:
    """Judgements of three raters of an arm that is good at half of the questions, which the router knows."""
    draw = np.random.default_rng(seed)
    found: list[Feedback] = []
    for _ in range(n):
        expected = float(draw.choice([0.1, 0.9]))
        rater = str(draw.choice(list(RATERS)))
        good = (draw.random() < expected) == (draw.random() < RATERS[rater])
        arm = ARMS[int(draw.integers(3))].arm
        tokens = int(draw.integers(20, 200))
        one = rated(arm, Words().one(f"question {draw.integers(40)}"), float(good))
        found.append(replace(one, rater=rater, expected=expected, answer_tokens=tokens, decision_id=f"d{len(found)}"))
    return found


def test_who_judges_at_random_counts_less_and_who_judges_well_counts_whole() -> None:
    inside = Noting()
    policy = trust(inside)
    for one in noisy(1500, 0):
        policy.learn(one)
    weights = {name: [one.weight for one in inside.learned if one.rater == name] for name in RATERS}
    assert [weights[name][0] for name in RATERS] == [1.0] * 3, "nobody is suspected from the start"
    assert weights["careful"][-1] > 0.95
    assert weights["coin"][-1] < 0.4 < weights["hasty"][-1] < weights["careful"][-1]


@pytest.mark.parametrize("name", policies())
def test_the_same_feedback_in_the_same_order_leads_to_the_same_beliefs(name: str) -> None:
    told = []
    for _ in range(2):
        policy = trust(load_policy(name, RouterSettings(seed=1)))
        for one in noisy(120, 1):
            policy.learn(one)
        policy.settle()
        told.append(json.dumps(policy.beliefs(), allow_nan=False))
    assert told[0] == told[1]
    assert set(json.loads(told[0])["raters"]) == set(RATERS)
    assert json.loads(told[0])["length_bias"]["people"]["n"] == 120


@pytest.mark.parametrize("name", policies())
def test_recalling_the_whole_log_leads_to_the_beliefs_of_learning_it_one_by_one(name: str) -> None:
    settings = RouterSettings(seed=1, params={"background": 0.0})
    lived, restarted = (trust(load_policy(name, settings)) for _ in range(2))
    log = [replace(one, reward=one.reward * (i % 3 > 0)) for i, one in enumerate(noisy(200, 1))]
    for one in log:
        lived.learn(one)
    restarted.recall(iter(log))
    told = [json.dumps(policy.beliefs(), allow_nan=False) for policy in (lived, restarted)]
    assert told[0] == told[1]
    chosen = [policy.choose(query(QUESTION, explore=False), ARMS).estimates for policy in (lived, restarted)]
    assert chosen[0] == chosen[1]


def test_what_is_recalled_is_weighed_as_what_is_learned() -> None:
    lived, recalled = Noting(), Noting()
    one_by_one, at_once = trust(lived), trust(recalled)
    for one in noisy(600, 3):
        one_by_one.learn(one)
    at_once.recall(noisy(600, 3))
    assert [(one.weight, one.reward) for one in recalled.learned] == [(one.weight, one.reward) for one in lived.learned]
    assert min(one.weight for one in recalled.learned) < 0.5


def test_a_failed_run_is_a_fact_and_is_handed_on_as_it_is() -> None:
    inside = Noting()
    policy = trust(inside)
    failure = replace(rated(ARMS[0].arm, QUESTION, 0.0), rater="engine", kind="failure", expected=0.99)
    for _ in range(100):
        policy.learn(failure)
    assert all(one is failure for one in inside.learned)
    assert policy.beliefs()["raters"] == {}


def test_one_user_without_a_bias_teaches_as_if_nobody_looked() -> None:
    inside = Noting()
    policy = trust(inside)
    given = [replace(one, rater="user") for one in noisy(300, 2)]
    for one in given:
        policy.learn(one)
    assert [one.weight for one in inside.learned] == [1.0] * 300
    assert [one.reward for one in inside.learned] == [one.reward for one in given]


def test_where_longer_wins_the_policy_still_finds_the_better_arm() -> None:
    draw = np.random.default_rng(3)
    best = {}
    for careful in (True, False):
        inside = load_policy("thompson", RouterSettings(seed=1, explore=False))
        policy = trust(inside) if careful else inside
        for _ in range(1500):
            i = int(draw.integers(3))
            length = (3.4, 4.5, 5.6)[i] + 0.4 * draw.normal()
            logit = (1.0, 0.4, -0.2)[i] + length - 4.5
            reward = float(draw.random() < 1 / (1 + math.exp(-logit)))
            policy.learn(replace(rated(ARMS[i].arm, QUESTION, reward), answer_tokens=round(math.exp(length))))
        best[careful] = policy.choose(query(QUESTION), ARMS).arm
    assert best[False] == ARMS[2].arm, "the stream is biased"
    assert best[True] == ARMS[0].arm


@pytest.mark.parametrize(
    "broken", [{"reward": math.nan}, {"weight": math.inf}, {"expected": math.nan}, {"weight": 0.0}]
)
def test_what_is_no_judgement_teaches_nothing_of_its_rater(broken: dict[str, float]) -> None:
    inside = Noting()
    policy = trust(inside)
    one = replace(rated(ARMS[0].arm, QUESTION, 1.0), answer_tokens=10, **broken)  # type: ignore[arg-type]  # floats all
    policy.learn(one)
    assert inside.learned == [one]
    assert policy.beliefs() == {"policy": "noting", "raters": {}, "length_bias": {}}


def test_a_reward_beyond_its_scale_counts_as_its_end() -> None:
    inside = Noting()
    trust(inside).learn(rated(ARMS[0].arm, QUESTION, 7.0))
    assert inside.learned[0].reward == 1.0


def test_a_preference_counts_as_one_judgement_of_its_rater() -> None:
    policy = trust(Noting())
    for arm, reward in ((ARMS[0].arm, 0.0), (ARMS[1].arm, 1.0)):
        policy.learn(replace(rated(arm, QUESTION, reward), kind="preference", expected=0.5))
    assert policy.beliefs()["raters"] == {"user": {"reliability": 0.9, "error": 0.094868, "n": 1.0, "weight": 1.0}}


def test_it_chooses_settles_and_predicts_as_the_policy_inside() -> None:
    inside = Noting()
    policy = trust(inside)
    policy.settle()
    assert (policy.name, inside.settled) == ("noting", 1)
    assert str(policy.choose(query(QUESTION), ARMS).arm) == "s0@m0"
    assert isinstance(policy, Predicts)
    assert isinstance(policy, Settles)
    assert policy.predict(np.zeros((2, 16), dtype=np.float32), ["", ""], [ARMS[0].arm]).tolist() == [[0.25], [0.25]]
    assert not isinstance(trust(load_policy("fixed", RouterSettings())), Predicts)


def test_judges_have_a_length_bias_of_their_own() -> None:
    policy = trust(Noting())
    for rater in ("judge:big", "user", "user"):
        policy.learn(replace(rated(ARMS[0].arm, QUESTION, 1.0), rater=rater, answer_tokens=9))
    told = policy.beliefs()["length_bias"]
    assert isinstance(told, dict)
    assert {name: row["n"] for name, row in told.items()} == {"people": 2, "judges": 1}
