"""Off-policy estimates: closed forms, intervals that hold the truth, and nothing judged on what it was taught."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest

from models.errors import BadSettings
from router.arm_means import ArmMeans
from router.hindsight import FOLDS, Traffic, choices, expectations, fold
from router.off_policy import Sample, estimated, interval, overlap
from router.policies import load_policy
from router.tuning import LEAST, Challenger, TooLittle, compare, gathered, variants
from router.types import Arm, Candidate, Choice, Estimate, Feedback, Logged, RouterSettings
from router.utility import Numbers
from strategies.core import Constraints, Query
from strategies.core.query import Vector
from strategies.direct import direct
from tests.router.yard import Words, query

ARMS = [Arm("bad", "direct"), Arm("good", "direct"), Arm("worst", "direct")]
RIGHT = ((0.2, 0.9, 0.1), (0.8, 0.4, 0.1))
"""How often each arm is right on each of two topics."""
QUESTIONS = [[f"sort the fruit number {i}" for i in range(9)], [f"add some big sums up to {i}" for i in range(9)]]


def sample(
    odds: Sequence[Sequence[float]], chosen: Sequence[int], reward: Sequence[float], price: float = 0.0
) -> Sample:
    """Decisions of weight 1; every arm takes the same price."""
    table = np.array(odds)
    rewards, columns = np.array(reward, dtype=np.float64), np.array(chosen, dtype=np.int64)
    return Sample(ARMS[: table.shape[1]], columns, table, rewards, np.ones(len(table)), np.full(table.shape, price))


def always(column: int, like: Sample) -> Numbers:
    """A policy that takes the same arm every time."""
    return np.asarray(np.eye(like.odds.shape[1])[np.full(len(like), column)])


def traffic(n: int, policy: str = "random", seed: int = 1, *, explore: bool = True) -> Traffic:
    """What a policy that learns leaves in the log; a judgement comes half a second after its answer."""
    settings = RouterSettings(policy=policy, quality=1.0, seed=seed, explore=explore)
    router, draw, words = load_policy(policy, settings), np.random.default_rng(seed + 100), Words()
    candidates = [Candidate(arm, direct) for arm in ARMS]
    decisions, feedback = [], []
    for i in range(n):
        text = QUESTIONS[i % 2][i % 9]
        vector = words.one(text)
        choice = router.choose(query(vector), candidates)
        reward = float(draw.random() < RIGHT[i % 2][ARMS.index(choice.arm)])
        odds = choice.propensities
        decisions.append(Logged(f"d{i}", i, text, vector, choice.arm, odds, {}, policy, reward=reward, weight=1.0))
        feedback.append(Feedback(f"d{i}", choice.arm, vector, reward, at=i + 0.5, text=text))
        router.learn(feedback[-1])
    return Traffic(decisions, feedback, settings)


# --- The estimators


def test_the_estimators_have_their_closed_forms() -> None:
    log = sample([[0.5, 0.5], [0.25, 0.75], [0.8, 0.2], [0.5, 0.5]], [0, 1, 1, 1], [1, 1, 0, 1])
    model = np.array([[0.5, 0.6]] * 4)
    found = {name: interval(one).value for name, one in estimated(log, always(1, log), model).items()}
    weights = np.array([0.0, 4 / 3, 5.0, 2.0])
    assert found["ips"] == pytest.approx((4 / 3 + 2) / 4)
    assert found["snips"] == pytest.approx((4 / 3 + 2) / weights.sum())
    assert found["dr"] == pytest.approx(0.6 + (weights @ (np.array([1, 1, 0, 1]) - 0.6)) / 4)
    assert found["dm"] == pytest.approx(0.6)
    shared = overlap(log, always(1, log))
    assert (shared.matched, shared.lost) == (3, 0.0)
    assert shared.ess == pytest.approx(weights.sum() ** 2 / (weights**2).sum())


def test_the_log_judged_by_its_own_propensities_is_worth_its_mean_reward() -> None:
    log = sample([[0.3, 0.7]] * 4, [0, 1, 1, 0], [1, 0, 1, 1])
    found = estimated(log, log.odds, np.full((4, 2), 0.4))
    assert [interval(found[name]).value for name in ("ips", "snips")] == pytest.approx([0.75, 0.75])
    gain = interval(found["dr"].less(found["dr"]))
    assert (gain.value, gain.low, gain.high) == (0.0, 0.0, 0.0)


def test_what_arms_take_comes_off_their_reward_and_a_judgement_counts_by_its_weight() -> None:
    log = sample([[0.5, 0.5]] * 2, [0, 0], [1, 0], price=0.25)
    log = replace(log, weight=np.array([3.0, 1.0]))
    found = estimated(log, log.odds, np.full((2, 2), 0.5))
    assert interval(found["ips"]).value == pytest.approx(0.75 - 0.25)
    assert interval(found["dm"]).value == pytest.approx(0.5 - 0.25)


def test_an_arm_that_the_log_never_took_is_worth_anything_between_0_and_1() -> None:
    log = sample([[1.0, 0.0]] * 50, [0] * 50, [1, 0] * 25)
    found = estimated(log, always(1, log), np.full((50, 2), 0.5))
    assert overlap(log, always(1, log)).lost == 1.0
    for name in ("ips", "dr"):
        one = interval(found[name])
        assert [one.low, one.high] == pytest.approx([0.0, 1.0]), name
    assert np.isnan(interval(found["snips"]).value)


def test_what_both_policies_have_lost_alike_says_nothing_of_their_difference() -> None:
    log = sample([[0.99, 0.01, 0.0]] * 60, [0] * 59 + [1], [1] * 60)
    model = np.full((60, 3), 0.5)
    left, right = (np.array([[1 - p, 0.0, p]] * 60) for p in (0.3, 0.2))
    one, other = estimated(log, left, model)["dr"], estimated(log, right, model)["dr"]
    gap = one.less(other)
    assert one.under == pytest.approx(0.3 * 0.5)
    assert [gap.under, gap.over] == pytest.approx([0.1 * 0.5, 0.1 * 0.5])


@pytest.mark.parametrize("estimator", ["dr", "snips", "ips"])
def test_the_interval_holds_the_truth_in_at_least_nine_runs_of_ten(estimator: str) -> None:
    draw = np.random.default_rng(5)
    right = np.clip(draw.beta(1, 1, size=(40, 4)), 0, 1)  # a table of 40 queries and 4 arms
    target = draw.dirichlet(np.full(4, 0.5), size=40)
    odds = 0.1 / 4 + 0.9 * draw.dirichlet(np.full(4, 1.0), size=40)
    truth, model = float((target * right).sum(axis=1).mean()), np.full((40, 4), 0.3)  # a model that knows nothing
    inside = 0
    for _ in range(200):
        drawn = draw.integers(40, size=400)
        chosen = np.array([draw.choice(4, p=odds[i]) for i in drawn])
        reward = (draw.random(400) < right[drawn, chosen]).astype(float)
        log = Sample(ARMS, chosen, odds[drawn], reward, np.ones(400), np.zeros((400, 4)))
        one = interval(estimated(log, target[drawn], model[drawn])[estimator])
        inside += one.low <= truth <= one.high
    assert inside >= 180


def test_the_doubly_robust_estimate_is_narrower_the_better_its_model() -> None:
    draw = np.random.default_rng(6)
    chosen = draw.integers(3, size=600)
    right = np.array(RIGHT)[np.arange(600) % 2]
    log = sample([[1 / 3] * 3] * 600, chosen.tolist(), right[np.arange(600), chosen].tolist())
    knowing, not_knowing = (interval(estimated(log, always(1, log), m)["dr"]).se for m in (right, right * 0))
    assert knowing < 0.5 * not_knowing


def test_the_bootstrap_agrees_with_the_normal_interval() -> None:
    draw = np.random.default_rng(7)
    chosen = draw.integers(2, size=500)
    log = sample([[0.5, 0.5]] * 500, chosen.tolist(), (draw.random(500) < 0.3 + 0.4 * chosen).tolist())
    one = estimated(log, always(1, log), np.full((500, 2), 0.5))["snips"]
    normal, resampled = interval(one), interval(one, resamples=800)
    assert (resampled.low, resampled.high) == pytest.approx((normal.low, normal.high), abs=0.02)
    assert resampled.low != normal.low


# --- Hindsight


class Diary:
    """A policy and a model of rewards that keeps what it was told and takes the first candidate."""

    name = "diary"

    def __init__(self) -> None:
        self.told: list[Feedback] = []
        self.asked: list[tuple[str, list[Feedback]]] = []

    def choose(self, query: Query, candidates: Sequence[Candidate]) -> Choice:
        self.asked.append((query.text, list(self.told)))
        return Choice(candidates[0].arm, {one.arm: float(one is candidates[0]) for one in candidates}, {}, "So.")

    def learn(self, feedback: Feedback) -> None:
        self.told.append(feedback)

    def beliefs(self) -> dict[str, object]:
        return {}

    def predict(self, embeddings: Vector, texts: Sequence[str], arms: Sequence[Arm]) -> Numbers:
        self.asked.extend((text, list(self.told)) for text in texts)
        return np.full((len(texts), len(arms)), np.nan)


def named(n: int) -> Traffic:
    """Traffic whose questions bear the number of their decision."""
    past = traffic(n)
    return replace(past, decisions=[replace(one, text=one.id) for one in past.decisions])


def test_a_policy_chooses_knowing_all_that_was_said_before_its_block_and_nothing_since() -> None:
    diary, past = Diary(), named(120)
    odds = choices(diary, past)
    assert odds.shape == (80, 3)
    assert [text for text, _ in diary.asked] == [one.id for one in past.judged] == [f"d{i}" for i in range(40, 120)]
    for block, (begin, end) in enumerate(past.blocks):
        for text, told in diary.asked[20 * block : 20 * (block + 1)]:
            assert begin <= int(text[1:]) < end
            assert [one.decision_id for one in told] == [f"d{i}" for i in range(begin)]


def test_a_judgement_that_came_late_is_not_known_before() -> None:
    past = traffic(120)
    late = [replace(one, at=85.0) if one.decision_id == "d3" else one for one in past.feedback]
    diary = Diary()
    choices(diary, replace(past, feedback=late))
    knew = ["d3" in {one.decision_id for one in told} for _, told in diary.asked]
    assert knew == [False] * 60 + [True] * 20


def test_the_model_of_rewards_never_saw_the_decision_it_speaks_of() -> None:
    made: list[Diary] = []

    def fresh() -> Diary:
        made.append(Diary())
        return made[-1]

    past = named(120)
    expected = expectations(fresh, past)
    assert len(made) == FOLDS
    assert sum(len(diary.asked) for diary in made) == len(past.judged)
    for diary in made:
        for text, told in diary.asked:
            seen = {one.decision_id for one in told}
            assert text not in seen
            assert seen == {one.id for one in past.decisions if fold(one.id) != fold(text)}
    assert expected == pytest.approx(np.mean([one.reward for one in past.judged]))  # it could not say


def test_the_means_of_arms_shrink_to_the_mean_of_all() -> None:
    means = ArmMeans()
    for _ in range(95):
        means.learn(Feedback("d", ARMS[1], np.zeros(2, np.float32), 1.0))
    means.learn(Feedback("d", ARMS[0], np.zeros(2, np.float32), float("nan")))
    row = means.predict(np.zeros((2, 2), np.float32), ["a", "b"], ARMS)[1]
    assert row[1] > 0.99
    assert row[0] == row[2] == pytest.approx(96 / 97)


# --- Challengers


def test_a_policy_that_is_clearly_better_passes_the_gate_and_one_that_is_the_same_does_not() -> None:
    past = traffic(600)
    trial = compare(past, [Challenger("thompson"), Challenger("random", {"worth_usd": 3.0})], Challenger("random"))
    better, same = trial.standings
    assert better.better
    assert better.gains["dr"].low > 0.1
    assert trial.best is better
    assert same.gains["dr"].value == pytest.approx(0.0, abs=1e-12)
    assert not same.better
    assert trial.values["snips"].value == pytest.approx(np.mean([one.reward for one in past.judged]), abs=1e-9)


def test_more_challengers_make_the_gate_stricter() -> None:
    past = traffic(200)
    one, two = (compare(past, [Challenger("thompson")] * n, Challenger("random")) for n in (1, 2))
    assert [one.level, two.level] == pytest.approx([0.9, 0.95])
    assert two.standings[0].gains["dr"].low < one.standings[0].gains["dr"].low


def test_the_gain_may_be_told_against_what_the_log_itself_did() -> None:
    past = traffic(300, "thompson")
    trial = compare(past, [Challenger("random")], None)
    assert trial.values["snips"].value == pytest.approx(np.mean([one.reward for one in past.judged]))
    assert trial.standings[0].gains["dr"].high < 0


def test_a_log_without_propensities_is_judged_by_the_model_alone_and_promotes_nobody() -> None:
    past = traffic(600)
    bare = gathered([replace(one, propensities=None) for one in past.decisions], past.feedback, past.settings)
    trial = compare(bare, [Challenger("thompson")], Challenger("random"))
    standing = trial.standings[0]
    assert set(standing.values) == {"dm"}
    assert standing.values["dm"].value > 0.1
    assert standing.warnings == ["no propensities: model only, not promoted"]
    assert trial.best is None
    assert trial.notes == ["no propensities: values are the reward model's alone"]


def test_single_decisions_without_propensities_are_left_out_and_that_is_said() -> None:
    past = traffic(150)
    some = [replace(one, propensities=None) if i < 30 else one for i, one in enumerate(past.decisions)]
    kept = gathered(some, past.feedback, past.settings)
    assert len(kept.decisions) == 120
    assert kept.notes == ["30 of 150 decisions were logged without propensities and are left out"]


def test_a_log_that_never_explored_says_so_and_its_intervals_are_wide() -> None:
    past = traffic(300, "thompson", explore=False)
    settings = replace(past.settings, explore=True)
    trial = compare(replace(past, settings=settings), [Challenger("random")], None)
    assert "no exploration: 100% of the decisions were certain" in trial.notes[0]
    assert trial.standings[0].overlap.lost == pytest.approx(2 / 3, abs=0.01)
    assert trial.standings[0].values["dr"].high - trial.standings[0].values["dr"].low > 0.6
    assert "little overlap: 67%" in trial.standings[0].warnings[0]


def changed(**fields: object) -> Callable[[Logged], Logged]:
    return lambda one: replace(one, **fields)  # type: ignore[arg-type]  # the caller names fields of Logged


@pytest.mark.parametrize(
    "change",
    [
        changed(reward=None),
        changed(weight=0.0),
        changed(kept=True),
        changed(constraints=Constraints(explore=False)),
        changed(propensities={ARMS[0]: 1.0}, arm=ARMS[0]),
        changed(embedding=np.full(16, np.nan, dtype=np.float32)),
    ],
)
def test_a_decision_in_which_no_policy_has_a_say_counts_for_none(change: Callable[[Logged], Logged]) -> None:
    past = traffic(LEAST + 10)
    some = [change(one) if i < 10 else one for i, one in enumerate(past.decisions)]
    assert len(gathered(some, past.feedback, past.settings).decisions) == LEAST
    with pytest.raises(TooLittle, match=rf"holds {LEAST - 1} judged decisions .* at least {LEAST} are needed"):
        gathered([*some[:11], *some[12:]], past.feedback, past.settings)


def test_arms_and_strategies_that_have_vanished_are_still_read() -> None:
    past = traffic(150)
    gone = Arm("gone", "with_the_wind")
    cost = Estimate(0.5, 0.0, 1.0, 0.0, 1.0, 2.0, 0.5, 1.0, 0.5)
    some = [
        replace(one, propensities={gone: 0.5, ARMS[1]: 0.5}, arm=gone, estimates={gone: cost}) if i % 3 == 0 else one
        for i, one in enumerate(past.decisions)
    ]
    feedback = [replace(one, arm=gone) if i % 3 == 0 else one for i, one in enumerate(past.feedback)]
    trial = compare(gathered(some, feedback, replace(past.settings, quality=0.5)), [Challenger("thompson")], None)
    assert np.isfinite(trial.standings[0].values["dr"].value)


def test_a_parameter_that_cannot_be_meant_is_told_before_anything_is_computed() -> None:
    with pytest.raises(BadSettings, match="strength"):
        compare(traffic(120), [Challenger("thompson", {"strength": -1.0})], None)
    with pytest.raises(BadSettings, match=r"'oracle' is unknown; there are means, .*thompson"):
        compare(traffic(120), [Challenger("thompson")], None, model="oracle")


@pytest.mark.parametrize("policy", ["thompson", "layered"])
def test_variants_keep_the_policy_and_never_touch_how_much_is_explored(policy: str) -> None:
    found = variants(policy)
    assert found
    for one in found:
        assert one.policy == policy
        assert not set(one.params) & {"floor", "sharpness", "draws"}
        one.open(RouterSettings())
    assert variants("fixed") == []
    assert str(Challenger("thompson", {"strength": 1.0})) == "thompson strength=1"
