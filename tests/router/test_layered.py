"""The default policy: the best single arm from little, the right one for each kind from more, no harm on the way."""

import json
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from types import MappingProxyType
from zlib import crc32

import numpy as np
import pytest

from models.errors import BadSettings
from router.policies import load_policy
from router.policies.layered import Layered
from router.types import Arm, Candidate, Feedback, RouterSettings
from strategies.core.query import Vector
from tests.router.planted import (
    ARMS,
    CANDIDATES,
    QUICK,
    SIZE,
    asking,
    every,
    field,
    log,
    opened,
    predicted,
    taught,
)
from tests.router.yard import made

TEST = field(300, seed=9)
FAR = -np.eye(SIZE, dtype=np.float32)[0]
ONE_BEST = [[0.5, 0.8, 0.5]] * 3


@lru_cache(maxsize=1)
def settled() -> Layered:
    """A policy that learned one judged arm a question and settled; tests that share it only ask."""
    return taught(log(field(900)))


def one_by_one(feedback: Sequence[Feedback]) -> Layered:
    """A policy that learned in turn."""
    policy = opened()
    for one in feedback:
        policy.learn(one)
    return policy


def same(one: Layered, other: Layered) -> bool:
    """Whether both believe and expect the very same."""
    told = [json.dumps(policy.beliefs()) for policy in (one, other)]
    return told[0] == told[1] and predicted(one, TEST).tolist() == predicted(other, TEST).tolist()


def best(policy: Layered, embedding: Vector) -> Arm:
    """The arm without exploring; other questions have other texts."""
    text = f"question {crc32(embedding.tobytes()) % 900}"
    return policy.choose(asking(embedding, text, explore=False), CANDIDATES).arm


# ---- little and more


@pytest.mark.parametrize("n", [40, 300])
def test_with_nothing_to_gain_the_best_single_arm_is_chosen(n: int) -> None:
    policy = taught(every(field(n, quality=ONE_BEST)))
    chosen = predicted(policy, TEST).argmax(axis=1)
    assert (chosen == 1).mean() > 0.95


def test_with_a_handful_of_judgements_the_best_single_arm_is_chosen_everywhere() -> None:
    asked = field(6)
    policy = one_by_one([replace(one, reward=float(one.arm == ARMS[2])) for one in every(asked)])
    assert {best(policy, x) for x in TEST.x[:20]} == {ARMS[2]}
    assert best(policy, FAR) == ARMS[2]


def test_without_any_judgement_the_default_arm_is_chosen_and_exploring_is_even() -> None:
    assert best(opened(default=str(ARMS[1])), TEST.x[0]) == ARMS[1]
    choice = opened().choose(asking(TEST.x[0]), CANDIDATES)
    assert list(choice.propensities.values()) == pytest.approx([1 / 3] * 3)


def test_from_one_judged_arm_a_question_the_right_arm_of_each_region_is_found() -> None:
    policy = settled()
    chosen = predicted(policy, TEST).argmax(axis=1)
    assert TEST.gain(chosen) > 0.2
    picked = [ARMS.index(best(policy, x)) for x in TEST.x[:60]]
    assert (np.array(picked) == TEST.kind[:60]).mean() > 0.9


def test_from_all_arms_judged_it_takes_a_third_of_the_questions() -> None:
    assert TEST.gain(predicted(taught(every(field(300))), TEST).argmax(axis=1)) > 0.2


def test_before_the_first_fit_the_nearest_questions_already_say_something() -> None:
    policy = one_by_one(every(field(10)))
    assert policy._fit is None
    assert TEST.gain(predicted(policy, TEST).argmax(axis=1)) > 0.1


def test_between_fits_what_is_learned_nearby_counts_at_once() -> None:
    policy = taught(log(field(900)))
    x = TEST.x[TEST.kind == 0][0]
    for i in range(40):
        policy.learn(Feedback(f"n{i}", ARMS[0], x, 0.0, text=f"question {i}"))
        policy.learn(Feedback(f"m{i}", ARMS[1], x, 1.0, text=f"question {i}"))
    assert policy._fit is not None
    assert policy._fit.judgements == 900
    assert best(policy, x) == ARMS[1]
    assert best(policy, TEST.x[TEST.kind == 2][0]) == ARMS[2]


def test_a_few_judgements_since_the_fit_weigh_most_where_they_were_given() -> None:
    policy, here = taught(log(field(900))), int(np.flatnonzero(TEST.kind == 0)[0])
    before = predicted(policy, TEST)[:, 0]
    for i in range(8):
        policy.learn(Feedback(f"n{i}", ARMS[0], TEST.x[here], 0.0, text=f"question {here}"))
    less = before - predicted(policy, TEST)[:, 0]
    assert less[here] > 0.14
    assert less[TEST.kind == 0].mean() < 0.1
    assert np.abs(less[TEST.kind == 1]).mean() < 0.02


def test_a_question_far_from_everything_known_gets_the_best_single_arm() -> None:
    asked = field(900, quality=[[0.9, 0.6, 0.1], [0.2, 0.9, 0.1], [0.2, 0.9, 0.5]])
    policy = taught(log(asked))
    assert best(policy, asked.x[asked.kind == 0][0]) == ARMS[0]
    assert policy._look(FAR, "question").trust == 0.0
    assert best(policy, FAR) == ARMS[1]


def test_an_arm_that_was_asked_easier_questions_is_not_taken_for_the_best() -> None:
    asked = field(900, quality=[[0.95, 0.95, 0.95], [0.3, 0.3, 0.3], [0.5, 0.5, 0.7]])
    draw, chances = np.random.default_rng(0), np.array([[0.1, 0.8, 0.1], [0.8, 0.1, 0.1], [1 / 3, 1 / 3, 1 / 3]])
    taken = np.array([draw.choice(3, p=chances[kind]) for kind in asked.kind])
    raw = [asked.quality[taken == arm, arm].mean() for arm in range(3)]
    assert int(np.argmax(raw)) == 1
    assert best(taught(log(asked, taken)), FAR) != ARMS[1]


# ---- a fold


def test_the_same_feedback_in_the_same_order_gives_the_same_beliefs() -> None:
    feedback = log(field(200))
    assert same(one_by_one(feedback), one_by_one(feedback))


def test_another_order_and_another_thread_come_to_beliefs_as_sound() -> None:
    feedback = log(field(600))
    for shuffled, params in ((True, QUICK), (False, {**QUICK, "background": 1.0})):
        policy = opened(params)
        for i in np.random.default_rng(3).permutation(600) if shuffled else range(600):
            policy.learn(feedback[int(i)])
        policy.settle()
        assert TEST.gain(predicted(policy, TEST).argmax(axis=1)) > 0.2
        assert policy.beliefs()["judged"] == 600.0


@pytest.mark.parametrize("n", [0, 5, 31, 32, 200, 253])
def test_to_recall_is_to_learn_one_by_one(n: int) -> None:
    feedback = log(field(n)) if n else []
    recalled = opened()
    recalled.recall(iter(feedback))
    assert same(recalled, one_by_one(feedback))


def test_to_recall_in_parts_is_to_learn_one_by_one() -> None:
    feedback, recalled = log(field(160)), opened()
    for start, end in ((0, 10), (10, 20), (20, 150), (150, 160)):  # no fit is due in the last one
        recalled.recall(feedback[start:end])
    assert same(recalled, one_by_one(feedback))


@pytest.mark.parametrize("at", [0, 20, 100, 189, 190, 195, 199])  # the last fit is of 189
@pytest.mark.parametrize("back", [False, True])
def test_to_recall_an_arm_that_became_another_is_to_learn_one_by_one(at: int, back: bool) -> None:
    feedback = [
        replace(one, revision="a" if i < at or (back and i > at + 4) else "b") if one.arm == ARMS[0] else one
        for i, one in enumerate(log(field(200)))
    ]
    recalled = opened()
    recalled.recall(feedback)
    assert same(recalled, one_by_one(feedback))


def test_to_recall_judgements_without_a_place_is_to_learn_one_by_one() -> None:
    broken = np.full(SIZE, np.nan, dtype=np.float32)
    wide = np.ones(SIZE * 2, dtype=np.float32)
    feedback = log(field(220))
    odd = [replace(one, embedding=(broken, wide)[i % 2]) if i % 9 < 2 else one for i, one in enumerate(feedback)]
    odd = [replace(one, revision="ab"[i >= 120]) for i, one in enumerate(odd)]
    for told in (odd, [replace(odd[0], embedding=broken), *odd], [*feedback, *odd[:2]] * 2):
        recalled = opened()
        recalled.recall(told)
        assert same(recalled, one_by_one(told))


def test_judgements_without_a_place_are_not_lost_when_something_is_fitted() -> None:
    broken = np.zeros(SIZE, dtype=np.float32)
    lost = [Feedback(f"b{i}", ARMS[1], broken, 1.0) for i in range(50)]
    policy = opened()
    policy.recall([*log(field(100), np.zeros(100, dtype=np.intp)), *lost])
    policy.settle()
    arms = policy.beliefs()["arms"]
    assert isinstance(arms, dict)
    assert (arms[str(ARMS[1])]["n"], arms[str(ARMS[1])]["reward"]) == (50.0, 50.0)
    assert best(policy, FAR) == ARMS[1]


# ---- what changes


def renewed(policy: Layered, *rewards: float, revision: str = "new") -> Layered:
    """The first arm is judged in another revision."""
    x = field(len(rewards), seed=21).x
    for i, reward in enumerate(rewards):
        policy.learn(Feedback(f"r{i}", ARMS[0], x[i], reward, text=f"new {i}", revision=revision))
    return policy


def of_first(policy: Layered) -> dict[str, float]:
    """What is believed of the first arm."""
    arms = policy.beliefs()["arms"]
    assert isinstance(arms, dict)
    found: dict[str, float] = arms[str(ARMS[0])]
    return found


@lru_cache(maxsize=1)
def old() -> tuple[Feedback, ...]:
    """A log in which the first arm is the best, in its old revision."""
    asked = field(300, quality=[[0.9, 0.6, 0.5]] * 3)
    return tuple(replace(one, revision="old") for one in log(asked))


def test_an_arm_in_another_revision_starts_from_little_and_a_later_fit_does_not_bring_the_old_back() -> None:
    policy = taught(old())
    before = of_first(policy)
    assert before["n"] > 80
    assert best(policy, FAR) == ARMS[0]
    renewed(policy, *[0.0] * 12)
    assert of_first(policy)["n"] == pytest.approx(16.0)
    assert of_first(policy)["quality"] < 0.4
    policy.settle()
    assert of_first(policy)["n"] == pytest.approx(16.0)
    assert of_first(policy)["quality"] < 0.4
    assert best(policy, FAR) == ARMS[1]
    assert {best(policy, x) for x in TEST.x[:20]} == {ARMS[1]}


def test_an_arm_offered_in_another_revision_is_tried_more_at_once() -> None:
    policy, worst = taught(old()), [replace(one, revision="old") for one in CANDIDATES]
    changed = [replace(worst[0], revision="old"), worst[1], replace(worst[2], revision="new")]
    x = TEST.x[0]
    before = policy.choose(asking(x), worst)
    after = policy.choose(asking(x), changed)
    wide = [choice.estimates[ARMS[2]].high - choice.estimates[ARMS[2]].low for choice in (before, after)]
    assert wide[1] > 1.5 * wide[0]
    assert after.estimates[ARMS[2]].n < 5 < before.estimates[ARMS[2]].n
    assert after.propensities[ARMS[2]] > before.propensities[ARMS[2]]
    assert after.estimates[ARMS[2]].quality == pytest.approx(before.estimates[ARMS[2]].quality, abs=0.1)


def test_late_judgements_of_answers_of_the_old_revision_do_not_undo_what_the_new_one_learned() -> None:
    policy = renewed(taught(old()), *[0.0] * 12)
    n = of_first(policy)["n"]
    renewed(policy, 1.0, revision="old")
    policy.choose(asking(TEST.x[0]), [replace(CANDIDATES[0], revision="new")])
    renewed(policy, 0.0)
    assert of_first(policy)["n"] == pytest.approx(n + 2)


def test_a_silent_drop_takes_the_traffic_off_the_arm() -> None:
    one = np.array([[0.8, 0.65, 0.5]])
    policy = taught(log(field(3000, quality=np.repeat(one, 3, axis=0).tolist())))
    assert best(policy, FAR) == ARMS[0]
    draw, after = np.random.default_rng(0), field(150, seed=31)
    for i in range(150):
        policy.learn(Feedback(f"x{i}", ARMS[0], after.x[i], float(draw.random() < 0.5), text=f"question {i}"))
    assert best(policy, FAR) == ARMS[1]
    assert {best(policy, x) for x in TEST.x[:40]} == {ARMS[1]}
    policy.settle()
    assert {best(policy, x) for x in TEST.x[:40]} == {ARMS[1]}


def test_a_new_arm_starts_from_its_kin_and_is_tried() -> None:
    kin, lone = (Candidate(Arm(model, "later"), made("later")) for model in ("m0", "unheard"))
    policy = taught(log(field(900, quality=[[0.9, 0.3, 0.3]] * 3)))
    choice = policy.choose(asking(TEST.x[0]), [*CANDIDATES, kin, lone])
    good, unknown = choice.estimates[kin.arm], choice.estimates[lone.arm]
    assert good.quality > unknown.quality + 0.1
    assert good.n == unknown.n == 0.0
    assert good.high - good.low > 1.5 * (choice.estimates[ARMS[1]].high - choice.estimates[ARMS[1]].low)
    assert choice.propensities[kin.arm] > 0.05
    assert choice.propensities[kin.arm] > choice.propensities[ARMS[1]]


def test_a_new_arm_that_is_better_is_taken_soon() -> None:
    new = Candidate(Arm("m9", "s9"), made("s9"))
    policy, asked = taught(log(field(600))), field(60, seed=5)
    for i in range(60):
        policy.learn(Feedback(f"n{i}", new.arm, asked.x[i], 1.0, text=f"question {i}"))
    chosen = [policy.choose(asking(x, explore=False), [*CANDIDATES, new]).arm for x in TEST.x[:30]]
    assert chosen.count(new.arm) > 20
    policy.settle()
    chosen = [policy.choose(asking(x, explore=False), [*CANDIDATES, new]).arm for x in TEST.x[:30]]
    assert chosen.count(new.arm) > 20


# ---- choices


def test_arms_are_drawn_with_the_propensities_that_are_told() -> None:
    policy = opened({**QUICK, "sharpness": 1.0, "floor": 0.1})
    policy.recall(log(field(60, quality=[[0.6, 0.6, 0.5]] * 3)))
    x, n = TEST.x[0], 600
    choices = [policy.choose(asking(x), CANDIDATES) for _ in range(n)]
    drawn = np.array([sum(choice.arm == arm for choice in choices) for arm in ARMS])
    told = np.array([[choice.propensities[arm] for arm in ARMS] for choice in choices])
    wanted, spread = told.sum(axis=0), np.sqrt((told * (1 - told)).sum(axis=0))
    assert (wanted > 10).all()
    assert (np.abs(drawn - wanted) < 3.5 * spread).all()


def test_what_it_predicts_of_many_at_once_is_what_its_choices_show() -> None:
    for policy in (settled(), one_by_one(log(field(25))), one_by_one(log(field(150)))):
        many = predicted(policy, TEST)
        for i in range(12):
            estimates = policy.choose(asking(TEST.x[i], f"question {i}"), CANDIDATES).estimates
            assert [estimates[arm].quality for arm in ARMS] == pytest.approx(many[i].tolist(), abs=1e-5)


def test_a_batch_with_broken_embeddings_is_predicted_one_by_one() -> None:
    asked = replace(TEST, x=TEST.x[:6].copy())
    asked.x[1], asked.x[3] = np.nan, 0.0
    found = settled().predict(asked.x, asked.texts, ARMS)
    assert found[[0, 2, 4, 5]] == pytest.approx(predicted(settled(), TEST)[[0, 2, 4, 5]], abs=1e-5)
    assert found[1] == pytest.approx(found[3])
    assert np.ptp(found[1]) < 0.1


@pytest.mark.parametrize(
    "broken",
    [
        np.full(SIZE, np.nan, np.float32),
        np.full(SIZE, np.inf, np.float32),
        np.zeros(SIZE, np.float32),
        np.ones(SIZE * 2, np.float32),
        np.ones(3, np.float32),
        np.zeros(0, np.float32),
    ],
)
def test_a_question_that_has_no_place_gets_the_best_single_arm_and_teaches_the_level_alone(
    broken: Vector,
) -> None:
    policy = taught(log(field(300, quality=[[0.9, 0.2, 0.3], [0.1, 0.8, 0.6], [0.1, 0.8, 0.6]])))
    assert best(policy, broken) == ARMS[1]
    before = predicted(policy, TEST)[:, 2].mean()
    for i in range(40):
        policy.learn(Feedback(f"b{i}", ARMS[2], broken, 1.0))
    assert policy.beliefs()["judged"] == 340.0
    assert len(policy._past) == 300
    assert predicted(policy, TEST)[:, 2].mean() > before
    assert np.isfinite(predicted(policy, TEST)).all()


def test_one_candidate_is_certain_and_its_reason_says_so() -> None:
    choice = settled().choose(asking(TEST.x[0]), CANDIDATES[1:2])
    assert choice.propensities == {ARMS[1]: 1.0}
    assert "only arm" in choice.why


def test_only_candidates_are_chosen_whatever_else_is_known() -> None:
    for i in range(40):
        choice = settled().choose(asking(TEST.x[i]), CANDIDATES[:2])
        assert set(choice.propensities) == set(choice.estimates) == set(ARMS[:2])
        assert choice.arm in ARMS[:2]


def test_what_an_arm_costs_counts_as_the_dial_says() -> None:
    x = TEST.x[TEST.kind == 0][0]
    dear = [replace(CANDIDATES[0], usd=0.2), *(replace(one, usd=0.0) for one in CANDIDATES[1:])]
    arms = [
        settled().choose(replace(asked, constraints=replace(asked.constraints, quality=dial)), dear).arm
        for asked in [asking(x, explore=False)]
        for dial in (1.0, 0.0)
    ]
    assert arms[0] == ARMS[0] != arms[1]


def test_the_neighbours_that_are_told_are_judgements_of_the_log() -> None:
    asked, feedback = field(900), log(field(900))
    choice = settled().choose(asking(asked.x[17], "question 17"), CANDIDATES)
    first = choice.neighbours[0]
    assert (first.decision_id, first.arm, first.reward) == ("d17", str(feedback[17].arm), feedback[17].reward)
    assert first.similarity == pytest.approx(1.0, abs=0.01)
    assert [one.similarity for one in choice.neighbours] == sorted(
        (one.similarity for one in choice.neighbours), reverse=True
    )


def test_the_default_arm_is_left_only_for_one_that_is_clearly_better() -> None:
    feedback = every(field(12, quality=[[0.6, 0.6, 0.6]] * 3))
    bold, careful = ({**QUICK, "caution": caution} for caution in (0.0, 50.0))
    chosen = []
    for params in (bold, careful):
        policy = opened(params, default=str(ARMS[2]))
        policy.recall(feedback)
        chosen.append([best(policy, x) for x in TEST.x[:40]])
    assert set(chosen[1]) == {ARMS[2]}
    assert len(set(chosen[0])) > 1


@pytest.mark.parametrize(("reward", "weight"), [(np.nan, 1.0), (0.5, np.nan), (0.5, 0.0), (0.5, -1.0), (np.inf, 1.0)])
def test_a_judgement_that_is_no_number_says_nothing(reward: float, weight: float) -> None:
    policy = opened()
    policy.learn(Feedback("d", ARMS[0], TEST.x[0], reward, weight=weight))
    policy.learn(Feedback("d", ARMS[0], np.zeros(SIZE, np.float32), reward, weight=weight, revision="r"))
    assert policy.beliefs()["judged"] == 0.0
    assert len(policy._past) == 0


def test_rewards_beyond_the_scale_count_as_its_ends() -> None:
    one, other = (one_by_one([replace(f, reward=r) for f in log(field(20))]) for r in (7.0, 1.0))
    assert same(one, other)


@pytest.mark.parametrize(
    "wrong",
    [
        {"strength": 0.0},
        {"caution": -1.0},
        {"sharpness": 0.0},
        {"floor": 1.0},
        {"draws": 0.0},
        {"far": 0.5},
        {"usual": 2.0},
        {"window": 3.0},
        {"trees": 0.0},
        {"trees": float("nan")},
    ],
)
def test_parameters_that_cannot_be_meant_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(BadSettings, match=r"router\.params\." + next(iter(wrong))):
        opened(MappingProxyType(wrong))


def test_a_default_arm_that_is_none_is_refused() -> None:
    with pytest.raises(BadSettings, match="default_arm"):
        load_policy("layered", RouterSettings(default_arm="m0"))


def test_an_arm_that_appears_while_something_is_fitted_does_not_spoil_the_fit() -> None:
    policy = opened()
    for one in log(field(60)):
        policy.learn(one)
    begun = policy._task(60)
    late = Candidate(Arm("late", "s0"), made("s0"))
    policy.choose(asking(TEST.x[0]), [*CANDIDATES, late])
    assert begun().judgements == 60
    assert len(begun().weight) == len(CANDIDATES)


def test_while_nothing_is_known_exploring_gives_most_to_the_default_arm() -> None:
    policy = opened(default=str(ARMS[2]))
    odds = policy.choose(asking(TEST.x[0]), CANDIDATES).propensities
    assert odds[ARMS[2]] > 0.9
    assert min(odds.values()) > 0.0
    assert sum(odds.values()) == pytest.approx(1.0)


def test_two_bad_answers_at_the_start_do_not_bury_an_arm() -> None:
    policy = opened()
    for one in log(field(2, quality=[[0.0, 1.0, 1.0]] * 3), np.zeros(2, dtype=np.intp)):
        policy.learn(one)
    for one in log(field(30, seed=3, quality=[[1.0, 0.5, 0.5]] * 3), np.ones(30, dtype=np.intp), start=2):
        policy.learn(one)
    odds = [policy.choose(asking(x), CANDIDATES[:2]).propensities[ARMS[0]] for x in TEST.x[:50]]
    assert np.mean(odds) > 0.005
