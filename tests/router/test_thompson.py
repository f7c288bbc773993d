"""The learning policy: what it believes, how it draws, and that its state is a fold of the feedback."""

import json
from collections.abc import Iterable

import numpy as np
import pytest

from models.errors import BadSettings
from router.policies import load_policy
from router.policies.thompson import Thompson
from router.types import Arm, Candidate, Feedback, RouterSettings
from tests.router.yard import Words, candidates, query, rated

WORDS = Words()
SUM = WORDS.one("what is the sum of three and four")
SPELL = WORDS.one("spell garden backwards please")
ARMS = candidates()


def thompson(**params: float) -> Thompson:
    policy = load_policy("thompson", RouterSettings(seed=7, params=params))
    assert isinstance(policy, Thompson)
    return policy


def taught(feedback: Iterable[Feedback]) -> Thompson:
    policy = thompson()
    for one in feedback:
        policy.learn(one)
    return policy


def history(n: int = 150) -> list[Feedback]:
    draw = np.random.default_rng(0)
    kinds = (SUM, SPELL)
    return [
        rated(ARMS[draw.integers(15)].arm, kinds[draw.integers(2)], float(draw.integers(2)), [1.0, 0.5][i % 2])
        for i in range(n)
    ]


def test_with_nothing_known_every_arm_is_equally_likely_and_alike() -> None:
    choice = thompson().choose(query(SUM), ARMS)
    assert set(choice.propensities.values()) == {1 / 15}
    assert {(e.quality, e.n) for e in choice.estimates.values()} == {(0.5, 0.0)}
    assert "every arm was equally likely" in choice.why


def test_arms_are_drawn_with_the_probabilities_that_are_logged() -> None:
    policy = taught(history(60))
    drawn, expected = dict.fromkeys((one.arm for one in ARMS), 0), dict.fromkeys((one.arm for one in ARMS), 0.0)
    for _ in range(2000):
        choice = policy.choose(query(SUM), ARMS)
        drawn[choice.arm] += 1
        for arm, p in choice.propensities.items():
            expected[arm] += p
    assert sum((drawn[a] - expected[a]) ** 2 / expected[a] for a in drawn) < 36.1  # chi-square, 14 degrees, 99.9 %


def test_no_arm_is_ever_impossible_while_exploring() -> None:
    policy = taught(rated(one.arm, SUM, float(one is ARMS[9])) for one in ARMS * 40)
    choice = policy.choose(query(SUM), ARMS)
    assert min(choice.propensities.values()) >= 0.02 / 15 - 1e-12
    assert choice.propensities[ARMS[9].arm] > 0.9


def test_what_is_learned_of_one_kind_of_question_is_not_believed_of_another() -> None:
    good, bad = ARMS[4].arm, ARMS[10].arm
    rows = [rated(good, SUM, 1.0), rated(bad, SUM, 0.0), rated(good, SPELL, 0.0), rated(bad, SPELL, 1.0)]
    policy = taught(rows * 20)
    assert policy.choose(query(SUM, explore=False), ARMS).arm == good
    assert policy.choose(query(SPELL, explore=False), ARMS).arm == bad


def test_one_judgement_moves_the_next_decision() -> None:
    policy = thompson()
    before = policy.choose(query(SUM), ARMS).estimates[ARMS[5].arm].quality
    policy.learn(rated(ARMS[5].arm, SUM, 1.0))
    after = policy.choose(query(SUM), ARMS)
    assert after.estimates[ARMS[5].arm].quality > before
    assert after.propensities[ARMS[5].arm] > 2 / 15


def test_an_arm_nobody_tried_is_believed_to_be_like_its_kin() -> None:
    policy = taught(
        [rated(Arm("m1", f"s{i % 4}"), SUM, 1.0) for i in range(20)] + [rated(Arm("m2", "s0"), SUM, 0.0)] * 9
    )
    estimates = policy.choose(query(SUM), ARMS).estimates
    assert estimates[Arm("m1", "s4")].quality > estimates[Arm("m0", "s4")].quality > estimates[Arm("m2", "s4")].quality
    assert estimates[Arm("m1", "s4")].n == 0.0


def test_more_feedback_narrows_the_interval_and_weight_scales_what_counts() -> None:
    def width(n: int, weight: float) -> float:
        estimate = taught([rated(ARMS[0].arm, SUM, float(i % 2), weight) for i in range(n)]).choose(query(SUM), ARMS)
        return estimate.estimates[ARMS[0].arm].high - estimate.estimates[ARMS[0].arm].low

    assert width(100, 1.0) < width(10, 1.0) / 2
    assert width(100, 0.1) == pytest.approx(width(10, 1.0), rel=0.02)


def test_the_interval_covers_the_truth_nine_times_in_ten() -> None:
    draw, hits = np.random.default_rng(2), 0
    for _ in range(300):
        truth = draw.beta(2, 2)
        policy = taught(rated(ARMS[0].arm, SUM, float(draw.random() < truth)) for _ in range(30))
        estimate = policy.choose(query(SUM), ARMS[:2]).estimates[ARMS[0].arm]
        hits += estimate.low <= truth <= estimate.high
    assert 0.84 <= hits / 300 <= 1.0


def test_the_same_feedback_gives_the_same_beliefs() -> None:
    assert taught(history()).beliefs() == taught(history()).beliefs()


def test_a_policy_that_was_restarted_from_the_log_believes_and_does_the_same() -> None:
    live, log = thompson(), []
    draw = np.random.default_rng(4)
    for i in range(200):
        kind = (SUM, SPELL)[i % 2]
        choice = live.choose(query(kind), ARMS)
        log.append(rated(choice.arm, kind, float(draw.random() < 0.5)))
        live.learn(log[-1])
    back = taught(log)
    assert json.loads(json.dumps(back.beliefs())) == json.loads(json.dumps(live.beliefs()))
    ours, theirs = (p.choose(query(SUM, explore=False), ARMS) for p in (live, back))
    assert ours.arm == theirs.arm
    for arm, estimate in ours.estimates.items():
        assert estimate.quality == pytest.approx(theirs.estimates[arm].quality, abs=1e-9)


def test_a_broken_embedding_teaches_only_the_means_over_all_questions() -> None:
    policy = taught([rated(ARMS[0].arm, np.full(16, np.nan, np.float32), 1.0)])
    beliefs = policy.beliefs()
    assert beliefs["judged"] == 1.0
    assert beliefs["regions"] == {}


@pytest.mark.parametrize(("reward", "weight"), [(np.nan, 1.0), (1.0, np.nan), (1.0, 0.0), (1.0, -1.0), (np.inf, 1.0)])
def test_a_judgement_that_is_no_number_says_nothing(reward: float, weight: float) -> None:
    assert taught([rated(ARMS[0].arm, SUM, reward, weight)]).beliefs()["judged"] == 0.0


def test_another_embedder_starts_new_regions_and_keeps_the_means() -> None:
    policy = taught([rated(ARMS[3].arm, SUM, 1.0)] * 10)
    wide = np.ones(32, np.float32) / np.float32(32**0.5)
    assert policy.choose(query(wide, explore=False), ARMS).arm == ARMS[3].arm
    policy.learn(rated(ARMS[4].arm, wide, 1.0))
    regions = policy.beliefs()["regions"]
    assert isinstance(regions, dict)
    assert {name.split(" of size ")[1] for name in regions} == {"16", "32"}


def test_more_arms_than_were_planned_for_fit() -> None:
    many = candidates(models=[f"m{i}" for i in range(9)], strategies=5)
    policy = taught(rated(one.arm, SUM, float(i == 40)) for i, one in enumerate(many))
    assert policy.choose(query(SUM, explore=False), many).arm == many[40].arm


def test_the_dial_turns_from_cheap_to_good() -> None:
    cheap, good = Candidate(ARMS[0].arm, ARMS[0].strategy, 0.1), Candidate(ARMS[1].arm, ARMS[1].strategy, 5.0)
    policy = taught(
        rated(arm.arm, SUM, float(i % 5 > least)) for i in range(50) for arm, least in ((cheap, 1), (good, 0))
    )
    assert policy.choose(query(SUM, explore=False, quality=0.0), [cheap, good]).arm == cheap.arm
    assert policy.choose(query(SUM, explore=False, quality=1.0), [cheap, good]).arm == good.arm


@pytest.mark.parametrize("params", [{"strength": 0.0}, {"floor": 1.0}, {"draws": 0.0}, {"regions": 0.5}])
def test_parameters_that_cannot_be_meant_are_refused(params: dict[str, float]) -> None:
    with pytest.raises(BadSettings, match=next(iter(params))):
        thompson(**params)


def test_the_reason_counts_what_the_log_holds() -> None:
    a, b = ARMS[0], Candidate(ARMS[1].arm, ARMS[1].strategy, 0.5)
    a = Candidate(a.arm, a.strategy, 0.9)
    rows = [rated(a.arm, SUM, float(i < 38)) for i in range(50)] + [rated(b.arm, SUM, float(i < 21)) for i in range(50)]
    why = taught(rows).choose(query(SUM, explore=False), [a, b]).why
    assert why == (
        "38 of 50 similar questions (region 0.6/0) went well with s0@m0, against 21 of 50 with s1@m0; 0.4 GPU-s more."
    )


def test_the_reason_does_not_count_what_was_no_plain_yes_or_no() -> None:
    rows = [rated(ARMS[0].arm, SUM, 0.75)] * 8
    why = taught(rows).choose(query(SUM, explore=False), ARMS[:2]).why
    assert "s0@m0 was rated 0.75 on average over 8 similar questions" in why
    assert "against none tried with s1@m0" in why


def test_a_choice_that_explores_says_so_and_names_the_arm_that_looks_best() -> None:
    policy = taught([rated(ARMS[0].arm, SUM, 1.0)] * 6 + [rated(ARMS[1].arm, SUM, float(i < 3)) for i in range(6)])
    whys = {choice.arm: choice.why for choice in (policy.choose(query(SUM), ARMS[:2]) for _ in range(400))}
    assert "Exploring: s1@m0 was drawn" in whys[ARMS[1].arm]
    assert "3 of 6" in whys[ARMS[1].arm]
    assert "s0@m0 looks best, 6 of 6" in whys[ARMS[1].arm]


def test_a_choice_that_tries_something_new_says_so() -> None:
    policy = taught([rated(ARMS[0].arm, SUM, 1.0)] * 2)
    whys = {choice.arm: choice.why for choice in (policy.choose(query(SUM), ARMS[:2]) for _ in range(200))}
    assert "and has not been rated yet; s0@m0 looks best, 2 of 2." in whys[ARMS[1].arm]
