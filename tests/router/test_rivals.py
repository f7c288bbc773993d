"""The benchmark against rivals: LiteLLM's adaptive router is the real one and learns; differences are paired."""

import random
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from benchmarks.rivals import BEST, LITELLM, OURS, Stream, Walked, best, gain, opened, report, standing, walk, whole
from models.types import Message, Request
from router.measures import Gain
from router.outcomes import OutcomeTable
from router.types import Arm, Candidate, Feedback
from strategies.core import Query
from strategies.direct import direct

if TYPE_CHECKING:
    from benchmarks.adaptive_router import Adaptive

pytestmark = pytest.mark.filterwarnings("ignore:Items? .* using the `ReadOnly` qualifier")  # litellm's own types

GOOD, BAD = Arm("good", "direct"), Arm("bad", "direct")
ARMS = (BAD, GOOD)
CODE, POEM = "Write a python function that adds two numbers", "Write a short blog post about rain"
NOWHERE = np.zeros(2, dtype=np.float32)


@pytest.fixture
def adaptive(monkeypatch: pytest.MonkeyPatch) -> "Adaptive":
    monkeypatch.setenv("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # or importing litellm asks the network for prices
    from benchmarks.adaptive_router import Adaptive

    return Adaptive(ARMS, seed=3)


def chosen(policy: "Adaptive", text: str, times: int) -> Counter[Arm]:
    query = Query(Request((Message("user", text),)), NOWHERE)
    candidates = [Candidate(arm, direct) for arm in ARMS]
    return Counter(policy.choose(query, candidates).arm for _ in range(times))


def tell(policy: "Adaptive", text: str, arm: Arm, reward: float, times: int = 1) -> None:
    for _ in range(times):
        policy.learn(Feedback("", arm, NOWHERE, reward, text=text))


def stream(n: int = 240) -> Stream:
    """Two arms: one right nine times in ten, the other one time in ten."""
    draw = np.random.default_rng(5)
    scores = (draw.random((n, 2)) < np.array([0.1, 0.9])).astype(np.float64)
    embeddings = draw.standard_normal((n, 8))
    none = np.full((n, 2), np.nan)
    names = tuple(f"Question {i}" for i in range(n))
    outcomes = OutcomeTable("two", names, names, ("",) * n, ARMS, scores, none, none, none)
    unit = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    return Stream("two", outcomes, unit.astype(np.float32))


def test_a_judgement_moves_the_cell_of_its_request_type_in_litellms_own_router_by_one(adaptive: "Adaptive") -> None:
    from litellm.router_strategy.adaptive_router.adaptive_router import AdaptiveRouter
    from litellm.types.router import RequestType

    assert type(adaptive.router) is AdaptiveRouter
    tell(adaptive, CODE, GOOD, 1.0, times=3)
    tell(adaptive, CODE, BAD, 0.0, times=2)
    cells = {(str(arm), kind): adaptive.router.cell(kind, str(arm)) for arm in ARMS for kind in RequestType}
    changed = {key: (cell.alpha, cell.beta) for key, cell in cells.items() if (cell.alpha, cell.beta) != (5.0, 5.0)}
    kind = RequestType.CODE_GENERATION
    assert changed == {(str(GOOD), kind): (8.0, 5.0), (str(BAD), kind): (5.0, 7.0)}


def test_the_words_of_a_question_are_no_judgement(adaptive: "Adaptive") -> None:
    from litellm.types.router import RequestType

    tell(adaptive, "Thanks, perfect! Now stop, cancel, never mind: this is not working.", GOOD, 1.0)
    cell = adaptive.router.cell(RequestType.GENERAL, str(GOOD))
    assert (cell.alpha, cell.beta) == (6.0, 5.0)


def test_a_reward_of_one_in_four_is_thanks_for_one_in_four(adaptive: "Adaptive") -> None:
    from litellm.types.router import RequestType

    tell(adaptive, POEM, GOOD, 0.25, times=160)
    cell = adaptive.router.cell(RequestType.WRITING, str(GOOD))
    assert cell.alpha + cell.beta == 170.0
    assert cell.alpha == pytest.approx(45.0, abs=15.0)


def test_it_learns_which_arm_is_good_at_which_type_of_request(adaptive: "Adaptive") -> None:
    before = chosen(adaptive, CODE, 200)
    assert min(before[GOOD], before[BAD]) > 60
    for arm in ARMS:
        tell(adaptive, CODE, arm, float(arm == GOOD), times=60)
        tell(adaptive, POEM, arm, float(arm == BAD), times=60)
    assert chosen(adaptive, CODE, 200)[GOOD] > 190
    assert chosen(adaptive, POEM, 200)[BAD] > 190


def test_other_arms_than_its_own_are_refused(adaptive: "Adaptive") -> None:
    with pytest.raises(ValueError, match="routes among direct@bad, direct@good alone"):
        adaptive.choose(Query(Request((Message("user", CODE),)), NOWHERE), [Candidate(GOOD, direct)])


def test_on_a_stream_of_two_arms_it_ends_at_the_better_one_and_repeats_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    laid, done = stream(), Counter[str]()
    walked = walk(LITELLM, laid, 2, lambda steps: done.update(steps=steps))
    assert walked.scores.shape == walked.late.shape == (2, 240)
    assert done["steps"] == 480
    lost = best(laid, walked).scores - walked.scores  # by chance, 0.4 a question
    assert (lost * walked.late).sum() / walked.late.sum() < 0.02 < lost.sum() / 100
    random.seed(99)
    assert np.array_equal(walk(LITELLM, laid, 2, lambda steps: None).scores, walked.scores)


def test_a_walk_scores_what_the_chosen_arms_scored_and_its_second_half_is_late() -> None:
    laid = stream()
    walked = walk("random", laid, 1, lambda steps: None)
    table = laid.outcomes.scores
    assert ((walked.scores[0] == table[:, 0]) | (walked.scores[0] == table[:, 1])).all()
    order = np.random.default_rng(0).permutation(240)
    assert walked.late[0, order[:120]].sum() == 0.0
    assert walked.late.sum() == 120.0
    assert best(laid, walked).scores.mean() == table[:, 1].mean()


def test_ours_is_fitted_within_the_stream_and_not_beside_it() -> None:
    assert opened(OURS, stream(), 0).name == "layered"
    one, other = (walk(OURS, stream(50), 1, lambda steps: None).scores for _ in range(2))
    assert np.array_equal(one, other)


def test_a_difference_is_paired_by_question_and_a_question_in_several_orders_is_no_further_evidence() -> None:
    draw = np.random.default_rng(2)
    ours, theirs = draw.random((1, 400)), draw.random((1, 400))
    every = np.ones((1, 400))
    once = gain(Walked(ours, every), Walked(theirs, every), every)
    assert once.mean == pytest.approx((ours - theirs).mean())
    assert once.se == pytest.approx((ours - theirs).std() / 20.0)
    thrice = [np.tile(each, (3, 1)) for each in (ours, theirs, every)]
    assert gain(Walked(thrice[0], every), Walked(thrice[1], every), thrice[2]).se == pytest.approx(once.se)
    half = np.zeros((1, 400))
    half[:, 100:300] = 1.0
    late = gain(Walked(ours, half), Walked(theirs, half), half)
    assert late.mean == pytest.approx((ours - theirs)[:, 100:300].mean())
    assert late.se == pytest.approx((ours - theirs)[:, 100:300].std() / np.sqrt(200))


@pytest.mark.parametrize(
    ("mean", "stands"), [(0.021, "ahead"), (0.019, "tied"), (0.0, "tied"), (-0.019, "tied"), (-0.021, "behind")]
)
def test_a_difference_counts_beyond_two_standard_errors(mean: float, stands: str) -> None:
    assert standing(Gain(mean, 0.01)) == stands


def test_questions_on_which_an_arm_was_not_run_are_left_out() -> None:
    outcomes = stream(6).outcomes
    scores = outcomes.scores.copy()
    scores[2, 0] = scores[4, 1] = np.nan
    assert whole(replace(outcomes, scores=scores)).ids == tuple(f"Question {i}" for i in (0, 1, 3, 5))


def test_the_report_has_a_row_for_every_policy_and_the_best_single_arm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    text = report([stream(40)], 1)
    rows = [line.split(" | ") for line in text.splitlines() if line.startswith("| ")]
    named = {row[0].removeprefix("| ") for row in rows}
    assert named >= {OURS, LITELLM, "linucb", "nearest", "clusters", "thompson", "random", BEST, "two"}
    assert all(len(row) == len(rows[0]) for row in rows[:3])
    assert "40 questions, 2 arms: direct@good" in text
