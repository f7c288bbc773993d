"""Replaying tables: folds, what a policy is told in each mode, what it is judged by, and what the figures must say."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from models.embedding import Vectors
from models.errors import BadRequest
from router.embedded import embedded
from router.folds import domain_folds, random_folds
from router.measures import calibration_error, paired, regret_curve, worst
from router.outcomes import OutcomeTable
from router.policies import load_policy, policies
from router.replay import Plan, Replay
from router.types import Arm, Candidate, Choice, Feedback, RouterSettings
from router.utility import Numbers
from router.verdict import Yardstick
from router.views import estimates
from strategies.core import Query
from tests.router.yard import Words

Scores = Callable[[int], Sequence[float]]


def table(n: int, scores: Scores, *, arms: int = 2, usd: Numbers | None = None) -> OutcomeTable:
    """Queries of two kinds in turn, `odd` and `even`, each kind a domain of its own."""
    kinds = tuple("odd" if i % 2 else "even" for i in range(n))
    nothing = np.full((n, arms), np.nan)
    return OutcomeTable(
        name="made",
        ids=tuple(f"q{i}" for i in range(n)),
        texts=tuple(f"{kind} {kind} {kind} number {i}" for i, kind in enumerate(kinds)),
        domains=kinds,
        arms=tuple(Arm(f"m{j}", "direct") for j in range(arms)),
        scores=np.array([scores(i) for i in range(n)], dtype=np.float64),
        usd=nothing if usd is None else usd,
        seconds=nothing,
        tokens=nothing,
    )


def split(i: int) -> Sequence[float]:
    """One arm is right on even queries, the other on odd ones; the first on some more."""
    return (float(i % 2 == 0 or i % 10 == 1), float(i % 2))


def embeddings(of: OutcomeTable) -> Vectors:
    """The embeddings of the words of the questions."""
    return np.stack([Words().one(text) for text in of.texts])


class Scripted:
    """A policy that takes the arm it is scripted to take for a text, and remembers all that it is told."""

    name = "scripted"

    def __init__(self, takes: Callable[[str, Sequence[str]], str], settings: RouterSettings) -> None:
        self._takes, self.settings = takes, settings
        self.learned: list[Feedback] = []
        self.asked: list[Query] = []
        self.settled: list[int] = []

    def choose(self, query: Query, candidates: Sequence[Candidate]) -> Choice:
        """The scripted arm, with certainty."""
        self.asked.append(query)
        name = self._takes(query.text, [one.arm.model for one in candidates])
        arm = next(one.arm for one in candidates if one.arm.model == name)
        quality = np.array([0.8 if one.arm == arm else 0.3 for one in candidates])
        zeros = np.zeros(len(candidates))
        told = estimates(candidates, quality, quality, quality, zeros, zeros)
        return Choice(arm, {one.arm: float(one.arm == arm) for one in candidates}, told, "")

    def learn(self, feedback: Feedback) -> None:
        """Remember."""
        self.learned.append(feedback)

    def settle(self) -> None:
        """Remember when."""
        self.settled.append(len(self.learned))

    def beliefs(self) -> Mapping[str, object]:
        """None."""
        return {}


def scripted(
    takes: Callable[[str, Sequence[str]], str], opened: list[Scripted]
) -> Callable[[RouterSettings], Scripted]:
    """Opens policies that take these arms, and lists them."""

    def open_policy(settings: RouterSettings) -> Scripted:
        opened.append(Scripted(takes, settings))
        return opened[-1]

    return open_policy


def knowing(text: str, models: Sequence[str]) -> str:
    """The arm that is right by the kind of the query."""
    return "m0" if "even" in text else "m1"


def test_every_query_is_judged_once_and_never_learned_where_it_is_judged() -> None:
    folds = random_folds(23, 5, seed=1)
    assert sorted(np.concatenate([fold.test for fold in folds]).tolist()) == list(range(23))
    for fold in folds:
        assert sorted([*fold.train.tolist(), *fold.test.tolist()]) == list(range(23))
        assert fold.train.tolist() != sorted(fold.train.tolist())
    assert [f.test.tolist() for f in random_folds(23, 5, 1)] == [f.test.tolist() for f in folds]
    assert [f.test.tolist() for f in random_folds(23, 5, 2)] != [f.test.tolist() for f in folds]


def test_leaving_out_a_domain_learns_from_the_others_alone() -> None:
    folds = domain_folds(("a", "b", "a", "c"), seed=0)
    assert [fold.test.tolist() for fold in folds] == [[0, 2], [1], [3]]
    assert sorted(folds[0].train.tolist()) == [1, 3]


@pytest.mark.parametrize(
    "plan",
    [
        Plan(folds=1),
        Plan(folds=11),
        Plan(feedback="some"),
        Plan(quality=1.5),
        Plan(holdout="query"),
        Plan(train=0),
        Plan(seed=-1),
    ],
)
def test_a_plan_that_cannot_be_meant_is_refused(plan: Plan) -> None:
    with pytest.raises(BadRequest):
        plan.of(table(10, split))


def test_leaving_out_the_only_domain_is_refused() -> None:
    with pytest.raises(BadRequest, match="domain"):
        domain_folds(("", "", ""), 0)


def test_full_feedback_tells_every_arms_score_with_the_text_and_settles_once() -> None:
    made, opened = table(20, split), list[Scripted]()
    laid = Replay(made, embeddings(made), Plan(folds=2), RouterSettings())
    told = list[int]()
    laid.walk("scripted", scripted(knowing, opened), told.append)
    assert sum(told) == laid.steps == 40
    first = opened[0]
    assert len(first.learned) == 20  # ten queries, two arms
    assert first.settled == [20]
    for one in first.learned:
        row = made.texts.index(one.text)
        assert one.reward == made.scores[row, made.arms.index(one.arm)]
        assert (one.weight, one.propensity) == (1.0, 1.0)
        assert np.array_equal(one.embedding, Words().one(one.text))
    judged = {query.text for query in first.asked}
    assert judged.isdisjoint({one.text for one in first.learned})
    assert all(query.constraints.explore is False for query in first.asked)


def test_bandit_feedback_tells_the_chosen_arms_score_alone_and_judges_without_exploring() -> None:
    made, opened = table(200, split), list[Scripted]()
    laid = Replay(made, embeddings(made), Plan(folds=2, feedback="bandit"), RouterSettings())
    walk = laid.walk("scripted", scripted(knowing, opened))
    first = opened[0]
    assert len(first.learned) == 100
    assert all(one.arm.model == knowing(one.text, ()) for one in first.learned)
    explored = [query.constraints.explore for query in first.asked]
    assert explored == [True] * 100 + [False] * 100
    assert first.settled == [100]
    # the knowing policy is right where the best single arm is wrong: on most odd queries
    assert len(walk.regrets) == 2
    assert walk.regrets[0][-1] == -sum(split(int(one.text.split()[-1]))[0] == 0.0 for one in first.learned)


def test_training_can_be_cut_short() -> None:
    made, opened = table(40, split), list[Scripted]()
    laid = Replay(made, embeddings(made), Plan(folds=2, train=5), RouterSettings())
    laid.walk("scripted", scripted(knowing, opened))
    assert [len(one.learned) for one in opened] == [10, 10]


def test_the_verdict_is_what_can_be_counted_by_hand() -> None:
    made = table(100, split)
    laid = Replay(made, embeddings(made), Plan(), RouterSettings())
    yardstick = Yardstick(laid)
    assert (yardstick.arm, yardstick.score, yardstick.oracle) == ("direct@m0", 0.6, 1.0)
    verdict = yardstick.verdict(laid.walk("scripted", scripted(knowing, [])))
    assert verdict.score == 1.0
    assert verdict.gain.mean == pytest.approx(0.4)
    assert verdict.gain.se == pytest.approx(np.sqrt(0.4 * 0.6 / 99))
    assert verdict.share_of_headroom == pytest.approx(1.0)
    assert verdict.worst_domain_gain == 0.0
    assert verdict.ece == pytest.approx(0.2)
    assert verdict.cost is None
    worse = yardstick.verdict(laid.walk("scripted", scripted(lambda text, models: "m1", [])))
    assert worse.gain.mean == pytest.approx(-0.1)
    assert worse.worst_domain_gain == -1.0


def test_costs_and_the_dial_come_from_the_table() -> None:
    usd = np.tile([0.001, 0.011], (100, 1))
    made = table(100, split, usd=usd)
    laid = Replay(made, embeddings(made), Plan(quality=0.5), RouterSettings())
    seen = list[Candidate]()

    class Looking(Scripted):
        def choose(self, query: Query, candidates: Sequence[Candidate]) -> Choice:
            seen.extend(candidates)
            assert query.constraints.quality == 0.5
            return super().choose(query, candidates)

    yardstick = Yardstick(laid)
    verdict = yardstick.verdict(laid.walk("looking", partial(Looking, knowing)))
    assert {(one.arm.model, round(one.usd or 0.0, 9)) for one in seen} == {("m0", 0.001), ("m1", 0.011)}
    assert yardstick.axis == "usd"
    assert verdict.cost == pytest.approx(0.006)
    assert verdict.curve is not None
    assert verdict.recovered is not None
    assert verdict.arena is not None
    # the strong arm is the cheap one: mixing it with nothing reaches its score, and nothing is to be saved
    assert verdict.saving == pytest.approx(0.0)
    assert verdict.aiq == pytest.approx((0.5 * (0.6 + 1.0) / 2) + 0.5 * 1.0)


def test_an_arm_is_a_candidate_only_where_it_was_run() -> None:
    made = table(40, lambda i: (*split(i), np.nan if i % 4 else 1.0), arms=3)
    laid = Replay(made, embeddings(made), Plan(), RouterSettings())
    offered = dict[str, set[str]]()

    def takes(text: str, models: Sequence[str]) -> str:
        offered[text] = set(models)
        return models[0]

    verdict = Yardstick(laid).verdict(laid.walk("scripted", scripted(takes, [])))
    for i, text in enumerate(made.texts):
        assert offered[text] == ({"m0", "m1"} if i % 4 else {"m0", "m1", "m2"})
    assert np.isfinite(verdict.score)


def test_no_policy_profits_from_the_order_of_the_candidates() -> None:
    made = table(400, lambda i: (1.0, 0.0))
    laid = Replay(made, embeddings(made), Plan(), RouterSettings())
    first = Yardstick(laid).verdict(laid.walk("scripted", scripted(lambda text, models: models[0], [])))
    assert 0.4 < first.score < 0.6


def test_a_fixed_policy_is_the_best_single_arm_unless_the_settings_name_another() -> None:
    made = table(60, split)
    for default, gain in ((None, 0.0), ("direct@nobody", 0.0), ("direct@m1", -0.1)):
        laid = Replay(made, embeddings(made), Plan(), RouterSettings(default_arm=default))
        verdict = Yardstick(laid).verdict(laid.walk("fixed", partial(load_policy, "fixed")))
        assert verdict.gain.mean == pytest.approx(gain), default


def test_with_bandit_feedback_nobody_is_told_the_best_arm() -> None:
    made, opened = table(20, split), list[Scripted]()
    laid = Replay(made, embeddings(made), Plan(feedback="bandit"), RouterSettings())
    laid.walk("scripted", scripted(knowing, opened))
    assert {one.settings.default_arm for one in opened} == {None}


class Recalling(Scripted):
    """A scripted policy that learns much at once."""

    def recall(self, feedback: Iterable[Feedback]) -> None:
        """Remember it all, as of no single lesson."""
        self.recalled = list(feedback)


def test_a_policy_that_learns_much_at_once_is_told_all_at_once() -> None:
    made, opened = table(20, split), list[Recalling]()

    def open_policy(settings: RouterSettings) -> Recalling:
        opened.append(Recalling(knowing, settings))
        return opened[-1]

    Replay(made, embeddings(made), Plan(folds=2), RouterSettings()).walk("recalling", open_policy)
    assert [(len(one.recalled), len(one.learned), one.settled) for one in opened] == [(20, 0, [0])] * 2


class Predicting(Scripted):
    """A scripted policy that also predicts, of `right` arms what it chooses, else the contrary."""

    right = True

    def predict(self, embeddings: Vectors, texts: Sequence[str], arms: Sequence[Arm]) -> NDArray[np.float64]:
        """0.9 for the arm it would take."""
        return np.array(
            [[0.9 if (one.model == knowing(text, ())) == self.right else 0.1 for one in arms] for text in texts]
        )


class Contrary(Predicting):
    """Predicts otherwise than it chooses."""

    right = False


@pytest.mark.parametrize(("kind", "decided"), [(Predicting, 200), (Contrary, 300)])
def test_predictions_replace_decisions_only_where_both_agree(kind: type[Predicting], decided: int) -> None:
    made, opened = table(600, split), list[Scripted]()

    def open_policy(settings: RouterSettings) -> Scripted:
        opened.append(kind(knowing, settings))
        return opened[-1]

    laid = Replay(made, embeddings(made), Plan(folds=2), RouterSettings())
    told = list[int]()
    walk = laid.walk("predicting", open_policy, told.append)
    assert [len(one.asked) for one in opened] == [decided] * 2
    assert made.scores[np.arange(600), walk.chosen].mean() == 1.0
    assert np.nanmax(walk.quality) == (0.9 if kind.right else 0.8)
    assert sum(told) == laid.steps


def test_nothing_is_expected_of_an_arm_that_was_not_run() -> None:
    made = table(600, lambda i: (*split(i), np.nan if i % 4 else 1.0), arms=3)
    laid = Replay(made, embeddings(made), Plan(folds=2), RouterSettings())
    walk = laid.walk("predicting", lambda settings: Predicting(knowing, settings))
    assert np.array_equal(np.isnan(walk.quality), ~made.ran)


def test_a_learning_policy_finds_the_arm_of_each_kind_in_both_modes() -> None:
    made = table(300, split)
    for feedback, least in (("full", 0.35), ("bandit", 0.3)):
        laid = Replay(made, embeddings(made), Plan(folds=2, feedback=feedback), RouterSettings())
        walks = [laid.walk("thompson", partial(load_policy, "thompson")) for _ in range(2)]
        verdict = Yardstick(laid).verdict(walks[0])
        assert verdict.gain.mean > least, feedback
        assert verdict.decisions_per_second > 1
        assert np.array_equal(walks[0].chosen, walks[1].chosen)
    assert verdict.regrets[-1].queries == 150
    assert verdict.regrets[-1].regret < verdict.regrets[4].regret


@pytest.mark.parametrize("feedback", ["full", "bandit"])
@pytest.mark.parametrize("name", policies())
def test_gaps_in_the_scores_and_embeddings_that_are_no_numbers_stop_no_policy(name: str, feedback: str) -> None:
    made = table(60, lambda i: (*split(i), np.nan if i % 4 else 1.0, np.nan if 1 < i < 57 else 0.0), arms=4)
    vectors = embeddings(made)
    vectors[5:9] = np.nan
    laid = Replay(made, vectors, Plan(folds=3, feedback=feedback), RouterSettings())
    walk = laid.walk(name, partial(load_policy, name))
    assert made.ran[np.arange(60), walk.chosen].all()
    assert np.array_equal(np.isfinite(walk.quality), made.ran)
    verdict = Yardstick(laid).verdict(walk)
    assert np.isfinite([verdict.score, verdict.gain.mean, verdict.gain.se]).all()


def test_measures_agree_with_closed_forms() -> None:
    assert paired(np.array([1.0, -1.0])) == paired(np.array([-1.0, 1.0]))
    assert paired(np.array([0.0, 0.2, 0.4])).se == pytest.approx(0.2 / np.sqrt(3))
    assert worst(np.array([1.0, 0.0, -0.5]), ("a", "a", "b")) == -0.5
    assert worst(np.array([1.0]), ("",)) is None
    assert calibration_error(np.array([0.1, 0.1, 0.9, 0.9]), np.array([0, 0, 1, 0])) == pytest.approx(0.25)
    assert calibration_error(np.array([np.nan]), np.array([1.0])) is None
    curve = regret_curve([np.arange(1.0, 101.0), np.arange(3.0, 303.0, 2.0)], points=4)
    assert [(one.queries, one.regret) for one in curve] == [(25, 38.0), (50, 75.5), (75, 113.0), (100, 150.5)]
    assert regret_curve([]) == ()


class Counting(Words):
    """An embedder that counts the texts it is given."""

    def __init__(self, name: str = "counting") -> None:
        self.name = name
        self.given: list[str] = []

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """As Words does."""
        self.given += texts
        return await super().embed(texts)


CUT = b"cut off"


def spoil(folder: Path, content: bytes | None) -> None:
    """Put the content in place of the one kept file; None makes numbers of it that are none."""
    (path,) = folder.rglob("*.npz")
    if content is not None:
        path.write_bytes(path.read_bytes()[:200] if content == CUT else content)
        return
    with np.load(path) as file:
        kept = {"digests": file["digests"], "rows": file["rows"] * np.nan}
    np.savez(path, allow_pickle=False, **kept)


async def test_embeddings_are_kept_and_read_the_next_time(tmp_path: Path) -> None:
    texts, told = ["one", "two three", "one", ""], list[int]()
    first, second, other = Counting(), Counting(), Counting("another")
    rows = await embedded(first, texts, tmp_path, told.append)
    assert np.array_equal(rows, np.stack([Words().one(text) for text in texts]))
    assert len(first.given) == 1 + 3  # the probe that tells embedders apart, and each text once
    assert told[-1] == 4
    again = await embedded(second, [*texts[::-1], "four"], tmp_path)
    assert np.array_equal(again[:4], rows[::-1])
    assert second.given[1:] == ["four"]
    await embedded(other, texts, tmp_path)
    assert len(other.given) == 4


@pytest.mark.parametrize("spoiled", [b"", b"PK no archive", CUT, None])
async def test_a_spoiled_or_missing_folder_costs_time_and_nothing_else(tmp_path: Path, spoiled: bytes | None) -> None:
    rows = await embedded(Counting(), ["one", "two"], tmp_path)
    spoil(tmp_path, spoiled)
    embedder = Counting()
    assert np.array_equal(await embedded(embedder, ["one", "two"], tmp_path), rows)
    assert len(embedder.given) == 3
    (tmp_path / "file").write_text("in the way")
    assert np.array_equal(await embedded(Counting(), ["one", "two"], tmp_path / "file"), rows)
    assert np.array_equal(await embedded(Counting(), ["one", "two"], None), rows)
    assert (await embedded(Counting(), [], None)).shape == (0, 16)
