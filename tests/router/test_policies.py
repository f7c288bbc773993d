"""What holds for every policy there is, and for one that is added tomorrow."""

import json

import numpy as np
import pytest

from models.errors import BadSettings
from router.policies import load_policy, policies
from router.types import Arm, RouterSettings
from tests.router.yard import Words, candidates, query, rated

EVERY = pytest.mark.parametrize("name", policies())
QUESTION = Words().one("what is the sum of 3 and 4")


def test_the_policies_of_the_first_version_are_found_by_their_file_names() -> None:
    assert {"fixed", "random", "thompson"} <= set(policies())


def test_an_unknown_policy_is_refused_and_those_there_are_named() -> None:
    with pytest.raises(BadSettings, match=r"'oracle' is unknown; there are .*thompson"):
        load_policy("oracle", RouterSettings())


@EVERY
def test_propensities_are_a_distribution_over_the_candidates(name: str) -> None:
    policy, arms = load_policy(name, RouterSettings(seed=3)), candidates()
    for i in range(60):
        choice = policy.choose(query(QUESTION), arms)
        assert set(choice.propensities) == set(choice.estimates) == {one.arm for one in arms}
        assert sum(choice.propensities.values()) == pytest.approx(1.0)
        assert choice.propensities[choice.arm] > 0
        assert choice.why.endswith(".")
        policy.learn(rated(choice.arm, QUESTION, float(i % 3 == 0)))


@EVERY
def test_without_exploring_the_choice_is_certain_and_stays_the_same(name: str) -> None:
    for settings, asked in ((RouterSettings(explore=False), {}), (RouterSettings(), {"explore": False})):
        policy, arms = load_policy(name, settings), candidates()
        policy.learn(rated(arms[3].arm, QUESTION, 1.0))
        choices = [policy.choose(query(QUESTION, **asked), arms) for _ in range(5)]
        assert len({choice.arm for choice in choices}) == 1
        assert choices[0].propensities[choices[0].arm] == 1.0


@EVERY
def test_a_single_candidate_is_chosen_with_certainty(name: str) -> None:
    choice = load_policy(name, RouterSettings()).choose(query(QUESTION), candidates()[:1])
    assert choice.propensities == {choice.arm: 1.0}


@EVERY
def test_feedback_for_arms_that_vanished_is_taken(name: str) -> None:
    policy = load_policy(name, RouterSettings())
    policy.learn(rated(Arm("gone", "with_the_wind"), QUESTION, 1.0))
    arms = candidates()
    assert policy.choose(query(QUESTION), arms).arm in {one.arm for one in arms}


@EVERY
def test_beliefs_and_estimates_are_plain_json_numbers(name: str) -> None:
    policy, arms = load_policy(name, RouterSettings(seed=1)), candidates()
    policy.learn(rated(arms[0].arm, QUESTION, 0.3, weight=0.5))
    json.dumps(policy.beliefs(), allow_nan=False)
    for estimate in policy.choose(query(QUESTION), arms).estimates.values():
        assert type(estimate.quality) is float
        assert 0 <= estimate.low <= estimate.quality <= estimate.high <= 1


@EVERY
def test_a_question_whose_embedding_is_broken_is_answered_all_the_same(name: str) -> None:
    policy, arms = load_policy(name, RouterSettings(seed=1)), candidates()
    policy.learn(rated(arms[0].arm, QUESTION, 1.0))
    broken = np.full(16, np.nan, dtype=np.float32)
    assert sum(policy.choose(query(broken), arms).propensities.values()) == pytest.approx(1.0)


def test_fixed_takes_the_default_arm_and_else_the_first_that_asks_directly() -> None:
    arms = candidates(strategies=2)
    asked = query(QUESTION)
    fixed = load_policy("fixed", RouterSettings(default_arm="s1@m1"))
    assert str(fixed.choose(asked, arms).arm) == "s1@m1"
    assert "may not answer" in fixed.choose(asked, arms[:1]).why
    with pytest.raises(BadSettings, match="default_arm"):
        load_policy("fixed", RouterSettings(default_arm="m1"))


def test_random_is_even_and_draws_as_it_says() -> None:
    policy, arms = load_policy("random", RouterSettings(seed=5)), candidates()
    drawn = [policy.choose(query(QUESTION), arms) for _ in range(1500)]
    counts = np.array([sum(choice.arm == one.arm for choice in drawn) for one in arms])
    assert set(drawn[0].propensities.values()) == {1 / 15}
    assert ((counts - 100) ** 2 / 100).sum() < 36.1  # chi-square, 14 degrees of freedom, 99.9 %
